"""The power-law fit of WeightWatcher 0.7.7 and its removal of fingers.

Kept errors: eigenvalues below 1e-5 are cut off whatever their scale; of fewer than 20 values the fit of least distance
is returned where its own objective, which rewards long tails, would choose another; a fit that fails is α = −1, which
counts as over-trained; the error of a fit to fewer than 8 values is that of α = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

THRESHOLD = 1e-5
SMALL, SMALL_TAIL, DEGENERATE = 20, 8, 1e-12
MAX_FINGERS, GIVE_UP_AT = 10, 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The winner, and every candidate it was chosen from."""

    alpha: float
    xmin: float
    xmax: float
    D: float
    sigma: float
    alphas: Array
    """(points − 1,), one a candidate xmin, ascending."""
    Ds: Array
    sigmas: Array
    xmins: Array


def fit(ascending: Array) -> Fit | None:
    """The fit of positive values sorted ascending; None for fewer than two. Cost O(n²)."""
    n = ascending.size
    if n < 2:
        return None
    logs = np.log(ascending)
    alphas, distances = np.zeros(n - 1), np.ones(n - 1)
    small = n < SMALL
    starts = [i for i in range(n - 1) if not small or n - i >= SMALL_TAIL] or [0]
    with np.errstate(divide="ignore", invalid="ignore"):
        for i in starts:
            count = float(n - i)
            spread = np.sum(logs[i:]) - count * logs[i]
            if small and spread <= DEGENERATE:
                continue
            alphas[i] = 1.0 + np.float64(count - small) / spread
            if alphas[i] > 1.0:
                law = 1.0 - (ascending[i:] / ascending[i]) ** (1.0 - alphas[i])
                distances[i] = np.max(np.abs(law - np.arange(count) / count))
        sigmas = (alphas - 1.0) / np.sqrt(n - np.arange(n - 1))
    if n < SMALL_TAIL:
        sigmas[0] = -1.0 / np.sqrt(n)
    best = int(np.argmin(distances))
    if np.isnan(alphas[best]):
        return None
    return Fit(
        alpha=float(alphas[best]),
        xmin=float(ascending[best]),
        xmax=float(ascending[-1]),
        D=float(distances[best]),
        sigma=float(sigmas[best]),
        alphas=alphas,
        Ds=distances,
        sigmas=sigmas,
        xmins=ascending[:-1],
    )


def without_fingers(
    ascending: Array, max_fingers: int = MAX_FINGERS, threshold: float = 1.0
) -> tuple[Fit, int, Fit] | None:
    """(fit, number of fingers, fit of everything), or None where a fit on the way fails.

    Without the 2, 3 … largest values until α has fallen by more than `threshold`. Up to three more fits are made that
    change nothing, unless one of them fails: that loses the result, as it does in WeightWatcher.
    """
    whole = fit(ascending)
    if whole is None:
        return None
    best, fingers, last, left_out = whole, 0, whole, 1
    for left_out in range(2, max_fingers):
        found = fit(ascending[:-left_out])
        if found is None:
            return None
        last = found
        if found.alpha + threshold < whole.alpha:
            best, fingers = found, left_out - 1
            break
        if found.alpha <= GIVE_UP_AT:
            break
    for checked in range(left_out + 1, left_out + 4):
        check = fit(ascending[:-checked])
        if check is None:
            return None
        if abs(check.alpha - last.alpha) > threshold:
            break
    return best, fingers, whole


def columns(
    values: Array,
    *,
    drop: int = 0,
    fingers: bool = False,
    max_fingers: int | None = None,
    threshold: float = 1.0,
) -> dict[str, Any]:
    """The columns of the fit; `drop` is how many of the largest eigenvalues are left out (`xmax=-k`)."""
    kept = values[:-drop] if drop else values
    fitted = kept[kept > THRESHOLD]
    clipped = None
    if fingers:
        # A value of the user below half the number of eigenvalues is replaced, so that 10 is all one can have.
        wanted = max_fingers if max_fingers is not None and max_fingers >= values.size / 2 else MAX_FINGERS
        clipped = without_fingers(fitted, wanted, threshold)
        found = None if clipped is None else clipped[0]
    else:
        found = None if drop > values.size / 2 else fit(fitted)
    made: dict[str, Any] = {
        "alpha": -1 if found is None else found.alpha,
        "xmin": -1 if found is None else found.xmin,
        "xmax": None if found is None else found.xmax,
        "D": -1 if found is None else found.D,
        "sigma": -1 if found is None else found.sigma,
        "num_pl_spikes": -1 if found is None else int(np.count_nonzero(kept >= found.xmin)),
        "status": "failed" if found is None else "success",
    }
    if fingers:
        made["num_fingers"] = 0 if clipped is None else clipped[1]
        made["raw_alpha"] = -1 if clipped is None else clipped[2].alpha
    return made
