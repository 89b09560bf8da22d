"""One row of a scan: a matrix, or a tensor that was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from triplepoint.records.classes import Classified
from triplepoint.records.measurements import Finding
from triplepoint.records.reasons import Reason
from triplepoint.records.traps import Trap

Status = Literal["ok", "skipped", "failed"]


class Phase(StrEnum):
    """The phase of a layer: gas, water or ice, or an honest abstention."""

    under_trained = "under_trained"
    well_trained = "well_trained"
    over_trained = "over_trained"
    undecided = "undecided"
    not_assessable = "not_assessable"


@dataclass(frozen=True, slots=True, eq=False)
class MatrixRow:
    """One entry of `matrices` in the scan output, version 1; fields in the order of the schema."""

    id: str
    name: str
    part: str | None
    sources: tuple[str, ...]
    tensor_shape: tuple[int, ...]
    dtype: str
    kind: str | None
    shape: tuple[int, int] | None
    """(rows, columns)."""
    scale: float
    num_eigenvalues: int | None
    method: str | None
    resolved_from: float | None
    """λ units; smaller eigenvalues are rounding noise."""
    status: Status
    reason: Reason | None
    counted: bool
    detail: str | None = None
    """Completes the reason: a name, a number; shown beside its sentence."""
    phase: Phase | None = None
    phase_confidence: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    metric_status: Mapping[str, Reason] = field(default_factory=dict)
    """Only metrics without a value."""
    findings: tuple[Finding, ...] = ()
    spectral_class: Classified | None = None
    traps: tuple[Trap, ...] = ()
    """Outliers of the shuffled matrix, the strongest first; `num_traps` counts them all."""
    singular_values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    """(num_eigenvalues,) descending; only when asked for."""
    shuffled_singular_values: np.ndarray[Any, np.dtype[np.float64]] | None = None
    """(num_eigenvalues,) descending, of the first draw of `--randomize`, pooled as the row's own; only when both were
    asked for."""
    seconds: float | None = None
    """Wall time of this matrix in its worker: read, spectrum, fit, metrics."""
    null_p: float | None = None
    """The p-value behind the phase, whatever metrics were asked for; not a field of the output."""
