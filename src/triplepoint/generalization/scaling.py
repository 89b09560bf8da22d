"""The published scaling with the size of the training set, and the way back.

Of the metrics that come from norms, margins and noise the logarithms (`log_…`) become ½(v − ln m), the others √(v/m);
the means over spectra, CKA, the margin itself and the Hessian stay. It matters where m varies between the networks
compared.
"""

from __future__ import annotations

import math

from triplepoint.generalization.request import DEFAULT, MEANS, NAMES, SPECTRAL

UNSCALED = frozenset((*SPECTRAL, *MEANS, "margin", *(set(NAMES) - set(DEFAULT))))


def normalized(name: str, value: float, m: int) -> float | None:
    """As published; None where the root of a negative number is asked."""
    if name in UNSCALED:
        return value
    if name.startswith("log_"):
        return 0.5 * (value - math.log(m))
    return math.sqrt(value / m) if value >= 0 else None


def restored(name: str, value: float, m: int) -> float:
    """The value before `normalized`: 2v + ln m, or v²·m."""
    if name in UNSCALED:
        return value
    return 2.0 * value + math.log(m) if name.startswith("log_") else value**2 * m
