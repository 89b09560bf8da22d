"""Which matrix of one checkpoint belongs to which of another: those of one id, never those of one place in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from triplepoint.records import MatrixPlan, Reason, Unmatched

Pair: TypeAlias = tuple[MatrixPlan, MatrixPlan]


@dataclass(frozen=True, slots=True)
class Matched:
    """Pairs of plans in the order of the first checkpoint, and what has no partner."""

    matrices: tuple[Pair, ...]
    vectors: tuple[Pair, ...]
    unmatched: tuple[Unmatched, ...]


def match(first: Sequence[MatrixPlan], second: Sequence[MatrixPlan]) -> Matched:
    """Pairs of one id and one shape; slices follow their kernel.

    A fused weight is compared part by part where both checkpoints know the same parts, else as a whole. A weight that
    is tied in both is compared once, under the name that stands for it.
    """
    ones, others = _by_id(first), _by_id(second)
    vectors: list[Pair] = []
    matrices: list[Pair] = []
    unmatched: list[Unmatched] = []
    for id, one in ones.items():
        other = others.get(id)
        if other is None:
            unmatched.append(_without(one, "first"))
        elif one.reason is Reason.vector and other.reason is Reason.vector:
            if one.tensor_shape == other.tensor_shape:
                vectors.append((one, other))
            else:
                unmatched.append(_other_shape(one, one.tensor_shape, other.tensor_shape))
        elif _left_out(one) or _left_out(other) or (one.reason and other.reason):
            culprit = other if _left_out(other) and not _left_out(one) else one
            assert culprit.reason is not None
            unmatched.append(Unmatched(id, one.name, "both", culprit.reason, culprit.detail))
        elif (one.shape, one.slices) != (other.shape, other.slices):
            unmatched.append(_other_shape(one, _sides(one), _sides(other)))
        else:
            matrices.append((one, other))
    unmatched += [_without(other, "second") for id, other in others.items() if id not in ones]
    kept, rest = _parts_or_wholes(matrices, unmatched)
    return Matched(kept, tuple(vectors), rest)


def _by_id(plans: Sequence[MatrixPlan]) -> dict[str, MatrixPlan]:
    return {plan.id: plan for plan in plans if plan.slice is None}


def _left_out(plan: MatrixPlan) -> bool:
    """Whether it has no values to compare; a tied weight has."""
    return plan.reason not in (None, Reason.tied)


def _without(plan: MatrixPlan, side: str) -> Unmatched:
    known = plan.reason if _left_out(plan) and plan.reason is not Reason.vector else None
    return Unmatched(plan.id, plan.name, side, known or Reason.no_counterpart, plan.detail)


def _other_shape(plan: MatrixPlan, one: tuple[int, ...], other: tuple[int, ...]) -> Unmatched:
    return Unmatched(plan.id, plan.name, "both", Reason.other_shape, f"{_text(one)} and {_text(other)}")


def _text(sides: tuple[int, ...]) -> str:
    return " × ".join(str(side) for side in sides)


def _sides(plan: MatrixPlan) -> tuple[int, ...]:
    return (*((plan.slices,) if plan.slices > 1 else ()), *(plan.shape or ()))


def _parts_or_wholes(
    matrices: Sequence[Pair], unmatched: Sequence[Unmatched]
) -> tuple[tuple[Pair, ...], tuple[Unmatched, ...]]:
    """Of a fused weight its parts where they are matched; else its whole, and then its parts are no news."""
    apart = {(_whole_of(one.id), one.name) for one, _ in matrices if one.part is not None}
    kept = [pair for pair in matrices if (pair[0].id, pair[0].name) not in apart]
    together = {one.id for one, other in kept if one.secondary or other.secondary}
    return tuple(kept), tuple(row for row in unmatched if _whole_of(row.id) not in together)


def _whole_of(id: str) -> str:
    """The id of a part is that of its whole, a slash and a name."""
    return id.rpartition("/")[0].rstrip("/")
