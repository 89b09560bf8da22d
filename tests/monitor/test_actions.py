"""Claim: an alert reaches a webhook whole, or fails in its own thread; nobody waits, nothing is sent anywhere else.

Witness: servers of the standard library on this machine.
"""

from __future__ import annotations

import json
import logging
import math
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.monitor.worlds import mlp
from triplepoint.errors import UsageError
from triplepoint.monitor import Monitor, actions
from triplepoint.monitor.actions import Webhook, message, should_stop_for
from triplepoint.monitor.sinks.outbox import NotForwarded
from triplepoint.records import Alert, AlertState, Severity

LOUD = Alert(
    "norm_runaway",
    Severity.warning,
    120,
    "‖W‖ doubled in 10 steps",
    "layers.0.mlp",
    evidence={"ratio": 2.0, "steps": 10, "rate": float("nan")},
)
QUIET = Alert("trap", Severity.info, 3, "a trap appeared")
CLEARED = Alert("norm_runaway", Severity.warning, 200, "the norm stands", "layers.0.mlp", AlertState.cleared)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(actions, "PAUSE", 0.01)


@contextmanager
def server(*statuses, answer=None, headers=()):
    """Answers with the statuses in turn, the last one for ever; keeps what it got."""
    got = []
    waiting = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers, body))
            if answer is not None:
                answer()
            self.send_response(waiting.pop(0) if len(waiting) > 1 else waiting[0])
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            got.append((self.path, self.headers, None))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}/hook", got
        found.shutdown()
        thread.join()


def test_the_whole_alert_arrives_as_json():
    with server(200) as (url, got):
        hook = Webhook(url, run="first", headers={"Authorization": "Bearer x"})
        hook(LOUD)
        hook.close()
    ((path, headers, body),) = got
    assert (path, headers["Content-Type"], headers["Authorization"]) == (
        "/hook",
        "application/json",
        "Bearer x",
    )
    found = json.loads(body)
    text = "first [warning] norm_runaway: layers.0.mlp, step 120: ‖W‖ doubled in 10 steps"
    assert found == {
        "text": text,
        "content": text,
        "allowed_mentions": {"parse": []},
        "title": "norm_runaway: layers.0.mlp",
        "level": "warning",
        "state": "raised",
        "rule": "norm_runaway",
        "matrix": "layers.0.mlp",
        "step": 120,
        "run": "first",
        "evidence": {"ratio": 2.0, "steps": 10, "rate": None},
    }


def test_what_is_too_quiet_is_not_sent():
    with server(200) as (url, got):
        hook = Webhook(url)
        for alert in (QUIET, LOUD, CLEARED):
            hook(alert)
        hook.close()
        assert [json.loads(body)["state"] for *_, body in got] == ["raised", "cleared"]
        only = Webhook(url, "info", cleared=False)
        for alert in (QUIET, CLEARED):
            only(alert)
        only.close()
    assert [json.loads(body)["rule"] for *_, body in got[2:]] == ["trap"]


def test_a_name_is_no_command_of_a_chat():
    for name in ("<!channel>", "<https://evil.example|click>", "a\x1b[2J\nb"):
        text = message(Alert("r", Severity.error, 1, "s", name))["text"]
        assert "<!" not in text
        assert "<h" not in text
        assert text.isprintable()
    assert len(message(Alert("r", Severity.error, 1, "s" * 9000))["content"]) == actions.MOST_CONTENT


def test_a_server_that_fails_for_a_moment_is_asked_again():
    with server(503, 429, 200) as (url, got):
        hook = Webhook(url)
        hook(LOUD)
        hook.close()
    assert len(got) == 3


def test_a_server_that_keeps_failing_is_given_up_and_said_so():
    with server(500) as (url, got):
        hook = Webhook(url)
        hook(LOUD)
        with pytest.raises(OSError, match="500"):
            hook.close()
    assert len(got) == actions.TRIES


def test_what_the_server_refuses_is_not_repeated():
    with server(404) as (url, got):
        hook = Webhook(url)
        hook(LOUD)
        with pytest.raises(OSError, match="404"):
            hook.close()
    assert len(got) == 1


