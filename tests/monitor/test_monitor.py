"""Claim: any loop is watched: whole passes by schedule, round robin within a budget, and nothing reaches the loop.

Witness: `scan` of the model at the same step, and the file as a reader sees it.
"""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
import threading
import time

import pytest

from tests.monitor.worlds import Mixed, mlp, torch, train
from triplepoint import open_run, scan
from triplepoint.errors import UsageError
from triplepoint.monitor.monitor import Monitor
from triplepoint.records import VisitKind


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


def watched(path, steps=30, model=None, **keywords):
    model = model or mlp()
    keywords = {"budget": None, "schedule": 10, "tolerance": 0.0} | keywords
    with Monitor(model, path, **keywords) as monitor:
        for step, loss in train(model, steps):
            monitor.step(step, train_loss=loss)
    return model, monitor


def test_the_last_look_is_a_scan_of_the_trained_model(path):
    model, monitor = watched(path)
    with monitor.run as run:
        assert run.status == "finished"
        for row in scan(model).matrices:
            assert run.row(row.id).metrics == row.metrics, row.id
            assert run.row(row.id).reason == row.reason


@pytest.mark.parametrize("worker", ["thread", "inline"])
def test_a_schedule_without_a_budget_is_kept_to_the_step(path, worker):
    _, monitor = watched(path, worker=worker)
    with monitor.run as run:
        steps = {id: [v.step for v in run.visits(id)] for id in ("0.weight", "2.weight", "4.weight")}
    cost = monitor.cost
    assert cost.faults == 0
    assert cost.dropped_visits == sum(3 - len(found) for found in steps.values())
    if worker == "inline":
        assert set(map(tuple, steps.values())) == {(10, 20, 30)}


def test_a_look_of_one_step_is_one_frame(path):
    _, monitor = watched(path, worker="inline")
    with monitor.run as run:
        frames = [
            frame for _, frame in run.frames() if any(v.row and v.row.status == "ok" for v in frame.visits)
        ]
    assert [len(frame.visits) for frame in frames] == [3, 3, 3]


def test_round_robin_stays_within_its_budget(path):
    model = mlp()
    next(train(model, 1))  # the first step of an optimiser loads half of torch
    with Monitor(model, path, 0.3, tolerance=0.0) as monitor:
        end = time.monotonic() + 20
        for step, loss in train(model, 10**6):
            monitor.step(step, train_loss=loss)
            whole = {id for id, light in monitor._analyst.took.copy() if not light}
            if len(whole) == 3 or time.monotonic() > end:
                break
    cost = monitor.cost
    with monitor.run as run:
        looks = {id: len(list(run.visits(id))) for id in ("0.weight", "2.weight", "4.weight")}
    # One look that took longer than the last of its kind may overdraw it; the machine that tests is busy.
    assert cost.of_wall < 0.45
    assert min(looks.values()) >= 1
    assert max(looks.values()) - min(looks.values()) <= 2
    assert cost.faults == 0


def test_a_pass_cut_off_by_the_next_is_counted(path):
    model = mlp()
    with Monitor(model, path, 1e-6, schedule=5) as monitor:
        for step, _ in train(model, 20):
            monitor.step(step)
    assert monitor.cost.dropped_visits == 9
    with monitor.run as run:
        assert not [v for v in run.visits() if v.row is None or v.row.status == "ok"]


def test_steps_count_themselves_and_an_optimizer_can_count_them(path):
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Monitor(model, path, None, schedule=2, worker="inline", tolerance=0.0) as monitor:
        monitor.attach(optimizer)
        for _ in range(4):
            model(torch.randn(4, 48)).square().mean().backward()
            optimizer.step()
            monitor.log(train_loss=1.0)
    with monitor.run as run:
        assert [v.step for v in run.visits("0.weight")] == [2, 4]
        assert sum(point.count for point in run.scalar("train_loss")) == 4


def test_fast_loops_are_thinned_and_nothing_is_lost(path):
    model = mlp()
    with Monitor(model, path) as monitor:
        for step in range(1, 1001):
            monitor.step(step, train_loss=math.nan if step == 500 else float(step))
    with monitor.run as run:
        found = run.scalar("train_loss")
    assert len(found) < 100
    assert sum(point.count for point in found) == 1000
    assert sum(point.non_finite for point in found) == 1
    assert (min(p.low or p.value for p in found), max(p.high or p.value for p in found)) == (1.0, 1000.0)
    assert found[-1].step == 1000


