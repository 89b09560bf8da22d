"""Simulates the nulls of the robust bulk fit and of Hill's estimators, and writes the table the package ships.

    python -m benchmarks.make_bulk_table            # resumes where it stopped; about 14 minutes on one core

All spectra are Gaussian, drawn through their bidiagonal form; the generator of a cell depends on (seed, kind, M, Q)
alone. Three kinds of cells:

- top: λmax of many matrices at once, by counting signs of pivots, with σ̂ from the trace;
- bulk: whole spectra, with the fitted σ̂, n·D of the fit and Hill's exponents;
- tiles: whole spectra of square matrices, pooled in groups.

Mean and deviation of Hill's exponents are kept times the number k of points in the tail. n·D depends little on Q: from
M = 192 on, where draws are few, its quantiles are pooled over Q ≤ 2 and over Q ≥ 4.

Quantiles of λmax/σ̂² are kept as their excess over the closed form (`tracy_widom.closed_shift`). For the fitted σ̂ they
are counted up to M = 32; beyond, where draws are few, they follow from those for the trace: with ρ = σ̂²_trace/σ̂²_fit,
s_fit ≈ s_trace + (centre/scale)·(ρ − 1), and ρ is regressed on s_trace.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from triplepoint.fits.hill import hill_alpha, top_decile, upper_half
from triplepoint.linalg import blas_threads
from triplepoint.nulls import tracy_widom
from triplepoint.nulls.bulk_fit import uncorrected_sigma
from triplepoint.nulls.bulk_table import PATH, SHIFT_LEVELS
from triplepoint.nulls.gaussian import eigenvalues
from triplepoint.nulls.hill_limit import log_excess
from triplepoint.nulls.marchenko_pastur import ks_distance
from triplepoint.nulls.table import STATISTIC_LEVELS

SEED = 20_261_125
SIZES = (8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
RATIOS = (1.0, 1.5, 2.0, 4.0, 16.0, 64.0, 256.0)
TOP_UNTIL = 384  # beyond, the closed form alone
COUNTED_UNTIL = 32
POOLED_FROM = 192
SIDES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
COUNTS = (1, 2, 4, 8, 16)
STATE = Path(__file__).parent / "results" / "bulk_table"
BATCH = 2500


def generator(kind: int, m: int, ratio: float) -> np.random.Generator:
    """Of one cell."""
    return np.random.default_rng([SEED, kind, m, round(ratio * 1000)])


def draws(m: int) -> int:
    """Whole spectra: 0.1 ms at M = 32, 25 ms at M = 1024."""
    for limit, count in ((32, 40_000), (64, 20_000), (128, 10_000), (256, 5_000), (512, 2_000)):
        if m <= limit:
            return count
    return 400


def top_draws(m: int) -> int:
    """Largest eigenvalues alone: a few µs at M = 8."""
    return 200_000 if m <= 64 else 100_000 if m <= 256 else 50_000


def tops(shape: tuple[int, int], count: int, random: np.random.Generator) -> np.ndarray:
    """(λmax/σ̂² − centre)/scale of `count` matrices, σ̂² = trace/(NM)."""
    n, m = shape
    centre, scale = tracy_widom.largest_eigenvalue_law(shape)
    found = []
    for _ in range(count // BATCH):
        squares = random.chisquare(np.repeat(n - np.arange(m, dtype=float)[:, None], BATCH, axis=1))
        below = random.chisquare(np.repeat(m - np.arange(1, m, dtype=float)[:, None], BATCH, axis=1))
        diagonal, off = squares.copy(), squares[:-1] * below
        diagonal[1:] += below
        low, high = np.full(BATCH, centre - 8 * scale), np.full(BATCH, centre + 14 * scale)
        with np.errstate(divide="ignore"):
            for _ in range(18):  # to 8e-5 scales
                middle = (low + high) / 2
                pivot = middle - diagonal[0]
                smallest = pivot.copy()
                for row in range(1, m):
                    pivot = middle - diagonal[row] - off[row - 1] / pivot
                    np.minimum(smallest, pivot, out=smallest)
                below_all = smallest > 0  # then no eigenvalue exceeds the middle
                low, high = np.where(below_all, low, middle), np.where(below_all, middle, high)
        trace = squares.sum(axis=0) + below.sum(axis=0)
        found.append(((low + high) / 2 / (trace / (n * m)) - centre) / scale)
    return np.concatenate(found)


def whole(shape: tuple[int, int], count: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """σ̂ fitted and from the trace, λmax, n·D and ln(α − 1) of `count` spectra."""
    n, m = shape
    spectra = np.array([eigenvalues(shape, random) for _ in range(count)])
    sigma = np.array([uncorrected_sigma(values, shape) for values in spectra])
    corrected = sigma / sigma.mean()
    return {
        "sigma": sigma,
        "trace": np.sqrt(spectra.sum(axis=1) / (n * m)),
        "top": spectra[:, -1],
        "statistic": np.array(
            [m * ks_distance(v, shape, s) for v, s in zip(spectra, corrected, strict=True)]
        ),
        "hill": np.array([[log_hill(v, top_decile(m)), log_hill(v, upper_half(m))] for v in spectra]),
    }


def log_hill(ascending: np.ndarray, count: int) -> float:
    """ln(α − 1)."""
    alpha = hill_alpha(ascending, count)
    assert alpha is not None
    return float(np.log(alpha - 1))


def pooled(side: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """ln(α − 1) of groups of square spectra, by the number in a group."""
    spectra = np.array([eigenvalues((side, side), random) for _ in range(2 * draws(side))])
    found = {}
    for count in COUNTS:
        groups = spectra[: len(spectra) // count * count].reshape(-1, count * side)
        found[str(count)] = np.array([log_hill(np.sort(g), upper_half(g.size)) for g in groups])
    return found


def cell(name: str, make: object, fresh: bool) -> None:
    """Compute and store one cell, unless an earlier run did."""
    path = STATE / f"{name}.npz"
    if fresh or not path.exists():
        np.savez(path.with_suffix(".tmp.npz"), **make())  # type: ignore[operator]
        path.with_suffix(".tmp.npz").replace(path)


def main() -> None:
    """Simulate the missing cells, then write the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--fresh", action="store_true", help="forget the cells of an earlier run")
    fresh = arguments.parse_args().fresh
    STATE.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with blas_threads(1):
        for m in SIZES:
            for q in RATIOS:
                shape = (round(m * q), m)
                if m <= TOP_UNTIL:
                    cell(
                        f"top_{m}_{q}",
                        lambda s=shape, r=q: {"s": tops(s, top_draws(s[1]), generator(0, s[1], r))},
                        fresh,
                    )
                cell(
                    f"bulk_{m}_{q}", lambda s=shape, r=q: whole(s, draws(s[1]), generator(1, s[1], r)), fresh
                )
            if m in SIDES:
                cell(f"tiles_{m}", lambda side=m: pooled(side, generator(2, side, 1.0)), fresh)
            print(f"M = {m:5d}  {time.perf_counter() - started:7.0f} s", flush=True)
    write()


