"""The changes of level of a trajectory, as numbers; where there are several, of the one that is surest."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import ChangePoint, ChangePoints

SOURCE = "Jackson et al. 2005, IEEE Signal Process. Lett. 12; Killick et al. 2012, J. Am. Stat. Assoc. 107"


def num_changes(changes: ChangePoints) -> float:
    """How many steps there are at which the level of the trajectory changes beyond what its noise does."""
    return float(len(changes.points))


def change_step(changes: ChangePoints) -> float | None:
    """First step of the new level after the surest change."""
    found = surest(changes)
    return None if found is None else float(found.step)


def change_size(changes: ChangePoints) -> float | None:
    """Mean level after the surest change less the one before it."""
    found = surest(changes)
    return None if found is None else found.after - found.before


def change_p(changes: ChangePoints) -> float | None:
    """P-value of the surest change: of a gain in fit as large in a series without a change, at any of its steps."""
    found = surest(changes)
    return None if found is None else found.p_value


def surest(changes: ChangePoints) -> ChangePoint | None:
    """The change of the smallest p-value, the first of equals."""
    return min(changes.points, key=lambda change: change.p_value, default=None)


_MISLEADS = (
    "A fast drift over a few points is a change; a slow one is none, whatever it adds up to. A level of fewer than "
    "four points is taken for a spike."
)
_ONE = ChangePoint(200, 190, 210, 4.0, 3.0, 0.01)
_TWO = ChangePoints((_ONE, ChangePoint(500, 490, 520, 3.0, 3.5, 0.03)))

METRICS = tuple(
    Metric(
        function,
        unit=unit,
        valid=valid,
        reference=SOURCE,
        scale="other",
        misleads=_MISLEADS,
        level="trajectory",
        examples=(((_TWO,), expected),),
    )
    for function, unit, valid, expected in (
        (num_changes, "count", (0, None), 2.0),
        (change_step, "step", (0, None), 200.0),
        (change_size, "y", (None, None), -1.0),
        (change_p, "1", (0, 1), 0.01),
    )
)
