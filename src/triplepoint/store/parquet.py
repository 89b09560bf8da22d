"""A run as a folder of Parquet files, one a table, as a data frame library or DuckDB takes them.

`visits.parquet` is wide: one column a metric, so that `frame[frame.matrix == id].plot("step", "alpha")` works at once.
Every file carries the run's configuration and provenance under the key `triplepoint.run` of its metadata.
"""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from triplepoint.errors import MissingDependency, UsageError
from triplepoint.records import Visit
from triplepoint.store import export, rows
from triplepoint.store.run import Run

TABLES = ("matrices", "scalars", "visits", "spectra", "alerts", "events")
_ROWS = 10_000
"""Rows of one row group: what is in memory at a time."""
_VISIT = ("matrix", "step", "kind", "change", "seconds")
_ROW = {"status": "string", "reason": "string", "phase": "string", "phase_confidence": "double"}
_TYPES: Mapping[str, Mapping[str, str]] = {
    "matrices": {
        **dict.fromkeys(("id", "name", "part", "kind", "dtype"), "string"),
        **{
            "rows": "int64",
            "columns": "int64",
            "counted": "bool",
            "num_eigenvalues": "int64",
            "scale": "double",
        },
    },
    "scalars": {
        **{"name": "string", "step": "int64", "value": "double", "low": "double", "high": "double"},
        **{"count": "int64", "non_finite": "int64"},
    },
    "spectra": {
        **{
            "matrix": "string",
            "step": "int64",
            "num_eigenvalues": "int64",
            "scale": "double",
            "low": "double",
        },
        **{"high": "double", "counts": "int64s", "unresolved": "int64", "tail": "doubles", "full": "doubles"},
    },
    "alerts": {
        **dict.fromkeys(("rule", "severity", "state"), "string"),
        **{"step": "int64", "matrix": "string", "statement": "string", "evidence": "json"},
    },
    "events": {"kind": "string", "text": "string", "step": "int64", "data": "json"},
}


def module() -> Any:
    """`pyarrow`, or the error that names what to install."""
    try:
        importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependency(
            "write Parquet", "pyarrow is not installed", "Run: pip install 'triplepoint[frames]'"
        ) from error
    return importlib.import_module("pyarrow")


def write(run: Run, folder: str | os.PathLike[str]) -> None:
    """Make the folder with all files, or leave what was there; an earlier export is replaced in one piece."""
    arrow = module()
    target = Path(folder)
    refuse_to_lose(target)
    partial = target.with_name(f".triplepoint-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        partial.mkdir()
        try:
            for table in TABLES:
                _write(arrow, run, table, partial / f"{table}.parquet")
            _replace(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UsageError(
            f"write {target}", error.strerror or type(error).__name__, "Choose a folder with room"
        ) from None


def refuse_to_lose(target: Path) -> None:
    """UsageError where the folder is there and is no earlier export."""
    asked = f"write {target}"
    if target.is_dir() and not target.is_symlink():
        odd = sorted(entry.name for entry in target.iterdir() if entry.name not in _names())
        if odd:
            raise UsageError(asked, f"the folder holds {odd[0]!r}", "Name a new folder")
    elif os.path.lexists(target):
        raise UsageError(asked, "it is there and is no folder", "Name a new folder")


def _names() -> set[str]:
    return {f"{table}.parquet" for table in TABLES}


def _replace(partial: Path, target: Path) -> None:
    """Two renames: between them neither is there, and a kill leaves the old files under the hidden name."""
    if not target.exists():
        partial.rename(target)
        return
    old = partial.with_suffix(".old")
    target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _write(arrow: Any, run: Run, table: str, path: Path) -> None:
    metrics = run.metric_names if table == "visits" else ()
    types = _visit_types(metrics) if table == "visits" else _TYPES[table]
    about = {"configuration": run.configuration, "provenance": run.provenance, "name": run.name}
    schema = arrow.schema([(name, _arrow_type(arrow, kind)) for name, kind in types.items()])
    schema = schema.with_metadata({"triplepoint.run": rows.dumps(about)})
    records = _records(run, table)
    with arrow.parquet.ParquetWriter(path, schema) as writer:
        while chunk := list(islice(records, _ROWS)):
            columns = [
                arrow.array([_cell(record.get(name), kind) for record in chunk], type=field.type)
                for (name, kind), field in zip(types.items(), schema, strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))


def _records(run: Run, table: str) -> Iterator[Mapping[str, Any]]:
    if table == "matrices":
        return ({**identity, **_sides(identity), "id": id} for id, identity in run.matrices.items())
    if table == "scalars":
        return (export.scalar(point) for name in run.scalar_names for point in run.scalar(name))
    if table == "visits":
        return (_visit(one) for one in run.visits())
    if table == "spectra":
        return (export.spectrum(one) for id in run.matrices for one in run.spectra(id))
    return map(export.alert, run.alerts) if table == "alerts" else map(export.event, run.events)


def _sides(identity: Mapping[str, Any]) -> dict[str, Any]:
    shape = identity.get("shape")
    return (
        {"rows": None, "columns": None}
        if shape is None
        else dict(zip(("rows", "columns"), shape, strict=False))
    )


def _visit_types(metrics: Sequence[str]) -> dict[str, str]:
    types = {
        "matrix": "string",
        "step": "int64",
        "kind": "string",
        "change": "double",
        "seconds": "double",
        **_ROW,
    }
    types["findings"] = "string"
    return types | {metric: "double" for metric in metrics if metric not in types}


def _visit(record: Visit) -> dict[str, Any]:
    row = record.row
    found = {name: getattr(record, name) for name in _VISIT}
    if row is not None:
        found |= {name: getattr(row, name) for name in _ROW}
        found["findings"] = ";".join(finding.rule for finding in row.findings)
    return {**record.metrics, **found}


def _arrow_type(arrow: Any, kind: str) -> Any:
    if kind in ("int64s", "doubles"):
        return arrow.list_(arrow.int64() if kind == "int64s" else arrow.float64())
    return {
        "string": arrow.string(),
        "json": arrow.string(),
        "int64": arrow.int64(),
        "double": arrow.float64(),
        "bool": arrow.bool_(),
    }[kind]


def _cell(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "json":
        return rows.dumps(value)
    # A lone surrogate is a legal Python string, but no UTF-8, which Arrow demands.
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8") if kind == "string" else value
