"""Ctrl-C at any moment ends quietly, and never costs the file that is being written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke, Stub
from triplepoint.cli import interrupts
from triplepoint.records import Scan
from triplepoint.report import formats

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

# The import of `name` sends Ctrl-C to the process, as if it had been pressed just then.
AT_IMPORT = """
import os, signal, sys
class Press:
    def find_spec(self, name, *_):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Press())
from triplepoint.cli import main
main()
"""


@pytest.mark.parametrize(
    "name", ["triplepoint.cli.app", "click", "triplepoint.cli.scan", "numpy", "triplepoint.scanning"]
)
def test_ctrl_c_during_an_import_is_quiet(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_IMPORT.format(name=name), "scan", "/no/such/file"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr.strip() in ("", "triplepoint: interrupted")


def test_ctrl_c_in_a_finaliser_is_neither_shown_nor_lost(tmp_path: Path) -> None:
    """Python drops an exception that is raised in one, with a traceback; the press must count all the same."""
    press = "os.kill(os.getpid(), signal.SIGINT)"
    code = AT_IMPORT.format(name="numpy").replace(press, "Dying()")
    dying = f"class Dying:\n    def __del__(self):\n        {press}\n        len('')\n"
    done = subprocess.run(
        [sys.executable, "-c", f"import os, signal, sys\n{dying}{code}", "scan", "/no/such/file"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (130, "triplepoint: interrupted")


def test_ctrl_c_while_the_file_is_written_does_not_lose_it(
    invoke: Invoke, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = formats.render

    def interrupted(*args: object, **named: object) -> object:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        return render(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(formats, "render", interrupted)
    result = invoke("scan", "m", "-o", tmp_path / "out.json")
    assert result.exit_code == 0
    assert len(Scan.load(tmp_path / "out.json").matrices) == len(stub.scan.matrices)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_burst_of_ctrl_c_is_one_and_a_later_one_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: now[0])
    with interrupts.once_a_second():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        now[0] += 0.5
        signal.raise_signal(signal.SIGINT)
        now[0] += 1.0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_where_ctrl_c_is_ignored_already_it_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.once_a_second():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_python_wraps_in_an_error_is_no_bug(invoke: Invoke, stub: Stub) -> None:
    """Python 3.11 turns one inside `__set_name__`, where an import may be, into a RuntimeError."""
    stub.error = RuntimeError("Error calling __set_name__")
    stub.error.__cause__ = KeyboardInterrupt()
    result = invoke("scan", "m")
    assert (result.exit_code, result.stderr) == (130, "triplepoint: interrupted\n")
