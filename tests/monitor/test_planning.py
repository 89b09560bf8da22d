"""Claim: what is copied is what the budget, the worker and the memory have room for, and processes agree on it.

Witness: an analyst that does nothing but keep what it is given, and a clock that the test turns.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest

from tests.monitor.worlds import mlp, torch
from triplepoint.monitor.planning import PATIENCE, Planner
from triplepoint.monitor.processes import STRIDE, Processes
from triplepoint.monitor.schedule import schedule_of
from triplepoint.monitor.subject import Subject

ALONE = Processes(0, 1, False)


class Idle:
    """Takes jobs and lets the test say what they cost."""

    def __init__(self, cost=0.01):
        self.jobs = []
        self.cost = cost
        self.took = {}
        self.stuck = False
        self._done = deque()

    def busy(self):
        while self._done:
            job = self._done.popleft()
            job.purse.spent += self.cost
            job.purse.promised -= job.promised
            for copied in job.copies:
                self.took[copied.task[0].id, job.light] = self.cost
        return self.stuck

    def take(self, job):
        job.purse.promised += job.promised
        self.jobs.append(job)
        self._done.append(job)


def planner(share=0.01, schedule=None, *, analyst=None, processes=ALONE, room=1 << 40, model=None):
    subject = Subject(model or mlp(), False, None)
    return Planner(subject, schedule_of(schedule), share, processes=processes, analyst=analyst, room=room)


def run(plan, seconds, steps, overhead=0.0):
    """Equal steps over so many seconds; how often the planner was asked in earnest."""
    asked = 0
    for step in range(1, steps + 1):
        elapsed = seconds * step / steps
        if not plan.rests(step, elapsed):
            plan.consider(step, elapsed, overhead)
            asked += 1
    return asked


def ids(analyst, light=False):
    return [copied.task[0].id for job in analyst.jobs if job.light is light for copied in job.copies]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1])
def test_no_more_is_spent_than_the_share(share):
    analyst = Idle(cost=0.02)
    run(planner(share, analyst=analyst), 400.0, 8000)
    spent = 0.02 * len(analyst.jobs)
    assert 0.85 * share * 400 - 0.04 <= spent <= 0.9 * share * 400 + 0.02


def test_all_take_their_turn():
    analyst = Idle()
    run(planner(analyst=analyst), 100.0, 5000)
    found = ids(analyst)
    assert found[:6] == ["0.weight", "2.weight", "4.weight"] * 2
    assert {"0.weight", "2.weight", "4.weight"} == set(ids(analyst, light=True))


def test_overheads_leave_less_for_looks():
    analyst = Idle()
    plan = planner(analyst=analyst)
    plan.consider(0, 0.0, 0.5)
    run(plan, 100.0, 5000)
    assert 0.01 * len(analyst.jobs) <= 0.5


def test_what_is_dear_is_saved_for():
    # The first look is a guess; the second waits until its price is there: 5 + 5 > .8 % of 1,000 s.
    analyst = Idle(cost=5.0)
    run(planner(analyst=analyst, model=torch.nn.Linear(20, 20)), 1000.0, 5000)
    assert ids(analyst) == ["weight"]


def test_fast_loops_are_hardly_asked():
    assert run(planner(1e-6, analyst=Idle()), 10.0, 100_000) <= 10.0 / PATIENCE + 2


def test_a_worker_that_is_behind_gets_nothing():
    analyst = Idle()
    analyst.stuck = True
    run(planner(0.5, analyst=analyst), 10.0, 100)
    assert not analyst.jobs


def test_without_a_budget_a_pass_is_copied_at_once():
    analyst = Idle()
    run(planner(None, 50, analyst=analyst), 1.0, 100)
    assert [(job.step, len(job.copies)) for job in analyst.jobs] == [(50, 3), (100, 3)]


def test_and_in_parts_where_memory_is_short():
    analyst = Idle()
    run(planner(None, 50, analyst=analyst, room=1), 1.0, 60)
    assert [(job.step, len(job.copies)) for job in analyst.jobs] == [(50, 1), (51, 1), (52, 1)]


def test_with_a_budget_a_pass_is_spread():
    analyst = Idle(cost=0.05)
    run(planner(0.01, 1000, analyst=analyst), 100.0, 1900)
    steps = [job.step for job in analyst.jobs if not job.light]
    assert steps[0] == 1000
    assert len(steps) == len(set(steps)) == 3


@pytest.mark.parametrize("share", [None, 1.0])
def test_layers_come_and_go(share):
    analyst, model = Idle(), mlp()
    plan = planner(share, 10, analyst=analyst, model=model)
    run(plan, 10.0, 20)
    del model[2]
    model.append(torch.nn.Linear(10, 9))
    analyst.jobs.clear()
    run(plan, 20.0, 40)
    assert set(ids(analyst)) == {"0.weight", "3.weight", "4.weight"}


def test_a_lazy_layer_is_looked_at_once_it_has_a_shape():
    analyst, model = Idle(), torch.nn.Sequential(torch.nn.LazyLinear(30), torch.nn.Linear(30, 20))
    plan = planner(None, 10, analyst=analyst, model=model)
    run(plan, 1.0, 10)
    model(torch.randn(2, 25))
    run(plan, 1.0, 10)
    assert ids(analyst) == ["1.weight", "0.weight", "1.weight"]


@pytest.mark.parametrize("share", [None, 1.0])
def test_a_tensor_that_cannot_be_copied_costs_its_own_turn(share, monkeypatch):
    analyst = Idle()
    plan = planner(share, 10, analyst=analyst)
    copy = Subject.copy

    def broken(self, task, step):
        if task[0].id == "2.weight":
            raise RuntimeError("no")
        return copy(self, task, step)

    monkeypatch.setattr(Subject, "copy", broken)
    faults = 0
    for step in range(1, 31):
        if not plan.rests(step, 10.0 * step):
            try:
                plan.consider(step, 10.0 * step, 0.0)
            except RuntimeError:
                faults += 1
    assert faults >= 3
    assert ids(analyst)[:4] == ["0.weight", "4.weight"] * 2


@pytest.mark.parametrize("share", [None, 1.0])
def test_processes_that_share_weights_copy_the_same_at_the_same_steps(share, monkeypatch):
    told = []

    def agree(self, number):
        if self.rank == 0:
            told.append(number)
            return number
        return said.popleft()

    monkeypatch.setattr(Processes, "agree", agree)
    spread = Processes(0, 2, True)
    analyst = Idle()
    model = mlp()
    first = planner(share, 30, analyst=analyst, processes=spread, model=model)
    run(first, 100.0, 100)
    said = deque(told)
    copied = []
    second = planner(share, 30, processes=replace(spread, rank=1), model=model)
    monkeypatch.setattr(Subject, "copy", lambda self, task, step: copied.append((step, task[0].id)))
    run(second, 100.0, 100)
    assert not said
    assert copied == [(job.step, one.task[0].id) for job in analyst.jobs for one in job.copies]
    assert {step for step, _ in copied} <= {s for s in range(101) if s % STRIDE == 0 or s % 30 == 0}
    assert len(copied) >= 3
