"""Claim: round robin is fair, a pass is whole or counted, and no purse is overdrawn."""

from __future__ import annotations

import pytest

from triplepoint.monitor.budget import Budget
from triplepoint.monitor.rotation import Rotation
from triplepoint.records import MatrixPlan, Reason


def tasks(count):
    return [(MatrixPlan(str(i), str(i), (str(i),), (9, 9), "F32"),) for i in range(count)]


def test_round_robin_without_end():
    rotation = Rotation(lambda: tasks(3), without_end=True)
    seen = []
    for _ in range(7):
        seen.append(rotation.next()[0].id)
        rotation.done()
    assert seen == list("0120120")


def test_a_pass_that_is_cut_off_is_counted():
    rotation = Rotation(lambda: tasks(3), without_end=False)
    assert rotation.next() is None
    rotation.begin()
    rotation.next()
    rotation.done()
    rotation.begin()
    assert rotation.dropped == 2
    assert rotation.next()[0].id == "0"


def test_only_what_is_measured_counts_as_dropped():
    left_out = MatrixPlan("b", "b", ("a",), (9, 9), "F32", reason=Reason.filtered)
    rotation = Rotation(lambda: [(*tasks(1)[0], left_out)], without_end=False)
    rotation.begin()
    rotation.begin()
    assert rotation.dropped == 1


def test_two_purses_of_one_budget():
    budget = Budget(0.01)
    assert budget.full.can(100.0, 0.719)  # 80 % of nine tenths of a second
    assert not budget.full.can(100.0, 0.721)
    assert budget.leading.can(100.0, 0.179)
    assert not budget.leading.can(100.0, 0.181)
    budget.full.promised = 0.5
    assert not budget.full.can(100.0, 0.221)
    budget.overhead(0.5)
    assert (budget.full.spent, budget.leading.spent) == pytest.approx((0.4, 0.1))


def test_no_limit():
    assert Budget(None).full.can(0.0, 1e9)
