"""Published tests of a trend in a correlated series: Mann–Kendall and its corrections, peers of our slope."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

Array = np.ndarray[Any, np.dtype[np.float64]]


def mann_kendall(values: Array, inflation: float = 1.0) -> float:
    """Two-sided p-value of Mann–Kendall's S, its variance times `inflation`."""
    n = len(values)
    first, second = np.triu_indices(n, 1)
    total = float(np.sum(np.sign(values[second] - values[first])))
    variance = n * (n - 1) * (2 * n + 5) / 18 * inflation
    score = max(abs(total) - 1, 0) / math.sqrt(variance)
    return float(2 * stats.norm.sf(score))


def hamed_rao(values: Array) -> float:
    """Variance by the significant autocorrelations of the ranks of the detrended series (Hamed and Rao 1998)."""
    n = len(values)
    ranks = stats.rankdata(detrended(values))
    rho = autocorrelations(ranks)
    significant = np.where(np.abs(rho) > 1.96 / math.sqrt(n), rho, 0.0)
    lags = np.arange(1, n)
    weight = (n - lags) * (n - lags - 1) * (n - lags - 2)
    return mann_kendall(values, max(1 + 2 / (n * (n - 1) * (n - 2)) * float(weight @ significant), 1e-3))


def yue_wang(values: Array) -> float:
    """Variance by all autocorrelations of the detrended series up to n/4 lags (Yue and Wang 2004)."""
    n = len(values)
    rho = autocorrelations(detrended(values))[: max(n // 4, 1)]
    lags = np.arange(1, len(rho) + 1)
    return mann_kendall(values, max(1 + 2 * float((1 - lags / n) @ rho), 1e-3))


def prewhitened(values: Array) -> float:
    """Mann–Kendall of the series less its first autocorrelation, the trend set aside (Yue et al. 2002)."""
    n = len(values)
    slope = float(stats.theilslopes(values).slope)
    rest = values - slope * np.arange(n)
    rho = float(autocorrelations(rest)[0])
    return mann_kendall(rest[1:] - rho * rest[:-1] + slope * np.arange(1, n))


def detrended(values: Array) -> Array:
    """Values less the Theil–Sen line."""
    return np.asarray(values - float(stats.theilslopes(values).slope) * np.arange(len(values)))


def autocorrelations(values: Array) -> Array:
    """(n − 1,) at lags 1 … n − 1."""
    centred = values - values.mean()
    full = np.correlate(centred, centred, "full")[len(values) - 1 :]
    return np.asarray(full[1:] / full[0])
