"""The phase of a layer: gas, water or ice, decided from the null first and the exponent second.

1. No usable fit, or no null for the shape: `not_assessable`.
2. The spectrum cannot be told from a random matrix of the same shape (null_p > 0.01): `under_trained`, whatever α is.
   Gaussian matrices alone have α between 2 and 6 in 62 % of draws at 128 x 128.
3. The null is rejected and the whole 95 % interval of α lies below 2: `over_trained`; within 2–6: `well_trained`;
   above 6: `under_trained`.
4. The interval spans a boundary: `undecided`, and the finding names the phases on both sides.
"""

from __future__ import annotations

from triplepoint.fits import share_below
from triplepoint.records import BulkNull, Phase, PowerLawFit

# One matrix is called noise unless fewer than 1 in 100 noise matrices lie as far from the law. The level belongs to
# the matrix alone, so that a filter over layers changes no verdict; the model-wide count controls false discoveries.
NULL_LEVEL = 0.01
# WeightWatcher 0.7.7 and Martin & Mahoney 2021: α < 2 over-trained, α > 6 under-trained.
OVER_TRAINED_BELOW = 2.0
UNDER_TRAINED_ABOVE = 6.0
# Published bands inside "well-trained", by name.
PRESETS = {"ideal 2–4": (2.0, 4.0), "2–5": (2.0, 5.0), "2–6": (OVER_TRAINED_BELOW, UNDER_TRAINED_ABOVE)}


def shares(fit: PowerLawFit) -> dict[Phase, float]:
    """Share of the interval's distribution in each phase; sums to 1."""
    over = share_below(fit, OVER_TRAINED_BELOW)
    not_under = share_below(fit, UNDER_TRAINED_ABOVE)
    return {
        Phase.over_trained: over,
        Phase.well_trained: not_under - over,
        Phase.under_trained: 1.0 - not_under,
    }


def spanned(fit: PowerLawFit) -> tuple[Phase, ...]:
    """The phases that the 95 % interval of α touches, from ice to gas."""
    low, high = fit.alpha_low, fit.alpha_high
    touched = (
        (Phase.over_trained, low < OVER_TRAINED_BELOW),
        (Phase.well_trained, high >= OVER_TRAINED_BELOW and low <= UNDER_TRAINED_ABOVE),
        (Phase.under_trained, high > UNDER_TRAINED_ABOVE),
    )
    return tuple(phase for phase, touches in touched if touches)


def classify(fit: PowerLawFit | None, bulk: BulkNull | None) -> tuple[Phase, float | None]:
    """Phase and confidence.

    The confidence is the share of the interval's distribution that lies in the phase; for `undecided` the share of
    the likeliest phase. It is None where the null is not rejected: absence of evidence has no probability.
    """
    if fit is None or bulk is None:
        return Phase.not_assessable, None
    if bulk.p_value > NULL_LEVEL:
        return Phase.under_trained, None
    share = shares(fit)
    touched = spanned(fit)
    if len(touched) == 1:
        return touched[0], share[touched[0]]
    return Phase.undecided, max(share.values())
