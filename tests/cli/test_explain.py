"""`triplepoint explain` knows every metric, rule, phase and spectral class, by membership, and near names."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Invoke, error_in
from triplepoint.alerts import RULES as RUN_RULES
from triplepoint.diagnosis import CLASSES, PHASES, RULES
from triplepoint.metrics import METRICS, MODEL_METRICS, TRAJECTORY_METRICS
from triplepoint.records import Reason

OPTIONS = ("edit", "layout", "null", "randomize", "vectors", "gof", "window", "bulk")
NAMES = sorted({*METRICS, *MODEL_METRICS, *TRAJECTORY_METRICS, *RULES, *PHASES, *CLASSES, *RUN_RULES})


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_explained_with_definition_source_and_limits(invoke: Invoke, name: str) -> None:
    result = invoke("explain", name)
    assert result.exit_code == 0
    text = words(result.stdout)
    # `undecided` is a phase and a class, `rank_collapse` a class and a rule over runs: both are explained.
    tables = (METRICS, MODEL_METRICS, TRAJECTORY_METRICS, RULES, CLASSES, RUN_RULES)
    records = [table[name] for table in tables if name in table]
    assert records
    for record in records:
        assert words(record.definition) in text
        assert words(record.misleads) in text
    assert text.count("Source ") >= len(records)
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_without_a_name_all_are_listed_by_group(invoke: Invoke) -> None:
    text = invoke("explain").stdout
    assert all(f"  {name} " in text for name in NAMES)
    assert text.index("Phases") < text.index("Classes") < text.index("Metrics") < text.index("Rules")


def test_a_phase_is_explained_once_though_it_is_a_rule_too(invoke: Invoke) -> None:
    assert invoke("explain", "over_trained").stdout.count("Evidence") == 1


def test_hyphens_capitals_and_weightwatcher_names_find_the_entry(invoke: Invoke) -> None:
    assert invoke("explain", "Over-Trained").stdout.startswith("over_trained (phase)")
    assert invoke("explain", "D").stdout.startswith("ks_distance (metric)")
    assert invoke("explain", "num_pl_spikes").stdout.startswith("num_tail (metric)")


def test_a_metric_of_a_trajectory_is_a_group_of_its_own(invoke: Invoke) -> None:
    text = invoke("explain", "trend").stdout
    assert text.startswith("trend (trajectory metric)")
    assert "multiplied by c" not in text
    assert "triplepoint.trajectories.describe" in text


def test_an_unknown_name_gets_near_ones_and_exit_two(invoke: Invoke) -> None:
    result = invoke("explain", "alhpa", "--format", "json")
    assert result.exit_code == 2
    assert "alpha" in error_in(result)["next"]
    assert "triplepoint explain" in invoke("explain", "zzzzzz").stderr


def test_json_holds_the_same(invoke: Invoke) -> None:
    (entry,) = json.loads(invoke("explain", "alpha", "--format", "json").stdout)["entries"]
    assert (entry["group"], entry["name"]) == ("metric", "alpha")
    assert entry["details"]["Source"]
    everything = json.loads(invoke("explain", "--format", "json").stdout)["entries"]
    assert sorted(entry["name"] for entry in everything) == sorted(
        [*{*NAMES, *Reason, *OPTIONS}, "undecided", "rank_collapse"]
    )


def test_reasons_and_the_language_of_layouts_are_explained(invoke: Invoke) -> None:
    assert "one row and has no spectrum" in words(invoke("explain", "single_channel").stdout)
    text = words(invoke("explain", "layout").stdout)
    assert "out(query:H*D,key:K*D,value:K*D),in" in text
    assert "num_key_value_heads" in text


def test_options_are_explained_where_their_work_is_done(invoke: Invoke) -> None:
    assert "whatever the variance of each" in words(invoke("explain", "signflip").stdout)
    assert "0.95" in invoke("explain", "legacy").stdout
    for name in OPTIONS:
        assert invoke("explain", name).stdout.startswith(f"{name} (option)")
    assert "tpl_lambda" in invoke("explain", "Lambda").stdout
