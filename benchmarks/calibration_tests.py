"""Size and power of the goodness of fit and of the likelihood ratios: the part `tests` of `calibrate_fit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks import section
from benchmarks.calibration_cells import SEED, Cell, Cells, rate
from benchmarks.calibration_worlds import TEST_WORLDS, Array, spectrum_of
from triplepoint.fits import FitSettings, fit_power_law
from triplepoint.fits.comparison import compare_tails
from triplepoint.fits.exponential import fit_exponential
from triplepoint.fits.goodness import goodness_of_fit
from triplepoint.fits.lognormal import fit_lognormal
from triplepoint.fits.truncated_power_law import fit_truncated
from triplepoint.records import GoodnessOfFit, PowerLawFit, Reason, Spectrum, TailComparison, TailFits

REPLICAS = 199
LEVELS = (0.1, 0.05)
TRUE = ("Pareto", "bulk and Pareto tail")


def tests(cells: Cells, quick: bool) -> None:
    """Size and power of the goodness of fit and of the likelihood ratios."""
    found: dict[tuple[str, int], Cell] = {}
    for world, draws in _plan(quick):
        for n, count in draws.items():
            name = f"tests {world} {n} {count} {REPLICAS}"
            found[world, n] = cells.get(
                name, partial(tests_cell, f"{world} {n}", partial(TEST_WORLDS[world], n), count)
            )
    section.heading(
        f"rejections in %, the power law is true ({REPLICAS} samples; standard errors in the draws)"
    )
    columns = (
        ("gof_p", "gof"),
        ("tpl_gof_p", "truncated"),
        ("tpl_ratio_p", "textbook"),
    )
    section.table(
        ("", "draws", *(f"{name} ≤ {level}" for name, _ in columns for level in LEVELS)),
        [
            (
                f"{world}, n = {n}",
                int(cell["draws"]),
                *(rate(cell, f"{key} {level}") for _, key in columns for level in LEVELS),
            )
            for (world, n), cell in found.items()
            if world in TRUE
        ],
    )
    sizes = sorted({n for world, n in found if world not in TRUE})
    for title, key in (*((f"{name} ≤ 0.1", f"{key} 0.1") for name, key in columns), ("", "tail")):
        section.heading(
            "mean length of the fitted tail"
            if key == "tail"
            else f"power: {title}, % of {_power_draws(quick)} draws"
        )
        section.table(
            ("", *(f"n = {n}" for n in sizes)),
            [
                (
                    world,
                    *(
                        f"{found[world, n]['tail']:.0f}" if key == "tail" else rate(found[world, n], key)
                        for n in sizes
                    ),
                )
                for world in TEST_WORLDS
                if world not in TRUE
            ],
        )
    section.heading("Vuong's test at p ≤ 0.1: % decided for the power law | for the other law")
    section.table(
        ("", "n", "against the exponential", "against the lognormal", "lognormal is the power law"),
        [
            (
                world,
                n,
                *(
                    f"{100 * cell[f'{law} for']:.1f} | {100 * cell[f'{law} against']:.1f}"
                    for law in ("exponential", "lognormal")
                ),
                f"{100 * cell['limit']:.0f}",
            )
            for (world, n), cell in found.items()
        ],
    )


def _plan(quick: bool) -> list[tuple[str, dict[int, int]]]:
    """Worlds, and the draws of each size."""
    plan = []
    for world in TEST_WORLDS:
        if world in TRUE:
            draws = {64: 20} if quick else {64: 4000, 256: 2000, 1024: 1000}
        else:
            draws = dict.fromkeys(
                (64, 128) if quick else (64, 128, 256, 512, 1024, 2048), _power_draws(quick)
            )
        plan.append((world, draws))
    return plan


def _power_draws(quick: bool) -> int:
    return 10 if quick else 300


def tests_cell(
    name: str,
    world: Callable[[np.random.Generator], Array],
    draws: int,
    generator: np.random.Generator,
) -> Cell:
    """Shares of draws that every test rejects or decides."""
    rows: list[dict[str, float]] = []
    for draw in range(draws):
        spectrum = spectrum_of(world(generator))
        settings = FitSettings(f"{name} {draw}", SEED, gof_replicas=REPLICAS)
        fit = fit_power_law(spectrum, settings)
        assert isinstance(fit, PowerLawFit)
        goodness = goodness_of_fit(spectrum, fit, settings)
        comparison = compare_tails(fit, _at_xmin(spectrum, fit), spectrum)
        assert isinstance(goodness, GoodnessOfFit)
        assert isinstance(comparison, TailComparison)
        row = {"tail": float(fit.num_tail), "limit": float(comparison.lognormal_z == 0.0)}
        for level in LEVELS:
            row[f"gof {level}"] = goodness.p_value <= level
            row[f"truncated {level}"] = (goodness.truncated_p or 1.0) <= level
            row[f"textbook {level}"] = (comparison.truncated_p or 1.0) <= level
        for law in ("exponential", "lognormal"):
            z, p = getattr(comparison, f"{law}_z"), getattr(comparison, f"{law}_p")
            decided = p is not None and p <= 0.1
            row[f"{law} for"] = decided and z > 0
            row[f"{law} against"] = decided and z < 0
        rows.append(row)
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} | {"draws": draws}


def _at_xmin(spectrum: Spectrum, fit: PowerLawFit) -> TailFits:
    """The laws at the power law's xmin alone; the search for their own takes longer than all the rest."""
    ascending = spectrum.fitted
    start = int(np.searchsorted(ascending, fit.xmin))
    laws = [law(ascending, start) for law in (fit_exponential, fit_lognormal, fit_truncated)]
    exponential, lognormal, truncated = (None if isinstance(law, Reason) else law for law in laws)
    return TailFits(exponential, lognormal, truncated, None, None, None, None)
