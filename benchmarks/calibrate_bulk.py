"""What the bulk fit, its spikes and its scores are worth, on draws that the table has not seen.

    python -m benchmarks.calibrate_bulk            # about 8 minutes on one core; names of parts run only those

- size: how often noise passes the threshold at nominal 1 %, σ̂ from the entries (Gaussian; uniform, without and with
  their kurtosis) and fitted;
- spikes: bias and spread of σ̂ beside spikes of growing strength, for the robust fit and the density fit;
- ks: how often bulk_ks_p ≤ .05 and ≤ .01 for noise, between grid points too and beside spikes, and the power;
- scores: mean, spread and share beyond ±1.96 of the scores of Hill, median Hill and FARMS for noise;
- ratio: the effect of the aspect ratio on the exponents themselves;
- signal: relative error of the energy of planted signals.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np

from benchmarks.make_bulk_table import tops
from triplepoint.fits.hill import hill_alpha, top_decile, upper_half
from triplepoint.linalg import blas_threads, tiles
from triplepoint.nulls import bulk_table, kde_fit, tracy_widom
from triplepoint.nulls.bulk_fit import fit_noise
from triplepoint.nulls.compare import tail_p
from triplepoint.nulls.gaussian import eigenvalues
from triplepoint.nulls.shrinkage import shrink
from triplepoint.nulls.tail_indices import score

Array = np.ndarray[Any, np.dtype[np.float64]]
SEED = 31
LEVEL = 0.01
OFF_GRID = (
    (8, 8),
    (11, 9),
    (20, 14),
    (35, 28),
    (90, 70),
    (100, 100),
    (330, 160),
    (320, 300),
    (5000, 200),
    (700, 600),
)


def generator(*key: int) -> np.random.Generator:
    """Of one line of a table."""
    return np.random.default_rng([SEED, *key])


def few(m: int) -> int:
    """Draws of whole spectra."""
    return 20_000 if m <= 32 else 10_000 if m <= 128 else 4_000 if m <= 256 else 1_500


def size() -> None:
    """Noise above the threshold."""
    print(
        f"size at nominal {LEVEL:.0%}, in %: σ̂ from Gaussian entries | uniform entries → with their kurtosis | "
        "fitted, Gaussian"
    )
    for m in (8, 16, 32, 64, 128, 256, 512):
        for q in (1, 2, 4):
            shape = (m * q, m)
            centre, scale = tracy_widom.largest_eigenvalue_law(shape)
            place = (tracy_widom.threshold(shape, 1.0, LEVEL) - centre) / scale
            entries = np.mean(tops(shape, 40_000 if m <= 256 else 20_000, generator(1, m, q)) > place)
            random = generator(2, m, q)
            fitted = [fit_noise(eigenvalues(shape, random), shape, LEVEL).spikes > 0 for _ in range(few(m))]
            draws = 10_000 if m <= 64 else 2_500
            uniform, corrected = (_uniform(shape, draws, kurtosis) for kurtosis in (3.0, 1.8))
            print(
                f"  {shape[0]:5d} x {m:3d}  {100 * entries:5.2f} | "
                f"{100 * uniform:5.2f} → {100 * corrected:5.2f} ± {_error(draws)} | "
                f"{100 * np.mean(fitted):5.2f} ± {_error(len(fitted))}",
                flush=True,
            )


def _error(draws: int) -> str:
    return f"{100 * np.sqrt(LEVEL * (1 - LEVEL) / draws):.2f}"


def _uniform(shape: tuple[int, int], draws: int, kurtosis: float) -> float:
    """Share of matrices of uniform entries above the threshold: no Cholesky factor of threshold − WᵀW."""
    random = generator(3, *shape)
    passed = 0
    for _ in range(draws):
        matrix = random.random(shape, dtype=np.float32) - np.float32(0.5)
        gram = (matrix.T @ matrix).astype(np.float64)
        sigma = np.sqrt(np.trace(gram) / matrix.size - float(np.mean(matrix)) ** 2)
        bound = tracy_widom.threshold(shape, sigma, LEVEL, kurtosis=kurtosis)
        try:
            np.linalg.cholesky(bound * np.eye(shape[1]) - gram)
        except np.linalg.LinAlgError:
            passed += 1
    return passed / draws


def planted(shape: tuple[int, int], strengths: Array, random: np.random.Generator) -> Array:
    """Signal of random directions and these singular values."""
    left = np.linalg.qr(random.standard_normal((shape[0], strengths.size)))[0]
    right = np.linalg.qr(random.standard_normal((shape[1], strengths.size)))[0]
    return np.asarray(left * strengths @ right.T)


def gram_values(matrix: np.ndarray) -> Array:
    """Eigenvalues of WᵀW, ascending."""
    return np.asarray(np.linalg.eigvalsh(matrix.T @ matrix), dtype=np.float64)


def spikes() -> None:
    """σ̂ beside spikes."""
    print("σ̂ − 1 of Gaussian matrices with spikes of strength θ, mean ± spread over 40 draws, in %")
    for shape in ((400, 300), (300, 300)):
        for count in (1, 5, 20):
            for theta in (0, 8, 16, 32, 64, 1000):
                random = generator(4, *shape, count, theta)
                robust, density, found = [], [], []
                for _ in range(40):
                    matrix = planted(shape, np.full(count, float(theta)), random) + random.standard_normal(
                        shape
                    )
                    values = gram_values(matrix)
                    noise = fit_noise(values, shape, LEVEL)
                    robust.append(noise.sigma)
                    found.append(noise.spikes)
                    density.append(kde_fit.fit_sigma(np.maximum(values, 0), shape) or math.nan)
                print(
                    f"  {shape} {count:2d} spikes, θ = {theta:4d}: robust {_percent(robust)}, "
                    f"{np.mean(found):5.2f} found; density {_percent(density)}",
                    flush=True,
                )


def _percent(values: list[float]) -> str:
    return f"{100 * (np.mean(values) - 1):+7.2f} ± {100 * np.std(values):5.2f}"


def ks() -> None:
    """p-values of noise."""
    print("noise with bulk_ks_p ≤ .05 | ≤ .01, in %")
    for shape in OFF_GRID:
        random = generator(5, *shape)
        p = [_p(eigenvalues(shape, random), shape) for _ in range(min(few(shape[1]), 5_000))]
        print(f"  {shape}: {_shares(p)}  of {len(p)}", flush=True)
    random = generator(6)
    shape = (200, 150)
    for strengths in (np.full(3, 40.0), np.full(10, 1000.0)):
        p = []
        for _ in range(1500):
            matrix = planted(shape, strengths, random) + random.standard_normal(shape)
            p.append(_p(gram_values(matrix), shape))
        print(f"  {shape} beside {strengths.size} spikes of {strengths[0]:.0f}: {_shares(p)}")
    for name, spread in (("1.2", 1.2), ("1.5", 1.5), ("2", 2.0)):
        p = []
        for _ in range(200):
            matrix = random.standard_normal((300, 200)) * np.geomspace(1 / spread, spread, 200)
            p.append(_p(gram_values(matrix), (300, 200)))
        print(f"  power, (300, 200), σ of the columns from 1/{name} to {name}: {_shares(p)}", flush=True)


def _p(values: np.ndarray, shape: tuple[int, int]) -> float:
    noise = fit_noise(values, shape, LEVEL)
    return tail_p(noise.shape[1] * noise.ks_distance, bulk_table.statistic(noise.shape))


def _shares(p: list[float]) -> str:
    return f"{100 * np.mean(np.array(p) <= 0.05):5.2f} | {100 * np.mean(np.array(p) <= 0.01):5.2f}"


def scores() -> None:
    """Scores of noise."""
    print("scores of noise, mean · spread · beyond ±1.96 in %: Hill, median Hill, FARMS (tiles x side)")
    for shape in (*OFF_GRID, (45, 44), (55, 54), (300, 135)):
        random = generator(7, *shape)
        spectra = [eigenvalues(shape, random) for _ in range(min(few(shape[1]), 4_000))]
        line = []
        for count, median in ((top_decile(shape[1]), False), (upper_half(shape[1]), True)):
            null = bulk_table.hill(shape, median=median)
            line.append(_moments([score(_alpha(v, count), null) for v in spectra]))
        side = tiles.side_of(shape)
        number = min((shape[0] // side) * (shape[1] // side), tiles.MAX_TILES)
        null = bulk_table.tiles(side, number)
        pools = [
            np.sort(np.concatenate([eigenvalues((side, side), random) for _ in range(number)]))
            for _ in range(1000 if side < 100 else 300)
        ]
        line.append(_moments([score(_alpha(v, upper_half(v.size)), null) for v in pools]))
        print(f"  {shape!s:12}: {'   '.join(line)}  ({number} x {side})", flush=True)


def _alpha(ascending: np.ndarray, count: int) -> float:
    found = hill_alpha(ascending, count)
    assert found is not None
    return found


def _moments(values: list[float]) -> str:
    z = np.array(values)
    return f"{z.mean():+.2f} · {z.std():.2f} · {100 * np.mean(np.abs(z) > 1.96):4.1f}"


def ratio() -> None:
    """Aspect ratio and exponent."""
    print("exponents of Gaussian matrices of 256 columns, median Hill | FARMS, 20 draws")
    for q in (1, 2, 4, 8):
        random = generator(8, q)
        whole, tiled = [], []
        for _ in range(20):
            matrix = random.standard_normal((256 * q, 256))
            whole.append(_alpha(gram_values(matrix), 128))
            pool = np.sort(tiles.eigenvalues_of(tiles.tiles(matrix[None], random)), axis=None)
            tiled.append(_alpha(pool, upper_half(pool.size)))
        print(
            f"  Q = {q}: {np.mean(whole):.3f} ± {np.std(whole):.3f} | {np.mean(tiled):.3f} ± {np.std(tiled):.3f}"
        )


def signal() -> None:
    """Energy of planted signals."""
    print("energy of the signal part of 500 x 250, relative error, mean ± spread over 40 draws, in %")
    shape = (500, 250)
    for strengths in ((25.0,), (40.0,), (100.0,), tuple(np.linspace(35, 200, 20))):
        theta = np.array(strengths)
        x, beta = theta / np.sqrt(shape[0]), shape[1] / shape[0]
        truth = np.sum(theta**2 * (x**4 - beta) ** 2 / ((x**4 + x**2) * (x**4 + beta * x**2)))
        random = generator(9, theta.size, int(theta[0]))
        errors, loss, plain = [], [], []
        for _ in range(40):
            target = planted(shape, theta, random)
            matrix = target + random.standard_normal(shape)
            left, singular, right = np.linalg.svd(matrix, full_matrices=False)
            noise = fit_noise(singular[::-1] ** 2, shape, LEVEL)
            kept = shrink(singular[: noise.spikes], noise.shape, noise.sigma)
            errors.append(np.sum(kept**2) / truth)
            estimate = left[:, : noise.spikes] * kept @ right[: noise.spikes]
            cut = left[:, : noise.spikes] * singular[: noise.spikes] @ right[: noise.spikes]
            loss.append(np.sum((estimate - target) ** 2) / np.sum(target**2))
            plain.append(np.sum((cut - target) ** 2) / np.sum(target**2))
        print(
            f"  {theta.size:2d} from θ = {theta[0]:.0f}: {_percent(errors)}; "
            f"‖Ŵ − signal‖²/‖signal‖² {np.mean(loss):.3f}, unshrunk {np.mean(plain):.3f}",
            flush=True,
        )


PARTS = {"size": size, "spikes": spikes, "ks": ks, "scores": scores, "ratio": ratio, "signal": signal}


def main() -> None:
    """Run the named parts, or all."""
    with blas_threads(1):
        for name in sys.argv[1:] or PARTS:
            started = time.perf_counter()
            PARTS[name]()
            print(f"  [{time.perf_counter() - started:.0f} s]\n", flush=True)


if __name__ == "__main__":
    main()
