"""Claim: rules know what cannot move, and one that breaks is told of while the others go on."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

from tests.monitor.worlds import mlp, train
from triplepoint.alerts import RULES
from triplepoint.monitor.monitor import Monitor


def test_frozen_layers_are_named_and_no_dead_ones(tmp_path):
    model = mlp()
    model[2].weight.requires_grad_(False)
    with Monitor(model, tmp_path, None, schedule=5, worker="inline") as monitor:
        for step, loss in train(model, 400):
            monitor.step(step, train_loss=loss)
    with monitor.run as run:
        assert [event.data["frozen"] for event in run.events if event.kind == "frozen"] == [["2.weight"]]
        assert "dead_layer" not in {alert.rule for alert in run.alerts}


def test_a_rule_that_breaks_is_told_and_the_others_go_on(tmp_path, monkeypatch, caplog):
    def broken(_history, _up):
        raise RuntimeError("no")

    rule = replace(RULES["loss_spike"], judge=broken)
    monkeypatch.setattr("triplepoint.alerts.watch.chosen", lambda _: (rule, RULES["loss_not_finite"]))
    with caplog.at_level(logging.CRITICAL, "triplepoint"), Monitor(mlp(), tmp_path) as monitor:
        for step in range(1, 4):
            monitor.step(step, train_loss=math.nan)
    assert [alert.rule for alert in monitor.alerts] == ["loss_not_finite"]
    with monitor.run as run:
        assert [event.text for event in run.events if event.kind == "fault"] == [
            "judge by loss_spike, which is not asked again: RuntimeError: RuntimeError: no"
        ]
