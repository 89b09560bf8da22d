"""`triplepoint edit PATH -o OUT`: a copy of a checkpoint with spectra changed, and what the scan says of both."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from triplepoint.cli import interrupts, options
from triplepoint.cli.output import console, emit
from triplepoint.cli.progress import watching

if TYPE_CHECKING:
    from triplepoint.records.edits import EditReport

NOTHING_CHANGED = 1
_EXITS = (
    "Exit codes: 0 done; 1 no matrix changes, and nothing was written; 2 wrong usage, an unreadable checkpoint, or a "
    "place that exists or has no room; 130 interrupted, and nothing was written."
)


@click.command(
    name="edit",
    short_help="A copy with components kept or removed, or noise shrunk away.",
    epilog=_EXITS,
)
@click.argument("path")
@click.option("-o", "--output", metavar="OUT", help="A new file NAME.safetensors, or a new folder.")
@click.option(
    "--keep",
    metavar="ecs|tail|spikes|K|P%",
    help="Only these components: those of the effective correlation space, of the power law's tail, above the noise, "
    "the K largest, or that share.",
)
@click.option("--remove", type=click.Choice(["spikes", "traps"]), help="Take these out.")
@click.option("--shrink", is_flag=True, help="Shrink singular values to what of them is signal.")
@options.layers
@options.seed("Of the shuffles in which traps are looked for, and of the noise that takes their place.")
@options.level
@options.bulk
@click.option(
    "--dry-run", is_flag=True, help="Say what would be done and what the scan would say; write nothing."
)
@click.option(
    "--format",
    type=click.Choice(["auto", "table", "json"]),
    default="auto",
    show_default=True,
    help="Of the report on stdout.",
)
@click.option("--spectra", is_flag=True, help="Add the singular values before and after to json.")
@options.mode("Of the two scans; edits are always computed in double precision.")
@options.workers
@options.allow_pickle
@options.layout
@options.max_tensors
@click.pass_context
def command(
    ctx: click.Context,
    *,
    path: str,
    output: str | None,
    keep: str | None,
    remove: str | None,
    shrink: bool,
    layers: tuple[str, ...],
    seed: int,
    level: float,
    bulk: str,
    dry_run: bool,
    format: str,
    spectra: bool,
    mode: str,
    workers: int | None,
    allow_pickle: bool,
    layouts: tuple[str, ...],
    max_tensors: int,
) -> None:
    """Write a copy of the checkpoint PATH in which the spectrum of every counted matrix is changed.

    Exactly one of --keep, --remove and --shrink. The copy is safetensors, its types are those of PATH, and all else in
    it is PATH's byte for byte. PATH is never changed and nothing is ever overwritten. See: triplepoint explain edit
    """
    from triplepoint.edit import running
    from triplepoint.edit.wish import wish
    from triplepoint.request import ScanRequest

    edit = wish(keep, remove, shrink)
    request = ScanRequest(
        source=path,
        mode=mode,
        layers=layers or None,
        seed=seed,
        workers=workers,
        bulk=bulk,
        level=level,
        allow_pickle=allow_pickle,
        layouts=layouts,
        max_tensors=max_tensors,
        spectra=spectra,
    )
    with interrupts.once_a_second():
        with interrupts.asked_to_end(), watching() as on_row:
            report = running.run(request, edit, output, dry_run=dry_run, on_row=on_row)
        # The copy stands: a late Ctrl-C must not cost its report.
        with interrupts.ignored() if not dry_run else contextlib.nullcontext():
            _tell(report, format)
    ctx.exit(0 if report.changed else NOTHING_CHANGED)


def _tell(report: EditReport, format: str) -> None:
    from triplepoint.report import edits

    if format == "json":
        emit(edits.to_json(report))
    elif sys.stdout.isatty():
        edits.show(report, console())
    else:
        emit(edits.plain(report))
