"""How far two models lie apart, layer by layer, paired by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.kernels import cut_by_position, divisible
from triplepoint.compat.weightwatcher.layers import WEIGHT, Layer, Model
from triplepoint.compat.weightwatcher.legacy import rows as legacy
from triplepoint.compat.weightwatcher.legacy.matrices import Cut, cut
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.errors import UsageError
from triplepoint.linalg.cka import linear_cka
from triplepoint.matrices.names import canonical

Array = np.ndarray[Any, Any]
Divide = Callable[[Array, str], Cut | None]

COLUMNS = ("layer_id", "method", "name", "delta_W", "delta_b", "M", "N", "b_shape", "longname")


def rows(first: Model, second: Model, method: str, parameters: Parameters) -> list[dict[str, Any]]:
    """One row a layer that both have in the same shape."""
    partners = {canonical(layer.key): layer for layer in second.layers}
    made = []
    for layer, _ in legacy.layers(first, parameters):
        partner = partners.get(canonical(layer.key))
        # Nothing but matrices has a CKA: WeightWatcher crashes on kernels of one axis.
        divide = cut if parameters.legacy and method != c.CKA else cut_by_position
        there = method == c.RAW or divide is cut or divisible(layer.shape, layer.kind)
        if partner is not None and partner.shape == layer.shape and there and 0 not in layer.shape:
            made.append(_row(first, second, layer, partner, method, divide))
    if not made:
        raise UsageError(
            "distances", "the models have no layer of the same name and shape", "Compare describe() of both"
        )
    return made


def _row(  # noqa: PLR0917
    first: Model, second: Model, layer: Layer, partner: Layer, method: str, divide: Divide
) -> dict[str, Any]:
    one, other = (_values(model, part.key) for model, part in ((first, layer), (second, partner)))
    raw = method == c.RAW
    bias = _biases(first, second, layer, partner) if raw else None
    pair = ([one], [other]) if raw else (_matrices(one, layer, divide), _matrices(other, layer, divide))
    return {
        "layer_id": layer.layer_id,
        "method": method,
        "name": layer.name,
        "longname": layer.longname,
        "delta_W": _norm(one - other) if raw else _mean(*pair, method),
        "delta_b": 0.0 if bias is None else _norm(bias[0] - bias[1]),
        "M": min(pair[0][0].shape),
        "N": max(pair[0][0].shape),
        "b_shape": c.UNKNOWN if bias is None else bias[0].shape,
    }


def _values(model: Model, key: str) -> Array:
    return np.asarray(model.reader.read(key)).astype(np.float64)


def _matrices(values: Array, layer: Layer, divide: Divide) -> list[Array]:
    found = divide(values, layer.kind)
    assert found is not None, "only layers with matrices are listed"
    return list(found.matrices)


def _mean(first: list[Array], second: list[Array], method: str) -> float:
    measured = [
        _norm(one - other) if method == c.EUCLIDEAN else uncentred_cka(one, other)
        for one, other in zip(first, second, strict=True)
    ]
    return math.fsum(measured) / len(measured)


def uncentred_cka(one: Array, other: Array) -> float:
    """‖W₁ᵀW₂‖/√(‖W₁ᵀW₁‖·‖W₂W₂ᵀ‖), Frobenius norms: the square root of linear CKA with the means left in."""
    return math.sqrt(linear_cka(one, other, centred=False))


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))


def _biases(first: Model, second: Model, layer: Layer, partner: Layer) -> tuple[Array, Array] | None:
    """Of layers whose biases WeightWatcher reads: dense ones of a module, any of a dict or file."""
    if first.reader.format == "module" and layer.kind != c.DENSE:
        return None
    found = []
    for model, part in ((first, layer), (second, partner)):
        key = part.key.removesuffix(WEIGHT) + ".bias" if part.key != "weight" else "bias"
        if key not in {info.name for info in model.reader.tensors()}:
            return None
        found.append(_values(model, key))
    return (found[0], found[1]) if found[0].shape == found[1].shape else None
