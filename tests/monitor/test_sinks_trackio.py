"""Claim: trackio stores what is forwarded, in the user's run without touching its steps, or in one of our own.

Witness: trackio's own readers of its database.
"""

from __future__ import annotations

import importlib
import math
import sys
import threading

import pytest

from tests.monitor.frames import HOSTILE, frame
from triplepoint.monitor.sinks import Trackio, sink_of
from triplepoint.monitor.sinks.series import group_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # Sockets of its HTTP client and connections of its readers.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def trackio(tmp_path_factory):
    if importlib.util.find_spec("trackio") is None:
        pytest.skip("trackio is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKIO_DIR", str(tmp_path_factory.mktemp("trackio")))
        for name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_WEBHOOK_URL"):
            patch.delenv(name, raising=False)
        assert "trackio" not in sys.modules
        yield importlib.import_module("trackio")


def points(project, run, name):
    storage = importlib.import_module("trackio.sqlite_storage").SQLiteStorage
    logs = storage.get_logs(project, run)
    return [(log["step"], log[name]) for log in logs if name in log]


def alerts(project, run):
    storage = importlib.import_module("trackio.sqlite_storage").SQLiteStorage
    return storage.get_alerts(project, run)


def test_a_run_of_our_own_holds_everything(trackio, capsys):
    sink = Trackio("ours")
    sink.begin("first", {"lr": 0.1, "_secret": {"a": math.nan}, "\x1b": 1})
    for at in (10, 20):
        sink.write(frame(at, HOSTILE))
    sink.close()
    assert points("ours", "first", "train_loss") == [(10, 0.1), (11, 0.05), (20, 0.05), (21, 0.025)]
    for name in HOSTILE:
        assert points("ours", "first", f"{group_of(name)}/alpha") == [(10, 13.0), (20, 23.0)]
    assert len(points("ours", "first", "spiked")) == 2
    found = sorted((alert["step"], alert["level"], alert["title"]) for alert in alerts("ours", "first"))
    assert found[:2] == [(10, "error", "cleared: loss_spike"), (10, "warn", "norm_runaway: layers.0.mlp")]
    assert any(alert["text"] == "the norm doubled in 10 steps" for alert in alerts("ours", "first"))
    assert trackio.context_vars.current_run.get() is None, "the user has begun none"
    config = trackio.Api().runs("ours")[0].config
    assert (config["lr"], config["secret"]) == (0.1, {"a": None})


def test_the_same_name_goes_on(trackio):
    for at in (1, 5):
        sink = Trackio("again")
        sink.begin("one", {})
        sink.write(frame(at))
        sink.close()
    assert points("again", "one", "spectral/w/alpha") == [(1, 4.0), (5, 8.0)]


def test_the_run_of_the_user_is_used_and_left_alone(trackio):
    theirs = trackio.init(project="theirs", name="mine", auto_log_cpu=False, auto_log_gpu=False, embed=False)
    trackio.log({"loss": 3.0})
    sink = sink_of("trackio")
    sink.begin("monitor", {"ignored": 1})
    sink.write(frame(5000))
    sink.close()
    assert not theirs._stop_flag.is_set(), "theirs goes on"
    trackio.log({"loss": 2.0})
    assert trackio.context_vars.current_run.get() is theirs
    trackio.finish()
    assert trackio.Api().runs("theirs")[0].name == "mine"
    assert len(list(trackio.Api().runs("theirs"))) == 1
    assert points("theirs", "mine", "loss") == [(0, 3.0), (1, 2.0)]
    assert points("theirs", "mine", "spectral/w/alpha") == [(5000, 5003.0)]
    assert points("theirs", "mine", "train_loss") == []
    assert [step for step, _ in points("theirs", "mine", "monitor/train_loss")] == [5000, 5001]


def test_a_run_begun_before_the_sink_was_made_is_found_from_another_thread(trackio):
    trackio.init(project="thread", name="mine", auto_log_cpu=False, auto_log_gpu=False, embed=False)
    sink = Trackio("elsewhere")
    thread = threading.Thread(target=sink.begin, args=("monitor", {}))
    thread.start()
    thread.join()
    sink.write(frame(7))
    trackio.finish()
    assert points("thread", "mine", "spectral/w/alpha") == [(7, 10.0)]


def test_nothing_is_begun_without_a_frame(trackio):
    sink = Trackio("empty")
    sink.begin("monitor", {})
    sink.close()
    with pytest.raises(ValueError, match="does not exist"):
        trackio.Api().runs("empty")
