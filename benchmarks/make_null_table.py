"""Simulates what matrices without learning look like, over a grid of shapes, and writes the table the package ships.

    python benchmarks/make_null_table.py            # resumes where it stopped; about 40 minutes on one core

Each cell (M, Q) draws Gaussian spectra through their bidiagonal form and keeps quantiles of two numbers: n·D, the
distance of the spectrum from Marchenko–Pastur with σ from the entries, and the fitted exponent α. The generator of a
cell depends on (seed, M, Q) alone, so cells can be recomputed singly and the table does not depend on their order.

n·D depends on M (it grows like its logarithm) and hardly on Q: medians at M = 512 are 2.81–2.88 for Q from 1 to 256.
From M = 192 on, where draws are few, its quantiles are therefore pooled over Q.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from triplepoint.fits.power_law import MIN_EIGENVALUES, Tail, best_tail
from triplepoint.linalg import blas_threads
from triplepoint.nulls.gaussian import eigenvalues
from triplepoint.nulls.marchenko_pastur import ks_distance
from triplepoint.nulls.table import ALPHA_LEVELS, PATH, STATISTIC_LEVELS

SEED = 20_261_122
SIZES = (2, 3, 4, 6, 8, 12, 16, 19, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096)
RATIOS = (1.0, 1.5, 2.0, 4.0, 16.0, 64.0, 256.0)
POOLED_FROM = 192
STATE = Path(__file__).parent / "results" / "null_table"


def draws(m: int) -> int:
    """Fewer where a draw is dear: 0.3 ms at M = 32, 0.3 s at M = 4096."""
    for limit, count in ((128, 10_000), (512, 4_000), (768, 2_000), (1024, 1_500), (2048, 500)):
        if m <= limit:
            return count
    return 200


def simulate(m: int, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """(n·D, α) of every draw of one cell."""
    shape = (round(m * ratio), m)
    generator = np.random.default_rng([SEED, m, round(ratio * 1000)])
    statistics, alphas = [], []
    for _ in range(draws(m)):
        values = eigenvalues(shape, generator)
        sigma = float(np.sqrt(values.sum() / (shape[0] * shape[1])))
        statistics.append(m * ks_distance(values, shape, sigma))
        tail = best_tail(values) if m >= MIN_EIGENVALUES else None
        alphas.append(tail.alpha if isinstance(tail, Tail) else np.nan)
    return np.array(statistics), np.array(alphas)


def main() -> None:
    """Simulate the missing cells, then write the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--fresh", action="store_true", help="forget the cells of an earlier run")
    fresh = arguments.parse_args().fresh
    STATE.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with blas_threads(1):
        for m in SIZES:
            for ratio in RATIOS:
                cell = STATE / f"{m}_{ratio}.npz"
                if fresh or not cell.exists():
                    statistic, alpha = simulate(m, ratio)
                    np.savez(cell.with_suffix(".tmp.npz"), statistic=statistic, alpha=alpha)
                    cell.with_suffix(".tmp.npz").replace(cell)
            print(f"M = {m:5d}  {time.perf_counter() - started:7.0f} s", flush=True)
    write()


def write() -> None:
    """Quantiles of all cells into the packaged table."""
    statistic = np.empty((len(SIZES), len(RATIOS), len(STATISTIC_LEVELS)))
    alpha = np.full((len(SIZES), len(RATIOS), len(ALPHA_LEVELS)), np.nan)
    for i, m in enumerate(SIZES):
        cells = [np.load(STATE / f"{m}_{ratio}.npz") for ratio in RATIOS]
        pool = np.concatenate([cell["statistic"] for cell in cells])
        for j, cell in enumerate(cells):
            statistic[i, j] = np.quantile(pool if m >= POOLED_FROM else cell["statistic"], STATISTIC_LEVELS)
            if m >= MIN_EIGENVALUES:
                alpha[i, j] = np.nanquantile(cell["alpha"], ALPHA_LEVELS)
    np.savez_compressed(
        PATH,
        sizes=np.array(SIZES, float),
        ratios=np.array(RATIOS),
        draws=np.array([draws(m) for m in SIZES]),
        statistic=statistic.astype(np.float32),
        alpha=alpha.astype(np.float32),
        about=np.array(json.dumps({"script": "benchmarks/make_null_table.py", "seed": SEED})),
    )
    print(f"wrote {PATH.name}: {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
