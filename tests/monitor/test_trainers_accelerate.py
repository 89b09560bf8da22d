"""Claim: a loop under Accelerate is watched, by its optimiser or by what it logs, and never harmed.

Witness: the loop itself, which counts its own steps.
"""

from __future__ import annotations

import logging

import pytest

from tests.monitor.one_thread import one_torch_thread
from triplepoint import open_run
from triplepoint.errors import UsageError

torch = pytest.importorskip("torch")
accelerate = pytest.importorskip("accelerate")

from triplepoint.monitor import MonitorTracker  # noqa: E402

__all__ = ["one_torch_thread"]

pytestmark = pytest.mark.filterwarnings("ignore")

DEFAULTS = {
    "budget": None, "schedule": 10, "worker": "inline", "metrics": "stable_rank", "scalars": "all", "tolerance": 0.0,
}  # fmt: skip


def loop(folder, *, counted=True, steps=20, accumulate=1, lr=0.1, log_every=1, **keywords):
    """Optimiser steps until an alert asks for the end; returns how many there were, and the losses logged."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(16, 24), torch.nn.ReLU(), torch.nn.Linear(24, 8))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    tracker = MonitorTracker(
        model, optimizer if counted else None, run=folder / "run.db", **(DEFAULTS | keywords)
    )
    accelerator = accelerate.Accelerator(cpu=True, log_with=tracker, gradient_accumulation_steps=accumulate)
    accelerator.init_trackers("project", {"lr": lr, "nested": {"a": torch.tensor(1)}})
    model, optimizer = accelerator.prepare(model, optimizer)
    done, losses = 0, []
    for _ in range(steps * accumulate):
        with accelerator.accumulate(model):
            loss = model(torch.randn(8, 16)).square().mean()
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        if accelerator.sync_gradients:
            done += 1
            if done % log_every == 0:
                losses.append(float(loss))
                accelerator.log({"loss": loss, "note": "text", "val_acc": 0.5}, step=done)
            if accelerator.get_tracker("triplepoint").should_stop:
                break
    accelerator.end_training()
    assert not optimizer.optimizer._optimizer_step_post_hooks, "the optimiser is let go"
    return done, losses


@pytest.mark.parametrize("counted", [True, False])
def test_steps_and_numbers_are_those_of_the_loop(counted, tmp_path):
    done, losses = loop(tmp_path, counted=counted, accumulate=2)
    with open_run(tmp_path / "run.db") as run:
        assert run.status == "finished"
        assert done == max(run.steps) == 20
        assert [visit.step for visit in run.visits("0.weight")] == [10, 20]
        kept = run.scalar("train_loss")
        assert [point.step for point in kept] == list(range(1, 21))
        assert [point.value for point in kept] == pytest.approx(losses, rel=1e-6)
        assert {point.value for point in run.scalar("test_accuracy")} == {0.5}
        assert run.scalar_names.count("note") == 0
        event = next(event for event in run.events if event.text == "configuration")
        assert event.data["lr"] == 0.1


def test_steps_are_counted_though_little_is_logged(tmp_path):
    loop(tmp_path, counted=True, log_every=20)
    with open_run(tmp_path / "run.db") as run:
        assert [visit.step for visit in run.visits("0.weight")] == [10, 20]
        assert [point.step for point in run.scalar("train_loss")] == [20]


def test_an_alert_ends_the_training(tmp_path):
    done, _ = loop(tmp_path, steps=50_000, lr=1e30, stop_on=["info"])
    assert done < 50_000
    with open_run(tmp_path / "run.db") as run:
        assert run.alerts


def test_a_training_that_goes_on_counts_on(tmp_path):
    loop(tmp_path, steps=6)
    loop(tmp_path, steps=4, first=6, resume=True)
    with open_run(tmp_path / "run.db") as run:
        assert max(run.steps) == 10
        assert [visit.step for visit in run.visits("0.weight")] == [10]


def test_a_monitor_that_raises_in_everything_stops_nothing(tmp_path, monkeypatch, caplog):
    class Broken:
        def __init__(self, *_, **__):
            pass

        def __getattr__(self, name):
            raise RuntimeError(f"broken {name}")

    monkeypatch.setattr("triplepoint.monitor.trainers.guarding.Monitor", Broken)
    with caplog.at_level(logging.WARNING, "triplepoint"):
        done, _ = loop(tmp_path, steps=3, stop_on=["info"])
    assert done == 3
    told = {record.getMessage().split(":")[0] for record in caplog.records if record.name == "triplepoint"}
    assert told == {
        f"the monitor could not {what}" for what in ("event", "step", "log", "should_stop", "close")
    }


def test_a_wrong_call_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(TypeError, match="bugdet"):
        loop(tmp_path, bugdet=1)
    with pytest.raises(UsageError, match="sloppy"):
        loop(tmp_path, mode="sloppy")
