"""The weights that training began from, matched to those of a checkpoint by the ids of their matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from triplepoint.errors import TriplepointError, UsageError
from triplepoint.matrices.forming import form, load
from triplepoint.records import MatrixPlan, PackedRows, Reason, Values


class Reads(Protocol):
    """What is needed of a reader."""

    def read(self, name: str, at: int | None = None) -> np.ndarray[Any, Any] | PackedRows:
        """The tensor, or one entry of it."""

    def release(self, name: str) -> None:
        """It has been dealt with."""


@dataclass(frozen=True, slots=True, eq=False)
class Initial:
    """A second checkpoint, open beside the first."""

    source: str
    digest: str
    _reader: Reads
    _plans: Mapping[str, MatrixPlan]

    @staticmethod
    def of(
        source: str, digest: str, reader: Reads, plans: Sequence[MatrixPlan], wanted: Sequence[MatrixPlan]
    ) -> Initial:
        """Plans of both checkpoints, by id; a UsageError where they have no matrix in common.

        Tied weights are planned once on either side, under names that need not agree: pass plans from before `tie`.
        """
        by_id = {plan.id: plan for plan in plans if plan.shape is not None}
        asked = [plan for plan in wanted if plan.reason is None]
        if asked and not any(_same(by_id.get(plan.id), plan) for plan in asked):
            found = f"none of its {len(by_id):,} matrices has the id and shape of one that is scanned"
            example = next(iter(by_id), None)
            ids = f"{asked[0].id!r} here" + ("" if example is None else f" and {example!r} there")
            raise UsageError(
                f"compare with the initial weights {source}",
                found,
                f"Ids look like {ids}; name another --init",
            )
        return Initial(source, digest, reader, by_id)

    def matrix(self, plan: MatrixPlan) -> Values | Reason:
        """W⁰ for this row, formed as its W is."""
        other = self._plans.get(plan.id)
        if other is None or not _same(other, plan) or other.reason not in (None, Reason.tied):
            return Reason.not_in_init
        whole = replace(other, slice=None, reason=None)
        try:
            formed = form(whole, load(whole, self._reader.read)).values
        except (TriplepointError, OSError):
            return Reason.unreadable
        finally:
            for name in other.sources:
                self._reader.release(name)
        if other.slice is not None and isinstance(formed, np.ndarray):
            return formed[other.slice : other.slice + 1]
        return formed


def _same(other: MatrixPlan | None, plan: MatrixPlan) -> bool:
    return other is not None and (other.shape, other.slices, other.slice) == (
        plan.shape,
        plan.slices,
        plan.slice,
    )
