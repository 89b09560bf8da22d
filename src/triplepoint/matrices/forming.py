"""From a stored tensor to the values that are decomposed, by the steps of its plan and without copying."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.records import MatrixPlan, WeightMatrix


def form(plan: MatrixPlan, array: np.ndarray[Any, Any]) -> WeightMatrix:
    """Values as (slices, rows, columns), a view of `array` unless a convolution is stored non-contiguously.

    Steps: `conv:slices` makes (out, in, …) into (kernel positions, out, in) · `transpose` exchanges rows and
    columns. A slice row has no values of its own: slice K is `values[K]` of its whole. Raises ValueError for a
    plan that is left out or of a part, an array of another shape or an unknown step.
    """
    if plan.reason is not None:
        raise ValueError(f"{plan.id!r} is left out: {plan.reason.value}")
    if plan.part is not None:
        raise ValueError(f"{plan.id!r} is a part; form the whole tensor's plan")
    if array.shape != plan.tensor_shape:
        raise ValueError(f"{plan.id!r} is planned for {plan.tensor_shape}, not {array.shape}")
    values = array if plan.steps[:1] == ("conv:slices",) else array[None]
    for step in plan.steps:
        if step == "conv:slices":
            values = values.reshape(*values.shape[:2], -1).transpose(2, 0, 1)
        elif step == "transpose":
            values = values.swapaxes(-1, -2)
        else:
            raise ValueError(f"{plan.id!r} has the unknown step {step!r}")
    return WeightMatrix(plan, values)
