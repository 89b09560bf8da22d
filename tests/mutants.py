"""A mutation campaign against every reader: damaged checkpoints may be refused in one line, or read; nothing else.

    python -m tests.mutants FORMAT COUNT SEED

runs in a process of its own with bounded memory, prints what happened as one line of JSON, and keeps every mutant that
broke something. A crash, a hang of ten seconds, an exception of another kind and an allocation beyond the bound count
as broken; so does a warning.
"""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from tests import corpus
from triplepoint import checkpoints, matrices
from triplepoint.checkpoints import isolated
from triplepoint.errors import TriplepointError

SECONDS = 10
MEMORY = 3 * 2**30
_NUMBERS = (
    0,
    1,
    2,
    127,
    128,
    255,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
_TEXTS = (
    b"..",
    b"/",
    b"\\",
    b"\0",
    b"-1",
    b"99999999999999999999",
    b"NaN",
    b"1e9",
    b"{",
    b"[",
    b"'",
    b"\xff\xfe",
)


class Hang(Exception):
    """A case took longer than it may."""


def mutate(data: bytes, generator: random.Random) -> bytes:
    """One to six edits; most of them where headers and directories lie, at the beginning and the end."""
    damaged = bytearray(data)
    for _ in range(generator.choice((1, 1, 1, 2, 3, 6))):
        if not damaged:
            break
        _edit(damaged, generator)
    return bytes(damaged)


def _edit(data: bytearray, generator: random.Random) -> None:
    size = len(data)
    near = min(size, 1500)
    where = generator.choice(
        (generator.randrange(size), generator.randrange(near), size - 1 - generator.randrange(near))
    )
    length = generator.choice((1, 2, 4, 8, 16, 64))
    act = generator.randrange(9)
    if act == 0:
        data[where] ^= 1 << generator.randrange(8)
    elif act == 1:
        data[where] = generator.randrange(256)
    elif act == 2:
        wide = generator.choice((1, 2, 4, 8))
        number = generator.choice((*_NUMBERS, size, generator.randrange(2 * size)))
        data[where : where + wide] = (number % 2 ** (8 * wide)).to_bytes(
            wide, generator.choice(("little", "big"))
        )
    elif act == 3:
        del data[where : where + length]
    elif act == 4:
        data[where:where] = data[where : where + length]
    elif act == 5:
        data[where:where] = generator.choice(_TEXTS)
    elif act == 6:
        data[where : where + length] = generator.randbytes(length)
    elif act == 7:
        other = generator.randrange(size)
        data[where : where + length], data[other : other + length] = (
            data[other : other + length],
            data[where : where + length],
        )
    elif generator.random() < 0.3:
        del data[where:]


def probe(path: Path) -> str:
    """Open, plan, read and form everything, as a scan does before its first flop."""
    try:
        reader = checkpoints.open(path, allow_pickle=True)
        plans = matrices.plan(reader.tensors(), reader.config, reader.read)
        plans = matrices.tie(plans, reader.read)
        reader.digest()
    except TriplepointError as error:
        if "\n" in str(error) or len(str(error)) > 1500:
            raise ValueError("a message of more than one line") from None
        return "refused"
    seen = "read"
    for plan in plans:
        if plan.reason is None and plan.slice is None:
            try:
                matrices.form(plan, matrices.load(plan, reader.read))
            except TriplepointError:
                seen = "read in part"
    return seen


def campaign(name: str, count: int, seed: int, folder: Path, keep: Path) -> dict[str, Any]:
    """Counts of outcomes, the slowest case, and the broken ones with their seed."""
    generator = random.Random(f"{name}:{seed}")
    base = folder / "base"
    base.mkdir()
    target, files = corpus.FORMATS[name](base)
    assert probe(target) == "read", f"the undamaged {name} is not read"
    original = {file: file.read_bytes() for file in files}
    outcomes: Counter[str] = Counter()
    broken: list[dict[str, Any]] = []
    slowest = 0.0
    signal.signal(signal.SIGALRM, _hang)
    for case in range(count):
        file = generator.choice(files)
        damaged = mutate(original[file], generator)
        file.write_bytes(damaged)
        started = time.perf_counter()
        signal.alarm(SECONDS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                outcomes[probe(target)] += 1
        except BaseException as error:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{name}-{seed}-{case}{file.suffix}").write_bytes(damaged)
            broken.append(
                {"case": case, "file": file.name, "error": f"{type(error).__name__}: {error}"[:300]}
            )
        signal.alarm(0)
        slowest = max(slowest, time.perf_counter() - started)
        file.write_bytes(original[file])
    return {"format": name, "seed": seed, "slowest": round(slowest, 3), "broken": broken, **outcomes}


def _hang(signum: int, frame: FrameType | None) -> None:
    raise Hang(f"more than {SECONDS} s")


def _forked(script: Path, file: Any, arguments: Any = (), **limits: Any) -> bytes:
    """`isolated.run` by a fork of this process: the same script without its imports, 5 ms instead of 300."""
    import resource

    from triplepoint.checkpoints.isolated import Failed

    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(out)
            os.dup2(file.fileno(), 0)
            os.dup2(into, 1)
            # A library that hangs is stopped after 20 s and more; here sooner, or the case would count as a hang.
            resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
            sys.argv = [str(script), *map(str, arguments)]
            signal.alarm(0)
            sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
            runpy.run_path(str(script), run_name="__main__")
            sys.stdout.flush()
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as stream:
        answer = stream.read(limits["answer"] + 1)
    if os.waitpid(child, 0)[1] != 0:
        raise Failed("the child ended badly")
    if len(answer) > limits["answer"]:
        raise Failed("its answer is too long")
    return answer


def _bound() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def main(arguments: list[str]) -> None:
    """Run one campaign and print it."""
    name, count, seed = arguments[0], int(arguments[1]), int(arguments[2])
    keep = Path(arguments[3]) if len(arguments) > 3 else Path(tempfile.gettempdir()) / "triplepoint-mutants"
    _bound()
    isolated.run = _forked
    if name in ("hdf5", "keras"):
        import_module("h5py")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(campaign(name, count, seed, Path(folder), keep)))


if __name__ == "__main__":
    main(sys.argv[1:])
