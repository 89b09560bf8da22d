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
from triplepoint.records import MatrixPlan, TensorInfo

MIN_SLICE_SIDE = 8
"""Smaller side below which a slice has too few eigenvalues for any statement and gets no row."""

MAX_SLICE_ROWS = 4096
"""Kernel positions that get rows of their own; a 64 × 64 kernel. Pooling has no limit."""


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
    shape: tuple[int, int] | None = None
    kernel: list[int] = []
    if rule.reason is None:
        rows, columns, *kernel = tensor.shape
        shape = (columns, rows) if "transpose" in rule.steps else (rows, columns)
    return MatrixPlan(
        id=id,
        name=tensor.name,
        sources=(tensor.name,),
        tensor_shape=tensor.shape,
        dtype=tensor.dtype,
        kind=rule.kind,
        shape=shape,
        slices=math.prod(kernel),
        scale=0.5 if kernel else 1.0,
        steps=rule.steps,
        counted=rule.reason is None,
        reason=rule.reason,
    )


def _slices(whole: MatrixPlan, taken: set[str]) -> list[MatrixPlan]:
    if whole.reason is not None or not 1 < whole.slices <= MAX_SLICE_ROWS or whole.side < MIN_SLICE_SIDE:
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
            steps=(*whole.steps, f"slice:{k}"),
            counted=False,
        )
        for k in range(whole.slices)
    ]
