"""Claim: wrong use is one clear line, from Python and from the command line, and what may be had is taken as it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

import triplepoint
from tests.cli.conftest import invoke  # noqa: F401
from triplepoint.errors import UsageError

WEIGHTS = {"a.weight": np.random.default_rng(0).standard_normal((40, 30))}
WRONG = [
    {"null": 5},
    {"null": ("signflip", 19)},
    {"null": b"signflip"},
    {"null": "bogus"},
    {"null": "signflip:"},
    {"null": "signflip:0"},
    {"null": "signflip:18"},
    {"null": "signflip:٣٠"},
    {"null": "signflip:" + "9" * 5000},
    {"null": "signflip:100001"},
    {"interval": 5},
    {"interval": "bootstrap:19"},
    {"interval": "closed:20"},
    {"interval": "bootstrap:" + "9" * 5000},
    {"metrics": 5},
    {"metrics": []},
    {"metrics": "nope"},
    {"layers": 3},
    {"resume": 5},
    {"workers": "x"},
    {"workers": 0},
    {"seed": -1},
    {"seed": True},
    {"gof": True},
    {"gof": 19},
    {"gof": 1.5},
    {"randomize": -1},
    {"level": "x"},
    {"level": 0},
    {"level": float("nan")},
    {"level": True},
    {"tails": "no"},
    {"vectors": 1},
    {"window": 3},
    {"bulk": "fast"},
    {"mode": None},
    {"layouts": ["a=out,in"]},
    {"max_tensors": "x"},
    {"max_tensors": 0},
]


@pytest.mark.parametrize("options", WRONG, ids=lambda options: str(options)[:40])
def test_what_is_not_understood_is_refused_in_one_line(options):
    with pytest.raises(UsageError) as caught:
        triplepoint.scan(WEIGHTS, **options)
    text = str(caught.value)
    assert next(iter(options)).rstrip("s") in text
    assert "\n" not in text
    assert len(text) < 300


def test_numbers_of_numpy_are_numbers():
    options = {"gof": np.int64(20), "level": np.float32(0.05), "seed": np.int32(3), "randomize": np.uint8(1)}
    settings = triplepoint.scan(WEIGHTS, workers=np.int64(1), **options).provenance.settings
    assert (settings["gof"], settings["randomize"]) == (20, 1)
    assert settings["level"] == pytest.approx(0.05)


def test_what_named_metrics_draw_is_on_record():
    scan = triplepoint.scan(WEIGHTS, metrics=["replica_p", "gof_p", "rand_distance"], workers=1)
    settings = scan.provenance.settings
    assert (settings["null"], settings["gof"], settings["randomize"]) == ("signflip:199", 1000, 1)
    again = triplepoint.scan(WEIGHTS, null="signflip:199", gof=1000, randomize=1, workers=1)
    assert {name: again["a.weight"].metrics[name] for name in scan["a.weight"].metrics} == dict(
        scan["a.weight"].metrics
    )
    assert triplepoint.scan(WEIGHTS).provenance.settings["null"] is None


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {"tails": True}),
        ({"tails": True}, {}),
        ({}, {"vectors": True}),
        ({"metrics": ["alpha"]}, {"metrics": ["alpha"], "tails": True}),
        ({"gof": 20}, {"gof": 21}),
        ({}, {"randomize": 1}),
        ({"null": "signflip"}, {"null": "shuffle"}),
        ({"level": 0.01}, {"level": 0.02}),
    ],
)
def test_rows_of_another_request_are_not_taken(first, then, tmp_path):
    journal = tmp_path / "rows.jsonl"
    triplepoint.scan(WEIGHTS, resume=journal, workers=1, **first)
    with pytest.raises(UsageError):
        triplepoint.scan(WEIGHTS, resume=journal, workers=1, **then)
    triplepoint.scan(WEIGHTS, resume=journal, workers=1, **first)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--randomize=-1"], "'-1' is not a whole number"),
        (["--randomize", "-1"], "'-1' is not a whole number"),
        (["--randomize", "1.5"], "1.5"),
        (["--gof", "5"], "20<=x"),
        (["--null", "signflip:3"], "null signflip: replicas 3"),
        (["--null", "signflip:0"], "replicas 0"),
    ],
)
def test_the_command_line_says_what_was_wrong(invoke, words, said, tmp_path):  # noqa: F811
    path = tmp_path / "w.npz"
    np.savez(path, **WEIGHTS)
    result = invoke("scan", *words, str(path))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert str(path) not in result.stderr.split("Error")[-1]


def test_a_number_after_a_bare_option_is_its_value(invoke, tmp_path):  # noqa: F811
    path = tmp_path / "w.npz"
    np.savez(path, **WEIGHTS)
    found = json.loads(invoke("scan", "--randomize", "2", str(path), "--format", "json").stdout)
    assert found["provenance"]["settings"]["randomize"] == 2
