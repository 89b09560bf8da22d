"""`triplepoint export RUN`: everything that a run holds, for other tools."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triplepoint.cli import interrupts
from triplepoint.cli.output import emit
from triplepoint.cli.protection import refuse_to_lose
from triplepoint.errors import UsageError

if TYPE_CHECKING:
    from triplepoint.store import Run

FORMATS = ("jsonl", "parquet")
_AT_ONCE = 500
"""Lines written to stdout together."""
_SQLITE = b"SQLite format 3\x00"


@click.command(name="export", short_help="A run as JSON lines or as a folder of Parquet files.")
@click.argument("run")
@click.option("-o", "--output", metavar="OUT", help="Write there; jsonl without it: stdout.")
@click.option(
    "--format",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="auto: jsonl for stdout and OUT.jsonl, parquet for a folder.",
)
def command(*, run: str, output: str | None, format: str) -> None:
    """Write out everything that RUN holds: the name of a run under ./runs, its folder or its file.

    jsonl: one record a line, each with its type: run, matrix, scalar, visit, spectrum, alert, event.
    parquet: the folder OUT with matrices, scalars, visits (one column a metric), spectra, alerts and events.

    A run that is being written may be exported too. OUT is replaced in one piece.
    """
    format = _format(format, output)
    if format == "parquet":
        from triplepoint.store import parquet

        parquet.module()  # before anything is read
    from triplepoint.report.text import safe_text
    from triplepoint.store import open_run

    with open_run(run) as opened, interrupts.once_a_second():
        if format == "parquet" and output is not None:
            parquet.write(opened, output)
        else:
            _write_lines(opened, output)
        if output is not None:
            click.echo(f"Run {safe_text(opened.name)} written to {safe_text(output)}.", err=True)


def _format(format: str, output: str | None) -> str:
    if output is None:
        if format == "parquet":
            raise UsageError("write parquet", "no folder was named", "Name one with -o FOLDER")
        return "jsonl"
    if format == "auto":
        ending = Path(output).suffix.lower()
        if ending in (".jsonl", ".ndjson"):
            return "jsonl"
        if ending in ("", ".parquet") or os.path.isdir(output):
            return "parquet"
        raise UsageError(
            f"write {output}",
            f"no format has the ending {ending}",
            "Name the format with --format, or use .jsonl or a folder",
        )
    return format


def _write_lines(run: Run, output: str | None) -> None:
    from triplepoint.records.files import replacing
    from triplepoint.store.export import lines

    if output is None:
        found = lines(run)
        while text := "".join(f"{line}\n" for line in islice(found, _AT_ONCE)):
            emit(text)
        return
    _protect(output, run)
    with replacing(output) as stream:
        stream.writelines(f"{line}\n".encode("ascii") for line in lines(run))


def _protect(output: str, run: Run) -> None:
    refuse_to_lose(output, os.fspath(run.path))
    target = Path(output)
    if target.is_dir():
        raise UsageError(
            f"write {output}", "it is a folder", "Name a file inside it, or use --format parquet"
        )
    if not Path(os.path.realpath(target)).parent.is_dir():
        raise UsageError(f"write {output}", "its folder does not exist", "Create the folder first")
    if target.is_file():
        with target.open("rb") as stream:
            if stream.read(len(_SQLITE)) == _SQLITE:
                raise UsageError(
                    f"write {output}", "it is a run or another database", "Choose another name for -o"
                )
