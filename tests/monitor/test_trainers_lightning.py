"""Claim: a Lightning training is watched step by step and never harmed, from either of its two packages.

Witness: the trainers themselves on a small module that keeps what it computed.
"""

from __future__ import annotations

import logging
import sys

import pytest

from tests.monitor.one_thread import one_torch_thread
from triplepoint import open_run
from triplepoint.errors import UsageError

torch = pytest.importorskip("torch")
pytest.importorskip("lightning.pytorch")

from triplepoint.monitor import LightningMonitor  # noqa: E402
from triplepoint.monitor.trainers import lightning_callback  # noqa: E402

__all__ = ["one_torch_thread"]

pytestmark = pytest.mark.filterwarnings("ignore")

DEFAULTS = {
    "budget": None, "schedule": 10, "worker": "inline", "metrics": "stable_rank", "scalars": "all", "tolerance": 0.0,
}  # fmt: skip
PACKAGES = ["lightning.pytorch", "pytorch_lightning"]


def package(name):
    return pytest.importorskip(name)


def module(pl, **fault):
    class Regression(pl.LightningModule):
        def __init__(self, width=24):
            super().__init__()
            self.save_hyperparameters()
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(
                torch.nn.Linear(16, width), torch.nn.ReLU(), torch.nn.Linear(width, 8)
            )
            self.losses = []

        def training_step(self, batch, index):
            if self.global_step == fault.get("at", -1):
                raise fault["error"]
            loss = self.net(batch).square().mean()
            self.losses.append(float(loss))
            self.log("train_acc", 0.5)
            self.log("steady", 1.0, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch, index):
            self.log("val_loss", self.net(batch).square().mean())

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=fault.get("lr", 0.1))

    return Regression()


def fit(pl, folder, callback, net, steps=20, **arguments):
    data = torch.randn(80, 16, generator=torch.Generator().manual_seed(0))
    loader = torch.utils.data.DataLoader(data, batch_size=8)
    checkpoint = arguments.pop("ckpt_path", None)
    settings = {
        "max_steps": steps, "max_epochs": -1, "accelerator": "cpu", "logger": False, "enable_progress_bar": False,
        "enable_model_summary": False, "enable_checkpointing": False, "default_root_dir": folder,
        "log_every_n_steps": 2, "callbacks": callback,
    }  # fmt: skip
    trainer = pl.Trainer(**(settings | arguments))
    trainer.fit(net, loader, torch.utils.data.DataLoader(data[:8], batch_size=8), ckpt_path=checkpoint)
    return trainer


def watch(folder, **keywords):
    return LightningMonitor(folder / "run.db", **(DEFAULTS | keywords))


@pytest.mark.parametrize("name", PACKAGES)
def test_steps_and_numbers_are_those_of_the_trainer(name, tmp_path):
    pl = package(name)
    net = module(pl)
    callback = watch(tmp_path, config={"mine": 1})
    assert isinstance(callback, pl.Callback)
    trainer = fit(pl, tmp_path, callback, net, accumulate_grad_batches=2)
    with open_run(tmp_path / "run.db") as run:
        assert run.status == "finished"
        assert trainer.global_step == max(run.steps) == 20
        assert [visit.step for visit in run.visits("net.0.weight")] == [10, 20]
        # Two batches a step: the mean of both, not the half of one that Lightning hands on.
        means = [(a + b) / 2 for a, b in zip(net.losses[::2], net.losses[1::2], strict=True)]
        assert [point.step for point in run.scalar("train_loss")] == list(range(1, 21))
        assert [point.value for point in run.scalar("train_loss")] == pytest.approx(means, rel=1e-6)
        # 10 batches an epoch: validated after 5, 10, 15 and 20 steps; the trial before training is left out.
        assert [point.step for point in run.scalar("test_loss")] == [5, 10, 15, 20]
        assert float(trainer.callback_metrics["val_loss"]) == pytest.approx(run.scalar("test_loss")[-1].value)
        assert {point.value for point in run.scalar("train_accuracy")} == {0.5}
        assert {2, 4, 6, 8, 12} <= {point.step for point in run.scalar("train_accuracy")}
        assert not {1, 3, 7} & {point.step for point in run.scalar("train_accuracy")}
        assert [point.step for point in run.scalar("steady")] == [5, 10, 15, 20]
        assert run.configuration == {
            "trainer": "lightning", "module": "Regression", "hparams": {"width": 24}, "mine": 1,
        }  # fmt: skip


