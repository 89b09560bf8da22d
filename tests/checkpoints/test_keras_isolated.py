"""Claim: a process that works on hostile bytes gets the file and nothing else, and ends within its limits."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from triplepoint.checkpoints import isolated

POSIX = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX systems")


def said(folder: Path, code: str, **limits: Any) -> bytes:
    script = folder / "script.py"
    script.write_text(code)
    (folder / "file").write_bytes(b"content")
    with open(folder / "file", "rb") as file:
        return isolated.run(
            script, file, ["1", "two"], **{"memory": 2**31, "seconds": 20, "answer": 1000, **limits}
        )


def test_the_script_gets_its_arguments_and_the_file_as_standard_input(tmp_path: Path) -> None:
    code = "import sys; print(sys.argv[1:], sys.stdin.buffer.read(), __name__, sys.flags.isolated)"
    assert said(tmp_path, code) == f"['1', 'two'] b'content' __main__ 1{os.linesep}".encode()


def test_packages_are_found_where_this_process_finds_them(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "only_here_today.py").write_text("x = 5")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    assert said(tmp_path, "import only_here_today as o; print(o.x)").strip() == b"5"


@pytest.mark.parametrize(
    ("code", "limits", "message"),
    [
        ("import os; os.abort()", {}, "breaks the library"),
        ("raise SystemExit(3)", {}, "exit code 3"),
        ("print('x' * 5000)", {}, "more than 1,000 bytes"),
        ("while True: print('x' * 5000)", {}, "more than 1,000 bytes"),
        ("import time; time.sleep(60)", {"seconds": 1}, "within 1 s"),
        ("while True: pass", {"seconds": 1}, "within 1 s"),
    ],
)
def test_every_bad_end_is_one_clause(tmp_path: Path, code: str, limits: Any, message: str) -> None:
    before = time.monotonic()
    with pytest.raises(isolated.Failed, match=message):
        said(tmp_path, code, **limits)
    assert time.monotonic() - before < 15


@POSIX
def test_memory_and_the_writing_of_files_are_limited(tmp_path: Path) -> None:
    code = "try: x = bytearray(10**9)\nexcept MemoryError: print('no memory')"
    assert said(tmp_path, code, memory=5 * 10**8).strip() == b"no memory"
    code = f"import os\ntry: os.write(os.open({str(tmp_path / 'new')!r}, os.O_WRONLY | os.O_CREAT), b'x')\n"
    said(tmp_path, code + "except OSError: pass")
    assert not (tmp_path / "new").exists() or (tmp_path / "new").stat().st_size == 0


def test_an_interpreter_that_cannot_be_started_is_one_clause(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(isolated.Failed, match="could be started"):
        said(tmp_path, "")


def test_an_interrupt_does_not_leave_the_process_behind(tmp_path: Path, monkeypatch: Any) -> None:
    started = []
    original = isolated.subprocess.Popen

    class Interrupted(original):  # type: ignore[misc, valid-type]
        def wait(self, timeout: float | None = None) -> int:
            if self not in started:
                started.append(self)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(isolated.subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        said(tmp_path, "import os, time; os.close(1); time.sleep(60)", seconds=50)
    assert started[0].returncode is not None
