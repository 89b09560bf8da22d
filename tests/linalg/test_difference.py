"""Claim: norms and differences of wide matrices take panels, not copies in float64."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from triplepoint.compare.measuring import frobenius
from triplepoint.linalg.difference import _squared_norm, all_finite, difference

WIDE = np.random.default_rng(0).standard_normal((1, 512, 16384), dtype=np.float32)
MIB = 1 << 20


def peak(work: Callable[[], object]) -> tuple[object, float]:
    """What it returns, and the most memory it had at once, in MiB; NumPy reports its arrays."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "work", [lambda: frobenius(WIDE[0]) ** 2, lambda: _squared_norm(WIDE)], ids=["frobenius", "squared"]
)
def test_a_norm_takes_panels(work):
    found, used = peak(work)
    assert found == pytest.approx(np.sum(np.square(WIDE, dtype=np.float64)), rel=1e-12)
    assert used < 40


def test_a_difference_takes_itself_and_panels():
    found, used = peak(lambda: difference(WIDE, 2 * WIDE))
    assert np.array_equal(found, -WIDE)
    # The doubled matrix and the difference are 32 MiB each.
    assert used < 64 + 24


def test_finite_entries_are_told_in_panels():
    broken = WIDE.copy()
    broken[0, -1, -1] = np.nan
    assert peak(lambda: all_finite(WIDE))[0]
    assert not all_finite(broken)
