"""The power-law fit of a spectrum's tail, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from triplepoint.fits.interval import (
    BOOTSTRAP,
    CLOSED,
    COVERAGE,
    bootstrap_draws,
    closed_interval,
    share_below,
    stream,
)
from triplepoint.fits.power_law import MIN_EIGENVALUES, SMALL_SAMPLE, best_tail
from triplepoint.fits.windows import INTENDED, WINDOWS
from triplepoint.records import PowerLawFit, Reason, Spectrum

__all__ = [
    "MIN_EIGENVALUES",
    "WINDOWS",
    "FitSettings",
    "best_tail",
    "fit_power_law",
    "interval_model",
    "share_below",
]


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How the interval is made; the name seeds the bootstrap of one matrix."""

    name: str = ""
    seed: int = 0
    replicates: int = 0
    """Bootstrap refits; 0 for the closed form."""
    window: str = INTENDED
    """Around the peak of the histogram, for the fits that look there; see `fits.windows`."""
    gof_replicas: int = 1000
    """Bootstrap samples of the goodness of fit."""


def fit_power_law(spectrum: Spectrum, settings: FitSettings) -> PowerLawFit | Reason:
    """α, xmin and D of the eigenvalues above `spectrum.fit_from`, with a 95 % interval.

    Invariant under W → cW, transposition and permutation. Cost: a few milliseconds at n = 4096 (see `power_law`);
    `replicates` times that for the bootstrap. Source: arXiv 0706.1062.
    """
    ascending = spectrum.fitted
    tail = best_tail(ascending)
    if isinstance(tail, Reason):
        return tail
    if settings.replicates:
        draws = bootstrap_draws(ascending, settings.replicates, stream(settings.seed, settings.name))
        if not draws:
            return Reason.degenerate_tail
        low, high = np.quantile(draws, [0.5 - COVERAGE / 2, 0.5 + COVERAGE / 2])
    else:
        draws = ()
        low, high = closed_interval(tail.alpha, tail.count, small=ascending.size < SMALL_SAMPLE)
    return PowerLawFit(
        alpha=tail.alpha,
        alpha_sem=(tail.alpha - 1) / math.sqrt(tail.count),
        alpha_low=float(low),
        alpha_high=float(high),
        xmin=float(ascending[tail.start]),
        xmax=float(ascending[-1]),
        ks_distance=tail.ks_distance,
        num_tail=tail.count,
        num_fitted=ascending.size,
        interval=interval_model(settings.replicates),
        draws=draws,
    )


def interval_model(replicates: int) -> str:
    """Name of the sampling model behind the interval."""
    return f"{BOOTSTRAP}:{replicates}" if replicates else CLOSED
