"""Claim: the intended window is linear in λ and scales with W; the legacy one compares a logarithm with eigenvalues.

Witness: the histogram counted by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from triplepoint.fits import WINDOWS
from triplepoint.fits.windows import INTENDED, LEGACY, STUDY, peak_window


def peak(values: np.ndarray) -> float:
    """Left edge of the fullest of 100 equal bins of log10, the first of equals, the last bin closed on the right."""
    log = [math.log10(v) for v in values]
    low, high = min(log), max(log)
    counts = [0] * 100
    for v in log:
        counts[min(int((v - low) / (high - low) * 100), 99)] += 1
    return 10 ** (low + counts.index(max(counts)) * (high - low) / 100)


@pytest.mark.parametrize("seed", range(6))
def test_the_window_lies_about_the_fullest_bin(seed):
    values = np.random.default_rng(seed).lognormal(seed - 3, 1, 700)
    assert peak_window(values, INTENDED) == pytest.approx(
        (0.95 * peak(values), 1.5 * peak(values)), rel=1e-12
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_window_of_the_study_is_narrow(seed):
    values = np.random.default_rng(seed).lognormal(seed - 3, 1, 700)
    assert peak_window(values, STUDY) == pytest.approx((0.95 * peak(values), 1.05 * peak(values)), rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_legacy_window_starts_lower_and_below_zero_for_small_weights(seed):
    values = np.random.default_rng(seed).lognormal(seed - 3, 1, 700)
    low, high = peak_window(values, LEGACY)
    assert high == peak_window(values, INTENDED)[1]
    assert low == pytest.approx(math.log10(0.95 * peak(values)), abs=1e-12)
    assert low < peak_window(values, INTENDED)[0]
    assert (low < 0) == (peak(values) < 1 / 0.95)


def test_the_legacy_histogram_leaves_out_what_weightwatcher_does():
    rng = np.random.default_rng(0)
    values = np.sort(np.r_[10 ** rng.uniform(-12, -5.5, 3000), rng.uniform(0.5, 2, 50)])
    assert peak_window(values, LEGACY)[1] == pytest.approx(1.5 * peak(values[values > 1e-5]), rel=1e-12)
    assert peak_window(values, INTENDED)[1] < 1e-5
    assert peak_window(values[:3000], LEGACY)[1] == peak_window(values[:3000], INTENDED)[1]


def test_only_the_intended_window_moves_with_the_scale_of_the_weights():
    values = np.random.default_rng(3).lognormal(1, 1, 700)
    inside = {
        window: [
            {
                int(i)
                for i in np.flatnonzero(
                    (c * values >= peak_window(c * values, window)[0])
                    & (c * values <= peak_window(c * values, window)[1])
                )
            }
            for c in (1.0, 1e-3, 1e3)
        ]
        for window in WINDOWS
    }
    assert inside[INTENDED][0] == inside[INTENDED][1] == inside[INTENDED][2]
    assert len({len(found) for found in inside[LEGACY]}) > 1


def test_the_names_are_those_of_the_settings_and_others_are_refused():
    assert set(WINDOWS) == {INTENDED, LEGACY, STUDY}
    with pytest.raises(ValueError, match="expected one of intended, legacy, study"):
        peak_window(np.array([1.0, 2.0]), "peak")
