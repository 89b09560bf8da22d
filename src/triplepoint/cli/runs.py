"""`triplepoint runs [DIR]`: which runs there are, how far they came and what was said of them."""

from __future__ import annotations

import click

from triplepoint.cli.output import emit

FORMATS = ("table", "json", "jsonl", "csv")


@click.command(name="runs", short_help="The runs of a folder: status, step, loss, alerts, size.")
@click.argument("folder", metavar="[DIR]", default="runs")
@click.option("--format", type=click.Choice(FORMATS), default="table", show_default=True)
def command(*, folder: str, format: str) -> None:
    """List the runs in DIR (default: ./runs), the newest first.

    A run is DIR/NAME/run.db or DIR/NAME.db. It is `running`, `crashed` if its writer is gone without a word, or what
    the writer said at the end. A file that cannot be read is a line with the reason.
    """
    from triplepoint.report import runs as report
    from triplepoint.store.listing import runs

    found = runs(folder)
    if format == "table":
        emit(report.table(found, folder))
    else:
        emit({"json": report.to_json, "jsonl": report.to_jsonl, "csv": report.to_csv}[format](found))
