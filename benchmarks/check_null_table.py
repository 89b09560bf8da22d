"""Errors of the null table between its grid points, and the fate of noise: measured on fresh draws.

    python benchmarks/check_null_table.py              # about 6 minutes on two cores

1. At shapes off the grid: how often p ≤ 0.05 and p ≤ 0.01 (it should be as often), and mean and spread of the α score.
2. The tail beyond the simulated levels: 200,000 draws at M = 32 against the exponential continuation.
3. 400 Gaussian matrices of eight shapes, entry by entry through the whole scan: how many are called well- or
   over-trained.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from triplepoint import scan
from triplepoint.fits import best_tail
from triplepoint.fits.power_law import Tail
from triplepoint.linalg import blas_threads
from triplepoint.nulls import alpha_null, gaussian, marchenko_pastur
from triplepoint.nulls.compare import p_value
from triplepoint.records import AlphaNull, Phase

SEED = 7
OFF_GRID = (
    (10, 9),
    (35, 28),
    (90, 70),
    (330, 160),
    (320, 300),
    (900, 600),
    (5000, 700),
    (1700, 1400),
    (30522, 384),
)
SHAPES = ((64, 64), (128, 128), (200, 200), (384, 384), (784, 200), (512, 128), (768, 768), (300, 100))


def statistic(shape: tuple[int, int], generator: np.random.Generator) -> tuple[float, float]:
    """(p, z) of one Gaussian spectrum."""
    values = gaussian.eigenvalues(shape, generator)
    sigma = float(np.sqrt(values.sum() / (shape[0] * shape[1])))
    tail = best_tail(values)
    score = alpha_null(tail.alpha, shape) if isinstance(tail, Tail) else None
    p = p_value(shape[1] * marchenko_pastur.ks_distance(values, shape, sigma), shape)
    return p, score.z if isinstance(score, AlphaNull) else float("nan")


def off_grid() -> None:
    """Size of the test and calibration of the score between grid points."""
    print(f"{'shape':>14} {'draws':>6} {'p≤0.05':>7} {'p≤0.01':>7} {'mean z':>7} {'sd z':>6}")
    for shape in OFF_GRID:
        generator = np.random.default_rng([SEED, *shape])
        draws = 3000 if shape[1] <= 400 else 800
        found = np.array([statistic(shape, generator) for _ in range(draws)])
        sizes = [np.mean(found[:, 0] <= level) for level in (0.05, 0.01)]
        print(
            f"{shape[0]:>6} x {shape[1]:<5} {draws:>6} {sizes[0]:7.3f} {sizes[1]:7.4f} "
            f"{np.nanmean(found[:, 1]):7.2f} {np.nanstd(found[:, 1]):6.2f}",
            flush=True,
        )


def far_tail(draws: int = 200_000) -> None:
    """Simulated against continued p-values where the table ends."""
    shape = (64, 32)
    generator = np.random.default_rng([SEED, draws])
    found = []
    for _ in range(draws):
        values = gaussian.eigenvalues(shape, generator)
        sigma = float(np.sqrt(values.sum() / (shape[0] * shape[1])))
        found.append(shape[1] * marchenko_pastur.ks_distance(values, shape, sigma))
    print("  n·D   simulated p   p of the table")
    for value in np.quantile(found, [0.99, 0.998, 0.9995, 0.9999, 0.99995]):
        print(
            f"{value:6.3f} {np.mean(np.asarray(found) >= value):12.5f} {p_value(float(value), shape):12.5f}"
        )


def noise_through_the_scan(each: int = 50) -> None:
    """The promise to the user: noise is called noise."""
    generator = np.random.default_rng(SEED)
    total: Counter[str] = Counter()
    in_band = 0
    for shape in SHAPES:
        weights = {f"{k}": generator.standard_normal(shape).astype(np.float32) for k in range(each)}
        found = scan(weights)
        phases = Counter(str(row.phase) for row in found.matrices)
        alphas = [row.metrics["alpha"] or 0.0 for row in found.matrices]
        in_band += sum(2 <= alpha <= 6 for alpha in alphas)
        total.update(phases)
        print(
            f"{shape[0]:>5} x {shape[1]:<5} {dict(phases)}  discoveries {found.summary.null_rejected}",
            flush=True,
        )
    called = total[Phase.well_trained] + total[Phase.over_trained]
    count = sum(total.values())
    print(f"of {count}: {dict(total)}; well- or over-trained {called} ({called / count:.2%})")
    print(f"thresholds on α alone would call {in_band} of them well-trained ({in_band / count:.0%})")


if __name__ == "__main__":
    with blas_threads(1):
        off_grid()
        far_tail()
    noise_through_the_scan()