def test_a_slow_server_holds_nobody_up():
    release, began = threading.Event(), threading.Event()

    def wait():
        began.set()
        release.wait(30)

    with server(200, answer=wait) as (url, _):
        hook = Webhook(url, timeout=20)
        hook(LOUD)
        assert began.wait(10)
        for _ in range(actions.MOST_WAITING):
            hook(LOUD)
        with pytest.raises(NotForwarded, match="wait already"):
            hook(LOUD)
        with pytest.raises(NotForwarded):
            hook.close(patience=0.05)
        release.set()


def test_a_server_that_never_answers_is_timed_out():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = Webhook(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.05)
        hook(LOUD)
        with pytest.raises(OSError, match="timed out"):
            hook.close(patience=10)


def test_a_refused_connection_is_a_fault_of_the_next_call():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    hook = Webhook(f"http://127.0.0.1:{port}/")
    hook(LOUD)
    hook._outbox._thread.join(0.5)
    with pytest.raises(OSError, match="refused"):
        hook.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    with server(200) as (other, elsewhere):
        for target in (secret.as_uri(), other, "ftp://127.0.0.1/"):
            with server(status, headers=[("Location", target)]) as (url, got):
                hook = Webhook(url)
                hook(LOUD)
                with pytest.raises(OSError, match=str(status)):
                    hook.close()
            assert len(got) == 1
    assert elsewhere == []


@pytest.mark.parametrize(
    "url",
    ["ftp://h/x", "file:///etc/passwd", "h/x", "", "http://", "https://:443/", "http://h:99999/", "http://a b/",
     None, 3, "http://h/\r\nX: y", "http://h/\x7f", "javascript:alert(1)", "http://höst/"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UsageError, match="webhook"):
        Webhook(url)


def test_wrong_levels_and_times_are_refused():
    for wrong in ({"level": "loud"}, {"timeout": 0}, {"timeout": "3"}, {"cleared": 1}):
        with pytest.raises(UsageError):
            Webhook("http://127.0.0.1/", **wrong)


def test_an_alert_of_the_last_step_leaves_before_the_process_does():
    code = (
        "import sys; from triplepoint.monitor import Webhook; from triplepoint.records import Alert, Severity;"
        "Webhook(sys.argv[1])(Alert('r', Severity.error, 1, 's'))"
    )
    with server(200) as (url, got):
        subprocess.run([sys.executable, "-c", code, url], check=True)
        assert len(got) == 1


def test_which_alerts_end_a_training():
    assert should_stop_for(LOUD, ["norm_runaway"])
    assert should_stop_for(LOUD, ["info"])
    assert should_stop_for(LOUD, ["warning"])
    assert not should_stop_for(LOUD, ["error"])
    assert not should_stop_for(LOUD, ["other", "error"])
    assert not should_stop_for(LOUD, [])
    assert should_stop_for(LOUD, ["error", "norm_runaway"])
    assert not should_stop_for(CLEARED, ["norm_runaway", "info"])


def test_an_action_that_never_comes_back_costs_itself_alone(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("triplepoint.monitor.errands.PATIENCE", 0.05)
    never, called = threading.Event(), []
    with (
        caplog.at_level(logging.CRITICAL, "triplepoint"),
        Monitor(mlp(), tmp_path, actions=[lambda _: never.wait(), called.append]) as monitor,
    ):
        for step in range(1, 40):
            monitor.step(step, train_loss=math.nan)
            time.sleep(0.01)
    with monitor.run as run:
        assert run.status == "finished"
        assert run.scalar("train_loss")[-1].step == 39
        assert [event.text.partition(":")[0] for event in run.events if event.kind == "fault"] == [
            "finish <lambda>"
        ]
    assert [alert.rule for alert in called] == ["loss_not_finite"]
    never.set()


def test_a_webhook_is_waited_for_at_the_end_and_its_failure_is_a_fault(tmp_path, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
    hook = Webhook(address, timeout=0.1)
    with caplog.at_level(logging.CRITICAL, "triplepoint"), Monitor(mlp(), tmp_path, actions=hook) as monitor:
        monitor.step(1, train_loss=math.nan)
    with monitor.run as run:
        (fault,) = [event.text for event in run.events if event.kind == "fault"]
    assert fault.startswith("close Webhook: ")
    assert monitor.cost.faults == 1
