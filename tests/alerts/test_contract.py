"""Claim: every rule over a run is found by existing, says what is needed to weigh its word, and has a measured rate."""

from __future__ import annotations

import json
import pkgutil

import pytest
from click.testing import CliRunner

from triplepoint.alerts import RULES, Clock, rules
from triplepoint.alerts.rate_table import FAULTS, FOUND, RATES, RATES_OF_LOSSES
from triplepoint.alerts.rate_words import detections, false_alarms
from triplepoint.cli.app import app

NAMES = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))


def test_every_file_is_a_rule_of_its_name():
    assert sorted(RULES) == NAMES
    assert len(NAMES) >= 13


@pytest.mark.parametrize("name", NAMES)
def test_all_texts_are_there(name):
    rule = RULES[name]
    assert rule.name == name
    for text in (rule.definition, rule.source, rule.evidence, rule.misleads, rule.refuted_by):
        assert len(text) >= 10
        assert "  " not in text
        assert text == text.strip()
    assert rule.definition.endswith(".")
    assert rule.misleads.endswith(".")
    assert rule.refuted_by.endswith(".")
    assert rule.confirm >= 1
    assert rule.release >= 1
    assert rule.clocks
    assert all(isinstance(clock, Clock) for clock in rule.clocks)
    assert rule.disputed == rule.definition.startswith("DISPUTED")


@pytest.mark.parametrize("name", NAMES)
def test_its_rate_was_measured(name):
    for table in (RATES, RATES_OF_LOSSES):
        rate = table[name]
        assert rate.steps > 50_000
        assert rate.runs >= 20
        assert rate.raised >= rate.warnings >= rate.runs_warned >= 0
    assert "95 %" in false_alarms(name)


def test_no_rate_is_of_a_rule_that_is_gone():
    assert set(RATES) == set(RULES) == set(RATES_OF_LOSSES)
    assert set(FOUND) <= set(RULES)
    assert {one.fault for found in FOUND.values() for one in found} <= set(FAULTS)


@pytest.mark.parametrize("name", NAMES)
def test_explain_knows_it(name):
    result = CliRunner().invoke(app, ["explain", name, "--format", "json"])
    assert result.exit_code == 0
    (entry,) = [one for one in json.loads(result.stdout)["entries"] if one["group"] == "run rule"]
    rule = RULES[name]
    assert entry["definition"] == rule.definition
    assert entry["details"]["Source"] == rule.source
    assert entry["details"]["When it misleads"] == rule.misleads
    assert entry["details"]["What would refute it"] == rule.refuted_by
    assert entry["details"]["Between false alarms"] == false_alarms(name)
    assert entry["details"].get("Sick runs that it found", "") == detections(name)


def test_the_disputed_sign_says_so_in_its_statements():
    assert [name for name, rule in RULES.items() if rule.disputed] == ["joint_sign"]
