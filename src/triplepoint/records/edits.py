"""An edit of a checkpoint: what was done to every matrix, and what the scan says before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from triplepoint.records import encoding
from triplepoint.records.reasons import Reason
from triplepoint.records.rows import Phase
from triplepoint.records.scans import Scan

SCHEMA = "triplepoint.edit/1"
METRICS = (
    *("alpha", "alpha_low", "alpha_high", "num_tail", "stable_rank", "log_spectral_norm"),
    *("mp_edge", "bulk_edge", "num_spikes", "num_traps", "ecs_num"),
)
"""What is compared; all else is in the two scans."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a scan says of one matrix."""

    metrics: Mapping[str, float | None]
    """Those of `METRICS` that were measured."""
    phase: Phase | None
    singular_values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    """(components,) descending; only when asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class EditedMatrix:
    """One matrix that the edit was to change."""

    id: str
    name: str
    """Parameter name as stored."""
    part: str | None
    kind: str | None
    shape: tuple[int, int] | None
    """(rows, columns), of one slice of a convolution."""
    dtype: str
    changed: bool
    reason: Reason | None
    """Why it stays as it is; None where it was changed."""
    detail: str | None
    components: int | None
    """Singular values that it has, of all slices together; None where it was not looked at."""
    kept: int | None
    """Those that are left; None where it was not changed, or lost traps, which changes all of them."""
    change: float | None
    """‖W' − W‖/‖W‖ in the Frobenius norm, rounding to the stored type included."""
    traps_removed: int | None
    traps_elsewhere: int | None
    """Traps that another shuffle of the edited matrix has."""
    before: Reading
    after: Reading
    """The same as `before` where nothing was changed."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EditReport:
    """Result of `triplepoint.edit_checkpoint`."""

    version: str
    source: str
    format: str
    digest: str
    """Of the source."""
    edit: str
    """`keep ecs` · `keep 12` · `keep 10%` · `remove traps` · `shrink` …"""
    seed: int
    settings: Mapping[str, Any]
    """Plain JSON values."""
    output: str | None
    """Where the copy was written; None for a dry run, and where nothing was changed."""
    dry_run: bool
    matrices: tuple[EditedMatrix, ...]
    """Every matrix that was to change, in the order of the checkpoint; those left as they are with their reason."""
    before: Scan
    after: Scan
    """Of what was written, read back; of a dry run, of what would be."""
    notes: tuple[str, ...] = ()
    """Sentences on tied tensors and on files that were not copied."""
    seconds: float = field(default=0.0)

    @property
    def changed(self) -> tuple[EditedMatrix, ...]:
        """Those that were changed."""
        return tuple(matrix for matrix in self.matrices if matrix.changed)

    def __getitem__(self, id: str) -> EditedMatrix:
        """The matrix with this id; KeyError where the edit was not to change it."""
        for matrix in self.matrices:
            if matrix.id == id:
                return matrix
        raise KeyError(f"no edited matrix {id!r}")

    def __repr__(self) -> str:
        return f"<Edit of {self.source!r}: {self.edit}, {len(self.changed)} of {len(self.matrices)} changed>"

    def to_dict(self) -> dict[str, Any]:
        """The edit output, version 1, as plain JSON types."""
        return {
            "schema": SCHEMA,
            "provenance": {
                "version": self.version,
                "source": self.source,
                "format": self.format,
                "digest": self.digest,
                "edit": self.edit,
                "seed": self.seed,
                "settings": dict(self.settings),
                "output": self.output,
                "dry_run": self.dry_run,
                "seconds": _number(self.seconds),
            },
            "matrices": [_matrix(matrix) for matrix in self.matrices],
            "summary": {
                "changed": len(self.changed),
                "unchanged": len(self.matrices) - len(self.changed),
                "before": encoding.summary(self.before.summary),
                "after": encoding.summary(self.after.summary),
            },
            "notes": list(self.notes),
        }


def _matrix(matrix: EditedMatrix) -> dict[str, Any]:
    return {
        "id": matrix.id,
        "name": matrix.name,
        "part": matrix.part,
        "kind": matrix.kind,
        "shape": None if matrix.shape is None else list(matrix.shape),
        "dtype": matrix.dtype,
        "changed": matrix.changed,
        "reason": None if matrix.reason is None else matrix.reason.value,
        "detail": matrix.detail,
        "components": matrix.components,
        "kept": matrix.kept,
        "change": _number(matrix.change),
        "traps_removed": matrix.traps_removed,
        "traps_elsewhere": matrix.traps_elsewhere,
        "before": _reading(matrix.before),
        "after": _reading(matrix.after),
    }


def _reading(reading: Reading) -> dict[str, Any]:
    document: dict[str, Any] = {
        "metrics": {name: _number(value) for name, value in reading.metrics.items()},
        "phase": None if reading.phase is None else reading.phase.value,
    }
    if reading.singular_values is not None:
        document["singular_values"] = reading.singular_values.tolist()
    return document


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
