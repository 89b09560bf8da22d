"""Every format a scan can be written in, by name."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from triplepoint.errors import MissingDependency, UsageError

if TYPE_CHECKING:
    from triplepoint.records import Scan

# The command line reads the names below for its help, so nothing heavy is imported before it is used.
Written = str | bytes


def _table(scan: Scan, top: int | None) -> Written:
    from triplepoint.report.table import plain

    return plain(scan, top=top)


def _json(scan: Scan, _top: int | None) -> Written:
    from triplepoint.records.codec import to_json

    return to_json(scan)


def _jsonl(scan: Scan, _top: int | None) -> Written:
    from triplepoint.records.codec import to_jsonl_lines

    return "".join(f"{line}\n" for line in to_jsonl_lines(scan))


def _csv(scan: Scan, _top: int | None) -> Written:
    from triplepoint.report.spreadsheet import spreadsheet

    return spreadsheet(scan)


def _markdown(scan: Scan, top: int | None) -> Written:
    from triplepoint.report.markdown import markdown

    return markdown(scan, top=top)


def _parquet(scan: Scan, _top: int | None) -> Written:
    from triplepoint.records.codec import to_jsonl_lines

    out = io.BytesIO()
    provenance = next(to_jsonl_lines(scan))
    table = scan.to_arrow().replace_schema_metadata({"triplepoint.provenance": provenance})
    parquet_module().write_table(table, out)
    return out.getvalue()


FORMATS: Mapping[str, Callable[[Scan, int | None], Written]] = {
    "table": _table,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
    "md": _markdown,
}
_PLAIN = ("", "txt", "log")
BINARY = frozenset({"parquet"})
"""Formats that must not be written to a terminal."""


def render(scan: Scan, format: str, *, top: int | None = None) -> Written:
    """The scan in this format; `top` limits the rows of the formats made for reading (table, md)."""
    return FORMATS[format](scan, top)


def for_file(path: str) -> str:
    """The format that a file name asks for; a table for plain text. Another ending is a UsageError."""
    ending = PurePath(path).suffix.lower().removeprefix(".")
    if ending in FORMATS:
        return ending
    if ending not in _PLAIN:
        known = ", ".join(f".{name}" for name in FORMATS if name != "table")
        raise UsageError(
            f"write {path}",
            f"no format has the ending .{ending}",
            f"Name the format with --format, or use {known} or .txt",
        )
    return "table"


def parquet_module() -> Any:
    """`pyarrow.parquet`, or the error that names what to install."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependency(
            "write Parquet", "pyarrow is not installed", "Run: pip install 'triplepoint[frames]'"
        ) from error
    return pyarrow.parquet
