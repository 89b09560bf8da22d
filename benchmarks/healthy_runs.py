"""How many steps of healthy training lie between two alerts of each rule, and which sick runs a rule finds.

    python -m benchmarks.healthy_runs --train     # records the runs, resumes where it stopped; an hour on one core
    python -m benchmarks.healthy_runs             # replays the recordings through the rules and prints the tables
    python -m benchmarks.healthy_runs --write     # and writes triplepoint/alerts/rate_table.py

Healthy, as it was settled before any run was trained: every loss is finite, the test accuracy at the end (mean of the
last three tests) is within 2 points of its best (mean of three tests in a row) and at least three times that of
guessing, and no label was changed. Runs that turn out otherwise are left out and counted. Thresholds were chosen on the
runs of even seed; the rates are those of the runs of odd seed.

An alert is counted each time it is raised, so a rule that flickers pays for it. The bound is exact for a Poisson
process: with k alerts in n steps the mean distance is at least n/λ with 95 % confidence, P(X ≤ k | λ) = 0.05.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.healthy_runs_recording import Recording, recorded
from benchmarks.healthy_runs_worlds import FAULTS, Recipe, healthy_recipes, sick_recipes
from triplepoint.alerts import RULES, Watch
from triplepoint.alerts.rates import at_least
from triplepoint.records import Alert, AlertState, Frame, Severity

FOLDER = Path(__file__).parent / "results" / "healthy_runs"
TABLE = Path(__file__).parents[1] / "src" / "triplepoint" / "alerts" / "rate_table.py"
WITHIN, OVER_GUESSING, TESTS = 0.02, 3.0, 3


@dataclass(frozen=True, slots=True)
class Judged:
    """One replayed run."""

    recording: Recording
    raised: tuple[Alert, ...]
    steps: int
    visits: int


def healthy(recording: Recording) -> bool:
    """By the definition above."""
    points = [point for frame in recording.frames for point in frame.scalars]
    if any(point.non_finite for point in points if point.name.endswith("loss")):
        return False
    tests = [point.value or 0.0 for point in points if point.name == "test_accuracy"]
    means = [statistics.fmean(tests[at : at + TESTS]) for at in range(len(tests) - TESTS + 1)]
    return means[-1] >= max(means) - WITHIN and means[-1] >= OVER_GUESSING / recording.classes


def replayed(recording: Recording, *, accuracies: bool = True) -> Judged:
    """All alerts that are raised."""
    watch = Watch()
    frames: Iterable[Frame] = recording.frames
    if not accuracies:
        frames = map(_losses_only, frames)
    found = [alert for frame in frames for alert in watch.update(frame)]
    assert not watch.faults, watch.faults
    return Judged(
        recording,
        tuple(alert for alert in found if alert.state is AlertState.raised),
        recording.recipe.steps,
        sum(len(frame.visits) for frame in recording.frames),
    )


def _losses_only(frame: Frame) -> Frame:
    return replace(frame, scalars=tuple(p for p in frame.scalars if not p.name.endswith("accuracy")))


def _recordings(recipes: Iterable[Recipe], train: bool) -> Iterator[Recording]:
    for recipe in recipes:
        if train or (FOLDER / f"{recipe.name}.pickle").is_file():
            yield recorded(recipe, FOLDER)


def _loud(alert: Alert) -> bool:
    return alert.severity is not Severity.info


def rates(runs: Sequence[Judged]) -> dict[str, tuple[int, int, int, int, int, int]]:
    """{rule: (raised, as a warning or error, runs with a warning, steps, runs, visits)}."""
    out = {}
    for name in RULES:
        found = [[alert for alert in run.raised if alert.rule == name] for run in runs]
        out[name] = (
            sum(map(len, found)),
            sum(sum(map(_loud, one)) for one in found),
            sum(any(map(_loud, one)) for one in found),
            sum(run.steps for run in runs),
            len(runs),
            sum(run.visits for run in runs),
        )
    return out


def found_in(runs: Sequence[Judged]) -> dict[str, tuple[int, int, int]]:
    """{rule: (runs in which it was raised after the onset, runs, median delay)}; without those that never were."""
    out = {}
    for name in RULES:
        delays = []
        for run in runs:
            onset = run.recording.onset
            after = [alert.step - onset for alert in run.raised if alert.rule == name and alert.step >= onset]
            delays += after[:1]
        if delays:
            out[name] = (len(delays), len(runs), int(statistics.median(delays)))
    return out


def _print_rates(title: str, runs: Sequence[Judged]) -> None:
    print(f"\n{title}: {len(runs)} runs, {sum(run.steps for run in runs):,} steps")
    print(f"  {'rule':<20}{'raised':>8}{'warnings':>10}{'runs':>6}   one warning in at least (95 %)")
    for name, (raised, warnings, with_one, steps, _, _) in rates(runs).items():
        print(
            f"  {name:<20}{raised:>8}{warnings:>10}{with_one:>6}   {at_least(warnings, steps):>12,.0f} steps"
        )


def _print_found(runs: Sequence[Judged]) -> None:
    print("\nSick runs: raised after the onset, median delay in steps")
    for fault, sentence in FAULTS.items():
        mine = [run for run in runs if run.recording.recipe.fault == fault]
        if not mine:
            continue
        print(f"  {fault}: {sentence}")
        for name, (hits, count, delay) in found_in(mine).items():
            print(f"    {name:<20}{hits:>3} of {count}, after {delay:,}")


def _details(runs: Sequence[Judged], limit: int = 4) -> None:
    shown: Counter[str] = Counter()
    for run in runs:
        for alert in run.raised:
            key = f"{alert.rule} {alert.severity.value}"
            shown[key] += 1
            if shown[key] <= limit:
                where = f"{run.recording.recipe.name} @{alert.step} {alert.severity.value}"
                print(f"  {where} {alert.title}: {alert.statement}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--train", action="store_true", help="record what is missing")
    parser.add_argument("--write", action="store_true", help="write the table of the package")
    parser.add_argument(
        "--details", action="store_true", help="show statements of the tuning half and of sick runs"
    )
    asked = parser.parse_args(argv)
    everything = list(_recordings(healthy_recipes(), asked.train))
    good = [one for one in everything if healthy(one)]
    print(f"{len(everything)} runs meant to be healthy, {len(good)} of them are")
    for one in everything:
        if one not in good:
            print(f"  not healthy: {one.recipe.name}")
    tuned = [replayed(one) for one in good if one.recipe.seed % 2 == 0]
    quoted = [replayed(one) for one in good if one.recipe.seed % 2 == 1]
    _print_rates("Tuning half", tuned)
    if asked.details:
        _details(tuned)
    _print_rates("Quoted half", quoted)
    losses = [replayed(one, accuracies=False) for one in good if one.recipe.seed % 2 == 1]
    _print_rates("Quoted half, losses only", losses)
    sick = [replayed(one) for one in _recordings(sick_recipes(), asked.train)]
    _print_found(sick)
    if asked.details:
        _details(sick, 6)
    if asked.write:
        from benchmarks.healthy_runs_table import text

        TABLE.write_text(text(quoted, losses, sick, len(tuned)))
        print(f"\nwritten: {TABLE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
