"""`triplepoint doctor` describes what is there, survives what is not, and tells a working install by a scan."""

from __future__ import annotations

import json

import pytest

import triplepoint
from tests.cli.conftest import Invoke
from triplepoint.cli import checkup


@pytest.fixture(scope="module")
def tested() -> dict[str, object]:
    return checkup.self_test()


def test_a_working_installation_calls_noise_noise_and_finds_the_power_law(tested: dict[str, object]) -> None:
    assert tested["passed"], tested


def test_everything_is_shown_and_exit_is_zero(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tested: dict[str, object]
) -> None:
    monkeypatch.setattr(checkup, "self_test", lambda: tested)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    result = invoke("doctor")
    assert result.exit_code == 0
    for word in ("numpy", "torch", "openblas", "OPENBLAS_CORETYPE  Haswell", "OMP_NUM_THREADS", "Ready."):
        assert word in result.stdout
    document = json.loads(invoke("doctor", "--format", "json").stdout)
    assert document["schema"] == "triplepoint.doctor/1"
    assert document["usable"] is True


def test_a_scan_that_raises_makes_it_unusable_and_not_a_traceback(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no BLAS\nhere")

    monkeypatch.setattr(triplepoint, "scan", fail, raising=False)
    result = invoke("doctor")
    assert result.exit_code == 1
    assert "OSError: no BLAS here" in result.stdout
    assert "Not usable" in result.stdout


def test_an_optional_library_that_is_missing_says_what_it_would_add(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tested: dict[str, object]
) -> None:
    monkeypatch.setattr(checkup, "self_test", lambda: tested)
    monkeypatch.setattr(checkup, "version", lambda package: None)
    monkeypatch.setattr(checkup, "kernels", lambda: {})
    text = invoke("doctor").stdout
    assert "not installed; would add nn.Module" in text
    assert "pip install 'triplepoint[frames]'" in text
