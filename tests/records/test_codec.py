"""The written scan keeps the contract, and reading it gives back every number.

The contract is checked by `tests.contract`, which was written from the description of the output and does not
know the codec; equality is checked field by field on the records, not on a second encoding.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests import contract, synthetic
from triplepoint.errors import TriplepointError, UnreadableCheckpoint, UsageError
from triplepoint.records import Scan, codec, encoding


def same(left: Any, right: Any) -> bool:
    """Equal in value and type, through records, mappings, sequences and arrays."""
    if type(left) is not type(right):
        return False
    if dataclasses.is_dataclass(left):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right))
    return bool(left == right)


def parse(text: str) -> Any:
    """Strict JSON: constants outside the standard are refused."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def joins_surrogates(scan: Scan) -> bool:
    """JSON cannot tell two lone halves of a pair from the pair."""
    return any(
        text != text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        for text in _texts(scan.to_dict())
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for entry in inner for text in _texts(entry)]


@given(synthetic.any_scan)
@settings(max_examples=40, deadline=None)
def test_any_scan_written_as_json_and_lines_keeps_the_contract_and_comes_back_equal(scan: Scan) -> None:
    text = codec.to_json(scan)
    lines = [parse(line) for line in codec.to_jsonl_lines(scan)]
    contract.check_scan(parse(text), closed_kinds=False)
    contract.check_lines(lines, closed_kinds=False)
    assert text.isascii()
    if not joins_surrogates(scan):
        assert same(codec.scan_from_dict(parse(text)), scan)


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_a_saved_scan_is_loaded_equal_in_every_field(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"scan.{ending}"
    scan = synthetic.example()
    scan.save(path)
    assert same(Scan.load(path), scan)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_example_scan_keeps_the_closed_contract() -> None:
    contract.check_scan(synthetic.example().to_dict())


def test_the_document_has_one_line_a_matrix() -> None:
    scan = synthetic.example()
    lines = codec.to_json(scan).splitlines()
    assert len(lines) == len(scan.matrices) + 4
    assert codec.to_json(synthetic.scan_of([])).count("\n") == 5


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_number_that_is_none_costs_its_own_cell_and_says_so(value: float) -> None:
    written = encoding.row(synthetic.row(metrics={"log_norm": value}, phase_confidence=value))
    assert written["metrics"]["log_norm"] is None
    assert written["metric_status"]["log_norm"] == "undefined"
    assert written["phase_confidence"] is None
    contract.check_finite(written)


def test_settings_of_any_type_become_plain_json() -> None:
    odd = {"mode": "precise", "interval": "closed", "layers": ("a", "b"), "path": Path("x"), "n": np.int64(3)}
    scan = synthetic.scan_of([], settings=odd | {"inf": math.inf})
    written = parse(codec.to_json(scan))["provenance"]["settings"]
    assert written["layers"] == ["a", "b"]
    assert written["n"] == 3
    assert written["inf"] is None


def test_spectra_are_written_only_where_they_were_asked_for() -> None:
    assert "singular_values" not in encoding.row(synthetic.row())
    written = encoding.row(synthetic.row(singular_values=np.array([2.0, 1.0])))
    assert written["singular_values"] == [2.0, 1.0]
    assert "shuffled_singular_values" not in written
    shuffled = encoding.row(synthetic.row(shuffled_singular_values=np.array([1.5, 1.25])))
    assert shuffled["shuffled_singular_values"] == [1.5, 1.25]


def test_another_ending_is_refused_with_the_two_that_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Use \.json or \.jsonl"):
        synthetic.example().save(tmp_path / "scan.pickle")


DAMAGED = {
    "empty": "",
    "not json": "{",
    "a list": "[]",
    "a number": "3",
    "nested by the thousand": "[" * 100_000,
    "another schema": '{"schema": "triplepoint.scan/2"}',
    "no schema": "{}",
    "no matrices": '{"schema": "triplepoint.scan/1", "provenance": {}, "summary": {}}',
    "latin bytes": "\xff\xfe",
    "NaN": '{"schema": NaN}',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_file_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scan.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UnreadableCheckpoint) as caught:
        Scan.load(path)
    assert "\n" not in str(caught.value)
    assert "scan again" in str(caught.value).lower() or "Scan the checkpoint again" in str(caught.value)


def test_lines_without_their_summary_are_known_to_be_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "scan.jsonl"
    path.write_text("\n".join([*codec.to_jsonl_lines(synthetic.example())][:-1]))
    with pytest.raises(UnreadableCheckpoint, match="cut short"):
        Scan.load(path)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Scan.load(tmp_path / "none.json")


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, entry in inner for deeper in _paths(entry, (*path, key)))]


