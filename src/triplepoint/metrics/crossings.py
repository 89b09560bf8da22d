"""The first step at which a trajectory reaches a level and stays, and the delay between two, as numbers."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import Crossing, Delay

SOURCE = "Harvey 1989, section 3.6 (smoothing); the gap between measurements as in interval-censored times"
POWER = "Power et al. 2022, arXiv 2201.02177"


def crossing_step(crossing: Crossing) -> float | None:
    """First step at which the level is reached and held for the asked number of points, between two measurements.

    On a straight line between both, over ln steps where the schedule is logarithmic.
    """
    return crossing.step


def crossing_low(crossing: Crossing) -> float | None:
    """Last measured step before the crossing at which the curve under the noise is surely not there yet (2.5 %).

    None where it may have been there from the first measurement on. Of a level that is never reached: not before.
    """
    return crossing.low


def crossing_high(crossing: Crossing) -> float | None:
    """First measured step from the crossing on at which the curve under the noise surely is there (2.5 %)."""
    return crossing.high


def grokking_delay(delay: Delay) -> float:
    """Steps from the crossing of the training curve to that of the test curve, at the same level."""
    return delay.steps


def grokking_delay_low(delay: Delay) -> float | None:
    """Fewest steps of delay that the intervals of both crossings allow."""
    return delay.low


def grokking_delay_high(delay: Delay) -> float | None:
    """Most steps of delay that the intervals of both crossings allow."""
    return delay.high


_MISLEADS = (
    "Where a curve is slow against its noise a lucky run of points reaches the level early: ask for more points in a "
    "row, and read the interval."
)
_CROSSING = Crossing(0.9, True, 640.0, 600.0, 700.0, (600, 650))
_DELAY = Delay(5000.0, 4800.0, 5300.0)

METRICS = tuple(
    Metric(
        function,
        unit="step",
        valid=valid,
        reference=source,
        scale="other",
        misleads=_MISLEADS,
        level="trajectory",
        examples=(((record,), expected),),
    )
    for function, record, source, valid, expected in (
        (crossing_step, _CROSSING, SOURCE, (0, None), 640.0),
        (crossing_low, _CROSSING, SOURCE, (0, None), 600.0),
        (crossing_high, _CROSSING, SOURCE, (0, None), 700.0),
        (grokking_delay, _DELAY, POWER, (None, None), 5000.0),
        (grokking_delay_low, _DELAY, POWER, (None, None), 4800.0),
        (grokking_delay_high, _DELAY, POWER, (None, None), 5300.0),
    )
)
