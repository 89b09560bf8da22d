"""`triplepoint report PATH|RUN`: one HTML file that opens from disk, of a checkpoint, a saved scan or a run."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from triplepoint.cli import failures, interrupts, options
from triplepoint.cli.progress import watching
from triplepoint.cli.protection import refuse_to_lose
from triplepoint.errors import UsageError

if TYPE_CHECKING:
    from triplepoint.records import Scan
    from triplepoint.store import Run

CHECKPOINT, SAVED, RUN = "checkpoint", "saved scan", "run"
ENDING = ".report.html"
_SQLITE = b"SQLite format 3\x00"
_SCAN = b'"triplepoint.scan/'
_OF_SCANS = {
    **{
        "layers": "--layers",
        "mode": "--mode",
        "workers": "--workers",
        "seed": "--seed",
        "interval": "--interval",
    },
    **{"allow_pickle": "--allow-pickle", "layouts": "--layout", "max_tensors": "--max-tensors"},
    "no_shuffle": "--no-shuffle",
}
"""Options that say something of a checkpoint alone."""
_EXITS = (
    "Exit codes: 0 done; 2 wrong usage, or unreadable; 130 interrupted: the report holds what was finished."
)


@click.command(name="report", short_help="One HTML file that shows a checkpoint or a run.", epilog=_EXITS)
@click.argument("path", metavar="PATH|RUN")
@click.option("-o", "--output", metavar="FILE", help="Write there; default: NAME.report.html in this folder.")
@click.option("--against", metavar="PATH|RUN", help="Show this one beside it, row by row.")
@click.option("--title", help="Of the page; default: the name of what it shows.")
@options.layers
@options.mode("As of a scan.")
@options.workers
@options.seed("Of everything random.")
@options.allow_pickle
@options.layout
@options.max_tensors
@click.option(
    "--interval",
    default="closed",
    show_default=True,
    metavar="closed|bootstrap[:B]",
    help="How the interval of α is made.",
)
@click.option("--no-shuffle", is_flag=True, help="Leave out the spectra of shuffled matrices: half the time.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    path: str,
    output: str | None,
    against: str | None,
    title: str | None,
    **scan: Any,
) -> None:
    """Write one HTML file that opens from disk and asks no network.

    PATH is a checkpoint, which is scanned now, or a saved scan (.json, .jsonl); RUN is the name of a run under ./runs,
    its folder or its file. What is there as a path comes before a run of that name.

    A model of 40 matrices takes half a megabyte. What is too long for three is thinned, and the page says how.
    """
    wanted = [path] if against is None else [path, against]
    kinds = [_kind(one) for one in wanted]
    _check_options(ctx, kinds)
    target = output or f"{_name(path)}{ENDING}"
    for one in wanted:
        refuse_to_lose(target, one)
    from triplepoint.page.writing import refuse_to_replace, write_report
    from triplepoint.report.text import safe_text

    refuse_to_replace(target)
    subjects: list[Scan | Run] = []
    stopped = False
    with contextlib.ExitStack() as opened, interrupts.once_a_second():
        for one, kind in zip(wanted, kinds, strict=True):
            subject = _opened(one, kind, scan, opened)
            subjects.append(subject)
            stopped = kind == CHECKPOINT and subject.provenance.interrupted  # type: ignore[union-attr]
            if stopped:
                break
        with interrupts.ignored() if stopped else contextlib.nullcontext():
            documents = write_report(target, *subjects, title=title)
    for document in documents:
        name = f"{safe_text(document['name'])}: " if len(documents) > 1 else ""
        click.echo(f"{name}{document['verdict']}", err=True)
    click.echo(f"Report: {safe_text(target)}{_size(target)}", err=True)
    if stopped:
        click.echo("triplepoint: interrupted; the report holds what was finished", err=True)
    ctx.exit(failures.INTERRUPTED if stopped else 0)


def _kind(path: str) -> str:
    """What lies there: a folder with a `run.db`, a file by its first bytes, a name under ./runs."""
    from triplepoint.store import find

    place = Path(path)
    if place.is_dir():
        return RUN if find(place).is_file() else CHECKPOINT
    if place.is_file():
        with place.open("rb") as stream:
            start = stream.read(200)
        if start.startswith(_SQLITE):
            return RUN
        return SAVED if start.lstrip().startswith(b"{") and _SCAN in start else CHECKPOINT
    if find(path).exists():
        return RUN
    found = "there is no such file or folder, and no run of that name under ./runs"
    raise UsageError(f"report {path}", found, "Name a checkpoint, a saved scan or a run (triplepoint runs)")


def _check_options(ctx: click.Context, kinds: list[str]) -> None:
    """Refuse what says something of a scan where nothing is scanned."""
    if CHECKPOINT in kinds:
        return
    for name, option in _OF_SCANS.items():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            found = "no checkpoint is scanned for this report: its numbers are in the file already"
            raise UsageError(option, found, "Leave it out, or name the checkpoint")


def _opened(path: str, kind: str, scan: dict[str, Any], opened: contextlib.ExitStack) -> Scan | Run:
    if kind == RUN:
        from triplepoint.store import open_run

        return opened.enter_context(open_run(path))
    if kind == SAVED:
        from triplepoint.records import Scan

        return Scan.load(path)
    from triplepoint import scanning
    from triplepoint.request import ScanRequest

    options = dict(scan)
    randomize = 0 if options.pop("no_shuffle") else 1
    request = ScanRequest(
        source=path, spectra=True, randomize=randomize, **options | {"layers": options["layers"] or None}
    )
    with watching() as on_row:
        return scanning.run(request, on_row=on_row)


def _name(path: str) -> str:
    """What the default file is called: the file without its ending, or the folder."""
    place = Path(os.path.abspath(path))
    return place.name if place.is_dir() or not place.exists() else place.stem


def _size(target: str) -> str:
    """`, 1.2 MB`; nothing of what is no file."""
    if not os.path.isfile(target):
        return ""
    size = os.path.getsize(target)
    return f", {size / 1e6:.1f} MB" if size >= 1e5 else f", {size / 1e3:.0f} kB"
