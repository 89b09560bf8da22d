"""Truncating a product of two factors through the factors: W = c · L R, of rank r, is never formed.

    L = Q₁ T₁,  Rᵀ = Q₂ T₂,  T₁ T₂ᵀ = U S Vᵀ   ⇒   L' = Q₁ U √S,  R' = √S Vᵀ Q₂ᵀ

with the k leading columns of U and V. The factors come out balanced, with columns of equal lengths, and keep their
shapes: the other r − k columns are zero.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.analysis import Settings, examine
from triplepoint.edit.choosing import Left, chosen_counts, components
from triplepoint.edit.matrix import Change
from triplepoint.edit.wish import Wish
from triplepoint.matrices.decoding import low_rank
from triplepoint.records import LowRank, MatrixPlan, Reason

Array = np.ndarray[Any, Any]


def edited(
    wish: Wish, plan: MatrixPlan, arrays: list[Array], settings: Settings
) -> tuple[list[Array], Change] | Left:
    """The two stored factors, changed, in their types and shapes; or why they stay.

    `arrays`: what `plan.sources` hold. Only components can be kept: the noise of a product follows another law.
    """
    if wish.action != "keep" or wish.what == "spikes":
        return Left(Reason.low_rank)
    assert plan.decoding is not None, "a product is decoded"
    assert plan.decoded_shape is not None, "and has a shape"
    options: dict[str, Any] = dict(plan.decoding.options)
    try:
        values = low_rank.decode(arrays, plan.decoded_shape, **options)
        facts = examine(plan, values, settings)
        counts = Left(facts) if isinstance(facts, Reason) else chosen_counts(wish, facts)
        if isinstance(counts, Left) or isinstance(facts, Reason):
            return counts if isinstance(counts, Left) else Left(Reason.internal_error)
        with np.errstate(over="ignore", invalid="ignore"):
            new = [
                (factor.T if options.get("turned") else factor).reshape(stored.shape).astype(stored.dtype)
                for factor, stored in zip(truncated(values, counts[0]), arrays, strict=False)
            ]
    except (ValueError, np.linalg.LinAlgError):
        return Left(Reason.not_converged)
    if not all(np.all(np.isfinite(factor.astype(np.float64))) for factor in new):
        return Left(Reason.not_editable, f"entries would leave the range of {plan.dtype}")
    change = distance(values, low_rank.decode([*new, *arrays[2:]], plan.decoded_shape, **options))
    if change == 0:
        return Left(Reason.nothing_to_edit, f"the change is lost in rounding to {plan.dtype}")
    return new, Change(components(facts), counts[0], change)


def truncated(values: LowRank, count: int) -> tuple[Array, Array]:
    """Factors (rows, r) and (r, columns) of the `count` leading components, float64; the scale c stays outside."""
    left, one = np.linalg.qr(values.left.astype(np.float64))
    right, other = np.linalg.qr(values.right.T.astype(np.float64))
    u, s, vt = np.linalg.svd(one @ other.T, full_matrices=False)
    root = np.sqrt(s[:count])
    new = np.zeros(values.left.shape), np.zeros(values.right.shape)
    new[0][:, :count] = (left @ u[:, :count]) * root
    new[1][:count] = root[:, None] * (vt[:count] @ right.T)
    return new


def distance(before: LowRank, after: LowRank) -> float:
    """‖W' − W‖/‖W‖ in the Frobenius norm of two products with one c: of [L' L] [R'; −R] in its triangles."""
    both = LowRank(
        np.concatenate([after.left, before.left], axis=1, dtype=np.float64),
        np.concatenate([after.right, -before.right.astype(np.float64)], dtype=np.float64),
    )
    return _norm(both) / _norm(replace(before, factor=1.0))


def _norm(values: LowRank) -> float:
    one: Array = np.asarray(np.linalg.qr(values.left.astype(np.float64), mode="r"))
    other: Array = np.asarray(np.linalg.qr(values.right.T.astype(np.float64), mode="r"))
    return math.sqrt(float(np.sum(np.square(one @ other.T))))
