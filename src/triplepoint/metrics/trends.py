"""The straight line through a trajectory, as numbers."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import Slope

SOURCE = "Theil 1950; Sen 1968, J. Am. Stat. Assoc. 63; noise: Harvey 1989, section 2.3"


def trend(slope: Slope) -> float:
    """Median of the slopes between all pairs of points, weighted by their distance: the change of the metric a step.

    Theil–Sen at any spacing of the steps, robust against spikes. Cost: at most 256 points, blocks of them of longer
    trajectories.
    """
    return slope.per_step


def trend_low(slope: Slope) -> float:
    """Lower end of the 95 % interval of the slope, with correlated noise and random walks allowed for."""
    return slope.low


def trend_high(slope: Slope) -> float:
    """Upper end of the 95 % interval of the slope, with correlated noise and random walks allowed for."""
    return slope.high


def trend_p(slope: Slope) -> float:
    """Two-sided p-value of no slope: how often noise as correlated as that of the trajectory tilts as much.

    Of a random walk it is that of its drift: that it ended elsewhere than it began is certain, and says nothing about
    where it goes next.
    """
    return slope.p_value


def effective_points(slope: Slope) -> float:
    """Independent points, scattering as much about the line over the same steps, that would know the slope as well.

    Below 1 where the trajectory may be a random walk.
    """
    return slope.effective_points


_MISLEADS = (
    "A straight line says little of a curve that bends. Fewer than some 50 points cannot tell correlated noise from a "
    "random walk, and the interval is as wide as the worse of the two asks."
)
_EXAMPLE = Slope(-0.002, -0.003, -0.001, 0.004, 120, 17.5)

METRICS = tuple(
    Metric(
        function,
        unit=unit,
        valid=valid,
        reference=SOURCE,
        scale="other",
        misleads=_MISLEADS,
        level="trajectory",
        examples=(((_EXAMPLE,), expected),),
    )
    for function, unit, valid, expected in (
        (trend, "y/step", (None, None), -0.002),
        (trend_low, "y/step", (None, None), -0.003),
        (trend_high, "y/step", (None, None), -0.001),
        (trend_p, "1", (0, 1), 0.004),
        (effective_points, "1", (0, None), 17.5),
    )
)
