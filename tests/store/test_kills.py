"""Claim: a kill at any moment leaves a file that opens, with every step that was said to be on disk and no half of one.

The witness is the frame, every number of which follows from its step; see `benchmarks/kills.py`.
"""

from __future__ import annotations

import os
import warnings

import pytest
from benchmarks import kills

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture(autouse=True)
def quiet():
    """Later versions of Python warn of fork beside threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.mark.parametrize("count", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_no_kill_loses_a_step_or_leaves_half_of_one(tmp_path, monkeypatch, count):
    monkeypatch.setattr(kills, "FILE_AFTER", 4 if count == 8 else 20)
    tally = kills.campaign(tmp_path, count, seed=1)
    assert tally.faults == []
    assert tally.kills == count
    assert tally.acknowledged > 0
