"""powerlaw: its truncated power law at given xmins, or with its own search, with the range of α opened.

By default it allows α in [0, 3] alone, which pins heavier exponents to the border; open, both sides solve one problem.
"""

from __future__ import annotations

import time
from importlib.metadata import version

import numpy as np
import powerlaw

from benchmarks.workers.protocol import Answer, serve, surroundings

OPEN = {"alpha": [0, None]}
LAW = "truncated_power_law"


def fits(values: list[float], starts: list[int]) -> Answer:
    """The law on the ascending values from each start on: [α, Λ, D, Σ ln p], and the seconds of each."""
    data = np.asarray(values)
    seconds, found = [], []
    for start in starts:
        tail = data[start:]
        started = time.perf_counter()
        fit = powerlaw.Fit(tail, xmin=tail[0], xmin_distribution=LAW, parameter_ranges=OPEN, verbose=0)
        law = fit.truncated_power_law
        distance = float(law.D)
        seconds.append(time.perf_counter() - started)
        total = float(np.sum(law.loglikelihoods(tail)))
        found.append([float(law.alpha), float(law.Lambda), distance, total])
    return {"seconds": seconds, "fits": found}


def search(values: list[float]) -> Answer:
    """Its own choice of xmin: [α, Λ, D, xmin]."""
    data = np.asarray(values)
    started = time.perf_counter()
    fit = powerlaw.Fit(data, xmin_distribution=LAW, parameter_ranges=OPEN, verbose=0)
    law = fit.truncated_power_law
    found = [float(law.alpha), float(law.Lambda), float(law.D), float(fit.xmin)]
    return {"seconds": time.perf_counter() - started, "fit": found}


def about() -> Answer:
    """What runs here."""
    return {"version": version("powerlaw"), **surroundings()}


if __name__ == "__main__":
    serve({"fits": fits, "search": search, "about": about})
