"""From stored tensors to the values that are decomposed, by the layout of their plan and without copying."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from triplepoint.matrices import decoding, layouts
from triplepoint.records import LowRank, MatrixPlan, PackedRows, Values, WeightMatrix

Array = np.ndarray[Any, Any]
ReadPart = Callable[[str, int | None], Array | PackedRows]


def load(plan: MatrixPlan, read: ReadPart) -> Values:
    """The values before they are arranged, of one entry where the plan is of a stack.

    Codes are decoded here, so that the parts of one weight share the work. Raises ValueError for a plan that is left
    out or an array of another shape.
    """
    if plan.reason is not None:
        raise ValueError(f"{plan.id!r} is left out: {plan.reason.value}")
    arrays = [read(name, plan.at) for name in plan.sources]
    shape = plan.tensor_shape if plan.decoded_shape is None else plan.decoded_shape
    wanted = shape if plan.at is None else shape[1:]
    values: Values = arrays[0]
    if plan.decoding is not None:
        values = decoding.decode(plan.decoding, [np.asarray(array) for array in arrays], wanted)
    if not isinstance(values, LowRank) and values.shape != wanted:
        raise ValueError(f"{plan.id!r} is planned for {wanted}, not {values.shape}")
    return values


def form(plan: MatrixPlan, loaded: Values) -> WeightMatrix:
    """Values as (slices, rows, columns), a view of `loaded` unless a convolution is stored non-contiguously.

    Of a fused part its rows alone. A slice row has no values of its own: slice K is `values[K]` of its whole; asking
    for one is a ValueError.
    """
    if plan.slice is not None:
        raise ValueError(f"{plan.id!r} is a slice; form its whole")
    if isinstance(loaded, LowRank):
        return WeightMatrix(plan, loaded)
    if isinstance(loaded, PackedRows):
        if plan.layout == "out,in" and plan.piece is None:
            return WeightMatrix(plan, loaded)
        loaded = np.asarray(loaded)
    values = layouts.arrange(loaded, plan.layout)
    if plan.piece is not None:
        values = layouts.piece(values, _fitted(plan), plan.piece)
    return WeightMatrix(plan, values)


def put(plan: MatrixPlan, whole: Array, values: Array) -> None:
    """Write the matrix of a plan back to `whole`, its tensor as (slices, rows, columns), in place; contiguous."""
    if plan.piece is None:
        whole[:] = values
    else:
        layouts.put_piece(whole, _fitted(plan), plan.piece, values)


def _fitted(plan: MatrixPlan) -> layouts.Fitted:
    shape = plan.tensor_shape if plan.decoded_shape is None else plan.decoded_shape
    fitted = layouts.fit(plan.layout, shape)
    assert fitted is not None, "it was fitted to this very shape"
    return fitted


def stored_index(plan: MatrixPlan, slice: int, row: int, column: int) -> tuple[int, ...] | None:
    """Where one entry of the formed matrix stands in its tensor; None where no single stored number is that entry."""
    if len(plan.sources) != 1 or plan.decoding is not None or plan.decoded_shape is not None:
        return None
    if plan.piece is not None:
        row = layouts.row_of_whole(_fitted(plan), plan.piece, row)
    if plan.at is None:
        return layouts.stored(plan.layout, plan.tensor_shape, (slice, row, column))
    return (plan.at, *layouts.stored(plan.layout, plan.tensor_shape[1:], (slice, row, column)))
