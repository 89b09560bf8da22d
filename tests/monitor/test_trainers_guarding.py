"""Claim: all processes of a training end at the same step, and wrappers do not show in the names of matrices."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

import triplepoint.monitor
from triplepoint.errors import MissingDependency
from triplepoint.monitor.processes import STRIDE
from triplepoint.monitor.trainers import framework
from triplepoint.monitor.trainers.guarding import Guarded, unwrapped


class Several:
    """Two processes of which the first has raised an alert; every question is kept."""

    size = 2

    def __init__(self, first):
        self.first, self.asked = first, []

    def agree(self, number):
        self.asked.append(number)
        return int(self.first)


def guarded(processes, stopped):
    found = Guarded({"stop_on": ["error"]})
    found.monitor = SimpleNamespace(should_stop=stopped)
    found._processes = processes
    return found


def test_a_process_without_an_alert_ends_with_the_first():
    processes = Several(first=True)
    other = guarded(processes, stopped=False)
    answers = [other.should_stop(step) for step in range(1, STRIDE + 3)]
    assert answers == [False] * (STRIDE - 1) + [True] * 3
    assert processes.asked == [0]


def test_the_first_process_waits_until_all_are_asked():
    processes = Several(first=True)
    first = guarded(processes, stopped=True)
    answers = [first.should_stop(step) for step in range(1, STRIDE + 1)]
    assert answers == [False] * (STRIDE - 1) + [True]
    assert processes.asked == [1]


def test_steps_that_are_skipped_do_not_part_the_processes():
    one, two = Several(first=False), Several(first=False)
    for step in (7, 19, 33, 60):
        guarded_one = one.__dict__.setdefault("guarded", guarded(one, stopped=False))
        guarded_two = two.__dict__.setdefault("guarded", guarded(two, stopped=True))
        assert guarded_one.should_stop(step) == guarded_two.should_stop(step)
    assert one.asked == [0, 0]
    assert two.asked == [1, 1]


def test_nobody_is_asked_where_nothing_can_stop_the_training():
    processes = Several(first=True)
    found = guarded(processes, stopped=True)
    found._keywords.pop("stop_on")
    assert not any(found.should_stop(step) for step in range(100))
    assert processes.asked == []


def test_wrappers_are_taken_off():
    torch = pytest.importorskip("torch")
    inner = torch.nn.Linear(3, 2)
    assert unwrapped(torch.nn.DataParallel(inner)) is inner
    assert unwrapped(SimpleNamespace(_orig_mod=torch.nn.DataParallel(inner))) is inner


def test_a_missing_framework_says_how_to_get_it():
    with pytest.raises(MissingDependency, match=r"pip install notaframework, or 'triplepoint\[trainers\]'"):
        framework("notaframework.inner")


def test_no_framework_is_imported_before_it_is_asked_for():
    names = {
        "transformers",
        "lightning",
        "pytorch_lightning",
        "accelerate",
        "trackio",
        "wandb",
        "tensorboard",
        "mlflow",
    }
    code = (
        "import sys; from triplepoint.monitor import Monitor, Webhook, JsonLines, Sink;"
        f"print(sorted({names | {'torch'}!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = triplepoint.monitor.Nothing
