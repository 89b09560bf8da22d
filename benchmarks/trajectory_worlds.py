"""Series along a run whose noise, slope, changes and crossings are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg, signal

from triplepoint.records import Trajectory

Array = np.ndarray[Any, Any]
Draw = Callable[[np.random.Generator, int], tuple[Array, Array]]
"""(steps, values) of n points."""
CORRELATIONS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95)
NEVER = math.inf


def autoregressive(phi: float) -> Draw:
    """x_i = φ·x_{i−1} + innovation of variance 1, stationary from the start; φ = 1 is a random walk."""

    def draw(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
        drawn = generator.standard_normal(n)
        if phi < 1:
            drawn[0] /= math.sqrt(1 - phi**2)
        return np.arange(n), np.asarray(signal.lfilter([1.0], [1.0, -phi], drawn))

    return draw


def walk_and_errors(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """A random walk of steps 0.1 under errors of 1: what weights that wander look like through a noisy metric."""
    return np.arange(n), 0.1 * np.cumsum(generator.standard_normal(n)) + generator.standard_normal(n)


def logarithmic(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Noise of a correlation time of 100 steps, measured at about n log-spaced steps up to 10,000."""
    steps = np.unique(np.geomspace(1, 10_000, n).astype(int))
    return steps, elapsed(generator, np.diff(steps) / 100)


def clustered(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """The same of 20 steps, measured at gaps between 1 and 50 steps by chance."""
    gaps = generator.integers(1, 51, n - 1)
    return np.concatenate([[0], np.cumsum(gaps)]), elapsed(generator, gaps / 20)


def elapsed(generator: np.random.Generator, gaps: Array) -> Array:
    """An Ornstein–Uhlenbeck process of variance 1 over gaps in correlation times."""
    values = generator.standard_normal(len(gaps) + 1)
    for i, gap in enumerate(gaps):
        keep = math.exp(-gap)
        values[i + 1] = keep * values[i] + math.sqrt(1 - keep**2) * values[i + 1]
    return values


def heavy(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Uncorrelated Student-t(2): spikes of all sizes."""
    return np.arange(n), generator.standard_t(2, n)


def fading(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
    """AR(1) of φ = 0.6 whose size falls tenfold along the series."""
    steps, values = autoregressive(0.6)(generator, n)
    return steps, values * np.geomspace(10, 1, n)


NOISES: dict[str, Draw] = {
    "white": autoregressive(0.0),
    **{f"AR {phi}": autoregressive(phi) for phi in CORRELATIONS[1:]},
    "random walk": autoregressive(1.0),
    "walk under errors": walk_and_errors,
    "log schedule": logarithmic,
    "uneven gaps": clustered,
    "Student t(2)": heavy,
    "fading": fading,
}


def best_error(phi: float, n: int) -> float:
    """Standard error of the best unbiased slope where the noise is known: generalised least squares."""
    times = np.arange(n) - (n - 1) / 2
    if phi == 1:
        return 1 / math.sqrt(n - 1)
    matrix = linalg.toeplitz(phi ** np.arange(n)) / (1 - phi**2)
    design = np.column_stack([np.ones(n), times])
    return math.sqrt(np.linalg.inv(design.T @ np.linalg.solve(matrix, design))[1, 1])


Curve = Callable[[Array], Array]


def sigmoid(middle: float, width: float) -> Curve:
    """1/(1 + exp(−(s − middle)/width))."""
    return lambda steps: 1 / (1 + np.exp(-(steps - middle) / width))


CURVES: dict[str, tuple[Curve, float]] = {
    "line": (lambda s: s, 0.5),
    "slow sigmoid": (sigmoid(0.5, 0.08), 0.5),
    "sudden sigmoid": (sigmoid(0.6, 0.01), 0.5),
    "sigmoid to 0.9": (sigmoid(0.5, 0.05), 0.9),
    "saturating to 0.9": (lambda s: 1 - np.exp(-s / 0.15), 0.9),
}
"""(curve over the share of the run, level)."""


def reaches(curve: Curve, level: float) -> float:
    """Share of the run at which the curve reaches the level."""
    fine = np.linspace(0, 1, 200_001)
    above = curve(fine) >= level
    return float(fine[np.argmax(above)]) if above.any() else NEVER


def along(values: Array, steps: Array | None = None, sem: Array | None = None) -> Trajectory:
    """A trajectory without a name."""
    return Trajectory("x", np.arange(len(values)) if steps is None else steps, values, sem=sem)
