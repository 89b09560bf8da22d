"""A whole scan: rows, summary, findings, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from triplepoint import showing
from triplepoint.records.classes import SpectralClass
from triplepoint.records.measurements import Finding
from triplepoint.records.reasons import Reason
from triplepoint.records.rows import MatrixRow, Phase

if TYPE_CHECKING:
    import os

    import pandas
    import polars
    import pyarrow

SCHEMA = "triplepoint.scan/1"
FALSE_DISCOVERY_RATE = 0.01
"""Level at which the count of matrices that differ from noise is controlled (Benjamini–Hochberg)."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything needed to reproduce the numbers."""

    version: str
    source: str
    """As given: a path, or the class name of the object."""
    format: str
    digest: str
    """`blake2b:` + hex over headers and file sizes; see `checkpoints` of each format for what it covers."""
    seed: int
    settings: Mapping[str, Any]
    environment: Mapping[str, str]
    seconds: float
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class ReplicaDiscoveries:
    """Counted rows against the replicas of `--null`."""

    rejected: int
    """Rows that differ from them at `FALSE_DISCOVERY_RATE` (Benjamini–Hochberg)."""
    tested: int
    beyond: int
    """Rows that lie beyond every one of their B replicas: p = 1/(B + 1). They can be rejected only where
    B ≥ tested/(rate · beyond) − 1."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The model in a few numbers; means over counted rows where the metric has a value."""

    metrics: Mapping[str, tuple[float | None, int]]
    """{metric: (mean, n)}."""
    phases: Mapping[Phase, int]
    """Counts over counted rows."""
    findings: Mapping[str, int]
    """{severity: count}."""
    skipped: Mapping[Reason, int]
    """Tensors left out or failed, by reason."""
    null_rejected: int
    """Counted rows that differ from noise at `FALSE_DISCOVERY_RATE`."""
    null_tested: int
    classes: Mapping[SpectralClass, int] = field(default_factory=dict)
    """Spectral classes over counted rows that have one."""
    replicas: ReplicaDiscoveries | None = None
    """None where `--null` drew none."""
    totals: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    """{metric: (sum, n)} over the same rows, of the metrics that are published as sums over a model."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scan:
    """Result of `triplepoint.scan`."""

    provenance: Provenance
    matrices: tuple[MatrixRow, ...]
    """In the order of the checkpoint's names."""
    summary: Summary

    def __getitem__(self, id: str) -> MatrixRow:
        """The row with this id; a missing one raises KeyError with near names."""
        for row in self.matrices:
            if row.id == id:
                return row
        import difflib

        near = difflib.get_close_matches(id, [row.id for row in self.matrices], n=3)
        raise KeyError(f"no matrix {id!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))

    @property
    def findings(self) -> tuple[tuple[str, Finding], ...]:
        """(matrix id, finding) of every row, in row order."""
        return tuple((row.id, finding) for row in self.matrices for finding in row.findings)

    def __repr__(self) -> str:
        phases = ", ".join(f"{count} {phase}" for phase, count in self.summary.phases.items() if count)
        return (
            f"<Scan of {self.provenance.source!r}: {len(self.matrices)} rows; {phases or 'nothing assessed'}>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: verdict, strip of layers, worst rows, findings; static, without a script."""
        return str(showing.show(self, "html"))

    @property
    def plot(self) -> Any:
        """Figures of this scan for papers, such as `scan.plot.alpha()`; see `triplepoint.figures.plots.ScanPlots`.

        Each returns matplotlib's `Axes`; needs `triplepoint[figures]`.
        """
        return showing.show(self, "plot")

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's C stream, so that any data frame library takes a scan as it is; needs `triplepoint[frames]`."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_dict(self) -> dict[str, Any]:
        """The scan output, version 1, as plain JSON types."""
        from triplepoint.records import codec

        return codec.scan_to_dict(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write JSON (`.json`) or JSON lines (`.jsonl`: provenance, one line a matrix, summary)."""
        from triplepoint.records import codec

        codec.save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Scan:
        """Read what `save` wrote; equal in every number."""
        from triplepoint.records import codec

        return codec.load(path)

    def to_pandas(self) -> pandas.DataFrame:
        """One row a matrix, one column a field or metric; needs `triplepoint[frames]`."""
        from triplepoint.records import frames

        return frames.to_pandas(self)

    def to_polars(self) -> polars.DataFrame:
        """As `to_pandas`, for polars."""
        from triplepoint.records import frames

        return frames.to_polars(self)

    def to_arrow(self) -> pyarrow.Table:
        """As `to_pandas`, for Arrow."""
        from triplepoint.records import frames

        return frames.to_arrow(self)
