"""The verbs, their help, and the ends of a run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import contract
from tests.cli.conftest import Invoke, error_in
from triplepoint import __version__
from triplepoint.cli.app import VERBS

COMMAND = [sys.executable, "-c", "from triplepoint.cli import main; main()"]
# What each verb must not load before it has work to do.
HEAVY = ("numpy", "scipy", "rich", "torch", "pandas", "polars", "pyarrow", "matplotlib")


def execute(*args: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *args], capture_output=True, env=os.environ | environment, timeout=60, check=False
    )


def loaded_after(*args: str) -> set[str]:
    code = (
        "import sys\nfrom triplepoint.cli import main\nsys.argv[1:] = " + repr(list(args)) + "\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\nprint('LOADED', *sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(out.stdout.rpartition("LOADED")[2].split())


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    path = tmp_path / "model.npz"
    np.savez(path, **{"a.weight": random.standard_normal((64, 32)), "a.bias": np.zeros(64)})
    return path


@pytest.mark.parametrize("args", [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS), ["scn"]])
def test_help_and_typing_errors_load_nothing_heavy(args: list[str]) -> None:
    assert loaded_after(*args).isdisjoint(HEAVY)


def test_a_scan_loads_no_framework_and_no_frame_library(checkpoint: Path) -> None:
    loaded = loaded_after("scan", str(checkpoint))
    assert "numpy" in loaded
    assert loaded.isdisjoint({"torch", "pandas", "polars", "pyarrow", "matplotlib"})


def test_help_lists_every_verb_with_its_sentence(invoke: Invoke) -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    for verb in VERBS:
        assert f"\n  {verb} " in result.stdout
    assert "..." not in result.stdout.split("Commands:")[1]


def test_the_version_is_the_package_version(invoke: Invoke) -> None:
    assert invoke("--version").stdout.strip().endswith(__version__)


def test_a_mistyped_verb_and_a_bare_path_are_understood(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("scna")
    assert result.exit_code == 2
    assert "Did you mean: triplepoint scan?" in result.stderr
    assert f"Did you mean: triplepoint scan {tmp_path}?" in invoke(tmp_path).stderr
    assert "no verb" in error_in(invoke("scna", "--format", "json"))["found"]


def test_a_real_scan_in_a_pipe_keeps_the_contract(checkpoint: Path) -> None:
    done = execute("scan", str(checkpoint), "--format", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    document = json.loads(done.stdout)
    contract.check_scan(document)
    assert [row["status"] for row in document["matrices"]] == ["ok", "skipped"]


def test_a_terminal_that_knows_no_greek_gets_escapes(checkpoint: Path) -> None:
    done = execute("scan", str(checkpoint), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert rb"\u03b1" in done.stdout


def test_a_missing_file_is_one_line() -> None:
    done = execute("scan", "/no/such/file.safetensors")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1


def test_a_reader_that_stops_early_is_no_error(checkpoint: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "scan", str(checkpoint), "--format", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("no_color", "escapes"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_no_color_is_set(
    checkpoint: Path, no_color: str, escapes: bool
) -> None:
    terminal, end = os.openpty()
    environment = {"TERM": "xterm", "NO_COLOR": no_color, "COLUMNS": "80"}
    subprocess.run(
        [*COMMAND, "scan", str(checkpoint)],
        stdout=end,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
        timeout=60,
        check=True,
    )
    os.close(end)
    shown = os.read(terminal, 100_000)
    os.close(terminal)
    assert (b"\x1b[" in shown) is escapes
    assert b"under-trained" in shown
