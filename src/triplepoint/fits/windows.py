"""Where around the peak of the histogram e_tpl and exp look for xmin (`--window`).

xmin2 = 10^(left edge of the fullest of 100 bins of log10 λ). `intended` is the window [0.95, 1.5]·xmin2. `legacy` is
what WeightWatcher 0.7.7 and the tools after it compute: the histogram is of λ > 1e-5 alone, and the lower bound is
log10(0.95·xmin2), a logarithm compared with eigenvalues, which is always the lower of the two and no bound at all where
xmin2 < 1.05. Both depend on the scale of W. `study` is the narrow window of the NLP study (arXiv 2202.02842),
[0.95, 1.05]·xmin2 of the same histogram.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

INTENDED = "intended"
LEGACY = "legacy"
STUDY = "study"
WINDOWS = (INTENDED, LEGACY, STUDY)
BINS = 100
LOWER, UPPER, UPPER_OF_STUDY = 0.95, 1.5, 1.05
LEGACY_FROM = 1e-5


def peak_window(values: Array, window: str) -> tuple[float, float]:
    """(lower, upper) bound of xmin for positive values.

    >>> low, high = peak_window(np.array([1.0, 10.0, 10.1, 10.2, 100.0]), "intended")
    >>> round(low, 6), round(high, 6)
    (9.5, 15.0)
    """
    if window == INTENDED:
        peak = _peak(values)
        return LOWER * peak, UPPER * peak
    if window in (LEGACY, STUDY):
        counted = values[values > LEGACY_FROM]
        peak = _peak(counted if counted.size else values)
        if window == STUDY:
            return LOWER * peak, UPPER_OF_STUDY * peak
        return float(np.log10(LOWER * peak)), UPPER * peak
    raise ValueError(f"window {window!r}: expected one of {', '.join(WINDOWS)}")


def _peak(values: Array) -> float:
    counts, edges = np.histogram(np.log10(values), bins=BINS)
    return float(10.0 ** edges[np.argmax(counts)])
