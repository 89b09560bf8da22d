"""From kept retrains to rates: each fault against each family of evidence, averaged over many draws of ten references.

Intervals are Wilson's for the number of broken retrains (of clean ones for false alarms), as if each had been judged
once: averaging over draws makes the rate itself steadier than that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from benchmarks.broken_data_detector import (
    LEVEL,
    REFERENCES,
    Rate,
    excess,
    reference_draws,
    spread_excess,
    t_scores,
    wilson,
)
from benchmarks.broken_data_evidence import FAMILIES, WEIGHTS
from benchmarks.broken_data_faults import CLEAN

Array = np.ndarray[Any, Any]
State = Mapping[str, Any]
Rule: TypeAlias = Callable[[Array, Array], Array]
"""(trusted, fresh) → excess, an alarm above 1."""
ALL = "all weights"
ALONE = {"α alone": "alpha", "norm alone": "param_norm"}
"""One metric of each of the three matrices. These two were looked at after the rest was known."""
OTHER_WEEKS = "nothing broken: other weeks"
DRAWS = 300
AHEAD_DRAWS = 40
SEED = 20_261_202


def largest(trusted: Array, fresh: Array) -> Array:
    """The rule that was chosen before any broken retrain was made."""
    return excess(t_scores(trusted, fresh), len(trusted))


RULES: dict[str, Rule] = {"largest |t|": largest, "mean t²": spread_excess}


@dataclass(frozen=True, slots=True)
class World:
    """All retrains of one world."""

    name: str
    metrics: tuple[str, ...]
    values: dict[str, Array]
    """By fault, (retrains, metrics); NaN where a metric has no value."""
    weeks: dict[str, Array]
    """By fault, (retrains,)."""

    def family(self, name: str) -> Array:
        """Places of the metrics of a family."""
        if name in ALONE:
            return np.flatnonzero([metric.endswith(f" {ALONE[name]}") for metric in self.metrics])
        wanted = WEIGHTS if name == ALL else (name,)
        return np.flatnonzero([metric.split("/")[0] in wanted for metric in self.metrics])


def worlds(states: Sequence[State]) -> list[World]:
    """The retrains, world by world, in the order in which they come."""
    found = []
    for name in dict.fromkeys(state["world"] for state in states):
        here = [state for state in states if state["world"] == name]
        metrics = tuple(dict.fromkeys(metric for state in here for metric in state["values"]))
        faults = dict.fromkeys(state["fault"] for state in here)
        of = {fault: [state for state in here if state["fault"] == fault] for fault in faults}
        found.append(
            World(
                name,
                metrics,
                {f: np.array([[s["values"].get(m, np.nan) for m in metrics] for s in of[f]]) for f in of},
                {f: np.array([state["week"] for state in of[f]]) for f in of},
            )
        )
    return found


def with_other_weeks(same: World, window: World, fixed: int, length: int) -> World:
    """`same` with one more row, as a control: clean retrains on weeks that share no day with the fixed ones."""
    apart = np.abs(window.weeks[CLEAN] - fixed) >= length
    by_name = dict(zip(window.metrics, window.values[CLEAN][apart].T, strict=True))
    nowhere = np.full(np.count_nonzero(apart), np.nan)
    other = np.stack([by_name.get(name, nowhere) for name in same.metrics], axis=1)
    return replace(
        same,
        values={**same.values, OTHER_WEEKS: other},
        weeks={**same.weeks, OTHER_WEEKS: window.weeks[CLEAN][apart]},
    )


@dataclass(frozen=True, slots=True)
class Rates:
    """One family under one rule."""

    family: str
    rule: str
    alarms: dict[str, Rate]
    """By fault, `clean` the false alarms, at the nominal level."""
    corrected: dict[str, float]
    """Had the limit been where 5 % of the clean retrains are beyond it."""
    teams: tuple[float, float]
    """5 and 95 % of the false-alarm rates that go with one set of ten references each."""


def rates(world: World, family: str, rule: str, draws: int = DRAWS) -> Rates:
    """Clean and broken retrains against `draws` sets of references."""
    here = {fault: values[:, world.family(family)] for fault, values in world.values.items()}
    scores: dict[str, list[Array]] = {fault: [] for fault in here}
    for chosen, rest in reference_draws(len(here[CLEAN]), draws, SEED):
        trusted = here[CLEAN][chosen]
        stacked = np.concatenate([here[f][rest] if f == CLEAN else here[f] for f in here])
        ends = np.cumsum([len(rest) if f == CLEAN else len(here[f]) for f in here])[:-1]
        for fault, part in zip(here, np.split(RULES[rule](trusted, stacked), ends), strict=True):
            scores[fault].append(part)
    return _rates(world, family, rule, {fault: np.array(parts) for fault, parts in scores.items()})


def _rates(world: World, family: str, rule: str, scores: dict[str, Array]) -> Rates:
    limit = float(np.quantile(scores[CLEAN], 1 - LEVEL))
    each = np.mean(scores[CLEAN] > 1, axis=1)
    return Rates(
        family,
        rule,
        {f: wilson(float(np.mean(s > 1)), len(world.values[f])) for f, s in scores.items()},
        {f: float(np.mean(s > limit)) for f, s in scores.items()},
        (float(np.quantile(each, 0.05)), float(np.quantile(each, 0.95))),
    )


def following(world: World, family: str, draws: int = AHEAD_DRAWS) -> dict[str, Rate]:
    """By fault, alarms where the references are the ten windows before, one retrain each, as a team would have them."""
    random = np.random.default_rng(SEED)
    places = world.family(family)
    clean, weeks = world.values[CLEAN][:, places], world.weeks[CLEAN]
    of_week = {int(week): np.flatnonzero(weeks == week) for week in np.unique(weeks)}
    found = {}
    for fault, values in world.values.items():
        hits: list[float] = []
        for row, week in zip(values[:, places], world.weeks[fault], strict=True):
            before = [of_week.get(int(week) - back) for back in range(1, REFERENCES + 1)]
            if any(group is None for group in before):
                continue
            drawn = [
                clean[[random.choice(group) for group in before if group is not None]] for _ in range(draws)
            ]
            hits.append(float(np.mean([largest(trusted, row[None])[0] > 1 for trusted in drawn])))
        if hits:
            found[fault] = wilson(float(np.mean(hits)), len(hits))
    return found


def families(world: World) -> list[str]:
    """Those with values here: of the weights one by one, single metrics, all weights, then the log and the data."""
    weights, others = WEIGHTS, [name for name in FAMILIES if name not in WEIGHTS]
    return [name for name in (*weights, *ALONE, ALL, *others) if len(world.family(name))]
