"""A scan on a terminal: the verdict, one line a matrix, the worst first, and notes, never too wide."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.segment import Segment, Segments
from rich.style import Style
from rich.text import Text

from triplepoint.records import MatrixRow, Phase, Scan, Severity
from triplepoint.report import notes, order
from triplepoint.report.columns import Column, columns_of
from triplepoint.report.text import safe_text, shorten, shorten_all
from triplepoint.report.verdict import CAVEAT, verdict

PLAIN_WIDTH = 100
_GAP = 2
_NAME_ROOM = {10: 30, 9: 30, 8: 30, 7: 30, 6: 24, 5: 24, 4: 24, 3: 16}
"""Cells a name should have before a column of this rank gets room; 30 tells blocks and heads apart."""
_NAME_LEAST = 8
_EXAMPLE_WIDTH = 40
_PHASE_STYLE = {
    None: "bold red",
    Phase.over_trained: "magenta",
    Phase.under_trained: "blue",
    Phase.undecided: "yellow",
    Phase.not_assessable: "dim",
    Phase.well_trained: "green",
}
_STYLES = {phase: Style.parse(style) for phase, style in _PHASE_STYLE.items()}
_BOLD = Style(bold=True)
_LAYER = "layer"
_SEVERITY_STYLE = {Severity.info: "dim", Severity.warning: "yellow", Severity.error: "bold red"}


def show(scan: Scan, console: Console, *, top: int | None = None) -> None:
    """Print the scan in the console's width, the worst `top` rows or all."""
    rows = order.matrices(scan)
    console.print(Text(verdict(scan), style="bold"))
    if rows:
        console.print()
        shown = rows[: top or notes.MOST_ROWS]
        # `crop` would measure every piece once more; the lines are no wider than the console already.
        console.print(Segments(_table(shown, console.width)), crop=False, end="")
        for line in notes.hidden(len(rows), top):
            console.print(Text(line, style="dim"))
    for section in notes.sections(scan, name=_name, prose=safe_text):
        console.print()
        console.print(Text(section.title, style=_SEVERITY_STYLE[section.severity]))
        for point in section.points:
            console.print(Padding(Text(point), (0, 0, 0, 2)))
    console.print()
    for line in (*notes.footer(scan), CAVEAT):
        if line:
            console.print(Text(line, style="dim"))


def plain(scan: Scan, *, top: int | None = None, width: int = PLAIN_WIDTH) -> str:
    """The same without colour or control sequences, for pipes and files."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False
    )
    show(scan, console, top=top)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above
    return "".join(f"{line.rstrip()}\n" for line in text.split("\n")[:-1])


def _table(rows: Sequence[MatrixRow], width: int) -> Iterator[Segment]:
    """The lines in pieces of one style each.

    Laid out here: a `rich.table.Table` measures every cell several times and took 26 s for 20,000 rows.
    """
    names = [order.label(row) for row in rows]
    every = columns_of(rows)
    cells = {column.title: [column.cell(row) for row in rows] for column in every}
    widths = {title: max(map(cell_len, (title, *column))) for title, column in cells.items()}
    longest = max(map(cell_len, names))
    columns = _fitting(every, widths, width, longest)
    room = max(1, width - _taken(columns, widths))
    first = min(room, max(longest, len(_LAYER)))
    titles = (_padded(column, column.title, widths[column.title]) for column in columns)
    yield Segment("".join((_left(set_cell_size(_LAYER, first), first), *titles)) + "\n", _BOLD)
    yield Segment("─" * min(width, first + _taken(columns, widths)) + "\n")
    names = shorten_all(names, room, cell_len)
    for index, row in enumerate(rows):
        style = _STYLES[row.phase]
        yield Segment(_left(names[index], first))
        for column in columns:
            text = _padded(column, cells[column.title][index], widths[column.title])
            yield Segment(text, style if column.title in ("α", "phase") else None)
        yield Segment("\n")


def _padded(column: Column, text: str, width: int) -> str:
    gap = " " * _GAP
    return f"{gap}{' ' * (width - cell_len(text))}{text}" if column.right else gap + _left(text, width)


def _left(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _fitting(every: Sequence[Column], widths: dict[str, int], width: int, longest: int) -> list[Column]:
    """Every column that leaves the names their room; the phase and α are never given up."""
    columns = list(every)
    for column in sorted(every, key=lambda column: -column.rank):
        least = min(longest, _NAME_ROOM.get(column.rank, _NAME_LEAST))
        if column.rank == 0 or width - _taken(columns, widths) >= least:
            break
        columns.remove(column)
    return columns


def _taken(columns: Sequence[Column], widths: dict[str, int]) -> int:
    return sum(widths[column.title] + _GAP for column in columns)


def _name(name: str) -> str:
    return shorten(name, _EXAMPLE_WIDTH, cell_len)