@pytest.mark.parametrize("junk", [None, "junk", -1.5, [[]], {"a": {}}, True], ids=repr)
def test_no_single_wrong_value_causes_anything_but_a_clear_error(junk: Any) -> None:
    """Every value of a small scan in turn is replaced: the reader accepts it or names what is wrong."""
    scan = synthetic.scan_of([synthetic.row(findings=(synthetic.warning(),))])
    for path in _paths(scan.to_dict())[1:]:
        document = scan.to_dict()
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = junk
        try:
            read = codec.scan_from_dict(document)
        except (ValueError, TriplepointError):
            continue
        contract.check_finite(read.to_dict())


def test_no_single_missing_field_causes_anything_but_a_clear_error(tmp_path: Path) -> None:
    """Every field of a small scan in turn is taken away."""
    scan = synthetic.scan_of([synthetic.row(findings=(synthetic.warning(),)), synthetic.failed("b")])
    for path in [path for path in _paths(scan.to_dict())[1:] if isinstance(path[-1], str)]:
        document = scan.to_dict()
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        (tmp_path / "scan.json").write_text(json.dumps(document))
        try:
            read = Scan.load(tmp_path / "scan.json")
        except UnreadableCheckpoint:
            continue
        assert len(read.matrices) == 2


@pytest.mark.parametrize("value", [2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**400])
def test_a_whole_number_of_any_size_is_refused_or_fits_every_table(value: int) -> None:
    scan = synthetic.scan_of([synthetic.row(), synthetic.row("b")])
    for path in [path for path in _paths(scan.to_dict())[1:] if "settings" not in path]:
        document = scan.to_dict()
        inner = document
        for key in path[:-1]:
            inner = inner[key]
        if not isinstance(inner[path[-1]], int | float) or isinstance(inner[path[-1]], bool):
            continue
        inner[path[-1]] = value
        try:
            read = codec.scan_from_dict(document)
        except ValueError:
            continue
        assert read.to_arrow().num_rows == read.to_polars().height == len(read.to_pandas()) == 2
        if path == ("matrices", 0, "shape", 0):
            assert read.to_pandas()["rows"][0] == read.to_polars()["rows"][0] == value


def test_a_seed_may_be_any_whole_number() -> None:
    scan = synthetic.scan_of([], seed=2**64)
    assert codec.scan_from_dict(scan.to_dict()).provenance.seed == 2**64


def test_the_p_value_behind_the_phase_is_no_field_of_the_output_and_comes_back_with_its_metric() -> None:
    scan = synthetic.scan_of([synthetic.row()])
    assert "null_p" not in scan.to_dict()["matrices"][0]
    assert codec.scan_from_dict(scan.to_dict()).matrices[0].null_p == 0.0004


@pytest.mark.parametrize(
    ("written", "damaged"),
    [
        ('"workers": 2', '"workers": NaN'),
        ('"seconds": 3.21', '"seconds": 1e999'),
        ('"alpha": 3.1', '"alpha": 1e999'),
    ],
)
def test_a_number_that_is_none_is_not_read_in_any_spelling(
    tmp_path: Path, written: str, damaged: str
) -> None:
    text = codec.to_json(synthetic.example())
    assert written in text
    (tmp_path / "scan.json").write_text(text.replace(written, damaged))
    with pytest.raises(UnreadableCheckpoint, match="damaged"):
        Scan.load(tmp_path / "scan.json")
