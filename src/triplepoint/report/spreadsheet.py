"""A scan as comma-separated values that no spreadsheet will execute."""

from __future__ import annotations

import csv
import io

from triplepoint.records import Scan
from triplepoint.records.frames import columns
from triplepoint.report.text import safe_text

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Spreadsheets evaluate a cell that starts so; the wide forms too, in some locales."""


def spreadsheet(scan: Scan) -> str:
    """One line a matrix; numbers in full, nothing where there is no value."""
    flat = columns(scan)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in flat])
    writer.writerows(map(cell, line) for line in zip(*(column.values for column in flat), strict=True))
    return out.getvalue()


def cell(value: str | int | float | bool | None) -> str:
    """One value as no spreadsheet will execute it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = safe_text(value)
        return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
    return repr(value)
