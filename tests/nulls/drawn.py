"""A matrix, or slices of one, with the records that the nulls start from."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition, Mode, choose_backend, decompose
from triplepoint.records import LowRank, MatrixPlan, PackedRows, Spectrum, WeightMatrix


def records(
    values: Any, scale: float = 1.0, mode: Mode = "precise"
) -> tuple[WeightMatrix, Decomposition, Spectrum]:
    """Weight matrix, decomposition and spectrum of (rows, columns), (slices, rows, columns) or two factors."""
    whole = values[None] if isinstance(values, np.ndarray) and values.ndim == 2 else values
    found = decompose(whole, mode, choose_backend())
    assert isinstance(found, Decomposition)
    pooled = np.sort(found.singular_values, axis=None)[::-1]
    shape = values.shape if isinstance(values, np.ndarray | PackedRows) else found.shape
    plan = MatrixPlan("w", "w", ("w",), tuple(shape), "F32")
    return WeightMatrix(plan, whole), found, Spectrum(pooled, found.shape, len(found.singular_values), scale)


def factors(shape: tuple[int, int], rank: int, seed: int = 0, factor: float = 1.0) -> LowRank:
    """Two Gaussian factors."""
    rng = np.random.default_rng(seed)
    return LowRank(rng.standard_normal((shape[0], rank)), rng.standard_normal((rank, shape[1])), factor)
