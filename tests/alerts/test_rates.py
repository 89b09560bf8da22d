"""Claim: the bound on the steps between alarms is that of a Poisson process, and the sentence says what was counted."""

from __future__ import annotations

import math

import pytest

from triplepoint.alerts import rate_words
from triplepoint.alerts.rates import Rate, at_least


@pytest.mark.parametrize("alerts", [0, 1, 3, 20])
def test_the_bound_is_exact(alerts):
    mean = 100_000 / at_least(alerts, 100_000)
    fewer = math.fsum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(alerts + 1))
    assert fewer == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("rate", "parts"),
    [
        (
            Rate(0, 0, 0, 300_000, 40, 9_000),
            ["No warning in 300,000 steps and 9,000", "at least 100,000 "],
        ),
        (
            Rate(3, 1, 1, 90_000, 40, 9_000),
            ["1 warning in 90,000", "at least 18,000 ", "Raised as info 2 times."],
        ),
        (Rate(9, 9, 8, 90_000, 40, 9_000), ["9 warnings in", "It warned in 8 of 40 healthy runs"]),
    ],
)
def test_the_sentence(monkeypatch, rate, parts):
    monkeypatch.setattr(rate_words, "RATES", {"some": rate})
    monkeypatch.setattr(rate_words, "RATES_OF_LOSSES", {"some": rate})
    text = rate_words.false_alarms("some")
    assert all(part in text for part in parts), text
    assert "only losses" not in text
    assert ("does not tell a sick run" in text) == (rate.runs_warned > 4)
    monkeypatch.setattr(rate_words, "RATES_OF_LOSSES", {"some": Rate(12, 0, 0, 90_000, 40, 9_000)})
    assert "Where only losses are given it is raised 12 times, 0 as a warning." in rate_words.false_alarms(
        "some"
    )
    assert rate_words.false_alarms("other") == "not measured"
