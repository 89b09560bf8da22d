"""The fit that the options ask for, of the eigenvalues above the relative cut-off."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.parameters import TRUNCATED, Parameters
from triplepoint.facts import Facts
from triplepoint.fits import FitSettings
from triplepoint.fits.windows import INTENDED, peak_window
from triplepoint.records import PowerLawFit, Reason, Spectrum, TailFits

Array = np.ndarray[Any, np.dtype[np.float64]]

MIN_TAIL = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """One fit, or why there is none."""

    fit: PowerLawFit | None = None
    """With the exponent that was asked for, whichever law it belongs to."""
    reason: Reason | None = None
    rate: float | None = None
    """Λ of the truncated power law."""
    raw: PowerLawFit | None = None
    """The fit before fingers were left out."""
    fingers: int = 0
    error: bool = True
    """Whether (α − 1)/√n is the standard error of this law."""

    @property
    def num_tail(self) -> int | None:
        """Eigenvalues from xmin on."""
        return None if self.fit is None else self.fit.num_tail

    def columns(self, parameters: Parameters) -> dict[str, Any]:
        """Under WeightWatcher's names; NaN where there is no fit, and no warning then."""
        fit, nan = self.fit, math.nan
        made: dict[str, Any] = {
            "alpha": nan if fit is None else fit.alpha,
            "xmin": nan if fit is None else fit.xmin,
            "xmax": nan if fit is None else fit.xmax,
            "D": nan if fit is None else fit.ks_distance,
            "sigma": nan if fit is None or not self.error else fit.alpha_sem,
            "num_pl_spikes": nan if fit is None else fit.num_tail,
            "status": c.FAILED if fit is None else c.SUCCESS,
            "warning": warning(None if fit is None or parameters.fit in TRUNCATED else fit.alpha),
        }
        if parameters.fit in TRUNCATED:
            made["Lambda"] = nan if self.rate is None else self.rate
        if parameters.fix_fingers == c.CLIP_XMAX:
            made |= {"num_fingers": self.fingers, "raw_alpha": nan if self.raw is None else self.raw.alpha}
        return made


def warning(alpha: float | None) -> str:
    """WeightWatcher's thresholds, 2 and 6; never a verdict on a fit that failed."""
    if alpha is None:
        return ""
    return (
        c.OVER_TRAINED
        if alpha < c.OVER_TRAINED_THRESH
        else c.UNDER_TRAINED
        if alpha > c.UNDER_TRAINED_THRESH
        else ""
    )


def fitted(spectrum: Spectrum, parameters: Parameters, name: str) -> Tail:
    """The tail by the options `fit`, `fix_fingers`, `xmax`."""
    kept = without_largest(spectrum, parameters.drop)
    if not kept.singular_values.size:
        return Tail(reason=Reason.too_few_eigenvalues)
    facts = Facts(kept, FitSettings(name=name))
    plain = facts.get(PowerLawFit)
    if isinstance(plain, Reason):
        return Tail(reason=plain)
    if parameters.fit in TRUNCATED or parameters.xmax == c.FORCE:
        laws = facts.get(TailFits)
        return Tail(reason=laws) if isinstance(laws, Reason) else _other_law(plain, laws, parameters)
    if parameters.fix_fingers == c.XMIN_PEAK:
        return _near_peak(kept.fitted, plain, parameters.xmin_max)
    if parameters.fix_fingers == c.CLIP_XMAX:
        return _without_fingers(kept, plain, parameters, name)
    return Tail(fit=plain)


def without_largest(spectrum: Spectrum, count: int) -> Spectrum:
    """The spectrum less its largest eigenvalues, with the cut-off that it had."""
    if not count:
        return spectrum
    return replace(
        spectrum,
        singular_values=spectrum.singular_values[count:],
        resolved_from=spectrum.fit_from,
        epsilon=0.0,
    )


def _other_law(plain: PowerLawFit, laws: TailFits, parameters: Parameters) -> Tail:
    law = laws.bounded if parameters.fit == c.PL else laws.e_tpl if parameters.fit == c.E_TPL else laws.tpl
    if law is None or law.alpha is None:
        return Tail(reason=Reason.degenerate_tail)
    fit = replace(
        plain,
        alpha=law.alpha,
        xmin=law.xmin,
        ks_distance=law.ks_distance,
        num_tail=law.num_tail,
        alpha_sem=math.nan,
    )
    return Tail(fit=fit, rate=law.rate, error=False)


def _without_fingers(spectrum: Spectrum, whole: PowerLawFit, parameters: Parameters, name: str) -> Tail:
    """Without the 2, 3 … largest eigenvalues until α has fallen by more than the threshold; both limits as asked."""
    for left_out in range(2, parameters.max_fingers):
        rest = without_largest(spectrum, left_out)
        if not rest.singular_values.size:
            break
        fit = Facts(rest, FitSettings(name=name)).get(PowerLawFit)
        if isinstance(fit, Reason):
            break
        if fit.alpha + parameters.finger_thresh < whole.alpha:
            # Fingers lie above xmin and are counted with the tail, as WeightWatcher counts them.
            with_fingers = replace(fit, num_tail=fit.num_tail + left_out)
            return Tail(fit=with_fingers, raw=whole, fingers=left_out - 1)
        if fit.alpha <= c.OVER_TRAINED_THRESH:
            break
    return Tail(fit=whole, raw=whole)


def _near_peak(ascending: Array, plain: PowerLawFit, most: float | None) -> Tail:
    """The power law with xmin from 0.95 to 1.5 times the peak of the histogram of log λ, or up to `most`."""
    low, high = peak_window(ascending, INTENDED)
    high = high if most is None else most
    best: PowerLawFit | None = None
    inside = np.flatnonzero((ascending >= low) & (ascending <= high))
    for start in inside[ascending.size - inside >= MIN_TAIL]:
        tail = ascending[start:]
        u = np.log(tail / tail[0])
        if (total := float(np.sum(u))) <= 0:
            continue
        decay = tail.size / total
        distance = float(np.max(np.abs(1 - np.exp(-decay * u) - np.arange(tail.size) / tail.size)))
        if best is None or distance < best.ks_distance:
            best = replace(
                plain,
                alpha=1 + decay,
                alpha_sem=decay / math.sqrt(tail.size),
                xmin=float(tail[0]),
                ks_distance=distance,
                num_tail=tail.size,
            )
    return Tail(reason=Reason.degenerate_tail) if best is None else Tail(fit=best)
