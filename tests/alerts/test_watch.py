"""Claim: the driver raises and clears by hysteresis, forgets nothing on replay, and stays small in a long run."""

from __future__ import annotations

import gc
import pickle
import random
from dataclasses import replace

import pytest

from tests.alerts.frames import fed, look, said, scalars, series, visit
from triplepoint.alerts import RULES, Clock, History, RunRule, Watch, Words
from triplepoint.errors import UsageError
from triplepoint.records import AlertState, Frame, Phase, ScalarPoint, Severity, VisitKind


def toy(answers, *, clock=Clock.points, confirm=2, release=2, severity=Severity.warning, name="toy"):
    """A rule that gives these answers in turn, and what it was told of being up."""
    told = []
    left = iter(answers)

    def judge(_history, up):
        told.append(up is not None)
        return next(left, None)

    def tell(_history, up):
        return Words(Severity.info if up else severity, "down" if up else "up", {"x": 1})

    made = RunRule(name, *("…",) * 5, judge, tell, (clock,), confirm, release)
    return made, told


def alerts_of(answers, **options):
    rule, told = toy(answers, **options)
    watch = Watch([rule])
    return said(fed(watch, series("x", [0.0] * len(answers)))), told, watch


YES, NO, NONE = True, False, None


@pytest.mark.parametrize(
    ("answers", "steps"),
    [
        ([YES, YES], [("raised", 2)]),
        ([YES, NO, YES, NO, YES, NO], []),
        ([YES, NONE, NONE, YES], [("raised", 4)]),
        ([NO, YES, YES, NO, YES, NO, YES, NO], [("raised", 3)]),
        ([YES, YES, NO, NONE, NO], [("raised", 2), ("cleared", 5)]),
        (
            [YES, YES, NO, NO, YES, YES, NO, NO],
            [("raised", 2), ("cleared", 4), ("raised", 6), ("cleared", 8)],
        ),
        ([NONE] * 5, []),
    ],
)
def test_hysteresis(answers, steps):
    found, _, _ = alerts_of(answers)
    assert found == [("toy", state, step) for state, step in steps]


@pytest.mark.parametrize(("confirm", "release"), [(1, 1), (3, 1), (1, 4)])
def test_as_many_judgements_in_a_row_as_the_rule_says(confirm, release):
    found, _, _ = alerts_of([YES] * confirm + [NO] * release, confirm=confirm, release=release)
    assert found == [("toy", "raised", confirm), ("toy", "cleared", confirm + release)]


def test_a_judge_is_told_whether_the_alert_is_up():
    _, told, _ = alerts_of([YES, YES, YES, NO, NO, NO])
    assert told == [False, False, True, True, True, False]


def test_an_alert_says_since_when_and_clears_as_loud_as_it_was():
    rule, _ = toy([NO, YES, NONE, YES, NO, NO])
    up, down = fed(Watch([rule]), series("x", [0.0] * 6, first=10))
    assert (up.step, up.evidence, up.statement) == (13, {"first_step": 11, "x": 1}, "up")
    assert (down.step, down.state, down.severity) == (15, AlertState.cleared, Severity.warning)
    assert down.statement == "down"


def test_raised_holds_what_holds():
    rule, _ = toy([YES, YES, NO, NO])
    watch = Watch([rule])
    frames = list(series("x", [0.0] * 4))
    assert watch.raised == ()
    (up,) = fed(watch, frames[:3])
    assert watch.raised == (up,)
    fed(watch, frames[3:])
    assert watch.raised == ()


@pytest.mark.parametrize(("level", "count"), [("info", 2), ("warning", 2), ("error", 0)])
def test_quieter_alerts_are_not_given_out(level, count):
    rule, _ = toy([YES, YES, NO, NO])
    watch = Watch([rule], level=level)
    frames = list(series("x", [0.0] * 4))
    found = fed(watch, frames[:2])
    assert len(watch.raised) == count // 2
    assert len([*found, *fed(watch, frames[2:])]) == count


def test_a_rule_that_breaks_is_asked_no_more_and_silences_no_other():
    def judge(_history, _up):
        raise ZeroDivisionError("no rule")

    good, _ = toy([YES, YES], name="good")
    watch = Watch([replace(good, name="bad", judge=judge), good])
    assert said(fed(watch, series("x", [0.0] * 2))) == [("good", "raised", 2)]
    assert watch.faults == {"bad": "ZeroDivisionError: no rule"}


def test_each_matrix_has_a_state_of_its_own():
    def judge(history, _up):
        return history.matrix.id == "a"

    rule = replace(toy([])[0], judge=judge, clocks=(Clock.visits,))
    (alert,) = fed(Watch([rule]), [look(s, id) for s in (1, 2) for id in ("a", "b")])
    assert (alert.matrix, alert.title) == ("a", "toy: a")


@pytest.mark.parametrize(
    ("clock", "asked"),
    [(Clock.points, [5, 6, 9]), (Clock.tests, [9]), (Clock.visits, [6, 7]), (Clock.norms, [6, 7])],
)
def test_a_rule_is_asked_when_its_clock_ticks(clock, asked):
    steps = []

    def judge(history, _up):
        steps.append(history.run.step)

    rule = replace(toy([])[0], judge=judge, clocks=(clock,))
    watch = Watch([rule])
    # Three tests make a gap; the frame holds two steps and is out of order.
    watch.history.gaps["loss"].train(1.0, 1)
    for step in (1, 2):
        watch.history.gaps["loss"].test(step, 1.0)
    points = (ScalarPoint("lr", 6, 0.1), ScalarPoint("test_loss", 9, 1.0), ScalarPoint("train_loss", 5, 1.0))
    watch.update(Frame(9, 0.0, points, (visit(7), look(6))))
    assert steps == asked


