"""Work on hostile bytes in a process of its own: a library that crashes, hangs or swells takes nothing with it.

The child starts without the environment's Python settings, gets the open file as its standard input (never a path),
and answers on its standard output. Memory, time, the answer's length and the writing of files are limited; what it
answers is as little to be believed as the file itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

_START = """
import json, runpy, sys
memory, seconds, script, path, *arguments = sys.argv[1:]
try:
    import resource
except ImportError:  # Windows: the parent's clock and the length of the answer remain as limits
    limits = {}
else:
    limits = {"AS": int(memory), "CPU": int(seconds), "FSIZE": 0, "CORE": 0}
for name, value in limits.items():
    try:
        hard = resource.getrlimit(which := getattr(resource, f"RLIMIT_{name}"))[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    except (AttributeError, OSError, ValueError):  # a system without this limit
        pass
sys.path += [entry for entry in json.loads(path) if entry not in sys.path]
sys.argv = [script, *arguments]
runpy.run_path(script, run_name="__main__")
"""


class Failed(Exception):
    """The child gave no answer; the message is one clause that says why."""


def run(
    script: Path,
    file: BinaryIO,
    arguments: Sequence[str] = (),
    *,
    memory: int,
    seconds: int,
    answer: int,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """What `script` writes to its standard output, at most `answer` bytes; Failed where it ends badly.

    `memory`: bytes of address space, of which NumPy takes some 200 MB. `seconds`: of processor and of clock.
    `environment`: additions to this process's variables. Packages are found where this process finds them.
    Cost: a Python interpreter and the imports of the script, 0.03 s and more.
    """
    path = json.dumps([entry for entry in sys.path if os.path.isabs(entry)])
    limits = [str(memory), str(seconds)]
    command = [sys.executable, "-I", "-c", _START, *limits, str(script), path, *arguments]
    try:
        process = subprocess.Popen(
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise Failed(f"no second Python process could be started ({error.strerror})") from None
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    clock = threading.Timer(seconds, stop)
    clock.daemon = True
    clock.start()
    with process:
        try:
            assert process.stdout is not None
            data = process.stdout.read(answer + 1)
            if len(data) > answer:
                process.kill()
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            clock.cancel()
    if late.is_set() or code == -getattr(signal, "SIGXCPU", 0) != 0:
        raise Failed(f"its structure was not understood within {seconds} s")
    if len(data) > answer:
        raise Failed(f"its structure takes more than {answer:,} bytes to describe")
    if code != 0:
        raise Failed(f"its structure breaks the library that reads it (exit code {code})")
    return data
