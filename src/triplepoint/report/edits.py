"""An edit on a terminal: what was done in a few sentences, one line a matrix, and what was left as it is."""

from __future__ import annotations

import io
import json
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from triplepoint.records import Phase, Reason, Scan
from triplepoint.records.edits import EditedMatrix, EditReport
from triplepoint.report.text import MISSING, fixed, plural, safe_text, shorten_all
from triplepoint.report.verdict import phase_words

PLAIN_WIDTH = 100
MOST_ROWS = 400
_GAP = 2
_NAME_LEAST = 16
_WORDS = {
    "keep ecs": "kept the effective correlation space",
    "keep tail": "kept the tail of the power law",
    "keep spikes": "kept the spikes above the noise",
    "remove spikes": "removed the spikes above the noise",
    "remove traps": "removed correlation traps",
    "shrink": "shrank the noise away",
}


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    cell: Callable[[EditedMatrix], str]
    rank: int
    """0 stays always; of the others the highest gives way first."""


def verdict(report: EditReport) -> str:
    """What was done, how far the weights moved, and what the scan says of it."""
    return " ".join(_sentences(report))


def _sentences(report: EditReport) -> Iterator[str]:
    changed, total = report.changed, len(report.matrices)
    if not changed:
        done = "would be" if report.dry_run else "was"
        yield f"Nothing {done} changed{_why(report)}" + (
            "." if report.dry_run else ", so nothing was written."
        )
        return
    words = _WORDS.get(report.edit) or f"kept {report.edit.removeprefix('keep ')} of the components"
    moved = [matrix.change or 0.0 for matrix in changed]
    size = f"{_percent(statistics.median(moved))} at the median, {_percent(max(moved))} at most"
    where = f"{len(changed)} of {plural(total, 'matrix', 'matrices')}"
    yield f"{words[0].upper()}{words[1:]} in {where}: changed by {size}."
    if report.edit == "remove traps":
        yield _traps(report)
    if total > len(changed):
        yield f"{total - len(changed)} left as {'it is' if total - len(changed) == 1 else 'they are'}."
    yield f"Phases before: {_phases(report.before)}; after: {_phases(report.after)}."
    yield (
        "Dry run: nothing was written."
        if report.output is None
        else f"Written to {safe_text(report.output)}."
    )


def _traps(report: EditReport) -> str:
    """A trap belongs to one arrangement of the entries: what the next one has is told beside it."""
    removed = sum(matrix.traps_removed or 0 for matrix in report.changed)
    again = sum(round(matrix.after.metrics.get("num_traps") or 0) for matrix in report.changed)
    elsewhere = sum(matrix.traps_elsewhere or 0 for matrix in report.changed)
    return f"{plural(removed, 'trap')} taken out; the same shuffle now has {again}, another one {elsewhere}."


def _why(report: EditReport) -> str:
    causes = Counter(m.detail or (m.reason.value if m.reason else "") for m in report.matrices)
    if not causes:
        return ": no matrix is counted"
    return ": " + ", ".join(f"{safe_text(cause)} ({count})" for cause, count in causes.most_common(3))


def _phases(scan: Scan) -> str:
    counts = [f"{count} {phase_words(phase)}" for phase, count in scan.summary.phases.items() if count]
    return ", ".join(counts) or "none"


def _percent(share: float | None) -> str:
    return MISSING if share is None else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"


def _kept(matrix: EditedMatrix) -> str:
    return MISSING if matrix.kept is None else f"{matrix.kept}/{matrix.components}"


def _pair(name: str, whole: bool = False) -> Callable[[EditedMatrix], str]:
    def text(value: float | None) -> str:
        return str(round(value)) if whole and value is not None and abs(value) < 1e6 else fixed(value)

    def cell(matrix: EditedMatrix) -> str:
        old, new = (text(reading.metrics.get(name)) for reading in (matrix.before, matrix.after))
        return f"{old} → {new}"

    return cell


def _phase(matrix: EditedMatrix) -> str:
    old, new = (_short(reading.phase) for reading in (matrix.before, matrix.after))
    return old if old == new else f"{old} → {new}"


def _short(phase: Phase | None) -> str:
    return phase_words(phase).removesuffix("-trained")


