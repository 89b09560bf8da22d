"""How far two checkpoints lie apart, matrix by matrix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from triplepoint.records.reasons import Reason

if TYPE_CHECKING:
    import pandas

DISTANCES = "triplepoint.distances/1"


@dataclass(frozen=True, slots=True)
class MatrixDistance:
    """One matrix A of the first checkpoint and its counterpart B of the second, both as stored; None as not asked for.

    A kernel has several slices Aₛ, everything else one.
    """

    id: str
    name: str
    """As stored in the first."""
    part: str | None
    kind: str | None
    shape: tuple[int, int]
    """(rows, columns), of one slice."""
    slices: int
    counted: bool
    """Whether it enters the means, as in a scan of the first."""
    frobenius: float | None = None
    """‖A − B‖_F over all slices."""
    relative: float | None = None
    """‖A − B‖_F/‖A‖_F; None where A is zero."""
    euclidean: float | None = None
    """Mean of ‖Aₛ − Bₛ‖_F over the slices."""
    spectral: float | None = None
    """‖A − B‖₂, the largest of the slices."""
    cka: float | None = None
    """Linear CKA with the means of the columns taken out, rows the observations; mean over the slices."""
    cka_uncentred: float | None = None
    """The same with the means left in."""
    overlap: float | None = None
    """Mean of √(uncentred CKA) over the slices: what WeightWatcher calls cka."""
    overlap_rows: float | None = None
    """‖UᵀŨ‖_F²/k of the k leading left singular vectors, 1 for one subspace; mean over the slices."""
    overlap_columns: float | None = None
    """The same of the right singular vectors."""
    reason: Reason | None = None
    """Why numbers are missing."""
    detail: str | None = None

    @property
    def status(self) -> str:
        """`ok` or `failed`."""
        return "ok" if self.reason is None else "failed"


@dataclass(frozen=True, slots=True)
class VectorDistance:
    """A bias, gain or other vector of both checkpoints."""

    id: str
    name: str
    length: int
    bias: bool
    """By its name; the others are gains of norms and the like."""
    euclidean: float | None
    """‖a − b‖₂"""
    relative: float | None
    """‖a − b‖₂/‖a‖₂; None where a is zero."""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A matrix or vector that was not compared."""

    id: str
    name: str
    side: str
    """`first` or `second`: the checkpoint that has it; `both` where the shapes differ or neither can be analysed."""
    reason: Reason
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Distances:
    """Matched by id, in the order of the first checkpoint."""

    first: str
    second: str
    method: str
    """all · raw · euclidean · cka"""
    matrices: tuple[MatrixDistance, ...]
    vectors: tuple[VectorDistance, ...]
    unmatched: tuple[Unmatched, ...]
    version: str
    directions: int = 0
    """k of `overlap_rows` and `overlap_columns`; 0 where they were not asked for."""

    def mean(self, measure: str) -> float | None:
        """Mean of one of the numbers over counted matrices that have it: `mean("relative")`; None where none has."""
        return _mean(getattr(row, measure) for row in self.matrices if row.counted)

    @property
    def avg_dW(self) -> float | None:
        """Mean over matrices of what the method asks for: ‖A − B‖_F (`all`, `raw`), its mean over slices, or CKA."""
        return self.mean({"euclidean": "euclidean", "cka": "cka"}.get(self.method, "frobenius"))

    @property
    def avg_db(self) -> float | None:
        """Mean of ‖a − b‖₂ over biases."""
        return _mean(row.euclidean for row in self.vectors if row.bias)

    def __getitem__(self, id: str) -> MatrixDistance:
        for row in self.matrices:
            if row.id == id:
                return row
        raise KeyError(id)

    def __repr__(self) -> str:
        return (
            f"<Distances of {self.first!r} and {self.second!r}: {len(self.matrices)} matrices, "
            f"{len(self.vectors)} vectors, {len(self.unmatched)} not compared>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, schema `triplepoint.distances/1`."""
        return {
            "schema": DISTANCES,
            "version": self.version,
            "first": self.first,
            "second": self.second,
            "method": self.method,
            "directions": self.directions,
            "avg_dW": self.avg_dW,
            "avg_db": self.avg_db,
            "matrices": [_plain(row) | {"status": row.status} for row in self.matrices],
            "vectors": [_plain(row) for row in self.vectors],
            "unmatched": [_plain(row) for row in self.unmatched],
        }

    def to_pandas(self) -> pandas.DataFrame:
        """One row a matrix; needs `triplepoint[frames]`."""
        from triplepoint.records.frames import table_of

        return table_of([_plain(row) | {"status": row.status} for row in self.matrices])


def _mean(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _plain(record: Any) -> dict[str, Any]:
    found = {field.name: getattr(record, field.name) for field in fields(record)}
    return {key: _json(value) for key, value in found.items()}


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, Reason) else value
