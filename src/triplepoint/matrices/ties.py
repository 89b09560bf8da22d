"""Tied weights: the same matrix under two names is analysed and counted once.

In memory equal storage decides. Files cannot share storage, they repeat the bytes; there only pairs that
models are known to tie are compared: an output head with an embedding, an embedding with an embedding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from triplepoint.errors import UnreadableCheckpoint
from triplepoint.matrices.names import owner
from triplepoint.records import MatrixPlan, Reason

_HEAD = re.compile(
    r"lm_head|embed_out|output|decoder|proj_out|head|output_projection|vocab_projector|unembed"
)
_CHUNK_BYTES = 4 * 2**20


def tie_storage(plans: Sequence[MatrixPlan], storages: Sequence[tuple[int, ...] | None]) -> list[MatrixPlan]:
    """Of analysed plans with one storage, shape and type only the first stays, an embedding before others."""
    kept: dict[tuple[Any, ...], MatrixPlan] = {}
    keys = [(storage, plan.tensor_shape, plan.dtype) for plan, storage in zip(plans, storages, strict=True)]
    for plan, key in zip(plans, keys, strict=True):
        if plan.reason is None and key[0] is not None:
            first = kept.setdefault(key, plan)
            if plan.kind == "embedding" and first.kind != "embedding":
                kept[key] = plan
    return [
        tied(plan, keeper) if plan.reason is None and (keeper := kept.get(key, plan)) is not plan else plan
        for plan, key in zip(plans, keys, strict=True)
    ]


def tie(plans: Sequence[MatrixPlan], read: Callable[[str], Any]) -> tuple[MatrixPlan, ...]:
    """The plans with repeated embeddings and heads left out; `read` is called for candidates only.

    Two different matrices are told apart within their first 4 MiB, equal ones are read to the end. A tensor
    that cannot be read stays: its own analysis will say so.
    """
    embeddings: dict[tuple[Any, ...], list[MatrixPlan]] = {}
    repeated: dict[str, MatrixPlan] = {}

    def against(plan: MatrixPlan) -> None:
        for other in embeddings.get((plan.tensor_shape, plan.dtype), ()):
            if _equal(plan, other, read):
                repeated[plan.id] = tied(plan, other)
                return

    for plan in plans:
        if plan.reason is None and plan.kind == "embedding" and plan.part is None:
            against(plan)
            if plan.id not in repeated:
                embeddings.setdefault((plan.tensor_shape, plan.dtype), []).append(plan)
    for plan in plans:
        if plan.reason is None and plan.kind == "dense" and _HEAD.fullmatch(owner(plan.id)):
            against(plan)
    return tuple(repeated.get(plan.id, plan) for plan in plans)


def tied(plan: MatrixPlan, keeper: MatrixPlan) -> MatrixPlan:
    """The plan left out because `keeper` stands for it."""
    return replace(plan, counted=False, reason=Reason.tied, detail=keeper.id)


def _equal(one: MatrixPlan, other: MatrixPlan, read: Callable[[str], Any]) -> bool:
    """Byte by byte, so that NaN equals itself; of codes their scales too."""
    if one.decoding != other.decoding or len(one.sources) != len(other.sources):
        return False
    try:
        return all(
            _same(read(left), read(right)) for left, right in zip(one.sources, other.sources, strict=True)
        )
    except UnreadableCheckpoint:
        return False


def _same(left: Any, right: Any) -> bool:
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if not left.shape:
        return bool(left.tobytes() == right.tobytes())
    count = left.shape[0]
    rows = max(1, _CHUNK_BYTES * count // max(1, left.size * left.dtype.itemsize))
    return all(
        left[at : at + rows].tobytes() == right[at : at + rows].tobytes() for at in range(0, count, rows)
    )
