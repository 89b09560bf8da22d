"""Series whose noise is known."""

from __future__ import annotations

import numpy as np

from triplepoint.records import Trajectory


def noise(n: int, phi: float, seed: int) -> np.ndarray:
    """AR(1) of unit innovations, begun in its stationary law; φ = 1 is a random walk from 0."""
    drawn = np.random.default_rng(seed).standard_normal(n)
    if phi == 1:
        return np.cumsum(drawn)
    drawn[0] /= np.sqrt(1 - phi**2)
    for i in range(1, n):
        drawn[i] += phi * drawn[i - 1]
    return drawn


def trajectory(values: np.ndarray, steps: np.ndarray | None = None, **more) -> Trajectory:
    """Over 0, 1, … unless steps are given."""
    values = np.asarray(values, np.float64)
    steps = np.arange(len(values)) if steps is None else np.asarray(steps)
    return Trajectory("x", steps, values, **more)


def covariance(rate: float, spread: float, error: float, times: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Of a noise model, entry by entry; times in typical gaps. A walk begins with variance 1."""
    if rate == 0:
        moved = 1.0 + np.minimum.outer(times, times) - times[0]
    else:
        moved = spread * np.exp(-rate * np.abs(np.subtract.outer(times, times)))
    return moved + error * np.diag(shares)