def test_rules_by_name():
    assert [rule.name for rule in Watch().rules] == list(RULES)
    assert [rule.name for rule in Watch(["loss_spike", "dead_layer"]).rules] == ["loss_spike", "dead_layer"]
    assert [rule.name for rule in Watch("loss_spike").rules] == ["loss_spike"]
    assert set(RULES) - {rule.name for rule in Watch(["!loss_spike"]).rules} == {"loss_spike"}
    own, _ = toy([])
    assert [rule.name for rule in Watch([own, "loss_spike"]).rules] == ["toy", "loss_spike"]


@pytest.mark.parametrize("name", ["loss_spikes", "!loss_spikes", 3])
def test_a_rule_that_is_none(name):
    with pytest.raises(UsageError, match="no rule over a run"):
        Watch([name])
    if isinstance(name, str):
        with pytest.raises(UsageError, match="Did you mean loss_spike"):
            Watch([name])


def eventful(steps: int, seed: int = 0, matrices: int = 3):
    """Frames in which most rules speak: irregular visits of every kind, spikes, tests, NaN, phases that come and go."""
    rng = random.Random(seed)
    phases = [*Phase]
    for step in range(1, steps + 1):
        loss = 2.0 * 0.999**step + 0.1 * rng.random() + (30.0 if 400 < step % 500 < 430 else 0.0)
        values: dict[str, float | None] = {"train_loss": None if step % 777 == 0 else loss}
        if step % 5 == 0:
            values |= {
                "test_accuracy": 0.5 + 0.4 * (step // 300 % 2),
                "train_accuracy": 0.95 + 0.01 * rng.random(),
            }
        visits = ()
        if rng.random() < 0.3:
            id = f"m{rng.randrange(matrices)}"
            kind = rng.choice(["full", "full", "unchanged", "leading"])
            if kind == "full":
                visits = (
                    look(
                        step,
                        id,
                        phases[step // 200 % len(phases)],
                        norm=4 + step / 100,
                        traps=step // 150 % 2,
                        rank=20.0 if step // 250 % 2 else 3.0,
                        change=None if rng.random() < 0.1 else rng.choice([0.0, 0.2]),
                    ),
                )
            elif kind == "leading":
                visits = (visit(step, id, VisitKind.leading, metrics={"param_norm": 20.0}, change=0.01),)
            else:
                visits = (visit(step, id, change=1e-4 * rng.random()),)
        frame = scalars(step, **values)
        yield Frame(step, 0.0, frame.scalars, visits)


def state(watch: Watch) -> bytes:
    """All that it knows, by value; rules are functions and stay out."""

    def plain(thing):
        if isinstance(thing, dict):
            return {str(key): plain(value) for key, value in thing.items()}
        if isinstance(thing, str | int | float | None | frozenset):
            return thing
        if isinstance(thing, list | tuple) or type(thing).__name__ == "deque":
            return [plain(one) for one in thing]
        if isinstance(thing, RunRule | History):
            return type(thing).__name__  # both of what stands elsewhere
        names = getattr(type(thing), "__slots__", ()) or vars(thing)
        return {name: plain(getattr(thing, name)) for name in names}

    return pickle.dumps(plain(vars(watch)))


def test_replaying_the_frames_gives_the_watch_back():
    frames = list(eventful(1500))
    first = Watch()
    alerts = [first.update(frame) for frame in frames]
    assert len({alert.rule for group in alerts for alert in group}) >= 8
    # As they are stored: each with its alerts.
    stored = [replace(frame, alerts=found) for frame, found in zip(frames, alerts, strict=True)]
    resumed = Watch()
    fed(resumed, stored[:900])
    assert state(resumed) != state(first)
    assert [resumed.update(frame) for frame in frames[900:]] == alerts[900:]
    assert state(resumed) == state(first)
    assert resumed.raised == first.raised


def test_how_steps_are_packed_into_frames_does_not_matter():
    frames = list(eventful(900))
    one_by_one = fed(Watch(), frames)
    packed = [
        Frame(
            group[-1].step,
            0.0,
            tuple(point for frame in group for point in frame.scalars),
            tuple(found for frame in group for found in frame.visits),
        )
        for group in (frames[at : at + 37] for at in range(0, len(frames), 37))
    ]
    assert fed(Watch(), packed) == one_by_one


def test_the_state_does_not_grow_with_the_run():
    watch, sizes = Watch(), []
    for at, frame in enumerate(eventful(24_000, matrices=2)):
        watch.update(frame)
        if at in (5_999, 11_999, 23_999):
            gc.collect()
            sizes.append(len(state(watch)))
    assert max(sizes) < 1.15 * sizes[0]
    assert not watch.faults


def test_the_state_of_a_matrix_is_some_kilobytes():
    def size(matrices):
        watch = Watch()
        fed(watch, (look(step, f"m{step % matrices}", norm=4 + step) for step in range(100 * matrices)))
        return len(state(watch))

    assert (size(40) - size(20)) / 20 < 6_000
