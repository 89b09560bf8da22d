"""Samples and spectra whose law is known, for the calibration of fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from triplepoint.nulls import gaussian
from triplepoint.records import Spectrum

Array = np.ndarray[Any, np.dtype[np.float64]]
World = Callable[[int, np.random.Generator], Array]
EXPONENTS = (1.5, 2.0, 3.0, 4.0)
POPULATION = (256, 128)
CUT_OFF = 0.05


def spectrum_of(values: Array) -> Spectrum:
    """A spectrum with these eigenvalues."""
    return Spectrum(np.sqrt(np.sort(values))[::-1], (values.size, values.size))


def pareto(n: int, generator: np.random.Generator) -> Array:
    """Density x^(−3) from 1 on."""
    return np.asarray(1 + generator.pareto(2.0, n))


def bulk_and_tail(n: int, generator: np.random.Generator) -> Array:
    """Three quarters uniform on (0, 1), one quarter of density x^(−3) from 1 on."""
    return np.concatenate([generator.uniform(0, 1, n - n // 4), pareto(n // 4, generator)])


def lognormal(n: int, generator: np.random.Generator) -> Array:
    """ln x standard normal."""
    return generator.lognormal(0.0, 1.0, n)


def exponential(n: int, generator: np.random.Generator) -> Array:
    """Density e^(1−x) from 1 on."""
    return np.asarray(1 + generator.exponential(1.0, n))


def truncated(n: int, generator: np.random.Generator) -> Array:
    """Density x^(−2)·e^(−Λx) from 1 on with Λ = CUT_OFF: Pareto points, kept with probability e^(−Λ(x−1))."""
    kept = np.empty(0)
    while kept.size < n:
        drawn = 1 + generator.pareto(1.0, 2 * n)
        kept = np.r_[kept, drawn[generator.random(drawn.size) < np.exp(-CUT_OFF * (drawn - 1))]]
    return kept[:n]


def square_noise(n: int, generator: np.random.Generator) -> Array:
    """Gaussian n x n matrix."""
    return gaussian.eigenvalues((n, n), generator)


def tall_noise(n: int, generator: np.random.Generator) -> Array:
    """Gaussian 4n x n matrix."""
    return gaussian.eigenvalues((4 * n, n), generator)


TEST_WORLDS: dict[str, World] = {
    "Pareto": pareto,
    "bulk and Pareto tail": bulk_and_tail,
    "lognormal": lognormal,
    "exponential": exponential,
    "power law cut off": truncated,
    "noise, n x n": square_noise,
    "noise, 4n x n": tall_noise,
}


def population_spectrum(alpha: float, fixed: bool, generator: np.random.Generator) -> Spectrum:
    """ZΣ^½ with Z Gaussian; Σ has the quantiles of the Pareto law of exponent `alpha`, or a sample of it."""
    rows, columns = POPULATION
    share = (np.arange(columns) + 0.5) / columns if fixed else 1 - generator.random(columns)
    roots = share ** (-0.5 / (alpha - 1))
    matrix = generator.standard_normal((rows, columns)) * roots / np.sqrt(rows)
    return Spectrum(np.linalg.svd(matrix, compute_uv=False), (rows, columns))


def population_eigenvalues(alpha: float, fixed: bool, generator: np.random.Generator) -> Array:
    """Of `population_spectrum`."""
    return population_spectrum(alpha, fixed, generator).eigenvalues
