"""How a vector spreads over its entries, as WeightWatcher 0.7.7 measures it (Martin and Mahoney 2021, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

EPSILON = 1e-10


def localization_ratio(vec: Array) -> float:
    """Σ|v| / max|v|: 1 for one entry, n for equal entries.

    >>> localization_ratio(np.array([1.0, 0.0, 0.0]))
    1.0
    """
    return float(np.sum(np.abs(vec)) / np.max(np.abs(vec)))


def participation_ratio(vec: Array) -> float:
    """‖v‖₂ / ‖v‖₄: 1 for one entry, n^¼ for equal entries.

    >>> round(participation_ratio(np.ones(16)), 12)
    2.0
    """
    return float(np.sum(np.abs(vec) ** 2.0) ** 0.5 / np.sum(np.abs(vec) ** 4.0) ** 0.25)


def vector_entropy(u: Array) -> float:
    """exp(−‖u‖/2)/√(2π). A function of the length alone: every unit vector has 0.24197.

    >>> round(vector_entropy(np.array([1.0, 1.0, 1.0, 1.0])), 6)
    0.146763
    """
    return float(np.exp(-np.linalg.norm(u) / 2) / np.sqrt(2 * np.pi))


def discrete_entropy(vec: Array, num_bins: int = 100) -> float:
    """Entropy in nats of the histogram of |v|, between 0 and ln(num_bins)."""
    spread = np.abs(vec)
    counts = np.histogram(spread - np.mean(spread), bins=num_bins, density=True)[0] + EPSILON
    share = counts / np.sum(counts)
    return float(-np.sum(share * np.log(share)))


def columns_of_vector(vector: Any, *, legacy: bool) -> dict[str, Any]:
    """One row of `vector_metrics`."""
    discrete = discrete_entropy(vector)
    row = {
        "length": len(vector),
        "entropy": vector_entropy(vector),
        "discrete_entropy": discrete,
        "localization_ratio": localization_ratio(vector),
        "participation_ratio": participation_ratio(vector),
    }
    # WeightWatcher fills a column of a misspelt name and leaves this one empty.
    return {**row, "discrete_entropy": None, "discete_entropy": discrete} if legacy else row