def shifts(m: int, ratio: float) -> np.ndarray:
    """(2, levels): excess of the quantiles of λmax/σ̂² over the closed form, σ̂ from the trace and fitted."""
    shape = (round(m * ratio), m)
    centre, scale = tracy_widom.largest_eigenvalue_law(shape)
    levels = np.array(SHIFT_LEVELS)
    expected = np.array([tracy_widom.quantile(1 - a) + tracy_widom.closed_shift(shape, a) for a in levels])
    bulk = np.load(STATE / f"bulk_{m}_{ratio}.npz")
    fitted_sigma = bulk["sigma"] / bulk["sigma"].mean()
    by_trace = (bulk["top"] / bulk["trace"] ** 2 - centre) / scale
    by_fit = (bulk["top"] / fitted_sigma**2 - centre) / scale
    trace = np.zeros(len(levels))
    if m <= TOP_UNTIL:
        trace = np.quantile(np.load(STATE / f"top_{m}_{ratio}.npz")["s"], 1 - levels) - expected
    if m <= COUNTED_UNTIL:
        return np.array([trace, np.quantile(by_fit, 1 - levels) - expected])
    slope, intercept = np.polyfit(by_trace, by_fit - by_trace, 1)
    rest = np.var(by_fit - by_trace - slope * by_trace)
    place = expected + trace
    decay = np.array([tracy_widom.decay(a) for a in levels])
    return np.array([trace, trace + intercept + slope * place + decay * rest / 2])


def write() -> None:
    """Summaries of all cells into the packaged table."""
    grid = (len(SIZES), len(RATIOS))
    bias, statistic = np.empty(grid), np.empty((*grid, len(STATISTIC_LEVELS)))
    shift, hill = np.empty((*grid, 2, len(SHIFT_LEVELS))), np.empty((*grid, 2, 2))
    for i, m in enumerate(SIZES):
        cells = [np.load(STATE / f"bulk_{m}_{q}.npz") for q in RATIOS]
        for j, (q, found) in enumerate(zip(RATIOS, cells, strict=True)):
            bias[i, j] = found["sigma"].mean()
            alike = cells[:3] if j < 3 else cells[3:]
            pool = np.concatenate([c["statistic"] for c in (alike if m >= POOLED_FROM else [found])])
            statistic[i, j] = np.quantile(pool, STATISTIC_LEVELS)
            shift[i, j] = shifts(m, q)
            for column, points in enumerate((top_decile(m), upper_half(m))):
                limit = log_excess((round(m * q), m), points / m)
                hill[i, j, column] = normal((found["hill"][:, column] - limit) * points)
    tiles = np.empty((len(SIDES), len(COUNTS), 2))
    for i, m in enumerate(SIDES):
        for j, count in enumerate(COUNTS):
            points = upper_half(m * count)
            limit = log_excess((m, m), points / (m * count))
            tiles[i, j] = normal((np.load(STATE / f"tiles_{m}.npz")[str(count)] - limit) * points)
    np.savez_compressed(
        PATH,
        sizes=np.array(SIZES, float),
        ratios=np.array(RATIOS),
        sides=np.array(SIDES, float),
        counts=np.array(COUNTS, float),
        draws=np.array([draws(m) for m in SIZES]),
        about=np.array(json.dumps({"script": "benchmarks/make_bulk_table.py", "seed": SEED})),
        bias=bias.astype(np.float32),
        statistic=statistic.astype(np.float32),
        shift=shift.astype(np.float32),
        hill=hill.astype(np.float32),
        tiles=tiles.astype(np.float32),
    )
    print(f"wrote {PATH.name}: {PATH.stat().st_size} bytes")


def normal(values: np.ndarray) -> np.ndarray:
    """Mean and logarithm of the standard deviation."""
    return np.array([values.mean(), np.log(values.std(ddof=1))])


if __name__ == "__main__":
    main()
