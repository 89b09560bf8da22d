"""Claim: the search finds the σ at which a known curve reaches the target, knows its error, and says when it cannot.

The curves are closed forms; the error is compared with the spread of σ over repeated searches.
"""

from __future__ import annotations

import math
from statistics import stdev

import numpy as np
import pytest

from triplepoint.generalization.legacy import published_sigma
from triplepoint.generalization.search import PRECISION, largest_sigma
from triplepoint.records import Reason, Tolerance


def search(rises, target=0.5, limit=2.0, depth=15):
    return largest_sigma(rises, target=target, limit=limit, depth=depth, criterion="loss")


@pytest.mark.parametrize("power", [1, 2, 4])
@pytest.mark.parametrize("root", [0.003, 0.1, 1.7])
def test_the_root_of_a_curve_is_found_from_below(power, root):
    found = search(lambda sigma: [0.5 * (sigma / root) ** power] * 3)
    assert isinstance(found, Tolerance)
    assert found.sigma <= root < found.upper
    assert found.upper - found.sigma <= max(PRECISION * found.upper, 2.0 * 2**-15)
    assert found.increase <= 0.5
    assert not found.at_limit


def test_a_noise_that_costs_less_than_the_target_ends_at_the_limit_and_says_so():
    found = search(lambda sigma: [0.1 * sigma])
    assert (found.sigma, found.at_limit, found.evaluations) == (2.0, True, 1)
    assert found.sigma_error is None


def test_just_below_the_limit_is_not_the_limit():
    found = search(lambda sigma: [0.5 * sigma / 1.95])
    assert 1.9 < found.sigma < 1.95
    assert not found.at_limit


def test_what_cannot_be_borne_and_what_has_no_effect_are_reasons():
    assert search(lambda sigma: [9.0]) is Reason.no_tolerance
    assert search(lambda sigma: [math.nan]) is Reason.no_tolerance
    assert search(lambda sigma: [math.inf, 0.0]) is Reason.no_tolerance
    assert search(lambda sigma: [0.0, 0.0]) is Reason.no_effect


def test_a_loss_that_falls_with_noise_is_borne():
    assert search(lambda sigma: [-sigma]).at_limit


def test_an_overflow_beyond_the_root_does_not_matter():
    found = search(lambda sigma: [0.5 * sigma**2 if sigma < 1.2 else math.inf])
    assert found.sigma == pytest.approx(1.0, rel=0.01)
    assert found.sigma_error is None or found.sigma_error == 0


def test_the_error_is_the_spread_over_repeated_searches():
    """Draws of ΔL = a·σ² with a random a: σ = √(target/mean a)."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        curvatures = rng.gamma(9.0, 1.0, size=10)
        found.append(search(lambda sigma, c=curvatures: list(c * sigma**2), depth=30))
    spread = stdev(one.sigma for one in found)
    claimed = np.mean([one.sigma_error for one in found])
    assert claimed == pytest.approx(spread, rel=0.15)


def test_one_draw_has_no_error():
    found = search(lambda sigma: [sigma**2])
    assert found.increase_error is None
    assert found.sigma_error is None


def test_depth_bounds_the_passes():
    calls = []
    search(lambda sigma: calls.append(sigma) or [sigma * 1e3], depth=7)
    assert len(calls) == 8


def published(rise, limit=2.0, depth=15, target=0.5):
    return published_sigma(rise, target=target, limit=limit, depth=depth, draws=2, criterion="loss")


def test_the_published_search_stops_within_its_tolerance():
    seen = []
    found = published(lambda number, sigma: seen.append((number, sigma)) or 0.46 * sigma)
    assert found.sigma == 1.0  # 0.46 is near enough to 0.5
    assert [number for number, _ in seen] == [0, 1]


def test_the_published_search_takes_a_fall_for_a_rise_and_95_percent_for_the_limit():
    assert published(lambda number, sigma: -0.5 * sigma).sigma == 1.0
    found = published(lambda number, sigma: 0.0)
    assert (found.sigma, found.at_limit) == (2.0, True)
    assert found.evaluations == 2 * 4  # at 1, 1.5, 1.75 and 1.875
