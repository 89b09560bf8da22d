"""What the uncertainty of a power-law fit is worth: coverage of α's interval, size and power of the tests.

    python -m benchmarks.calibrate_fit [--quick] [--only closed|bootstrap|population|tests]

Every cell has its own seed and is kept in `results/calibrate_fit.json`: a run that was cut off goes on, and a cell
whose number of draws was changed is made again. `--quick` draws few, prints the same tables and keeps nothing.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from benchmarks import section
from benchmarks.calibration_cells import Cell, Cells, rate, share
from benchmarks.calibration_tests import REPLICAS, tests, tests_cell
from benchmarks.calibration_worlds import EXPONENTS, population_eigenvalues, population_spectrum
from triplepoint.fits import FitSettings, fit_power_law
from triplepoint.fits.interval import COVERAGE, closed_interval
from triplepoint.fits.refits import refit, refit_all, resampled
from triplepoint.records import PowerLawFit

STATE = section.RESULTS / "calibrate_fit.json"
SIZES = (64, 256, 1024)


def closed(cells: Cells, quick: bool) -> None:
    """The closed interval under its own sampling model."""
    draws = 200 if quick else 10_000
    section.heading(
        f"closed interval, independent Pareto points: coverage in % ({draws} draws; ! outside 93–97)"
    )
    rows = []
    for alpha in EXPONENTS:
        found = [
            cells.get(f"closed {alpha} {n} {draws}", partial(closed_cell, alpha, n, draws)) for n in SIZES
        ]
        rows.append((f"α = {alpha}", *(share(cell) for cell in found)))
    section.table(("", *(f"n = {n}" for n in SIZES)), rows)


def closed_cell(alpha: float, n: int, draws: int, generator: np.random.Generator) -> Cell:
    """Share of samples whose interval holds `alpha`."""
    hits = 0
    for done in range(0, draws, 1000):
        size = (min(1000, draws - done), n)
        fits = refit(np.sort(generator.exponential(1 / (alpha - 1), size), axis=1))
        for found, start in zip(fits.alpha, fits.start, strict=True):
            low, high = closed_interval(float(found), n - int(start))
            hits += low < alpha < high
    return {"coverage": hits / draws, "draws": draws}


def bootstrap(cells: Cells, quick: bool) -> None:
    """The percentile interval of 200 refits, same model."""
    draws, replicates = (50, 40) if quick else (2000, 200)
    section.heading(f"bootstrap interval of {replicates} refits, same model: coverage in % ({draws} draws)")
    rows = []
    for alpha in EXPONENTS:
        found = [
            cells.get(
                f"bootstrap {alpha} {n} {draws} {replicates}",
                partial(bootstrap_cell, alpha, n, draws, replicates),
            )
            for n in SIZES[:2]
        ]
        rows.append((f"α = {alpha}", *(share(cell) for cell in found)))
    section.table(("", *(f"n = {n}" for n in SIZES[:2])), rows)


def bootstrap_cell(alpha: float, n: int, draws: int, replicates: int, generator: np.random.Generator) -> Cell:
    """Share of samples whose percentile interval holds `alpha`."""
    hits = 0
    for _ in range(draws):
        sample = np.sort(1 + generator.pareto(alpha - 1, n))
        found = refit_all(resampled(sample, replicates, generator)).alpha
        low, high = np.quantile(found, [0.5 - COVERAGE / 2, 0.5 + COVERAGE / 2])
        hits += bool(low < alpha < high)
    return {"coverage": hits / draws, "draws": draws}


def population(cells: Cells, quick: bool) -> None:
    """Matrices drawn anew from one population whose eigenvalues are a power law."""
    draws, tested = (30, 10) if quick else (2000, 400)
    section.heading(
        f"population power law, W = ZΣ^½ of 256 x 128 ({draws} draws; Σ fixed at Pareto quantiles)"
    )
    rows = []
    for alpha in (2.0, 3.0):
        for kind in ("fixed", "drawn"):
            cell = cells.get(
                f"population {kind} {alpha} {draws}",
                partial(population_cell, alpha, kind == "fixed", draws),
            )
            rejected = cells.get(
                f"population tests {kind} {alpha} {tested} {REPLICAS}",
                partial(
                    tests_cell,
                    f"population {kind} {alpha}",
                    partial(population_eigenvalues, alpha, kind == "fixed"),
                    tested,
                ),
            )
            rows.append(
                (
                    f"α = {alpha}, Σ {kind}",
                    f"{cell['mean']:.3f}",
                    f"{cell['sd']:.3f}",
                    f"{cell['half_width'] / 1.96:.3f}",
                    f"{cell['half_width']:.3f}",
                    share(cell),
                    share(cell, "coverage_of_mean"),
                    rate(rejected, "gof 0.1"),
                    rate(rejected, "truncated 0.1"),
                )
            )
    section.table(
        (
            "",
            "mean α̂",
            "sd of α̂",
            "half-width/1.96",
            "half-width",
            "covers α, %",
            "covers mean α̂, %",
            f"gof_p ≤ 0.1, % of {tested}",
            "tpl_gof_p ≤ 0.1",
        ),
        rows,
    )


def population_cell(alpha: float, fixed: bool, draws: int, generator: np.random.Generator) -> Cell:
    """Spread of α̂ against the width of its interval."""
    fits = []
    for _ in range(draws):
        fit = fit_power_law(population_spectrum(alpha, fixed, generator), FitSettings())
        assert isinstance(fit, PowerLawFit)
        fits.append((fit.alpha, fit.alpha_low, fit.alpha_high))
    found, low, high = np.array(fits).T
    mean = float(found.mean())
    return {
        "mean": mean,
        "sd": float(found.std()),
        "half_width": float(np.mean(high - low) / 2),
        "coverage": float(np.mean((low < alpha) & (alpha < high))),
        "coverage_of_mean": float(np.mean((low < mean) & (mean < high))),
        "draws": draws,
    }


PARTS = {"closed": closed, "bootstrap": bootstrap, "population": population, "tests": tests}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrate_fit", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=PARTS, action="append")
    arguments = parser.parse_args()
    cells = Cells(None if arguments.quick else STATE)
    for name in arguments.only or PARTS:
        PARTS[name](cells, arguments.quick)


if __name__ == "__main__":
    main()
