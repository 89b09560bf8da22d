"""Claim: thinning loses no spike, no count and no NaN, and values are those of the moment they were given."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.monitor.worlds import torch
from triplepoint.monitor.scalars import Block, detached, points
from triplepoint.records import ScalarPoint


def test_a_block_keeps_mean_extremes_count_and_what_is_no_number():
    given = [(5, {"a": 1.0}), (6, {"a": math.inf}), (7, {"a": 5.0, "b": 2}), (8, {"a": math.nan})]
    a, b = points(Block(given, whole=False))
    assert a == ScalarPoint("a", 8, 3.0, 1.0, 5.0, 4, 2)
    assert b == ScalarPoint("b", 7, 2.0)


def test_whole_gives_one_point_a_step():
    found = points(Block([(1, {"a": 1.0}), (2, {"a": 3.0})], whole=True))
    assert found == (ScalarPoint("a", 1, 1.0), ScalarPoint("a", 2, 3.0))


def test_only_nan_is_a_point_without_a_value():
    assert points(Block([(1, {"a": math.nan})], whole=False)) == (ScalarPoint("a", 1, None, non_finite=1),)
    assert points(Block([(1, {"a": math.nan}), (2, {"a": math.nan})], whole=False)) == (
        ScalarPoint("a", 2, None, count=2, non_finite=2),
    )


def test_what_is_no_number_is_left_out():
    assert points(
        Block([(1, {"a": "x", "b": None, "c": np.ones(3), "d": np.float32(2.0)})], whole=False)
    ) == (ScalarPoint("d", 1, 2.0),)


class Hostile:
    """Says no to whatever it is asked."""

    def __float__(self):
        raise OSError("no")

    def detach(self):
        raise KeyError("no")

    numel = detach


@pytest.mark.parametrize(
    "value",
    [10**400, "1.5", b"1.5", "nan", Hostile(), 1j, torch.tensor(1j), torch.ones(3), torch.ones(0), [1.0], {}],
    ids=lambda value: type(value).__name__,
)
def test_an_odd_value_costs_neither_the_loop_nor_its_neighbours(value):
    block = Block([(1, {"odd": detached(value), "loss": detached(torch.tensor(2.0))})], whole=False)
    assert points(block) == (ScalarPoint("loss", 1, 2.0),)


def test_of_many_numbers_none_is_kept():
    assert detached(torch.ones(1000)) is None
    assert detached(torch.ones(1, 1)) == 1.0


def test_the_mean_of_large_values_stays_in_range():
    (point,) = points(Block([(1, {"a": 1.5e308}), (2, {"a": 1.5e308})], whole=False))
    assert point.value == pytest.approx(1.5e308)


def test_a_tensor_is_kept_as_it_was_and_without_its_graph():
    value = torch.ones((), requires_grad=True) * 2
    kept = detached(value)
    with torch.no_grad():
        value += 5
    assert kept == 2.0


def test_a_tensor_elsewhere_is_copied_and_not_waited_for():
    class Elsewhere(torch.Tensor):
        is_cpu = False

        def item(self):
            raise AssertionError("waited for")

    value = torch.nn.Parameter(torch.ones(())).as_subclass(Elsewhere)
    kept = detached(value)
    with torch.no_grad():
        value += 5
    assert not kept.requires_grad
    assert kept.as_subclass(torch.Tensor).item() == 1.0
