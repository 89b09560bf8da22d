"""Claim: schedules fire where they say. Witness: the series written out."""

from __future__ import annotations

import pytest

from triplepoint.errors import UsageError
from triplepoint.monitor.schedule import Always, Every, LogSpaced, schedule_of


@pytest.mark.parametrize("per_decade", [1, 3, 10, 50])
def test_a_log_spaced_schedule_fires_at_its_series_and_nowhere_else(per_decade):
    series = {0} | {round(10 ** (i / per_decade)) for i in range(4 * per_decade + 1)}
    assert {step for step in range(10_001) if LogSpaced(per_decade)(step)} == series


def test_it_fires_at_far_steps_too():
    assert LogSpaced(10)(10**7)
    assert not LogSpaced(10)(10**7 - 1)


def test_every_k():
    assert [step for step in range(13) if Every(6)(step)] == [0, 6, 12]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, str(Always())),
        (7, "every 7 steps"),
        ("log", "log-spaced, 10 steps a decade"),
        ("log:25", "log-spaced, 25 steps a decade"),
    ],
)
def test_what_the_user_may_say(value, text):
    assert str(schedule_of(value)) == text


def test_a_function_is_a_schedule():
    assert schedule_of(lambda step: step == 3)(3)


@pytest.mark.parametrize("value", [0, -1, True, 2.5, "often", "log:0", "log:x", object()])
def test_what_is_none_is_refused_in_one_line(value):
    with pytest.raises(UsageError) as refused:
        schedule_of(value)
    assert "\n" not in str(refused.value)
