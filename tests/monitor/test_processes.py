"""Claim: with several processes one run is written, weights spread over them are gathered, flattened ones refused.

Witness: two real processes over gloo, and the norm of the gathered weights.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from triplepoint import open_run

pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """(folder, what each of two processes saw), for all kinds in one go: torch takes seconds to begin."""
    folder = tmp_path_factory.mktemp("several")
    command = [sys.executable, "-W", "ignore", "-m", "tests.monitor.several"]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(folder / "meeting"), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for rank in (0, 1)
    ]
    found = []
    for one in started:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, err[-2000:]
        found.append(json.loads(out.strip().splitlines()[-1]))
    return folder, found


@pytest.mark.parametrize("kind", ["ddp", "fully_shard"])
def test_rank_zero_writes_whole_matrices(kind, answers):
    folder, found = answers
    assert not (folder / f"{kind}-1").exists()
    assert [answer[kind]["faults"] for answer in found] == [0, 0]
    with open_run(folder / f"{kind}-0") as run:
        for name in ("0.weight", "2.weight"):
            visits = list(run.visits(name))
            assert visits[-1].step == 8
            norm = found[0][kind]["norms"][name]
            assert visits[-1].metrics["param_norm"] == pytest.approx(norm, rel=1e-5)
            assert run.matrices[name]["shape"] == ([32, 24] if name == "0.weight" else [16, 32])


def test_flattened_weights_are_refused_in_one_line(answers):
    for answer in answers[1]:
        assert "fully_shard" in answer["flattened"]["refused"]
        assert "\n" not in answer["flattened"]["refused"]
