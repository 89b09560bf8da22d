"""Calibration of the correlation traps: size, power, and what the closed-form screen hides.

    python -m benchmarks.calibrate_traps            # about 10 minutes on one core; goes on where it stopped

1. Size: share of matrices of light-tailed independent entries with at least one trap, at nominal 1 %; with a shuffle
   of every matrix, and by default, where the screen comes first.
2. Heavy tails: the same for Student-t(ν) entries, whose traps are real and say nothing about learning.
3. Power: share of matrices with a planted entry, or a shifted mean, in which it is found, over its strength in units of
   the critical one, (NM)^¼ σ.
4. The screen against a shuffle of every matrix: how many matrices pass it, and how many of those have a trap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks import section
from benchmarks.calibration_cells import SEED, Cell, Cells
from triplepoint.linalg import Decomposition, blas_threads
from triplepoint.linalg.small import entry_statistics
from triplepoint.nulls import screen
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.traps import search
from triplepoint.records import MatrixPlan, Spectrum, Traps, WeightMatrix

STATE = section.RESULTS / "calibrate_traps.json"
SIDES = (64, 128, 256)
RATIOS = (1, 2, 4)
STUDENT = (3, 4, 5, 6, 8, 12, 30)
STRENGTHS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.7, 2.0)

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def both(matrix: np.ndarray, name: str) -> tuple[int, bool]:
    """Traps of one shuffle of `matrix`, and whether the screen would have passed it."""
    entries = entry_statistics(matrix[None].astype(np.float64))
    shape = max(matrix.shape), min(matrix.shape)
    decomposition = Decomposition(np.ones((1, shape[1])), tuple(entries), shape, "none", 2.0**-52, 2.0**-52)
    weights = WeightMatrix(MatrixPlan(name, name, (name,), matrix.shape, "F32"), matrix[None])
    spectrum = Spectrum(np.ones(shape[1]), shape)
    found = search(weights, decomposition, spectrum, NullSettings(name=name, seed=SEED), screened=False)
    assert isinstance(found, Traps)
    return found.num, screen.is_quiet(entries[0], shape)


def cell(name: str, shape: tuple[int, int], draws: int, draw: Draw, generator: np.random.Generator) -> Cell:
    """Rates over `draws` matrices of one world."""
    found = [both(draw(generator, shape).astype(np.float32), f"{name}#{k}") for k in range(draws)]
    counts = np.array([count for count, _ in found])
    passed = np.array([quiet for _, quiet in found])
    return {
        "draws": draws,
        "rate": float(np.mean(counts > 0)),
        "default": float(np.mean((counts > 0) & ~passed)),
        "mean": float(np.mean(counts)),
        "passed": int(np.sum(passed)),
        "hidden": int(np.sum(passed & (counts > 0))),
        "hidden_two": int(np.sum(passed & (counts > 1))),
    }


def planted(strength: float) -> Draw:
    """Gaussian entries and one of `strength` times the critical size."""

    def draw(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        matrix = generator.standard_normal(shape)
        matrix[0, 0] = strength * screen.critical((max(shape), min(shape)))
        return matrix

    return draw


def shifted(strength: float) -> Draw:
    """Gaussian entries with a mean of `strength` times the critical size."""

    def draw(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        return generator.standard_normal(shape) + strength / math.sqrt(math.sqrt(shape[0] * shape[1]))

    return draw


def mixture(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Noise of two scales, a few planted entries below and above the critical size, and a mean."""
    matrix = generator.standard_normal(shape)
    wide = generator.uniform(1, 4)
    matrix[generator.uniform(size=shape) < generator.uniform(0, 0.05)] *= wide
    count = generator.integers(0, 20)
    limit = screen.critical((max(shape), min(shape)))
    matrix.flat[generator.integers(matrix.size, size=count)] = generator.uniform(0.3, 0.8) * limit
    return matrix + generator.uniform(-0.8, 0.8) / limit


def student(nu: float) -> Draw:
    """Student-t entries."""
    return lambda generator, shape: generator.standard_t(nu, shape)


def cells() -> dict[str, tuple[tuple[int, int], int, Draw]]:
    """All cells by name."""
    light: dict[str, Draw] = {
        "normal": lambda g, s: g.standard_normal(s),
        "uniform": lambda g, s: g.uniform(-1, 1, s),
    }
    found: dict[str, tuple[tuple[int, int], int, Draw]] = {}
    for entries, draw in light.items():
        for m in SIDES:
            for q in RATIOS:
                found[f"size {entries} {m * q} x {m}"] = ((m * q, m), 2500, draw)
    for nu in STUDENT:
        for shape in ((128, 128), (200, 200), (400, 400), (800, 200)):
            found[f"student {nu} {shape[0]} x {shape[1]}"] = (shape, 400, student(nu))
    for kind, make in (("entry", planted), ("mean", shifted)):
        for strength in STRENGTHS:
            for shape in ((128, 128), (512, 128)):
                found[f"power {kind} {strength} {shape[0]} x {shape[1]}"] = (shape, 200, make(strength))
    for shape in ((64, 64), (128, 128), (512, 128), (300, 200)):
        found[f"mixture {shape[0]} x {shape[1]}"] = (shape, 600, mixture)
    return found


def main() -> None:
    """Compute the missing cells, then print the tables."""
    known = Cells(STATE)
    with blas_threads(1):
        for name, world in cells().items():
            known.get(name, partial(cell, name, *world))
    tables(known.found)


def tables(known: dict[str, Cell]) -> None:
    """Print what was found."""
    print("\nSize at nominal 1 % (± 0.2), %: a shuffle of every matrix | screen first")
    for name, found in known.items():
        if name.startswith("size"):
            print(f"{name:28} {100 * found['rate']:5.2f} | {100 * found['default']:5.2f}")
    print("\nStudent-t: matrices with a trap, %; mean number; hidden by the screen")
    for name, found in known.items():
        if name.startswith("student"):
            print(f"{name:28} {100 * found['rate']:6.1f} {found['mean']:7.2f} {hidden(found)}")
    print("\nPower: planted entry or mean of so many times the critical strength, %; hidden by the screen")
    for name, found in known.items():
        if name.startswith("power"):
            print(f"{name:28} {100 * found['rate']:6.1f} {hidden(found)}")
    print("\nMixtures")
    for name, found in known.items():
        if name.startswith("mixture"):
            print(f"{name:28} {100 * found['rate']:6.1f} {found['mean']:7.2f} {hidden(found)}")
    passed = sum(found["passed"] for found in known.values())
    lost = sum(found["hidden"] for found in known.values())
    print(f"\nscreen: {passed} matrices passed, {lost} of them have a trap: {100 * lost / passed:.2f} %")


def hidden(found: Cell) -> str:
    """How many passed the screen, and how many of those have a trap."""
    return f"{found['hidden']:3d} of {found['passed']:4d} passed"


if __name__ == "__main__":
    main()
