"""`triplepoint scan PATH`: from a checkpoint to a verdict per layer."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import click

from triplepoint.cli import failures, interrupts, options
from triplepoint.cli.optional_values import OptionalValues
from triplepoint.cli.output import Destination
from triplepoint.cli.progress import watching
from triplepoint.errors import UsageError
from triplepoint.report.formats import FORMATS

if TYPE_CHECKING:
    from triplepoint.records import Scan

FINDINGS = 1
# As `fits.WINDOWS`, whose room would bring NumPy into --help; a test holds them equal.
WINDOWS = ("intended", "legacy", "study")
_EXITS = (
    "Exit codes: 0 done; 1 with --fail-on: a finding as loud, or nothing could be analysed; "
    "2 wrong usage or an unreadable checkpoint; 130 interrupted."
)


@click.command(
    name="scan",
    cls=OptionalValues,
    short_help="A verdict for every weight matrix of a checkpoint.",
    epilog=_EXITS,
)
@click.argument("path")
@click.option(
    "--format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="auto: by the ending of -o FILE, else a table.",
)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of stdout; replaced in one piece.")
@options.layers
@click.option(
    "--metrics",
    multiple=True,
    metavar="NAMES",
    help="Only these and those of --tails, --vectors, --gof, --init, --randomize, --null; with commas between. "
    "Repeatable.",
)
@options.mode("fast: single precision, no small eigenvalues. exact: singular values, slow.")
@options.workers
@options.seed("Of everything random.")
@click.option(
    "--top", type=click.IntRange(min=1), help="Rows of a table or md to show, the worst first; default: 400."
)
@options.allow_pickle
@options.layout
@options.max_tensors
@click.option(
    "--resume",
    metavar="FILE",
    help="Keep finished rows in FILE and take them from there when the same scan is run again.",
)
@click.option(
    "--interval",
    default="closed",
    show_default=True,
    metavar="closed|bootstrap[:B]",
    help="How the interval of α is made.",
)
@click.option(
    "--randomize",
    type=click.IntRange(min=1, max=100_000),
    is_flag=False,
    flag_value=1,
    default=None,
    metavar="[B]",
    help="Full spectra of B shuffles (default 1): rand_distance, ww_softrank, traps from all eigenvalues.",
)
@click.option(
    "--null",
    metavar="KIND[:B]",
    help="p-values from B replicas (default 199): gaussian, shuffle, signflip (forgives uneven variance) or product "
    "(adapters). See: triplepoint explain null",
)
@click.option("--tails", is_flag=True, help="Other laws for the tail, and estimators with their null scores.")
@click.option(
    "--vectors",
    is_flag=True,
    help="How far singular vectors of tail and bulk spread over rows and columns. See: triplepoint explain vectors",
)
@click.option(
    "--window",
    type=click.Choice(WINDOWS),
    default="intended",
    show_default=True,
    help="Where --tails looks for the xmin of e_tpl and exp; legacy: as published tools do; study: narrow. "
    "See: triplepoint explain window",
)
@click.option(
    "--gof",
    type=click.IntRange(min=20, max=100_000),
    is_flag=False,
    flag_value=1000,
    default=None,
    metavar="[B]",
    help="Goodness of fit of the power law by B bootstrap samples (default 1000).",
)
@options.bulk
@options.level
@click.option(
    "--init",
    metavar="PATH",
    help="The weights that training began from: fro_dist, dist_spec_init, w_cka … of every matrix, matched by id.",
)
@click.option(
    "--spectra",
    is_flag=True,
    help="Add the singular values to json and jsonl, with --randomize also those of the first shuffle.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["never", "info", "warning", "error"]),
    default="never",
    show_default=True,
    help="Exit 1 at a finding this loud or louder, or where nothing could be analysed.",
)
@click.option("--device", help="Where spectra are computed, such as cuda:0; default: the processor.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    path: str,
    format: str,
    output: str | None,
    layers: tuple[str, ...],
    metrics: tuple[str, ...],
    mode: str,
    workers: int | None,
    seed: int,
    top: int | None,
    allow_pickle: bool,
    layouts: tuple[str, ...],
    max_tensors: int,
    resume: str | None,
    interval: str,
    randomize: int | None,
    null: str | None,
    tails: bool,
    vectors: bool,
    window: str,
    gof: int | None,
    bulk: str,
    level: float,
    init: str | None,
    spectra: bool,
    fail_on: str,
    device: str | None,
) -> None:
    """Say in which phase each weight matrix of the checkpoint PATH is, and how sure that is.

    PATH is a file of safetensors, NumPy, GGUF, ONNX, Keras or (with --allow-pickle) torch.save, an index of shards,
    or the folder of a model or adapter.
    """
    destination = Destination.checked(format, output, path)
    if output is not None and resume is not None and os.path.realpath(output) == os.path.realpath(resume):
        raise UsageError(f"write {output}", "it is the file of --resume", "Choose another name for -o")
    from triplepoint.request import ScanRequest
    from triplepoint.scanning import run

    request = ScanRequest(
        source=path,
        mode=mode,
        layers=layers or None,
        metrics=_names(metrics),
        seed=seed,
        workers=workers,
        interval=interval,
        randomize=randomize or 0,
        null=null,
        tails=tails,
        vectors=vectors,
        window=window,
        gof=gof or 0,
        bulk=bulk,
        level=level,
        init=init,
        allow_pickle=allow_pickle,
        layouts=layouts,
        max_tensors=max_tensors,
        resume=resume,
        device=device,
        spectra=spectra,
    )
    with interrupts.once_a_second():
        with watching() as on_row:
            scan = run(request, on_row=on_row)
        with interrupts.ignored() if destination.keeps else contextlib.nullcontext():
            destination.write(scan, top=top)
    if destination.path is not None:
        from triplepoint.report.text import safe_text
        from triplepoint.report.verdict import verdict

        click.echo(f"{verdict(scan)} Written to {safe_text(destination.path)}.", err=True)
    ctx.exit(_exit_code(scan, fail_on))


def _names(values: tuple[str, ...]) -> tuple[str, ...] | None:
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip()) or None


def _exit_code(scan: Scan, fail_on: str) -> int:
    if scan.provenance.interrupted:
        click.echo("triplepoint: interrupted; the result holds what was finished", err=True)
        return failures.INTERRUPTED
    if fail_on == "never":
        return 0
    from triplepoint.records import Severity, primary

    limit = Severity(fail_on).rank
    # A slice repeats its kernel, and a gate must not open for an export in which there was nothing to test.
    whole = primary(scan.matrices)
    loud = any(finding.severity.rank >= limit for row in whole for finding in row.findings)
    return FINDINGS if loud or not any(row.status == "ok" for row in whole) else 0
