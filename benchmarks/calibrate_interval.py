"""How often the 95 % interval of α covers the truth, for several widening factors κ and sampling models.

    python benchmarks/calibrate_interval.py            # about a minute on one core

The pivot (α̂−1)/(α−1) of independent Pareto points does not depend on α, so one exponent suffices for the first model.
The others break its assumptions on purpose: a bulk below the tail, and a population power law W = ZΣ^½ whose
eigenvalues repel each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from triplepoint.fits import best_tail, interval
from triplepoint.fits.power_law import SMALL_SAMPLE, Tail

SEED = 20_261_122
FACTORS = (1.0, 1.05, 1.1, 1.15, 1.2)
SIZES = (8, 12, 19, 20, 32, 64, 256, 1024)
ALPHA = 3.0

World = Callable[[int, np.random.Generator], np.ndarray]


def pareto(n: int, generator: np.random.Generator) -> np.ndarray:
    """Independent points of density x^(−α): the stated sampling model."""
    return np.sort(1 + generator.pareto(ALPHA - 1, n))


def bulk_and_tail(n: int, generator: np.random.Generator) -> np.ndarray:
    """Three quarters uniform on (0, 1), one quarter Pareto from 1 on: xmin has to be found."""
    tail = n // 4
    return np.sort(np.r_[generator.uniform(0, 1, n - tail), 1 + generator.pareto(ALPHA - 1, tail)])


WORLDS: dict[str, World] = {"pareto": pareto, "bulk and tail": bulk_and_tail}


def misses(world: World, n: int, draws: int) -> np.ndarray:
    """Share of draws whose interval lies above and below ALPHA, (factors, 2)."""
    generator = np.random.default_rng([SEED, n, draws])
    found = np.zeros((len(FACTORS), 2))
    for _ in range(draws):
        tail = best_tail(world(n, generator))
        if not isinstance(tail, Tail):
            continue
        for index, factor in enumerate(FACTORS):
            low, high = interval.closed_interval(
                tail.alpha, tail.count, small=n < SMALL_SAMPLE, widening=factor
            )
            found[index] += (low > ALPHA, high < ALPHA)
    return found / draws


def main() -> None:
    """Print the table."""
    print(
        "coverage of the nominal 95 % interval (interval above | below the truth), in %; standard error 0.3–0.6"
    )
    print(f"{'world':>14} {'n':>5}  " + "  ".join(f"κ = {factor:<14}" for factor in FACTORS))
    for name, world in WORLDS.items():
        for n in SIZES:
            found = 100 * misses(world, n, 5000 if n <= 64 else 1500)
            cells = "  ".join(f"{100 - a - b:5.1f} ({a:3.1f} | {b:3.1f})" for a, b in found)
            print(f"{name:>14} {n:>5}  {cells}", flush=True)


if __name__ == "__main__":
    main()
