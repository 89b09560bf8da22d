"""Claim: a transformers training is watched step by step and never harmed.

Witness: the Trainer itself, on a small BERT; what it logged against what the run holds.
"""

from __future__ import annotations

import logging

import pytest

from tests.monitor.one_thread import one_torch_thread
from triplepoint import open_run, scan
from triplepoint.errors import UsageError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from triplepoint.monitor import MonitorCallback  # noqa: E402

__all__ = ["one_torch_thread"]

pytestmark = pytest.mark.filterwarnings("ignore")


# One number and every point: what a look measures is not the matter here.
DEFAULTS = {
    "budget": None, "schedule": 10, "worker": "inline", "metrics": "stable_rank", "scalars": "all", "tolerance": 0.0,
}  # fmt: skip


class Words(torch.utils.data.Dataset):
    """Sequences whose label is whether the first word is odd."""

    def __init__(self, n):
        self.words = torch.randint(0, 50, (n, 8), generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.words)

    def __getitem__(self, i):
        return {"input_ids": self.words[i], "labels": self.words[i, 0] % 2}


def bert():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=96,
        max_position_embeddings=16,
        num_labels=2,
    )
    return transformers.BertForSequenceClassification(config)


def accuracy(found):
    return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}


def trainer(folder, callback, steps=20, **arguments):
    settings = {
        "output_dir": str(folder / "out"), "max_steps": steps, "per_device_train_batch_size": 4, "use_cpu": True,
        "logging_steps": 1, "save_strategy": "no", "disable_tqdm": True, "report_to": "none", "seed": 1,
        "learning_rate": 1e-3, "dataloader_pin_memory": False,
    }  # fmt: skip
    return transformers.Trainer(
        bert(),
        transformers.TrainingArguments(**(settings | arguments)),
        train_dataset=Words(256),
        eval_dataset=Words(16),
        compute_metrics=accuracy,
        callbacks=[callback],
    )


def watch(folder, **keywords):
    return MonitorCallback(folder / "run.db", **(DEFAULTS | keywords))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    made = trainer(
        folder,
        watch(folder, config={"mine": 1}),
        eval_strategy="steps",
        eval_steps=10,
        gradient_accumulation_steps=2,
    )
    made.train()
    return made, open_run(folder / "run.db")


def test_every_matrix_is_looked_at_when_it_is_due(trained):
    made, run = trained
    assert run.status == "finished"
    steps = {
        row.id: [visit.step for visit in run.visits(row.id)] for row in scan(made.model).matrices if row.shape
    }
    assert len(steps) >= 15
    assert set(map(tuple, steps.values())) == {(10, 20)}


def test_accumulated_batches_count_once(trained):
    made, run = trained
    assert made.state.global_step == 20
    assert max(run.steps) == 20


def test_what_the_trainer_logged_is_in_the_run(trained):
    made, run = trained
    logged = [(entry["step"], entry["loss"]) for entry in made.state.log_history if "loss" in entry]
    assert len(logged) == 20
    assert [(point.step, point.value) for point in run.scalar("train_loss")] == logged
    for name, theirs in (("test_loss", "eval_loss"), ("test_accuracy", "eval_accuracy")):
        expected = [(entry["step"], entry[theirs]) for entry in made.state.log_history if theirs in entry]
        assert len(expected) == 2
        assert [(p.step, p.value) for p in run.scalar(name)] == expected
    assert {"learning_rate", "grad_norm", "epoch"} <= set(run.scalar_names)


def test_the_configuration_names_trainer_arguments_and_model(trained):
    _, run = trained
    configuration = run.configuration
    assert (configuration["trainer"], configuration["mine"]) == ("transformers", 1)
    assert configuration["args"]["max_steps"] == 20
    assert configuration["model"]["hidden_size"] == 64


def test_an_alert_ends_the_training(tmp_path):
    callback = watch(tmp_path, stop_on=["info"])
    made = trainer(tmp_path, callback, steps=5000, learning_rate=1e6)
    made.train()
    assert made.state.global_step < 5000
    assert open_run(tmp_path / "run.db").alerts


def test_a_training_that_goes_on_goes_on_in_its_run(tmp_path):
    first = trainer(tmp_path, watch(tmp_path), steps=6, save_strategy="steps", save_steps=4)
    first.train()
    second = trainer(tmp_path, watch(tmp_path), steps=8, save_strategy="no")
    second.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-4"))
    run = open_run(tmp_path / "run.db")
    assert max(run.steps) == 8
    assert {"rewound", "resumed"} <= {event.kind for event in run.events}
    assert any(event.text == "checkpoint" for event in run.events)
    steps = [point.step for point in run.scalar("train_loss")]
    assert steps == sorted(set(steps))


def test_a_monitor_that_raises_in_everything_stops_nothing(tmp_path, monkeypatch, caplog):
    class Broken:
        def __init__(self, *_, **__):
            pass

        def __getattr__(self, name):
            raise RuntimeError(f"broken {name}")

    monkeypatch.setattr("triplepoint.monitor.trainers.guarding.Monitor", Broken)
    with caplog.at_level(logging.WARNING, "triplepoint"):
        made = trainer(tmp_path, watch(tmp_path, stop_on=["info"]), steps=3)
        made.train()
    assert made.state.global_step == 3
    told = [record.getMessage() for record in caplog.records if record.name == "triplepoint"]
    assert sorted(text.split(":")[0] for text in told) == sorted(
        f"the monitor could not {what}" for what in ("step", "log", "should_stop", "close")
    )


def test_a_monitor_that_cannot_be_made_stops_nothing(tmp_path, monkeypatch, caplog):
    class Unmade:
        def __init__(self, *_, **__):
            raise RuntimeError("no")

    monkeypatch.setattr("triplepoint.monitor.trainers.guarding.Monitor", Unmade)
    with caplog.at_level(logging.WARNING, "triplepoint"):
        made = trainer(tmp_path, watch(tmp_path), steps=2)
        made.train()
    assert made.state.global_step == 2
    assert "the monitor could not begin: RuntimeError: no; training goes on" in caplog.text


def test_a_wrong_call_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(TypeError, match="bugdet"):
        MonitorCallback(tmp_path / "run.db", bugdet=0.01)
    made = trainer(tmp_path, watch(tmp_path, mode="sloppy"), steps=2)
    with pytest.raises(UsageError, match="sloppy"):
        made.train()
    assert made.state.global_step == 0
