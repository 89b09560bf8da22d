"""Claim: the statistics of all tails at once keep their digits, on spectra over ten decades and within one part in 10⁵.

Witness: mpmath, tail by tail.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from triplepoint.fits.search import MIN_TAIL, PROBES, Candidates

SAMPLES = {
    "ten decades": np.geomspace(1e-7, 1e3, 60),
    "narrow": np.sort(1 + 1e-5 * np.random.default_rng(0).uniform(0, 1, 60)),
    "bulk under a narrow top": np.sort(
        np.r_[np.geomspace(1e-4, 1, 30), 5 + 1e-6 * np.random.default_rng(1).uniform(0, 1, 30)]
    ),
    "ties": np.repeat([1.0, 2.0, 2.5, 7.0], 10),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_both_means_are_exact(name):
    data = SAMPLES[name]
    tails = Candidates.of(data)
    for start, mean_u, mean_w in zip(tails.starts, tails.mean_u, tails.mean_w, strict=True):
        with mpmath.workdps(40):
            ratios = [mpmath.mpf(float(x)) / mpmath.mpf(float(data[start])) for x in data[start:]]
            u = mpmath.fsum(mpmath.log(r) for r in ratios) / len(ratios)
            w = mpmath.fsum(r - 1 for r in ratios) / len(ratios) - u
        # Within one part in 10⁵ the second mean is 10⁻¹⁰; sums of the values themselves would leave it no digit.
        assert mean_u == pytest.approx(float(u), rel=1e-13, abs=0)
        assert mean_w == pytest.approx(float(w), rel=1e-7 if float(u) < 1e-4 else 1e-12, abs=0)


def test_candidates_are_distinct_values_with_eight_points_or_more_inside_the_bounds():
    data = np.sort(np.r_[np.repeat([1.0, 2.0, 3.0], 5), np.arange(4.0, 14.0)])
    assert list(data[Candidates.of(data).starts]) == [1, 2, 3, 4, 5, 6]
    assert list(data[Candidates.of(data, 2, 4.5).starts]) == [2, 3, 4]
    assert list(Candidates.of(data).counts) == [25, 20, 15, 10, 9, 8]
    assert Candidates.of(np.ones(30)).starts.size == 0
    assert MIN_TAIL == 8


def test_probes_are_points_of_the_tail_with_their_own_share():
    data = np.geomspace(1, 50, 100)
    tails = Candidates.of(data)
    u, share = tails.probes()
    assert u.shape == share.shape == (tails.starts.size, PROBES)
    for i, start in enumerate(tails.starts):
        tail = np.log(data[start:] / data[start])
        positions = np.rint(share[i] * tail.size).astype(int)
        assert share[i] == pytest.approx(positions / tail.size, abs=1e-15)
        assert u[i] == pytest.approx(tail[positions], abs=1e-12)
    assert np.all(share[:, 0] == 0)
    assert share[:, -1] == pytest.approx(1 - 1 / tails.counts)
