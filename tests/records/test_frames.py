"""The three kinds of table hold the same cells, with the same types, also where every value is missing."""

from __future__ import annotations

import builtins
import importlib
import math
from typing import Any

import pytest
from hypothesis import given, settings

from tests import synthetic
from triplepoint.errors import MissingDependency
from triplepoint.records import Scan, frames

FIRST = [
    "id",
    "name",
    "part",
    "kind",
    "rows",
    "columns",
    "dtype",
    "status",
    "reason",
    "counted",
    "phase",
    "phase_confidence",
    "spectral_class",
    "class_confidence",
    "num_eigenvalues",
    "method",
    "resolved_from",
    "scale",
]


def test_the_columns_are_the_documented_ones_in_order() -> None:
    names = [column.name for column in frames.columns(synthetic.example())]
    assert names[: len(FIRST)] == FIRST
    assert names[-1] == "findings"
    assert "alpha" in names


@given(synthetic.any_scan)
@settings(max_examples=20, deadline=None)
def test_arrow_polars_and_pandas_hold_the_same_cells(scan: Scan) -> None:
    expected = {column.name: list(column.values) for column in frames.columns(scan)}
    assert scan.to_arrow().to_pydict() == expected
    assert scan.to_polars().to_dict(as_series=False) == expected
    read = {name: [_none(value) for value in series] for name, series in scan.to_pandas().items()}
    assert read == expected


def test_types_do_not_depend_on_the_values() -> None:
    full, empty = synthetic.example(), synthetic.scan_of([])
    types = {field.name: field.type for field in full.to_arrow().schema}
    for field in empty.to_arrow().schema:
        assert types[field.name] == field.type
    assert str(full.to_pandas()["rows"].dtype) == "Int64"


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_a_missing_library_names_its_install_command(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *rest: Any) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    method = {"pandas": "to_pandas", "polars": "to_polars", "pyarrow": "to_arrow"}[package]
    with pytest.raises(MissingDependency, match=rf"{package} is not installed.*triplepoint\[frames\]"):
        getattr(synthetic.example(), method)()


def _none(value: Any) -> Any:
    missing = value is None or type(value).__name__ == "NAType"
    if missing or (isinstance(value, builtins.float) and math.isnan(value)):
        return None
    return value


def test_a_scan_is_an_arrow_stream_and_introduces_itself_in_one_line() -> None:
    import polars

    scan = synthetic.example()
    assert polars.DataFrame(scan).equals(scan.to_polars())
    assert "\n" not in repr(scan)
    assert f"{len(scan.matrices)} rows" in repr(scan)
