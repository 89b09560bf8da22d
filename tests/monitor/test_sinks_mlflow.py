"""Claim: MLflow stores what is forwarded, whatever the layers are called, in the user's run or in one of our own.

Witness: MLflow's own client, on a database and on a folder.
"""

from __future__ import annotations

import importlib
import math

import pytest

from tests.monitor.frames import HOSTILE, frame
from triplepoint.monitor.sinks import MLflow, sink_of

pytestmark = [
    # 4 s to import, 10 to make its database.
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    if importlib.util.find_spec("mlflow") is None or importlib.util.find_spec("sqlalchemy") is None:
        pytest.skip("mlflow or its database layer is not installed")
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        module = importlib.import_module("mlflow")
        module.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        yield module


def history(client, run_id, name):
    return [(metric.step, metric.value) for metric in client.get_metric_history(run_id, name)]


def only_run(client, experiment):
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert len(found) == 1
    return found[0]


def test_a_run_of_our_own_holds_everything(mlflow):
    sink = MLflow(experiment="ours")
    sink.begin(
        "first",
        {"lr": 0.1, "data": {"name": "x" * 7000, "a*b": True}, "k" * 400: 1},
    )
    for at in (10, 20):
        sink.write(frame(at, HOSTILE))
    sink.close()
    client = mlflow.MlflowClient()
    run = only_run(client, "ours")
    assert (run.info.run_name, run.info.status) == ("first", "FINISHED")
    assert run.data.params["lr"] == "0.1"
    assert len(run.data.params) == 4
    assert history(client, run.info.run_id, "train_loss") == [(10, 0.1), (11, 0.05), (20, 0.05), (21, 0.025)]
    assert history(client, run.info.run_id, "spectral/layers.0.mlp/alpha") == [(10, 13.0), (20, 23.0)]
    spectral = [name for name in run.data.metrics if name.startswith("spectral/")]
    assert len(spectral) == len(HOSTILE)
    for name in spectral:
        assert name.count("/") == 2
        assert history(client, run.info.run_id, name) == [(10, 13.0), (20, 23.0)]
    assert "spiked" in run.data.metrics
    assert math.isnan(history(client, run.info.run_id, "spiked")[0][1])
    said = run.data.tags["triplepoint.alert.norm_runaway.layers.0.mlp"]
    assert said == "raised at step 20 (warning): the norm doubled in 10 steps"
    assert run.data.tags["triplepoint.alert.loss_spike"].startswith("cleared at step 20")


def test_the_run_of_the_user_is_used_and_left_open(mlflow):
    mlflow.set_experiment("theirs")
    with mlflow.start_run(run_name="mine") as theirs:
        mlflow.log_metric("train_loss", 9.0, step=10)
        sink = sink_of("mlflow")
        sink.begin("monitor", {"not": "logged"})
        sink.write(frame(10))
        sink.close()
        assert mlflow.active_run().info.run_id == theirs.info.run_id
        client = mlflow.MlflowClient()
        run = only_run(client, "theirs")
        assert run.info.status == "RUNNING"
        assert run.data.params == {}
        assert history(client, run.info.run_id, "train_loss") == [(10, 9.0)]
        assert history(client, run.info.run_id, "monitor/train_loss") == [(10, 0.1), (11, 0.05)]
        assert history(client, run.info.run_id, "spectral/w/alpha") == [(10, 13.0)]


def test_a_frame_of_thousands_of_numbers_goes_in_batches_that_a_server_takes(mlflow, monkeypatch):
    sizes, whole = [], mlflow.MlflowClient.log_batch

    def counted(self, run_id, metrics=(), params=(), tags=()):
        sizes.append((len(metrics), len(params)))
        whole(self, run_id, metrics=metrics, params=params, tags=tags)

    monkeypatch.setattr(mlflow.MlflowClient, "log_batch", counted)
    sink = MLflow(experiment="large")
    sink.begin("wide", {str(i): i for i in range(250)})
    sink.write(frame(3, tuple(f"layer.{i}" for i in range(1200))))
    sink.close()
    run = only_run(mlflow.MlflowClient(), "large")
    assert (len(run.data.metrics), len(run.data.params)) == (1202, 250)
    assert max(metrics for metrics, _ in sizes) <= 1000
    assert max(params for _, params in sizes) <= 100


def test_nothing_is_begun_without_a_frame(mlflow):
    sink = MLflow(experiment="empty")
    sink.begin("monitor", {})
    sink.close()
    assert mlflow.MlflowClient().get_experiment_by_name("empty") is None


def test_a_folder_takes_hostile_names_too(mlflow, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "store").as_uri()
    sink = MLflow(uri, "folder")
    sink.begin("first", {})
    # In a folder a name is a path: an id that ends where a metric begins must not be in its way.
    sink.write(frame(10, (*HOSTILE, "x", "x/alpha")))
    sink.close()
    client = mlflow.MlflowClient(uri)
    run = only_run(client, "folder")
    assert len([name for name in run.data.metrics if name.startswith("spectral/")]) == len(HOSTILE) + 2
    inside = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.is_relative_to(tmp_path / "store") for path in inside)