def test_an_alert_ends_the_training(tmp_path):
    pl = package(PACKAGES[0])
    trainer = fit(pl, tmp_path, watch(tmp_path, stop_on=["info"]), module(pl, lr=1e6), steps=5000)
    assert trainer.global_step < 5000
    assert trainer.should_stop
    with open_run(tmp_path / "run.db") as run:
        assert run.alerts


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("bad batch"), "failed"), (KeyboardInterrupt(), "interrupted")]
)
def test_a_training_that_breaks_off_says_so(error, status, tmp_path):
    pl = package(PACKAGES[0])
    with pytest.raises((ValueError, KeyboardInterrupt, SystemExit)):
        fit(pl, tmp_path, watch(tmp_path), module(pl, at=3, error=error))
    with open_run(tmp_path / "run.db") as run:
        assert run.status == status
        assert any(type(error).__name__ in event.text for event in run.events)
        assert max(run.steps) == 3


def test_a_training_that_goes_on_goes_on_in_its_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pl = package(PACKAGES[0])
    # The name of the run is not given: the checkpoint knows it.
    trainer = fit(pl, tmp_path, LightningMonitor(**DEFAULTS), module(pl), steps=6)
    trainer.save_checkpoint(tmp_path / "at6.ckpt")
    again = fit(
        pl, tmp_path, LightningMonitor(**DEFAULTS), module(pl), steps=8, ckpt_path=tmp_path / "at6.ckpt"
    )
    assert again.global_step == 8
    (path,) = (tmp_path / "runs").glob("*/run.db")
    with open_run(path) as run:
        assert max(run.steps) == 8
        assert "resumed" in {event.kind for event in run.events}
        steps = [point.step for point in run.scalar("train_loss")]
        assert steps[-2:] == [7, 8]


def test_a_monitor_that_raises_in_everything_stops_nothing(tmp_path, monkeypatch, caplog):
    class Broken:
        path = "nowhere"

        def __init__(self, *_, **__):
            pass

        def __getattr__(self, name):
            raise RuntimeError(f"broken {name}")

    monkeypatch.setattr("triplepoint.monitor.trainers.guarding.Monitor", Broken)
    pl = package(PACKAGES[0])
    with caplog.at_level(logging.WARNING, "triplepoint"):
        trainer = fit(pl, tmp_path, watch(tmp_path, stop_on=["info"]), module(pl), steps=12)
    assert trainer.global_step == 12
    told = {record.getMessage().split(":")[0] for record in caplog.records if record.name == "triplepoint"}
    assert told == {f"the monitor could not {what}" for what in ("step", "log", "should_stop", "close")}


def test_a_wrong_call_is_refused_before_the_first_step(tmp_path):
    pl = package(PACKAGES[0])
    with pytest.raises(TypeError, match="bugdet"):
        LightningMonitor(tmp_path / "run.db", bugdet=0.01)
    with pytest.raises(UsageError, match="sloppy"):
        fit(pl, tmp_path, watch(tmp_path, mode="sloppy"), module(pl), steps=2)


def test_only_the_package_in_use_is_imported(monkeypatch):
    """With one of the two loaded the callback is of that one; with none, of the first that is installed."""
    one = package(PACKAGES[1])
    monkeypatch.delitem(sys.modules, PACKAGES[0], raising=False)
    found = lightning_callback.LightningMonitor("a.db")
    assert isinstance(found, one.Callback)
    assert PACKAGES[0] not in sys.modules
    assert found.state_key == "triplepoint.LightningMonitor"


def test_what_was_logged_long_ago_is_not_logged_again():
    fresh, old = lightning_callback.Fresh(), torch.tensor(1.0)
    assert fresh.of({"a": old, "b": 2.0, "note": "x"}) == {"a": 1.0, "b": 2.0}
    assert fresh.of({"a": old, "b": torch.tensor(2.0)}) == {"b": 2.0}
