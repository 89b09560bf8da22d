"""Claim: a live look is the row of a scan, number by number; what has not moved is not looked at again.

Witness: `scan` of the same module at the same moment.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.monitor.worlds import Mixed, mlp, torch
from triplepoint import scan
from triplepoint.monitor.analyst import Analyst, Job
from triplepoint.monitor.budget import Purse
from triplepoint.monitor.looking import Looker, has_top
from triplepoint.monitor.subject import Subject
from triplepoint.records import Reason, VisitKind
from triplepoint.request import ScanRequest, settings_of


def watched(model, tolerance=1e-3, layers=None):
    settings = settings_of(ScanRequest(source=None, spectra=True))
    return Subject(model, False, layers), Looker(settings, 0, tolerance)


def look(subject, looker, step=1, light=False):
    tasks = [task for task in subject.tasks if not light or any(map(has_top, task))]
    copies = [subject.copy(task, step) for task in tasks]
    return {v.matrix: v for copy in copies for v in (looker.light(copy) if light else looker.full(copy))}


def test_a_live_look_is_the_row_of_a_scan():
    model = Mixed()
    subject, looker = watched(model)
    visits = look(subject, looker)
    rows = {row.id: row for row in scan(model).matrices if row.status != "skipped"}
    assert visits.keys() == rows.keys()
    assert any(row.kind == "conv1d" for row in rows.values())
    assert any(row.part == "query" for row in rows.values())
    for id, row in rows.items():
        live = visits[id].row
        assert live.metrics == row.metrics, id
        assert (live.phase, live.findings, live.traps, live.metric_status) == (
            row.phase,
            row.findings,
            row.traps,
            row.metric_status,
        )
    left_out = {plan.id for plan in subject.left_out}
    assert left_out == {row.id for row in scan(model).matrices if row.status == "skipped"}


def test_a_copy_does_not_change_when_training_goes_on():
    model = mlp()
    subject, looker = watched(model)
    copied = subject.copy(subject.tasks[0], 1)
    before = scan(model)["0.weight"].metrics
    with torch.no_grad():
        model[0].weight.mul_(3.0)
    (visit,) = looker.full(copied)
    assert visit.metrics == before


def test_what_has_not_moved_is_not_looked_at_again():
    model = mlp()
    subject, looker = watched(model)
    look(subject, looker)
    again = look(subject, looker, 2)
    assert {v.kind for v in again.values()} == {VisitKind.unchanged}
    assert {v.change for v in again.values()} == {0.0}


def test_small_steps_add_up_until_they_count():
    model = mlp()
    subject, looker = watched(model, tolerance=1e-2)
    first = look(subject, looker)["0.weight"]
    direction = torch.randn(32, 48, generator=torch.Generator().manual_seed(2))
    direction *= 0.004 * first.row.singular_values[0] / direction.norm()
    kinds, changes = [], []
    for step in range(2, 6):
        with torch.no_grad():
            model[0].weight += direction
        visit = look(subject, looker, step)["0.weight"]
        kinds.append(visit.kind)
        changes.append(visit.change)
    assert kinds == [VisitKind.unchanged, VisitKind.unchanged, VisitKind.full, VisitKind.unchanged]
    assert changes == pytest.approx([0.004, 0.008, 0.012, 0.004], rel=2e-2)


def test_the_bound_holds_for_every_row_of_every_kind():
    model = Mixed()
    subject, looker = watched(model, tolerance=0.5)
    before = {id: v.row for id, v in look(subject, looker).items()}
    fused = model.attention.in_proj_weight
    start = fused.detach().clone()
    with torch.no_grad():
        for value in model.parameters():
            value.data += 0.001 * torch.randn(value.shape, generator=torch.Generator().manual_seed(3))
    after = {row.id: row for row in look(*watched(model)).values() for row in [row.row]}
    for id, visit in look(subject, looker, 2).items():
        old, new = before[id].singular_values, after[id].singular_values
        assert visit.kind is VisitKind.unchanged
        assert 0 < np.max(np.abs(np.sort(new) - np.sort(old))) <= visit.change * old[0] * (1 + 1e-9), id
        if "in_proj" in id:  # a part moves by no more than its whole
            assert visit.change * old[0] == pytest.approx(float((fused.detach() - start).norm()), rel=1e-5)


def test_where_nothing_may_be_remembered_every_look_is_whole():
    model = mlp()
    subject, looker = watched(model)
    looker.room = 0
    look(subject, looker)
    assert {v.kind for v in look(subject, looker, 2).values()} == {VisitKind.full}


def test_a_light_look_gives_the_same_numbers_as_a_whole_one():
    model = Mixed()
    subject, looker = watched(model, tolerance=0.0)
    lights = look(subject, looker, light=True)
    rows = {id: v.row for id, v in look(*watched(model)).items()}
    assert "conv.weight" not in lights
    assert {"dense.weight", "embed.weight"} <= lights.keys()
    assert any("query" in id for id in lights)
    for id, visit in lights.items():
        assert visit.kind is VisitKind.leading
        assert visit.eigenvalues[0] == pytest.approx(rows[id].singular_values[0] ** 2, rel=2e-3)
        for name in ("param_norm", "log_norm", "log_spectral_norm", "stable_rank"):
            assert visit.metrics[name] == pytest.approx(rows[id].metrics[name], rel=2e-3, abs=1e-3), name


def test_a_light_look_at_what_has_not_moved_says_so():
    model = mlp()
    subject, looker = watched(model)
    look(subject, looker)
    assert {v.kind for v in look(subject, looker, 2, light=True).values()} == {VisitKind.unchanged}


@pytest.mark.parametrize("light", [False, True])
def test_broken_weights_are_a_row_with_its_reason(light):
    model = mlp()
    subject, looker = watched(model)
    look(subject, looker)
    with torch.no_grad():
        model[0].weight[3, 4] = math.nan
        model[2].weight.zero_()
    visits = look(subject, looker, 2, light=light)
    assert visits["0.weight"].row.reason is Reason.non_finite
    assert visits["2.weight"].row.reason is Reason.all_zero


def test_a_fault_of_ours_costs_one_matrix(monkeypatch):
    model = mlp()
    subject, looker = watched(model)

    def broken(*_):
        raise RuntimeError("no")

    monkeypatch.setattr("triplepoint.analysis.analyze", broken)
    assert {v.row.reason for v in look(subject, looker).values()} == {Reason.internal_error}


def test_a_replaced_layer_is_followed():
    model = mlp()
    subject, looker = watched(model)
    look(subject, looker)
    model[2] = torch.nn.Linear(32, 24)
    assert look(subject, looker, 2)["2.weight"].metrics == scan(model)["2.weight"].metrics


def test_a_layer_of_another_shape_is_followed_from_then_on():
    model = mlp()
    subject, looker = watched(model)
    tasks = subject.tasks
    for light in (False, True):
        look(subject, looker, light=light)
    model[2], model[4] = torch.nn.Linear(32, 20), torch.nn.Linear(20, 10)
    for step, light in ((2, True), (3, False), (4, True), (5, False)):
        copies = [subject.copy(task, step) for task in tasks]
        visits = [v for one in copies for v in (looker.light(one) if light else looker.full(one))]
        assert {v.matrix: v.change for v in visits}["0.weight"] == 0.0
        kinds = {v.matrix: v.kind for v in visits}
        assert (kinds["2.weight"] is VisitKind.leading) == (step == 2)
        if step == 3:
            rows = {v.matrix: v.row for v in visits}
            assert rows["2.weight"].shape == (20, 32)
            assert rows["4.weight"].metrics == scan(model)["4.weight"].metrics


@pytest.mark.parametrize("change", ["half", "another shape"])
def test_weights_that_change_their_type_or_shape_in_place_are_planned_anew(change):
    model = mlp()
    subject, looker = watched(model)
    look(subject, looker)
    if change == "half":
        model.half()
    else:
        model[2].weight.data = torch.randn(30, 32)
    row, expected = look(subject, looker, 2)["2.weight"].row, scan(model)["2.weight"]
    assert (row.dtype, row.shape, row.metrics) == (expected.dtype, expected.shape, expected.metrics)


def test_a_layer_that_is_gone_is_gone():
    model = mlp()
    subject, _ = watched(model)
    task = subject.tasks[-1]
    del model[4]
    assert subject.copy(task, 1) is None
    assert subject.copy(subject.tasks[0], 1) is not None


@pytest.mark.parametrize("light", [False, True])
def test_weights_without_values_are_the_row_of_a_scan(light):
    model = mlp()
    model[2].to("meta")
    subject, looker = watched(model)
    row, expected = look(subject, looker, light=light)["2.weight"].row, scan(model)["2.weight"]
    assert (row.reason, row.detail) == (expected.reason, expected.detail)
    model[2].to_empty(device="cpu")
    torch.nn.init.normal_(model[2].weight)
    assert look(subject, looker, 2)["2.weight"].metrics == scan(model)["2.weight"].metrics


def test_filters_are_those_of_a_scan():
    subject, looker = watched(mlp(), layers=("2.*",))
    assert look(subject, looker).keys() == {"2.weight"}


def test_a_fault_in_one_look_leaves_the_others_of_its_job():
    subject, looker = watched(mlp())
    emitted, faults = [], []
    analyst = Analyst(
        looker, lambda *job: emitted.append(job), lambda *fault: faults.append(fault), inline=True
    )
    copies = [subject.copy(task, 1) for task in subject.tasks]
    broken = replace(copies[1], tensors={})
    analyst.take(Job(1, [copies[0], broken, copies[2]], True, Purse(None), 0.0))
    ((step, visits),) = emitted
    assert (step, [visit.matrix for visit in visits]) == (1, ["0.weight", "4.weight"])
    assert [(where, type(error)) for where, error in faults] == [("measure", KeyError)]
