"""A scan as a flat table, one row a matrix: flattened here for pandas, polars, Arrow, Parquet and CSV."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from triplepoint.errors import MissingDependency
from triplepoint.records.rows import MatrixRow
from triplepoint.records.scans import Scan

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Kind = type[str] | type[int] | type[float] | type[bool]
Reader = Callable[[MatrixRow], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One named column; None where a row has no value."""

    name: str
    kind: Kind
    values: tuple[str | int | float | bool | None, ...]


_FIELDS: tuple[tuple[str, Kind, Reader], ...] = (
    ("id", str, lambda row: row.id),
    ("name", str, lambda row: row.name),
    ("part", str, lambda row: row.part),
    ("kind", str, lambda row: row.kind),
    ("rows", int, lambda row: row.shape and row.shape[0]),
    ("columns", int, lambda row: row.shape and row.shape[1]),
    ("dtype", str, lambda row: row.dtype),
    ("status", str, lambda row: row.status),
    ("reason", str, lambda row: row.reason and row.reason.value),
    ("counted", bool, lambda row: row.counted),
    ("phase", str, lambda row: row.phase and row.phase.value),
    ("phase_confidence", float, lambda row: row.phase_confidence),
    ("spectral_class", str, lambda row: row.spectral_class and row.spectral_class.spectral_class.value),
    ("class_confidence", float, lambda row: row.spectral_class and row.spectral_class.confidence),
    ("num_eigenvalues", int, lambda row: row.num_eigenvalues),
    ("method", str, lambda row: row.method),
    ("resolved_from", float, lambda row: row.resolved_from),
    ("scale", float, lambda row: row.scale),
)


def columns(scan: Scan) -> tuple[Column, ...]:
    """Fields, then every metric that a row has, then `findings` as rule names joined by `;`."""
    metrics = dict.fromkeys(name for row in scan.matrices for name in row.metrics)
    readers: list[tuple[str, Kind, Reader]] = [*_FIELDS]
    readers += [(name, float, _metric(name)) for name in metrics]
    readers += [("findings", str, lambda row: ";".join(finding.rule for finding in row.findings))]
    return tuple(
        Column(name, kind, tuple(_cell(read(row), kind) for row in scan.matrices))
        for name, kind, read in readers
    )


def to_pandas(scan: Scan) -> pandas.DataFrame:
    """Whole numbers are nullable `Int64`; a number without a value is NaN."""
    library = _import("pandas")
    dtypes = {str: object, int: "Int64", float: "float64", bool: "bool"}
    frame: pandas.DataFrame = library.DataFrame(
        {column.name: library.Series(column.values, dtype=dtypes[column.kind]) for column in columns(scan)}
    )
    return frame


def table_of(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """Plain rows of equal keys as they are, None where nothing is."""
    library = _import("pandas")
    frame: pandas.DataFrame = library.DataFrame.from_records(list(rows))
    return frame


def to_polars(scan: Scan) -> polars.DataFrame:
    """A value that is missing is null."""
    library = _import("polars")
    dtypes = {str: library.String, int: library.Int64, float: library.Float64, bool: library.Boolean}
    flat = columns(scan)
    frame: polars.DataFrame = library.DataFrame(
        {column.name: list(column.values) for column in flat},
        schema={column.name: dtypes[column.kind] for column in flat},
    )
    return frame


def to_arrow(scan: Scan) -> pyarrow.Table:
    """A value that is missing is null."""
    library = _import("pyarrow")
    dtypes = {str: library.string(), int: library.int64(), float: library.float64(), bool: library.bool_()}
    flat = columns(scan)
    table: pyarrow.Table = library.table(
        [library.array(column.values, type=dtypes[column.kind]) for column in flat],
        names=[column.name for column in flat],
    )
    return table


def _metric(name: str) -> Reader:
    return lambda row: row.metrics.get(name)


def _cell(value: Any, kind: Kind) -> Any:
    if value is None or kind is not str:
        return None if value is None else kind(value)
    # A lone surrogate is a legal Python string and a legal JSON name, but no UTF-8, which Arrow demands.
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _import(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingDependency(
            f"a {package} table", f"{package} is not installed", "Run: pip install 'triplepoint[frames]'"
        ) from error
