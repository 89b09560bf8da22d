"""From headers to plans: which matrices a checkpoint holds, and why each other tensor is left out.

Convolutions follow WeightWatcher 0.7.7: the eigenvalues of all kernel positions are pooled with λ × 0.5, a
single position has λ × slices/2. The layout is torch's, (out, in, …); areas are never compared to guess it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from triplepoint.matrices.names import ids
from triplepoint.matrices.quantized import members
from triplepoint.matrices.rules import Rule, decide, model_types
from triplepoint.matrices.ties import tie_storage
from triplepoint.records import MatrixPlan, Reason, TensorInfo

MIN_SLICE_SIDE = 8
"""Smaller side below which a slice has too few eigenvalues for any statement and gets no row."""

MAX_POSITIONS = 4096
"""Kernel positions of a convolution, a 64 × 64 kernel; a tensor with more is a map or a table, not a kernel."""


def plan(tensors: Sequence[TensorInfo], config: Mapping[str, Any]) -> tuple[MatrixPlan, ...]:
    """One plan a tensor in stored order; a pooled convolution is followed by its slices.

    Ids are unique. Tensors that share their storage are analysed once (`ties.tie` adds the equal copies).
    Cost: 100,000 tensors take twice as long as reading their header.
    """
    quantized = members(tensors)
    types = model_types(config)
    names = ids([tensor.name for tensor in tensors])
    plans = [
        _whole(tensor, id, decide(tensor, id, quantized=tensor.name in quantized, model_types=types))
        for tensor, id in zip(tensors, names, strict=True)
    ]
    taken = set(names)
    return tuple(
        row
        for whole in tie_storage(plans, [t.storage for t in tensors])
        for row in (whole, *_slices(whole, taken))
    )


def _whole(tensor: TensorInfo, id: str, rule: Rule) -> MatrixPlan:
    reason, detail = (rule.reason, rule.detail) if rule.reason is not None else _misfit(tensor)
    if reason is not None:
        return _left_out(tensor, id, reason, detail)
    rows, columns, *kernel = tensor.shape
    return MatrixPlan(
        id=id,
        name=tensor.name,
        sources=(tensor.name,),
        tensor_shape=tensor.shape,
        dtype=tensor.dtype,
        kind=rule.kind,
        shape=(columns, rows) if "transpose" in rule.steps else (rows, columns),
        slices=math.prod(kernel),
        scale=0.5 if kernel else 1.0,
        steps=rule.steps,
    )


def _left_out(tensor: TensorInfo, id: str, reason: Reason, detail: str | None) -> MatrixPlan:
    return MatrixPlan(
        id=id,
        name=tensor.name,
        sources=(tensor.name,),
        tensor_shape=tensor.shape,
        dtype=tensor.dtype,
        counted=False,
        reason=reason,
        detail=detail,
    )


def _misfit(tensor: TensorInfo) -> tuple[Reason | None, str | None]:
    """Why the slices of a kernel have no spectrum; a single position is a matrix like any other."""
    positions = math.prod(tensor.shape[2:])
    if positions > MAX_POSITIONS:
        return Reason.unsupported_rank, f"{positions:,} kernel positions, more than {MAX_POSITIONS:,}"
    if positions > 1 and min(tensor.shape[:2]) == 1:
        return Reason.single_channel, None
    return None, None


def _slices(whole: MatrixPlan, taken: set[str]) -> list[MatrixPlan]:
    if whole.reason is not None or whole.slices == 1 or whole.side < MIN_SLICE_SIDE:
        return []
    separator = "/"
    while any(f"{whole.id}{separator}slice.{k}" in taken for k in range(whole.slices)):
        separator += "/"  # a tensor may be called `conv.weight/slice.0`
    return [
        replace(
            whole,
            id=f"{whole.id}{separator}slice.{k}",
            part=f"slice.{k}",
            slices=1,
            scale=whole.slices / 2,
            counted=False,
        )
        for k in range(whole.slices)
    ]
