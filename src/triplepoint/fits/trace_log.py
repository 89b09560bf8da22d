"""The effective correlation space of SETOL: the largest eigenvalues whose logarithms sum to zero (arXiv 2507.17912).

With λ' = λ/⟨λ⟩ over all n eigenvalues the space grows from the largest down until Σ ln λ' < 0, that is until the
determinant of the correlations in it falls to 1. WeightWatcher 0.7.7 multiplies instead of adding logarithms
(`detX`); its product leaves the range of float64 for large matrices (n = 4096: 2886 instead of 2857).
"""

from __future__ import annotations

import numpy as np

from triplepoint.records import Reason, Spectrum, TraceLog

# Relative spread up to which eigenvalues are equal. Those of an orthogonal matrix spread by 4e-15 to 1e-14 in float64
# (50 to 2000 rows), by 1.4e-7, 1.2 units, where it is stored in float32.
EQUAL = 1e-12


def trace_log(spectrum: Spectrum) -> TraceLog | Reason:
    """Size and smallest eigenvalue of the effective correlation space.

    The eigenvalue that brings the sum below zero belongs to it, as in WeightWatcher. Zero eigenvalues have the
    logarithm −∞ and end it. No value where all eigenvalues are equal within rounding: then every sum is zero, and its
    sign is chance. O(n).
    """
    values = spectrum.eigenvalues
    if values.size < 2:
        return Reason.too_few_eigenvalues
    rounding = max(EQUAL, 4 * spectrum.storage_epsilon) * values[0]
    if not values[0] - values[-1] > max(rounding, spectrum.resolved_from):
        return Reason.undefined
    with np.errstate(divide="ignore"):
        # λ/λmax first: the mean of eigenvalues near the end of the range would overflow.
        relative = values / values[0]
        sums = np.cumsum(np.log(relative) - np.log(np.mean(relative)))
    # The sum over all is below zero (Jensen), but for rounding.
    below = np.flatnonzero(sums < 0)
    num = int(below[0]) + 1 if below.size else values.size
    return TraceLog(num=num, lambda_min=float(values[num - 1]))
