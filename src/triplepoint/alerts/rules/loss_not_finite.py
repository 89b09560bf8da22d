"""A scalar of the run is NaN or infinite."""

from __future__ import annotations

from triplepoint.alerts._rule import Clock, History, RunRule, Words
from triplepoint.records import Alert, Severity


def _judge(history: History, up: Alert | None) -> bool | None:
    points = history.run.points
    if up is not None:
        points = [point for point in points if point.name == up.evidence["scalar"]]
        return any(point.non_finite for point in points) if points else None
    return any(point.non_finite for point in points)


def _tell(history: History, up: Alert | None) -> Words:
    if up is not None:
        return Words(
            Severity.info, f"{up.evidence['scalar']} is finite again", {"scalar": up.evidence["scalar"]}
        )
    broken = [point for point in history.run.points if point.non_finite]
    first = next((point for point in broken if "loss" in point.name), broken[0])
    of = f"{first.non_finite} of {first.count} values" if first.count > 1 else "the value"
    others = f"; so is {', '.join(p.name for p in broken if p is not first)}" if len(broken) > 1 else ""
    severity = Severity.error if "loss" in first.name else Severity.warning
    statement = f"{first.name} is NaN or infinite: {of} up to step {first.step:,}{others}"
    return Words(
        severity, statement, {"scalar": first.name, "non_finite": first.non_finite, "count": first.count}
    )


RULE = RunRule(
    name="loss_not_finite",
    definition="A scalar of the run is NaN or infinite: an error for one with 'loss' in its name, a warning for "
    "others. Cleared once 10 steps in a row bring finite values of it.",
    source="an arithmetic fact; weights that are updated from such a loss are NaN as well",
    evidence="every scalar that is given to the monitor",
    misleads="With loss scaling for half precision, gradients overflow by design and the step is skipped; a norm of "
    "gradients that is infinite in the first steps is no fault then. A perplexity may overflow where its loss does "
    "not.",
    refuted_by="Runs that recover without help from a loss that was NaN.",
    judge=_judge,
    tell=_tell,
    clocks=(Clock.points,),
    confirm=1,
    release=10,
)
