"""Fingers: a few of the largest eigenvalues that bend the power law, found by leaving them out.

WeightWatcher's `clip_xmax`: without the 2, 3 … 9 largest eigenvalues, xmin chosen anew, until α has fallen by more
than 1; it then says one finger less than it left out. It gives up where α reaches 2 before that. Eigenvalues are those
above the relative cut-off of every fit, and below 20 of them the small-sample rule of `power_law` holds: with 20 to 28
α and the clipped α may come from two rules.
"""

from __future__ import annotations

from triplepoint.fits.power_law import best_tail
from triplepoint.records import Clipped, PowerLawFit, Reason, Spectrum

MAX_FINGERS = 10
THRESHOLD = 1.0
GIVE_UP_AT = 2.0


def clip_fingers(spectrum: Spectrum, fit: PowerLawFit) -> Clipped | Reason:
    """α without the fingers, and how many there are: 0, and α as it was, where leaving them out changes little.

    Cost: up to eight refits, 20–100 ms in all at n = 4096.
    """
    ascending = spectrum.fitted
    for left_out in range(2, MAX_FINGERS):
        tail = best_tail(ascending[:-left_out])
        if isinstance(tail, Reason):
            break
        if tail.alpha + THRESHOLD < fit.alpha:
            return Clipped(alpha=tail.alpha, num_fingers=left_out - 1)
        if tail.alpha <= GIVE_UP_AT:
            break
    return Clipped(alpha=fit.alpha, num_fingers=0)
