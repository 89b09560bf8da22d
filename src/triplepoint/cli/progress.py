"""Progress of a scan on stderr, where a person is watching; silence in a pipe or a job log."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triplepoint.records import MatrixRow

OnRow = Callable[[int, int, "MatrixRow"], None]
_NAME_WIDTH = 40


@contextlib.contextmanager
def watching() -> Iterator[OnRow | None]:
    """A callback for each finished row that moves a bar, or None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.cells import cell_len
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from triplepoint.cli.output import console
    from triplepoint.report.order import label
    from triplepoint.report.text import shorten

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading headers", total=None)

        def on_row(done: int, total: int, row: MatrixRow) -> None:
            name = shorten(label(row), _NAME_WIDTH, cell_len)
            bar.update(task, completed=done, total=total, description=name)

        yield on_row
