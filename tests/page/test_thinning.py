"""Claim: what is thinned keeps its ends and extremes, is denser early, and never has more points than asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triplepoint.page.thinning import chosen, kept_visits, rounded, thinned
from triplepoint.store.tables import ScalarTable, VisitTable

ascending = st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=200).map(
    lambda s: np.array(sorted(s))
)


@given(ascending, st.integers(1, 60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_first_and_the_last_are_kept_and_no_more_than_asked(steps, most, linear):
    found = chosen(steps, most, linear=linear)
    assert found.size <= max(most, 1)
    assert (np.diff(found) > 0).all()
    assert found[-1] == steps.size - 1
    if most > 1:
        assert found[0] == 0
    if steps.size <= most:
        assert found.size == steps.size


@pytest.mark.parametrize("most", [10, 50, 130, 400])
def test_nearly_as_many_are_kept_as_may_be_and_more_of_the_early(most):
    steps = np.arange(0, 10_000, 10)
    for linear in (True, False):
        found = chosen(steps, most, linear=linear)
        assert found.size >= 0.9 * most
        early = np.count_nonzero(steps[found] < 1000)
        assert early > min(0.25 * found.size, 70)
    assert np.diff(chosen(steps, most)).max() < 2.5 * steps.size / most


def table(kinds: str) -> VisitTable:
    names = {"f": "full", "l": "leading", "u": "unchanged"}
    count = len(kinds)
    return VisitTable(
        ("m",),
        np.array([0, count]),
        np.arange(count),
        np.arange(count),
        tuple(names[k] for k in kinds),
        (None,) * count,
        np.zeros(count),
    )


def test_full_visits_are_kept_before_the_others_and_the_last_whatever_it_is():
    visits = table("fllluflluflllu" * 5)
    part = np.arange(70)
    full = [k for k in range(70) if visits.kinds[k] == "full"]
    assert kept_visits(visits, part, 70).tolist() == part.tolist()
    some = kept_visits(visits, part, 30)
    assert set(full) | {69} <= set(some.tolist())
    assert some.size <= 30
    few = kept_visits(visits, part, 6)
    assert set(few.tolist()) <= {*full, 69}
    assert (few[0], few[-1]) == (0, 69)
    assert kept_visits(visits, part, 1).tolist()[-1] == 69
    assert kept_visits(table("uuuu"), np.arange(4), 2).tolist()[-1] == 3


def test_a_thinned_scalar_keeps_its_mean_its_extremes_and_its_gaps():
    random = np.random.default_rng(0)
    values = random.standard_normal(5000)
    values[100:140] = np.nan
    values[3333] = 40.0
    none = np.full(5000, np.nan)
    found = thinned(ScalarTable(np.arange(5000), values, none, none), 200)
    assert found.steps.size <= 200
    assert (found.steps[0], found.steps[-1]) == (0, 4999)
    assert np.nanmax(found.high) == 40
    assert np.nanmin(found.low) == np.nanmin(values)
    starts = np.concatenate([[0], found.steps[:-1] + 1])
    for start, end, value in zip(starts, found.steps, found.values, strict=True):
        part = values[start : end + 1]
        if np.isnan(part).all():
            assert np.isnan(value)
        else:
            assert value == pytest.approx(np.nanmean(part))
    assert np.isnan(found.values).any()


def test_blocks_that_are_thinned_keep_their_ends():
    found = thinned(
        ScalarTable(np.arange(4), np.ones(4), np.array([0.5, -3, 1, 1]), np.array([2, 2, 9, np.nan])), 2
    )
    assert found.low.min() == -3
    assert found.high.max() == 9


def test_the_largest_of_all_numbers_stays_one():
    most = np.finfo(np.float64).max
    assert rounded(np.array([most, -most]), 12).tolist() == [most, -most]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False, width=64), max_size=20))
@settings(max_examples=200, deadline=None)
def test_a_rounded_number_is_good_to_four_digits(numbers):
    given_ = np.array(numbers, dtype=np.float64)
    sizes = np.abs(given_)
    there = np.isfinite(given_) & (sizes > 1e-300) & (sizes < 1e300)
    found = rounded(given_, 12)
    assert (np.abs(found - given_)[there] <= 2.0**-13 * sizes[there]).all()
    assert np.isnan(found[np.isnan(given_)]).all()
