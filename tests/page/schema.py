"""The page document held to its schema, `triplepoint.page/1`: every field, its type, and what is as long as what."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np

from triplepoint.page.columns import values
from triplepoint.page.document import dumps

KEYS = {
    *(
        "schema",
        "kind",
        "name",
        "version",
        "verdict",
        "caveat",
        "about",
        "status",
        "started",
        "ended",
        "layers",
    ),
    *(
        "reasons",
        "unmeasured",
        "metrics",
        "frame",
        "scalars",
        "visits",
        "series",
        "spectra",
        "shuffled",
        "laws",
    ),
    *("rigidity", "findings", "traps", "alerts", "events", "missing"),
}
LAYER = {
    *("index", "id", "label", "block", "part", "primary", "kind", "shape", "scale", "slices", "factored"),
    *("tensor_shape", "dtype", "counted", "status", "reason", "detail", "num_eigenvalues", "spectral_class"),
}
BINS = 128


def check(document: Any) -> dict[str, Any]:
    """The document after a way through JSON, as the browser sees it."""
    found = json.loads(dumps(document), parse_constant=_refuse)
    assert set(found) == KEYS
    assert found["schema"] == "triplepoint.page/1"
    assert found["kind"] in ("scan", "run")
    assert all(isinstance(found[key], str) and found[key] for key in ("version", "verdict", "caveat"))
    assert all(len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in found["about"])
    assert all(isinstance(text, str) and text for text in found["missing"])
    layers = found["layers"]
    assert [layer["index"] for layer in layers] == list(range(len(layers)))
    assert all(set(layer) == LAYER for layer in layers)
    codes = {layer["reason"] for layer in layers} - {None}
    codes |= {code for of in found["unmeasured"].values() for code in of.values()}
    assert set(found["reasons"]) == codes
    visits = {name: values(column) for name, column in found["visits"].items()}
    offsets = visits.pop("offsets")
    assert offsets.size == len(layers) + 1
    assert offsets[0] == 0
    assert (np.diff(offsets) >= 0).all()
    assert {column.size for column in visits.values()} == {int(offsets[-1])}
    for first, last in itertools.pairwise(offsets):
        assert (np.diff(visits["steps"][first:last]) >= 0).all()
    assert set(visits["kinds"]) <= {0, 1, 2}
    assert set(visits["phases"]) <= set(range(7))
    names = {metric["name"] for metric in found["metrics"]}
    assert set(found["series"]) <= names
    assert all(values(column).size == offsets[-1] for column in found["series"].values())
    for scalar in found["scalars"].values():
        sizes = {values(column).size for column in scalar.values() if column is not None}
        assert len(sizes) == 1
    for of in (found["spectra"], found["shuffled"]):
        assert all(0 <= int(layer) < len(layers) for layer in of)
        for one in of.values():
            check_spectra(one)
    for law in found["laws"].values():
        assert values(law["x"]).size == values(law["cdf"]).size > 10
    assert len({len(column) for column in found["rigidity"].values()}) == 1
    ranks = [("info", "warning", "error").index(one["severity"]) for one in found["findings"]]
    assert ranks == sorted(ranks, reverse=True)
    assert all(0 <= one["layer"] < len(layers) for one in found["findings"])
    return found


def check_spectra(one: dict[str, Any]) -> None:
    """One layer's spectra."""
    columns = {name: values(column) for name, column in one.items() if name not in ("frame", "missing")}
    count = columns["steps"].size
    assert columns["counts"].size == BINS * count
    assert columns["tail_offsets"].size == count + 1
    assert columns["tail_offsets"][-1] == columns["tail"].size
    assert {columns[name].size for name in ("low", "high", "unresolved")} == {count}
    for first, last in zip(columns["tail_offsets"][:-1], columns["tail_offsets"][1:], strict=True):
        assert (np.diff(columns["tail"][first:last]) <= 0).all()


def of_layer(document: dict[str, Any], layer: int, name: str) -> list[float]:
    """One metric, or one column of the visits, of one layer."""
    offsets = values(document["visits"]["offsets"])
    column = document["series"].get(name) or document["visits"][name]
    found = values(column)[offsets[layer] : offsets[layer + 1]].astype(float)
    return [value if math.isfinite(value) else math.nan for value in found.tolist()]


def _refuse(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")
