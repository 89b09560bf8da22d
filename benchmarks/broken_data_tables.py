"""What `broken_data` prints: rates by fault and family, what carries them, and what breaking at inference costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks import machine, section
from benchmarks.broken_data_cells import FIXED, SAME, WEEKS, WINDOW
from benchmarks.broken_data_detector import carriers
from benchmarks.broken_data_faults import CLEAN, FAULTS
from benchmarks.broken_data_rates import (
    ALL,
    ALONE,
    RULES,
    Rates,
    World,
    families,
    following,
    rates,
    with_other_weeks,
    worlds,
)

State = Mapping[str, Any]
FIRST, SECOND = RULES
DATA = ("clean hold-out/auc", "own hold-out/auc")


def show(states: Sequence[State], name: str) -> None:
    """All tables, and the same as numbers in `results/<name>.json`."""
    kept: section.Result = {"machine": machine.describe(), "worlds": {}}
    for world in _with_control(worlds(states)):
        here = [state for state in states if state["world"] == world.name]
        print(f"\n{'':=<110}")
        found = {(family, rule): rates(world, family, rule) for family in families(world) for rule in RULES}
        detection(world, found)
        kept["worlds"][world.name] = {
            "retrains": {fault: len(values) for fault, values in world.values.items()},
            "rates": [asdict(one) for one in found.values()],
            "carriers": carried(world),
            "served": served(here, found),
        }
        if len(np.unique(world.weeks[CLEAN])) > 1:
            kept["worlds"][world.name]["following"] = ahead(world)
    path = section.RESULTS / f"{name}.json"
    path.write_text(json.dumps(kept, indent=1))
    print(f"\nresults in {path.relative_to(section.RESULTS.parent.parent)}")


def _with_control(found: list[World]) -> list[World]:
    """The world of one data set also meets clean retrains of other weeks, where these exist."""
    of = {world.name: world for world in found}
    if SAME in of and WINDOW in of:
        of[SAME] = with_other_weeks(of[SAME], of[WINDOW], FIXED, WEEKS)
    return list(of.values())


def detection(world: World, found: Mapping[tuple[str, str], Rates]) -> None:
    """Both rules at their nominal level, and the first with its limit moved to exactly 5 % of false alarms."""
    names = families(world)
    faults = list(world.values)
    section.heading(f"{world.name}: share of retrains that raise an alarm (rule: {FIRST})")
    quality = [
        [f"{np.nanmean(world.values[fault][:, world.metrics.index(metric)]):.3f}" for metric in DATA]
        for fault in faults
    ]
    section.table(
        ("", "n", "AUC clean", "AUC own", *names),
        [
            (
                fault,
                len(world.values[fault]),
                *scores,
                *(str(found[family, FIRST].alarms[fault]) for family in names),
            )
            for fault, scores in zip(faults, quality, strict=True)
        ],
    )
    low_high = "  ".join(
        f"{family} {found[family, FIRST].teams[0]:.0%}–{found[family, FIRST].teams[1]:.0%}"
        for family in names
    )
    print(f"false alarms of single sets of ten references (5–95 %): {low_high}")
    others: dict[str, Callable[[str, str], float]] = {
        f"{SECOND}, nominal level": lambda f, n: found[n, SECOND].alarms[f].value,
        f"{FIRST}, at 5 % measured": lambda f, n: found[n, FIRST].corrected[f],
        f"{SECOND}, at 5 % measured": lambda f, n: found[n, SECOND].corrected[f],
    }
    for title, cell in others.items():
        section.heading(f"{world.name}: {title}")
        section.table(("", *names), [(f, *(f"{cell(f, name):.0%}" for name in names)) for f in faults])


def carried(world: World) -> section.Result:
    """The metrics that a fault moves most, by family, in deviations of all clean retrains."""
    section.heading(f"{world.name}: what moves most, in deviations of the clean retrains")
    found: section.Result = {}
    for fault in list(world.values)[1:]:
        found[fault] = {}
        for family in families(world):
            if family == ALL or family in ALONE:
                continue
            places = world.family(family)
            names = [world.metrics[i].partition("/")[2] for i in places]
            found[fault][family] = carriers(
                world.values[CLEAN][:, places], world.values[fault][:, places], names
            )
        words = [
            f"{name}: {', '.join(f'{m} {z:+.1f}' for m, z in most)}" for name, most in found[fault].items()
        ]
        print(f"{fault}\n    " + "\n    ".join(words))
    return found


def served(states: Sequence[State], found: Mapping[tuple[str, str], Rates]) -> section.Result:
    """Clean networks behind a broken pipeline: what they score. Their weights are those of clean ones."""
    clean = [state for state in states if state["fault"] == CLEAN and state["served"]]
    if not clean:
        return {}
    alarms = str(found[ALL, FIRST].alarms[CLEAN])
    right = {key: [state["values"][f"clean hold-out/{key}"] for state in clean] for key in ("loss", "auc")}
    section.heading(
        f"broken at inference only, {len(clean)} clean networks: alarms from the weights are {alarms}"
    )
    rows = [("served right", *(f"{np.mean(right[key]):.3f}" for key in ("loss", "auc")), "")]
    kept: section.Result = {}
    for fault in (fault.name for fault in FAULTS if fault.name in clean[0]["served"]):
        wrong = {k: [state["served"][fault][f"served/{k}"] for state in clean] for k in ("loss", "auc")}
        lost = np.array(right["auc"]) - np.array(wrong["auc"])
        spread = f"{lost.mean():+.3f} ± {lost.std(ddof=1):.3f}"
        rows.append((fault, *(f"{np.mean(wrong[key]):.3f}" for key in ("loss", "auc")), spread))
        kept[fault] = {key: float(np.mean(wrong[key])) for key in wrong}
    section.table(("", "loss", "AUC", "AUC lost ± deviation"), rows)
    return kept


def ahead(world: World) -> section.Result:
    """References are the ten windows before: what a team has, where the year goes on meanwhile."""
    names = families(world)
    found = {family: following(world, family) for family in names}
    section.heading(f"{world.name}: alarms against the ten windows before")
    section.table(
        ("", *names),
        [(fault, *(str(found[family][fault]) for family in names)) for fault in found[names[0]]],
    )
    return {family: {fault: asdict(rate) for fault, rate in each.items()} for family, each in found.items()}
