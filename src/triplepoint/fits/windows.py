"""Where around the peak of the histogram a fit looks for xmin.

xmin2 = 10^(left edge of the fullest of 100 bins of log10 λ). `intended` is the window [0.95, 1.5]·xmin2. `legacy` is
what WeightWatcher 0.7.7 and the tools after it compute: its lower bound is log10(0.95·xmin2), a logarithm compared with
eigenvalues, which is always the lower of the two and no bound at all where xmin2 < 1.05; it depends on the scale of W.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

INTENDED = "intended"
LEGACY = "legacy"
BINS = 100
LOWER, UPPER = 0.95, 1.5


def peak_window(values: Array, window: str) -> tuple[float, float]:
    """(lower, upper) bound of xmin for positive values.

    >>> low, high = peak_window(np.array([1.0, 10.0, 10.1, 10.2, 100.0]), "intended")
    >>> round(low, 6), round(high, 6)
    (9.5, 15.0)
    """
    counts, edges = np.histogram(np.log10(values), bins=BINS)
    peak = 10.0 ** float(edges[np.argmax(counts)])
    if window == INTENDED:
        return LOWER * peak, UPPER * peak
    if window == LEGACY:
        return float(np.log10(LOWER * peak)), UPPER * peak
    raise ValueError(f"window {window!r}: expected {INTENDED!r} or {LEGACY!r}")
