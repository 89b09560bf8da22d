"""Tools in processes of their own, and what such a process holds in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class Failed(Exception):
    """A tool answered with an error or ended."""


class Worker:
    """A tool that is kept alive between calls; see `workers.protocol`."""

    def __init__(self, module: str, python: Path | str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.workers.{module}"],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Of the tool's process."""
        return self._process.pid

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """One request, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"call": name, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed("the process has ended") from None
        line = self._process.stdout.readline()
        if not line:
            raise Failed("the process ended without an answer")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def close(self) -> None:
        """End of input ends the process."""
        self._process.communicate()


class MemoryWatch:
    """Highest resident memory of a process in MiB while it lives, sampled from outside every 5 ms.

    `total` is the kernel's own high-water mark, so nothing between two samples is missed; `anonymous` leaves out pages
    of mapped files, which the kernel takes back when it needs them, and is sampled only. Not `getrusage` of the child:
    that starts from the resident size of its parent.
    """

    def __init__(self, pid: int) -> None:
        self.total = 0.0
        self.anonymous = 0.0
        self._status = Path(f"/proc/{pid}/status")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.sample()

    def sample(self) -> None:
        """Read the status once; nothing where the process has gone."""
        try:
            lines = self._status.read_text().splitlines()
        except OSError:
            return
        for line in lines:
            if line.startswith("VmHWM:"):
                self.total = max(self.total, int(line.split()[1]) / 1024)
            elif line.startswith("RssAnon:"):
                self.anonymous = max(self.anonymous, int(line.split()[1]) / 1024)

    def stop(self) -> dict[str, float]:
        """The figures; call it before or after the process ends."""
        self._stop.set()
        self._thread.join()
        return {"peak_mib": self.total, "anonymous_mib": self.anonymous}


def can_watch_memory() -> bool:
    """The kernel must tell what a process holds."""
    return Path("/proc/self/status").exists()


def triplepoint_command(*arguments: str) -> list[str]:
    """The command line as users start it."""
    script = Path(sys.executable).with_name("triplepoint")
    start = (
        [str(script)]
        if script.exists()
        else [sys.executable, "-c", "from triplepoint.cli import main; main()"]
    )
    return [*start, *arguments]


def watched(command: Sequence[str], clock: Callable[[], float]) -> dict[str, float]:
    """Run a command without its output: seconds, and memory where that can be told. Exit 1 means findings."""
    started = clock()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory = MemoryWatch(process.pid)
    code = process.wait()
    seconds = clock() - started
    if code not in (0, 1):
        raise Failed(f"{Path(command[0]).name} ended with {code}")
    return {"seconds": seconds, **memory.stop()}
