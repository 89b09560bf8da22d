"""Frozen, slotted records: shapes and units stand beside the fields, the normalisation lives on the record."""

from triplepoint.records.bulk import BulkFit, Noise, Noises, Signal, TraceLog
from triplepoint.records.classes import Classified, SpectralClass
from triplepoint.records.distances import Distances, MatrixDistance, Unmatched, VectorDistance
from triplepoint.records.entries import EntryStatistics
from triplepoint.records.fits import PowerLawFit
from triplepoint.records.initial import InitialAlignment, InitialDistance, InitialWeights
from triplepoint.records.landscape import CurveTraining, Hessian, PathLosses, TopCurvature, TotalCurvature
from triplepoint.records.measurements import Finding, Measurement, Severity
from triplepoint.records.model import (
    AbsoluteTolerance,
    CircularDistances,
    CircularNorms,
    MagnitudeSum,
    MagnitudeTolerance,
    Margins,
    PathNorm,
    PositiveMargin,
    SampleSize,
    Tolerance,
    WeightDistances,
    WeightNorms,
)
from triplepoint.records.nulls import AlphaNull, BulkNull
from triplepoint.records.parts import is_slice, primary
from triplepoint.records.reasons import Reason
from triplepoint.records.rows import MatrixRow, Phase
from triplepoint.records.runs import (
    RESERVED_SCALARS,
    Alert,
    AlertState,
    Cost,
    Event,
    Frame,
    ScalarPoint,
    Visit,
    VisitKind,
)
from triplepoint.records.scans import Provenance, ReplicaDiscoveries, Scan, Summary
from triplepoint.records.spectra import Spectrum
from triplepoint.records.tails import (
    Clipped,
    GoodnessOfFit,
    TailComparison,
    TailFit,
    TailFits,
    TailIndices,
    TiledIndex,
)
from triplepoint.records.tensors import TensorInfo
from triplepoint.records.trajectories import ChangePoint, ChangePoints, Crossing, Delay, Slope, Trajectory
from triplepoint.records.traps import Cause, Randomized, ReplicaNull, Trap, TrapEntry, Traps
from triplepoint.records.vectors import MeanVariance, VectorPart, VectorSide, VectorStatistics
from triplepoint.records.weights import Decoding, LowRank, MatrixPlan, PackedRows, Values, WeightMatrix

__all__ = [
    "RESERVED_SCALARS",
    "AbsoluteTolerance",
    "Alert",
    "AlertState",
    "AlphaNull",
    "BulkFit",
    "BulkNull",
    "Cause",
    "ChangePoint",
    "ChangePoints",
    "CircularDistances",
    "CircularNorms",
    "Classified",
    "Clipped",
    "Cost",
    "Crossing",
    "CurveTraining",
    "Decoding",
    "Delay",
    "Distances",
    "EntryStatistics",
    "Event",
    "Finding",
    "Frame",
    "GoodnessOfFit",
    "Hessian",
    "InitialAlignment",
    "InitialDistance",
    "InitialWeights",
    "LowRank",
    "MagnitudeSum",
    "MagnitudeTolerance",
    "Margins",
    "MatrixDistance",
    "MatrixPlan",
    "MatrixRow",
    "MeanVariance",
    "Measurement",
    "Noise",
    "Noises",
    "PackedRows",
    "PathLosses",
    "PathNorm",
    "Phase",
    "PositiveMargin",
    "PowerLawFit",
    "Provenance",
    "Randomized",
    "Reason",
    "ReplicaDiscoveries",
    "ReplicaNull",
    "SampleSize",
    "ScalarPoint",
    "Scan",
    "Severity",
    "Signal",
    "Slope",
    "SpectralClass",
    "Spectrum",
    "Summary",
    "TailComparison",
    "TailFit",
    "TailFits",
    "TailIndices",
    "TensorInfo",
    "TiledIndex",
    "Tolerance",
    "TopCurvature",
    "TotalCurvature",
    "TraceLog",
    "Trajectory",
    "Trap",
    "TrapEntry",
    "Traps",
    "Unmatched",
    "Values",
    "VectorDistance",
    "VectorPart",
    "VectorSide",
    "VectorStatistics",
    "Visit",
    "VisitKind",
    "WeightDistances",
    "WeightMatrix",
    "WeightNorms",
    "is_slice",
    "primary",
]
