"""Frozen, slotted records: shapes and units stand beside the fields, the normalisation lives on the record."""

from triplepoint.records.entries import EntryStatistics
from triplepoint.records.fits import PowerLawFit
from triplepoint.records.measurements import Finding, Measurement, Severity
from triplepoint.records.nulls import AlphaNull, BulkNull
from triplepoint.records.parts import is_slice, primary
from triplepoint.records.reasons import Reason
from triplepoint.records.rows import MatrixRow, Phase
from triplepoint.records.scans import Provenance, Scan, Summary
from triplepoint.records.spectra import Spectrum
from triplepoint.records.tensors import TensorInfo
from triplepoint.records.weights import Decoding, LowRank, MatrixPlan, PackedRows, Values, WeightMatrix

__all__ = [
    "AlphaNull",
    "BulkNull",
    "Decoding",
    "EntryStatistics",
    "Finding",
    "LowRank",
    "MatrixPlan",
    "MatrixRow",
    "Measurement",
    "PackedRows",
    "Phase",
    "PowerLawFit",
    "Provenance",
    "Reason",
    "Scan",
    "Severity",
    "Spectrum",
    "Summary",
    "TensorInfo",
    "Values",
    "WeightMatrix",
    "is_slice",
    "primary",
]
