"""A list of runs on a terminal, as JSON and as comma-separated values."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len

from triplepoint.records import Severity
from triplepoint.records.run_entries import RunEntry
from triplepoint.report.spreadsheet import cell
from triplepoint.report.text import MISSING, plural, safe_text, shorten

SCHEMA = "triplepoint.runs/1"
_NAME_WIDTH = 40
_GAP = "  "
_LOUDEST_FIRST = (Severity.error, Severity.warning, Severity.info)


def table(entries: Sequence[RunEntry], folder: str) -> str:
    """One line a run, then the files that could not be read with their reasons."""
    readable = [entry for entry in entries if entry.reason is None]
    damaged = [entry for entry in entries if entry.reason is not None]
    if not entries:
        return f"No runs in {safe_text(folder)}.\n"
    lines = [*_lines(readable), ""] if readable else []
    if damaged:
        lines.append(f"{plural(len(damaged), 'file')} could not be read:")
        lines += [f"  {_name(entry)}: {safe_text(entry.reason or '')}" for entry in damaged]
    return "\n".join(lines).rstrip("\n") + "\n"


def to_json(entries: Sequence[RunEntry]) -> str:
    """One document, one line a run; plain ASCII."""
    lines = ",\n  ".join(json.dumps(document(entry), allow_nan=False) for entry in entries)
    return f'{{"schema": "{SCHEMA}",\n "runs": [\n  {lines}]}}\n'


def to_jsonl(entries: Sequence[RunEntry]) -> str:
    """One line a run, each with the schema."""
    return "".join(
        f"{json.dumps({'schema': SCHEMA, **document(entry)}, allow_nan=False)}\n" for entry in entries
    )


def to_csv(entries: Sequence[RunEntry]) -> str:
    """One line a run; alerts as a column for each severity."""
    flat = [_flat(document(entry)) for entry in entries]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_flat(document(RunEntry("", "")))])
    writer.writerows([cell(value) for value in line.values()] for line in flat)
    return out.getvalue()


def document(entry: RunEntry) -> dict[str, Any]:
    """The entry in plain JSON types; times in seconds since the epoch, the size in bytes."""
    return {
        "name": entry.name,
        "path": entry.path,
        "reason": entry.reason,
        "status": entry.status,
        "steps": entry.steps,
        "last_step": entry.last_step,
        "train_loss": entry.train_loss,
        "matrices": entry.matrices,
        "visits": entry.visits,
        "alerts": {severity.value: entry.alerts.get(severity, 0) for severity in Severity},
        "holding": {severity.value: entry.holding.get(severity, 0) for severity in Severity},
        "size": entry.size,
        "started": entry.started,
        "last_time": entry.last_time,
    }


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, dict):
            found |= {f"{key}_{severity}": count for severity, count in value.items()}
        else:
            found[key] = value
    return found


def _name(entry: RunEntry) -> str:
    return shorten(safe_text(entry.name) or "(no name)", _NAME_WIDTH, cell_len)


def _count(value: int | None) -> str:
    return MISSING if value is None else str(value) if abs(value) < 10**12 else f"{value:.1e}"


def _size(value: int | None) -> str:
    if value is None:
        return MISSING
    for unit, factor in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if value < 999.5 * factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value / 1e12:.3g} TB"


def _when(value: float | None) -> str:
    if value is None:
        return MISSING
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(value))
    except (ValueError, OverflowError, OSError):  # a year beyond the calendar
        return MISSING


_COLUMNS: tuple[tuple[str, bool, Callable[[RunEntry], str]], ...] = (
    ("run", False, _name),
    ("status", False, lambda entry: shorten(safe_text(entry.status or MISSING), 12, cell_len)),
    ("step", True, lambda entry: _count(entry.last_step)),
    ("train_loss", True, lambda entry: MISSING if entry.train_loss is None else f"{entry.train_loss:.4g}"),
    ("matrices", True, lambda entry: _count(entry.matrices)),
    ("visits", True, lambda entry: _count(entry.visits)),
    ("error/warning/info", True, lambda entry: "/".join(str(entry.alerts.get(s, 0)) for s in _LOUDEST_FIRST)),
    ("size", True, lambda entry: _size(entry.size)),
    ("started", False, lambda entry: _when(entry.started)),
)


def _lines(entries: Sequence[RunEntry]) -> Iterator[str]:
    cells = [[title, *(read(entry) for entry in entries)] for title, _, read in _COLUMNS]
    widths = [max(map(cell_len, column)) for column in cells]
    for line in zip(*cells, strict=True):
        parts = (
            " " * (width - cell_len(text)) + text if right else text + " " * (width - cell_len(text))
            for text, width, (_, right, _) in zip(line, widths, _COLUMNS, strict=True)
        )
        yield _GAP.join(parts).rstrip()
