"""A thousand refits of a power law, with and without numba, and the goodness of fit they serve.

    python -m benchmarks.refits [--quick]

Each refit is a sample drawn, sorted and given its own exact best xmin. The eigenvalues are three quarters uniform on
(0.1, 1) and one quarter of density x^(−3.2) from 1 on. The compiled search is loaded or compiled once a process; that
is measured apart, in processes of their own, and is not in the other figures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import section
from benchmarks.processes import ROOT
from benchmarks.timing import Timing, interleaved, once
from benchmarks.worlds import SEED
from triplepoint.fits import FitSettings, best_tail, fit_power_law
from triplepoint.fits.goodness import goodness_of_fit
from triplepoint.fits.power_law import Tail
from triplepoint.fits.refits import refit_all, resampled, semi_parametric
from triplepoint.records import PowerLawFit, Spectrum

Array = np.ndarray[Any, np.dtype[np.float64]]
COUNT = 1000
SIDE = 768
GOAL_SECONDS = 0.5
LOADING = (
    "from triplepoint.fits import refits; import time; t = time.perf_counter(); found = refits._kernel(); "
)
LOADING += "print(time.perf_counter() - t if found else -1)"


def refits(quick: bool) -> section.Result:
    """First use, then every size."""
    first = _first_use()
    found = [
        _size(n, 100 if quick else COUNT, 2 if quick else 7) for n in ((256,) if quick else (256, SIDE, 4096))
    ]
    print()
    return {
        "first_use": first,
        "sizes": found,
        "goals": [
            section.goal(
                f"{COUNT} refits at n = {SIDE}, numba",
                size["compiled, resampled"]["median"],
                GOAL_SECONDS,
                unit=" s",
                at_least=False,
            )
            for size in found
            if size["n"] == SIDE
        ],
    }


def _first_use() -> section.Result:
    """Seconds to import numba and compile, and to import it and load what an earlier process compiled."""
    section.heading("first use in a process: import of numba and the compiled search, s")
    found = {}
    with tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as folder:
        for name in ("compiled", "from the cache"):
            done = subprocess.run(
                [sys.executable, "-c", LOADING],
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
                env=os.environ | {"NUMBA_CACHE_DIR": folder},
            )
            found[name] = float(done.stdout)
    if min(found.values()) < 0:
        print("numba is not installed: both searches below are the plain one")
    else:
        section.table(("", "s"), [(name, f"{seconds:.2f}") for name, seconds in found.items()])
    return found


def _size(n: int, count: int, rounds: int) -> section.Result:
    """Both samplers and both searches in turn."""
    section.heading(f"{count} refits at n = {n}, s")
    generator = np.random.default_rng([SEED, n])
    data = np.sort(np.r_[generator.uniform(0.1, 1, n - n // 4), 1 + generator.pareto(2.2, n // 4)])
    tail = best_tail(data)
    assert isinstance(tail, Tail)
    spectrum = Spectrum(np.sqrt(data)[::-1], (n, n))
    settings = FitSettings(gof_replicas=count)
    fit = fit_power_law(spectrum, settings)
    assert isinstance(fit, PowerLawFit)
    calls: dict[str, Callable[[], object]] = {}
    for name, compiled in (("compiled", True), ("plain", False)):
        calls[f"{name}, resampled"] = partial(_resampled, data, count, compiled)
        calls[f"{name}, from the fit"] = partial(_from_fit, data, tail, count, compiled)
    calls["goodness of fit, both p"] = partial(goodness_of_fit, spectrum, fit, settings)
    once(calls["compiled, resampled"])
    timings = interleaved(calls, rounds)
    section.table(("", "median", "min–max", "rounds"), [(name, *_cells(t)) for name, t in timings.items()])
    return {"n": n, "count": count} | {name: timing.to_dict() for name, timing in timings.items()}


def _cells(timing: Timing) -> tuple[str, str, int]:
    return f"{timing.median:.3f}", f"{timing.fastest:.3f}–{timing.slowest:.3f}", timing.rounds


def _resampled(data: Array, count: int, compiled: bool) -> object:
    return refit_all(resampled(data, count, np.random.default_rng(SEED)), compiled=compiled)


def _from_fit(data: Array, tail: Tail, count: int, compiled: bool) -> object:
    samples = semi_parametric(data, tail.alpha, tail.start, count, np.random.default_rng(SEED))
    return refit_all(samples, compiled=compiled)


if __name__ == "__main__":
    section.main("refits", refits)
