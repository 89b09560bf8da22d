"""One layer → its rows, in the order in which WeightWatcher 0.7.7 computes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from triplepoint import checkpoints
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.filters import kept_by_weightwatcher
from triplepoint.compat.weightwatcher.layers import Layer, Model
from triplepoint.compat.weightwatcher.legacy import bulk, matrices, power_law, spectrum
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.errors import TriplepointError

Array = np.ndarray[Any, Any]
Row = dict[str, Any]


def layers(model: Model, parameters: Parameters) -> list[tuple[Layer, tuple[int, int, int]]]:
    """The layers that WeightWatcher analyses, each with (N, M, rf)."""
    found = []
    own = [layer for layer in model.layers if layer.seen]
    for layer in kept_by_weightwatcher(own, parameters.filters):
        sides = matrices.sides(layer.shape, layer.kind)
        if sides is not None and within(sides, parameters):
            found.append((layer, sides))
    return found


def within(sides: tuple[int, int, int], parameters: Parameters) -> bool:
    """Whether the number of eigenvalues and the larger side are within the limits."""
    N, M, rf = sides
    count = M * rf if parameters.pool else M
    return (
        count >= parameters.min_evals and count <= (parameters.max_evals or count) and parameters.max_N >= N
    )


def of_layer(layer: Layer, sides: tuple[int, int, int]) -> Row:
    """The columns of every row."""
    N, M, rf = sides
    return {
        "layer_id": layer.layer_id,
        "name": layer.name,
        "longname": layer.longname,
        "layer_type": layer.kind,
        "N": N,
        "M": M,
        "Q": N / M if M > 0 else -1,
        "rf": rf,
    }


def values_of(reader: checkpoints.Reader, key: str) -> Array:
    """A weight as WeightWatcher holds it: float32, but NumPy arrays in a dict as they are."""
    values = np.asarray(reader.read(key))
    return values if reader.format in ("arrays", "npy", "npz") else values.astype(np.float32)


def cuts(model: Model, layer: Layer, parameters: Parameters, base: Model | None) -> list[matrices.Cut]:
    """The matrices of each row of a layer: one pooled, or one a kernel position."""
    values = values_of(model.reader, layer.key)
    if base is not None:
        values = values - values_of(base.reader, layer.key)
    whole = matrices.cut(values, layer.kind)
    if whole is None:
        return []
    apart = not parameters.pool and layer.kind == c.CONV2D
    found = matrices.slices(whole) if apart else [whole]
    return [matrices.normalised(one, layer.kind, parameters.conv2d_norm) for one in found]


def analyzed(model: Model, parameters: Parameters, base: Model | None = None) -> Iterator[Row]:
    """Every row. One random stream runs through all layers, as `np.random.seed(seed)` before `analyze` gives it.

    A layer that cannot be read or decomposed, for which WeightWatcher loses the whole run, is a row that says so.
    """
    random = np.random.RandomState(parameters.seed)
    for layer, sides in layers(model, parameters):
        described = of_layer(layer, sides)
        try:
            found = cuts(model, layer, parameters, base)
        except (TriplepointError, OSError, KeyError, ValueError):
            found = []
            yield {**described, "has_esd": False, "status": c.FAILED, "warning": ""}
        for index, cut in enumerate(found):
            row = dict(described)
            if not parameters.pool:
                row["slice_id"] = index
            try:
                row.update(_measured(cut, parameters, random))
            except (ValueError, IndexError, np.linalg.LinAlgError):
                row.update(has_esd=False, status=c.FAILED, warning="")
            yield row


def _measured(cut: matrices.Cut, parameters: Parameters, random: np.random.RandomState) -> Row:
    found = spectrum.esd(cut, inverse=parameters.inverse)
    values = found.eigenvalues
    row: Row = {
        "has_esd": True,
        "num_evals": values.size,
        "sv_max": found.sv_max,
        "sv_min": found.sv_min,
        "rank_loss": found.rank_loss,
        "weak_rank_loss": int(np.count_nonzero(values < parameters.tolerance)),
        "lambda_max": float(values[-1]),
    }
    row |= power_law.columns(
        values,
        drop=parameters.drop,
        fingers=parameters.fix_fingers == c.CLIP_XMAX,
        max_fingers=parameters.max_fingers,
        threshold=parameters.finger_thresh,
    )
    alpha = row["alpha"]
    row["warning"] = (
        c.OVER_TRAINED
        if alpha < c.OVER_TRAINED_THRESH
        else c.UNDER_TRAINED
        if alpha > c.UNDER_TRAINED_THRESH
        else ""
    )
    if parameters.mp_fit:
        row |= bulk.mp_fit(values, cut.N, cut.M)
    if parameters.randomize:
        row |= bulk.randomized(cut, values, random, inverse=parameters.inverse)
    if parameters.detX:
        row |= bulk.trace_log(values, row["num_pl_spikes"])
    return row | spectrum.norms(values, alpha, cut.N)