def test_all_scalars_are_kept_where_they_are_wanted(path):
    model = mlp()
    with Monitor(model, path, scalars="all") as monitor:
        for step in range(1, 101):
            monitor.step(step, train_loss=float(step))
    with monitor.run as run:
        assert [(p.step, p.value) for p in run.scalar("train_loss")] == [(s, float(s)) for s in range(1, 101)]


def test_rules_ask_for_the_end(path):
    model = mlp()
    with Monitor(model, path, stop_on=["error"]) as monitor:
        for step, _ in train(model, 10_000):
            monitor.step(step, train_loss=math.nan)
            if monitor.should_stop:
                break
            time.sleep(0.001)
    assert monitor.stopped_by.rule == "loss_not_finite"
    assert step < 10_000
    with monitor.run as run:
        assert [alert.rule for alert in run.alerts] == ["loss_not_finite"]


def test_actions_are_called_and_may_fail(path, caplog):
    called = []

    def action(alert):
        called.append(alert.rule)
        raise RuntimeError("no")

    model = mlp()
    with caplog.at_level(logging.ERROR, "triplepoint"), Monitor(model, path, actions=[action]) as monitor:
        monitor.step(1, train_loss=math.nan)
    assert called == ["loss_not_finite"]
    assert monitor.cost.faults == 1
    with monitor.run as run:
        assert [event.kind for event in run.events if event.kind == "fault"] == ["fault"]