_COLUMNS = (
    _Column("kept", _kept, 2),
    _Column("change", lambda matrix: _percent(matrix.change), 0),
    _Column("α", _pair("alpha"), 1),
    _Column("stable rank", _pair("stable_rank"), 5),
    _Column("spikes", _pair("num_spikes", whole=True), 4),
    _Column("traps", _pair("num_traps", whole=True), 3),
    _Column("phase", _phase, 1),
)


def show(report: EditReport, console: Console) -> None:
    """Print the edit in the console's width, what moved most first."""
    console.print(Text(verdict(report), style="bold"))
    rows = sorted(report.changed, key=lambda matrix: -(matrix.change or 0.0))
    if rows:
        console.print()
        for index, line in enumerate(_table(rows[:MOST_ROWS], console.width)):
            console.print(Text(line, style="bold" if index == 0 else ""), crop=False, no_wrap=True)
        if len(rows) > MOST_ROWS:
            console.print(Text(f"… and {len(rows) - MOST_ROWS} more, in --format json", style="dim"))
    for sentence, names in _left(report).items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        console.print()
        console.print(Text(f"Left as they are ({len(names)}): {sentence}", style="yellow"))
        console.print(Text(f"  {', '.join(safe_text(name) for name in names[:3])}{more}"))
    if report.notes:
        console.print()
        for note in report.notes:
            console.print(Text(safe_text(note), style="dim"))


def plain(report: EditReport, width: int = PLAIN_WIDTH) -> str:
    """The same without colour or control sequences, for pipes."""
    stream = io.StringIO()
    show(report, Console(file=stream, width=width, color_system=None, legacy_windows=False))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().split("\n")[:-1])


def to_json(report: EditReport) -> str:
    """One document, one line a matrix; plain ASCII."""
    document = report.to_dict()
    parts = [f'"{key}": {_lines(value)}' for key, value in document.items()]
    return "{" + ",\n ".join(parts) + "}\n"


def _lines(value: object) -> str:
    if isinstance(value, list) and value:
        return "[\n  " + ",\n  ".join(json.dumps(one, allow_nan=False) for one in value) + "]"
    return json.dumps(value, allow_nan=False)


def _left(report: EditReport) -> Mapping[str, list[str]]:
    """Names by why they stay as they are, the commonest first."""
    found: dict[str, list[str]] = {}
    for matrix in report.matrices:
        if matrix.reason is not None and report.changed:
            sentences = [f"{matrix.detail[0].upper()}{matrix.detail[1:]}."] if matrix.detail else []
            if matrix.reason is not Reason.nothing_to_edit or not sentences:
                sentences.append(matrix.reason.sentence)
            found.setdefault(safe_text(" ".join(sentences)), []).append(matrix.id)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _table(rows: list[EditedMatrix], width: int) -> Iterator[str]:
    cells = {column.title: [column.cell(row) for row in rows] for column in _COLUMNS}
    widths = {title: max(map(cell_len, (title, *column))) for title, column in cells.items()}
    columns = [column for column in _COLUMNS if any(text != MISSING for text in cells[column.title])]
    names = [
        safe_text(row.id.removesuffix(".weight").replace(".weight/", "/")) or "(no name)" for row in rows
    ]
    longest = max(map(cell_len, names))

    def room() -> int:
        return width - sum(widths[column.title] + _GAP for column in columns)

    for column in sorted(_COLUMNS, key=lambda column: -column.rank):
        if column.rank == 0 or room() >= min(longest, _NAME_LEAST):
            break
        if column in columns:
            columns.remove(column)
    names = shorten_all(names, max(1, room()), cell_len)
    first = max(map(cell_len, (*names, "layer")))
    yield _line("layer", first, [(column.title, widths[column.title]) for column in columns])
    for index, name in enumerate(names):
        yield _line(name, first, [(cells[c.title][index], widths[c.title]) for c in columns])


def _line(name: str, first: int, cells: list[tuple[str, int]]) -> str:
    parts = [name + " " * (first - cell_len(name))]
    parts += [" " * (_GAP + width - cell_len(text)) + text for text, width in cells]
    return "".join(parts)
