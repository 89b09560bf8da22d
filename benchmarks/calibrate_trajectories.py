"""Calibration of slopes, change points and first crossings along a run: size, coverage, power.

    python -m benchmarks.calibrate_trajectories     # about 20 minutes on one core; goes on where it stopped

1. Slopes, size: share of series without a slope whose p-value is below 5 %, for every noise and length, beside the
   published corrections of Mann–Kendall. A slope that is added shifts the interval with it, so its coverage is 100 %
   less the size whatever the slope.
2. Slopes, power: the same share with a slope of 3 or 6 standard errors of the best estimate that knows the noise, and
   the median width of the interval in units of that estimate's.
3. Changes, size: share of series without a change in which one is shown; of trends and curves too.
4. Changes, power: share of series with a change of so many standard deviations of the noise in which one is shown, and
   within 3 points of it; coverage of the interval of its step, and its median width in points.
5. Crossings: coverage of the interval for the crossing of the curve under the noise, with errors known and not, its
   median width, and how early the crossing of the noisy points is; both in gaps between measurements.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from benchmarks import section
from benchmarks.calibration_cells import Cell, Cells, rate
from benchmarks.trajectory_worlds import (
    CORRELATIONS,
    CURVES,
    NOISES,
    Draw,
    along,
    autoregressive,
    best_error,
    reaches,
)
from benchmarks.trend_tests import hamed_rao, mann_kendall, prewhitened, yue_wang
from triplepoint.linalg import blas_threads
from triplepoint.records import ChangePoints, Crossing, Slope
from triplepoint.trajectories import change_points, first_crossing, slope

STATE = section.RESULTS / "calibrate_trajectories.json"
LENGTHS = (10, 20, 50, 100, 300, 1000)
DRAWS = {10: 600, 20: 600, 50: 400, 100: 300, 300: 200, 1000: 100}
PEERS = {"mk": mann_kendall, "hr": hamed_rao, "yw": yue_wang, "pw": prewhitened}
SHORT = (10, 20, 40, 80, 240)
FEWER = {10: 300, 20: 300, 40: 250, 80: 200, 240: 120}
SMOOTH = {
    "line": lambda s: 20 * s,
    "decay": lambda s: 20 * np.exp(-5 * s),
    "wave": lambda s: 8 * np.sin(8 * s),
}


def sizes(draw: Draw, n: int, generator: np.random.Generator) -> Cell:
    """Share of p < 5 % of ours and of each peer."""
    draws = DRAWS[n]
    below = dict.fromkeys(("ours", *PEERS), 0.0)
    for _ in range(draws):
        steps, values = draw(generator, n)
        found = slope(along(values, steps))
        assert isinstance(found, Slope)
        below["ours"] += found.p_value < 0.05
        if n <= 300:
            for name, peer in PEERS.items():
                below[name] += peer(values) < 0.05
    return {"draws": draws, **{name: count / draws for name, count in below.items()}}


def powers(phi: float, n: int, generator: np.random.Generator) -> Cell:
    """Share found at 3 and 6 best standard errors, and the width of the interval."""
    draws, best, draw = DRAWS[n] // 2, best_error(phi, n), autoregressive(phi)
    found = {"3": 0.0, "6": 0.0}
    widths = []
    for _ in range(draws):
        _, values = draw(generator, n)
        for name in found:
            one = slope(along(values + float(name) * best * np.arange(n)))
            assert isinstance(one, Slope)
            found[name] += one.p_value < 0.05
            widths.append((one.high - one.low) / (2 * 1.96 * best))
    return {"draws": draws, "width": float(np.median(widths)), **{k: v / draws for k, v in found.items()}}


def false_changes(draw: Draw, n: int, generator: np.random.Generator) -> Cell:
    """Share of series in which a change is shown."""
    draws, shown = FEWER[n], 0
    for _ in range(draws):
        steps, values = draw(generator, n)
        found = change_points(along(values, steps))
        assert isinstance(found, ChangePoints)
        shown += bool(found.points)
    return {"draws": draws, "rate": shown / draws}


def true_changes(phi: float, size: float, n: int, generator: np.random.Generator) -> Cell:
    """A change at a place by chance between a quarter and three quarters of the series."""
    draws, draw = FEWER[n], autoregressive(phi)
    spread = 1 / math.sqrt(1 - phi**2)
    near, held, shown, widths = 0, 0, 0, []
    for _ in range(draws):
        _, values = draw(generator, n)
        place = int(generator.integers(n // 4, 3 * n // 4))
        values[place:] += size * spread
        found = change_points(along(values))
        assert isinstance(found, ChangePoints)
        if found.points:
            one = min(found.points, key=lambda change: abs(change.step - place))
            shown += 1
            near += abs(one.step - place) <= 3
            held += one.low <= place <= one.high
            widths.append(one.high - one.low)
    return {
        "draws": draws,
        "shown": shown / draws,
        "near": near / draws,
        "held": held / max(shown, 1),
        "width": float(np.median(widths)) if widths else math.nan,
    }


def crossings(name: str, noise: float, known: bool, n: int, generator: np.random.Generator) -> Cell:
    """Coverage of the interval, its width and the lead of the step, in gaps."""
    curve, level = CURVES[name]
    draws, true, steps = 200, reaches(curve, level) * n, np.arange(n)
    held, reached, widths, leads = 0, 0, [], []
    for _ in range(draws):
        values = curve(steps / n) + noise * generator.standard_normal(n)
        found = first_crossing(along(values, sem=np.full(n, noise) if known else None), level, rising=True)
        assert isinstance(found, Crossing)
        low = -math.inf if found.low is None else found.low
        high = math.inf if found.high is None else found.high
        held += low <= true <= high
        widths.append(high - low)
        if found.step is not None:
            reached += 1
            leads.append(true - found.step)
    return {
        "draws": draws,
        "coverage": held / draws,
        "reached": reached / draws,
        "width": float(np.median(widths)),
        "lead": float(np.median(leads)),
    }


def smooth(name: str) -> Draw:
    """A curve under white noise of 1."""

    def draw(generator: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        steps = np.arange(n)
        return steps, SMOOTH[name](steps / n) + generator.standard_normal(n)

    return draw


def main() -> None:
    """Compute the missing cells, then print the tables."""
    known = Cells(STATE)
    with blas_threads(1):
        for n in LENGTHS:
            for name, draw in NOISES.items():
                known.get(f"size {name} {n}", partial(sizes, draw, n))
            for phi in (*CORRELATIONS, 1.0):
                known.get(f"power {phi} {n}", partial(powers, phi, n))
        quiet = {**NOISES, **{name: smooth(name) for name in SMOOTH}}
        for n in SHORT:
            for name, draw in quiet.items():
                known.get(f"false {name} {n}", partial(false_changes, draw, n))
            for phi in (0.0, 0.6, 0.9):
                for size in (3.0, 6.0):
                    known.get(f"change {phi} {size} {n}", partial(true_changes, phi, size, n))
        for name in CURVES:
            for noise in (0.02, 0.2):
                for n in (15, 50, 200):
                    for how in (True, False):
                        make = partial(crossings, name, noise, how, n)
                        known.get(f"crossing {name} {noise} {n} {how}", make)
    tables(known.found)


def tables(known: dict[str, Cell]) -> None:
    """Print what was found."""
    section.heading("slopes: share of series without one whose p < 5 %, in %")
    for label, column in (("ours", "ours"), ("Mann–Kendall", "mk"), ("Hamed–Rao", "hr")):
        size_table(known, label, column)
    size_table(known, "Yue–Wang", "yw")
    size_table(known, "pre-whitened", "pw")
    section.heading("slopes: found at 3 | 6 best standard errors, in %; width in units of the best")
    rows = [
        [
            f"AR {phi}",
            *(
                f"{100 * c['3']:.0f} | {100 * c['6']:.0f}  {c['width']:.1f}"
                for c in (known[f"power {phi} {n}"] for n in LENGTHS)
            ),
        ]
        for phi in (*CORRELATIONS, 1.0)
    ]
    section.table(["", *map(str, LENGTHS)], rows)
    section.heading("changes: share of series without one in which one is shown, in %")
    names = [*NOISES, *SMOOTH]
    rows = [[name, *(rate(known[f"false {name} {n}"], "rate") for n in SHORT)] for name in names]
    section.table(["", *map(str, SHORT)], rows)
    section.heading("changes: shown | within 3 points, in %; coverage of the step, in %; width in points")
    for phi in (0.0, 0.6, 0.9):
        rows = [
            [f"AR {phi}, {size:g} sd", *(change_cell(known[f"change {phi} {size} {n}"]) for n in SHORT)]
            for size in (3.0, 6.0)
        ]
        section.table(["", *map(str, SHORT)], rows)
    section.heading("crossings: coverage in %, width and lead in gaps; errors known || unknown")
    rows = [
        [
            f"{name}, noise {noise}",
            *(
                " || ".join(
                    crossing_cell(known[f"crossing {name} {noise} {n} {how}"]) for how in (True, False)
                )
                for n in (15, 50, 200)
            ),
        ]
        for name in CURVES
        for noise in (0.02, 0.2)
    ]
    section.table(["", "15", "50", "200"], rows)


def size_table(known: dict[str, Cell], label: str, column: str) -> None:
    """Sizes of one test, noise by length."""
    lengths = LENGTHS if column == "ours" else LENGTHS[:-1]
    rows = [[name, *(rate(known[f"size {name} {n}"], column) for n in lengths)] for name in NOISES]
    section.table([label, *map(str, lengths)], rows)
    print()


def change_cell(cell: Cell) -> str:
    """Shown | near, coverage, width."""
    return (
        f"{100 * cell['shown']:.0f} | {100 * cell['near']:.0f}  {100 * cell['held']:.0f}  {cell['width']:.0f}"
    )


def crossing_cell(cell: Cell) -> str:
    """Coverage, width, lead."""
    return f"{100 * cell['coverage']:.0f}  {cell['width']:.0f}  {cell['lead']:.1f}"


if __name__ == "__main__":
    main()