@pytest.mark.parametrize(
    "where",
    [
        "triplepoint.monitor.subject.Subject.copy",
        "triplepoint.monitor.looking.Looker.full",
        "triplepoint.alerts.Watch.update",
        "triplepoint.store.RunWriter.write",
        "triplepoint.monitor.scalars.points",
        "triplepoint.monitor.pipeline.points",
    ],
)
def test_a_crash_in_measuring_never_stops_training(path, where, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("no")

    monkeypatch.setattr(where, broken)
    with caplog.at_level(logging.CRITICAL, "triplepoint"):
        model, monitor = watched(path)
    assert sum(1 for _ in train(model, 1)) == 1
    assert monitor.cost.faults > 0 or where.endswith("scalars.points")


def test_an_interrupt_of_the_user_passes_through(path):
    model = mlp()
    monitor = Monitor(model, path)

    def stopped():
        with monitor:
            monitor.step(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with monitor.run as run:
        assert run.status == "interrupted"


@pytest.mark.parametrize(("code", "status"), [(0, "finished"), (None, "finished"), (1, "failed")])
def test_leaving_by_exit_is_an_end_like_any_other(path, code, status):
    with pytest.raises(SystemExit), Monitor(mlp(), path) as monitor:
        sys.exit(code)
    with monitor.run as run:
        assert run.status == status


def test_a_resumed_run_goes_on_where_training_does(path):
    model = mlp()
    watched(path, 30, model, worker="inline")
    with Monitor(model, path, None, schedule=10, resume=True, worker="inline", tolerance=0.0) as monitor:
        for step, loss in train(model, 10):
            monitor.step(20 + step, train_loss=loss)
    with monitor.run as run:
        assert [v.step for v in run.visits("0.weight")] == [10, 20, 30]
        assert {"resumed", "rewound"} <= {event.kind for event in run.events}


def test_a_step_that_is_none_is_a_fault_and_costs_no_other(path, caplog):
    with caplog.at_level(logging.CRITICAL, "triplepoint"), Monitor(mlp(), path, scalars="all") as monitor:
        for step in (1, 2**70, -(2**70), math.nan, math.inf, "x", 3.0, torch.tensor(4), 2, None):
            monitor.step(step, train_loss=1.0)
    assert monitor.cost.faults == 5
    with monitor.run as run:
        assert {point.step for point in run.scalar("train_loss")} == {1, 2, 3, 4}


def test_a_remark_that_cannot_be_written_is_a_fault(path):
    class Unsayable:
        def __repr__(self):
            raise RuntimeError("no")

    with Monitor(mlp(), path) as monitor:
        monitor.step(1, train_loss=1.0)
        monitor.event("odd", what=Unsayable())
    assert monitor.cost.faults == 1
    with monitor.run as run:
        assert run.last_value("train_loss") == 1.0


def test_a_fault_at_the_end_does_not_keep_the_run_open(path, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("no")

    monkeypatch.setattr("triplepoint.monitor.planning.Planner.finish", broken)
    with caplog.at_level(logging.CRITICAL, "triplepoint"):
        _, monitor = watched(path)
    with monitor.run as run:
        assert run.status == "finished"
        assert [event.text for event in run.events if event.kind == "fault"] == ["watch: RuntimeError: no"]


def test_what_it_cost_does_not_change_once_it_is_closed(path):
    _, monitor = watched(path)
    assert monitor.cost.wall_seconds > 0
    assert monitor.cost == monitor.cost


def test_looks_in_the_training_thread_are_paid_once(path, monkeypatch):
    overheads = []
    monkeypatch.setattr(
        "triplepoint.monitor.budget.Budget.overhead", lambda _, seconds: overheads.append(seconds)
    )
    _, monitor = watched(path, worker="inline")
    looks = monitor._analyst.seconds
    assert sum(overheads) < monitor.cost.seconds - 0.9 * looks
    assert monitor.cost.seconds > looks > 0


def test_a_signal_handler_may_close_it_at_any_moment(tmp_path):
    """A handler runs between two lines of what is under way, which may hold no lock that closing needs."""
    ended = []

    def close_at(line):
        monitor = Monitor(mlp(), tmp_path / f"{line}.db", None, schedule=1, tolerance=0.0)
        left = line

        def trace(frame, event, _):
            nonlocal left
            if os.path.basename(frame.f_code.co_filename) in ("recording.py", "queue.py", "analyst.py"):
                left -= event == "line"
                if left == 0:
                    sys.settrace(None)
                    monitor.close("stopped")
            return trace

        sys.settrace(trace)
        monitor.step(1, train_loss=1.0)
        sys.settrace(None)
        monitor.close()
        ended.append(open_run(monitor.path).status)

    def close_at_each():
        while "finished" not in ended:
            close_at(len(ended) + 1)

    thread = threading.Thread(target=close_at_each, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert ended[:-1] == ["stopped"] * (len(ended) - 1)
    assert len(ended) > 8


@pytest.mark.parametrize(("ending", "status"), [("", "finished"), ("1 / 0", "failed")])
def test_a_monitor_that_nobody_closed_says_how_the_process_ended(path, ending, status):
    program = f"""
import torch
from triplepoint import Monitor
monitor = Monitor(torch.nn.Linear(20, 12), {str(path)!r})
monitor.step(1, train_loss=1.0)
{ending}
"""
    subprocess.run([sys.executable, "-c", program], stderr=subprocess.DEVNULL, timeout=120, check=False)
    with open_run(path) as run:
        assert run.status == status
        assert run.last_value("train_loss") == 1.0


def test_a_run_that_is_resumed_in_vain_loses_nothing(path):
    model, _ = watched(path, 30, worker="inline")
    with open_run(path) as run:
        before = run.counts()["visits"], run.scalar("train_loss")
    with Monitor(model, path, resume=True) as monitor:
        monitor.event("nothing came of it")
    with monitor.run as run:
        assert (run.counts()["visits"], run.scalar("train_loss")) == before
        assert run.events[-2].step == 30


def test_what_comes_before_the_first_step_says_not_where_training_goes_on(path):
    class Broken:
        def begin(self, name, configuration):
            raise RuntimeError("no")

        def write(self, frame): ...

        def close(self): ...

    model, _ = watched(path, 30, worker="inline")
    keywords = {"schedule": 10, "resume": True, "worker": "inline", "tolerance": 0.0, "sinks": [Broken()]}
    with Monitor(model, path, None, **keywords) as monitor:
        monitor.event("the learning rate is halved")
        time.sleep(0.5)
        for step, loss in train(model, 10):
            monitor.step(20 + step, train_loss=loss)
    with monitor.run as run:
        assert [v.step for v in run.visits("0.weight")] == [10, 20, 30]
        assert [event.data["step"] for event in run.events if event.kind == "rewound"] == [20]


def test_steps_without_numbers_count_on_in_a_resumed_run(path):
    model, _ = watched(path, 30, worker="inline")
    with Monitor(model, path, resume=True) as monitor:
        monitor.step(train_loss=1.0)
    with monitor.run as run:
        assert run.scalar("train_loss")[-1].step == 31
        assert run.row("0.weight", 30) is not None


def test_an_alert_that_holds_is_not_raised_again_in_a_resumed_run(path):
    model = mlp()
    for resume in (False, True):
        with Monitor(model, path, resume=resume) as monitor:
            monitor.event("begun")
            time.sleep(0.3 * resume)
            monitor.step(train_loss=math.nan)
    with monitor.run as run:
        assert [alert.rule for alert in run.alerts] == ["loss_not_finite"]


def test_a_run_that_is_there_is_not_overwritten(path):
    watched(path)
    with pytest.raises(UsageError, match="resume=True"):
        Monitor(mlp(), path)


@pytest.mark.parametrize(
    ("keywords", "found"),
    [
        ({"budget": 0}, "budget"),
        ({"budget": None}, "schedule"),
        ({"worker": "process"}, "worker"),
        ({"layers": "nothing*"}, "no matrix matches"),
        ({"metrics": "alhpa"}, "alpha"),
        ({"rules": ["loss_spke"]}, "loss_spike"),
        ({"sinks": ["wandbb"]}, "unknown"),
        ({"scalars": "some"}, "scalars"),
        ({"tolerance": -1}, "tolerance"),
        ({"stop_on": ["wrning"]}, "warning"),
        ({"stop_on": "wrning"}, "warning"),
        ({"rules": "loss_spke"}, "loss_spike"),
        ({"sinks": "wandbb"}, "wandbb"),
        ({"actions": "https://example.com/hook"}, "Webhook"),
        ({"actions": ["https://example.com/hook"]}, "Webhook"),
        ({"actions": None}, "cannot be called"),
    ],
)
def test_a_wrong_call_is_one_line_at_once(path, keywords, found):
    with pytest.raises(UsageError) as refused:
        Monitor(mlp(), path, **keywords)
    assert found in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not path.exists()


def test_what_is_no_module_is_refused(path):
    with pytest.raises(UsageError, match="triplepoint watch DIR"):
        Monitor({"w": torch.ones(3, 3)}, path)


def test_a_child_of_the_process_writes_nothing(path):
    model = mlp()
    with Monitor(model, path) as monitor:
        monitor.step(1, train_loss=1.0)
        child = os.fork()
        if not child:
            try:
                monitor.step(2, train_loss=2.0)
                monitor.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        monitor.step(3, train_loss=3.0)
    with monitor.run as run:
        assert run.status == "finished"
        assert run.scalar("train_loss")[-1].step == 3
        assert not [p for p in run.scalar("train_loss") if p.high == 2.0 or p.value == 2.0]


def test_every_tensor_of_the_model_has_a_row(path):
    model = Mixed()
    with Monitor(model, path, None, schedule=1, worker="inline") as monitor:
        monitor.step(0)
    with monitor.run as run:
        rows = {row.id: row for row in scan(model).matrices}
        assert set(run.matrices) == set(rows)
        assert {id: run.row(id).reason for id in rows} == {id: row.reason for id, row in rows.items()}


def test_a_run_knows_the_order_of_its_model(path):
    """Visits come in any order; who shows the model wants its own."""
    model, _ = watched(path)
    with open_run(path) as run:
        order = run.provenance["monitor"]["order"]
        assert set(order) == set(run.matrices)
        assert order == [row.id for row in scan(model).matrices]
        assert order != list(run.matrices)


def test_in_between_there_are_looks_at_the_top(path):
    torch.manual_seed(0)
    model = torch.nn.Linear(300, 200)
    with Monitor(model, path, 0.1) as monitor:
        kinds, step, end = set(), 0, time.monotonic() + 20
        while not {VisitKind.full, VisitKind.leading} <= kinds and time.monotonic() < end:
            step += 1
            with torch.no_grad():
                model.weight *= 1.01
            monitor.step(step)
            time.sleep(0.01)
            if step % 50 == 0:
                with monitor.run as run:
                    kinds = {visit.kind for visit in run.visits("weight")}
    assert {VisitKind.full, VisitKind.leading} <= kinds
