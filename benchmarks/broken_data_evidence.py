"""What may be looked at after a retrain, in families: five of the weights alone, one of the log, two of data.

Names are `family/detail`. Everything of the weights is unchanged when hidden units change places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.broken_data_flights import CATEGORIES, NUMBERS, Rows
from benchmarks.broken_data_training import Retrained, auc, cross_entropy
from triplepoint import scan
from triplepoint.metrics import METRICS

Array = np.ndarray[Any, Any]
WEIGHTS = ("spectra", "init", "columns", "biases", "paths")
FAMILIES = {
    "spectra": "every default metric of a scan, of three matrices",
    "init": "the distances from the initial weights, of three matrices",
    "columns": "the norm of each input's column of the first matrix",
    "biases": "norm and mean of the biases of each layer",
    "paths": "the signed sum over all paths from each input to the output",
    "log": "the training loss of the last epoch",
    "clean hold-out": "loss and AUC on data that the broken pipeline has not touched",
    "own hold-out": "loss and AUC on data that came through the same pipeline",
}


def of_weights(found: Retrained, sizes: Sequence[int]) -> dict[str, float]:
    """The five families that need no data; `sizes` are the codes of each category, side by side after the numbers."""
    norms = np.linalg.norm(found.weights["layer1.weight"].astype(np.float64), axis=0)
    paths = _paths(found.weights)
    return {
        **_scanned(found),
        **_by_input("columns", norms, sizes, np.linalg.norm),
        **_biases(found.weights),
        **_by_input("paths", paths, sizes, np.std),
    }


def of_data(found: Retrained, family: str, rows: Rows) -> dict[str, float]:
    """Loss and AUC on rows."""
    logits = found.logits(rows)
    return {f"{family}/loss": cross_entropy(logits, rows.late), f"{family}/auc": auc(logits, rows.late)}


def _scanned(found: Retrained) -> dict[str, float]:
    matrices = {name: values for name, values in found.weights.items() if values.ndim == 2}
    rows = scan(matrices, init={name: found.initial[name] for name in matrices}, workers=1).matrices
    return {
        f"{'init' if METRICS[name].group == 'init' else 'spectra'}/{row.id} {name}": float(value)
        for row in rows
        if row.counted
        for name, value in row.metrics.items()
        if value is not None and np.isfinite(value)
    }


def _biases(weights: Mapping[str, Array]) -> dict[str, float]:
    found = {}
    for name, bias in weights.items():
        if name.endswith(".bias"):
            found[f"biases/{name} mean"] = float(np.mean(bias))
            if len(bias) > 1:
                found[f"biases/{name} norm"] = float(np.linalg.norm(bias))
    return found


def _paths(weights: Mapping[str, Array]) -> Array:
    """(d,) W₄W₃W₂W₁: eight times the slope of each input if every unit were on half of the time, at random."""
    product = np.eye(1)
    for layer in range(len(weights) // 2, 0, -1):
        product = product @ weights[f"layer{layer}.weight"].astype(np.float64)
    return np.asarray(product[0])


def _by_input(
    family: str, values: Array, sizes: Sequence[int], together: Callable[[Array], Any]
) -> dict[str, float]:
    """One number an input; the codes of a category have one together: the norm of norms, the spread of slopes."""
    parts = np.split(values[len(NUMBERS) :], np.cumsum(sizes)[:-1])
    named = [*zip(NUMBERS, values, strict=False), *zip(CATEGORIES, map(together, parts), strict=True)]
    return {f"{family}/{name}": float(value) for name, value in named}
