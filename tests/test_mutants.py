"""Claim: no damage to a checkpoint of any format does more than refuse it, or a tensor of it, in one line.

The witness is the campaign itself: it plants 1 to 6 edits a case, in a process with bounded memory and time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import corpus

ROOT = Path(__file__).parents[1]
NEEDS = {
    "torch_zip": "torch",
    "torch_legacy": "torch",
    "gguf": "gguf",
    "onnx": "onnx",
    "hdf5": "h5py",
    "keras": "h5py",
}
pytest.importorskip("resource")


def campaign(name: str, count: int, seed: int, keep: Path) -> dict[str, object]:
    pytest.importorskip(NEEDS.get(name, "safetensors"))
    command = [sys.executable, "-m", "tests.mutants", name, str(count), str(seed), str(keep)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
    found = json.loads(done.stdout)
    assert found["broken"] == []
    return found


@pytest.mark.parametrize("name", corpus.FORMATS)
def test_damage_is_refused_or_read(name: str, tmp_path: Path) -> None:
    found = campaign(name, 400, 1, tmp_path)
    assert found["refused"] > 20
    assert found.get("read", 0) + found.get("read in part", 0) > 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
@pytest.mark.parametrize("name", corpus.FORMATS)
def test_a_hundred_thousand_cases(name: str, seed: int, tmp_path: Path) -> None:
    campaign(name, 1900, seed, tmp_path)
