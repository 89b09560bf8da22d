"""Kills at random moments while one process writes a run and another reads it: `python -m benchmarks.kills`.

Every number of a frame follows from its step (`tests/store/frames.py`), so a frame of which a part is missing shows.
The writer says through a pipe which steps are on disk. After each kill the file is opened and checked, every step that
was said must be there, and the next writer goes on in the same file. A part of the kills falls into the beginning of a
new file. Half of the files are written with a write-ahead log, half without, as on a network file system.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import struct
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.store.frames import is_lawful, lawful

from benchmarks import section
from triplepoint.errors import TriplepointError, UsageError
from triplepoint.records import Frame
from triplepoint.store import Run, RunWriter

KILLS = 200
FILE_AFTER = 20
"""Kills after which a new file is begun."""
LONGEST = 0.25
"""Seconds that a writer lives at most."""
SEED = 20_261_128
_ACK = struct.Struct("<q")


@dataclass(slots=True)
class Tally:
    """What the kills did."""

    kills: int = 0
    at_birth: int = 0
    """Kills before there was a file of that name."""
    acknowledged: int = 0
    """Steps that the writers said were on disk."""
    unsaid: int = 0
    """Steps found on disk that the kill kept from being said."""
    reads: int = 0
    """Frames that readers saw while they were written."""
    faults: list[str] = field(default_factory=list)
    """Everything that should not be."""


def kills(quick: bool) -> section.Result:
    """All of them; the section of the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        tally = campaign(Path(folder), 20 if quick else KILLS, SEED)
    rows = [
        ("kills, of writer and reader", tally.kills),
        ("before there was a file", tally.at_birth),
        ("steps acknowledged", tally.acknowledged),
        ("steps on disk beyond them", tally.unsaid),
        ("frames read while written", tally.reads),
        ("faults", len(tally.faults)),
    ]
    section.table(("", "count"), rows)
    for fault in tally.faults[:10]:
        print(fault)
    return dict(rows) | {"found": tally.faults}


def campaign(folder: Path, count: int, seed: int) -> Tally:
    """`count` kills with moments drawn from `seed`."""
    chance, tally = random.Random(seed), Tally()
    path, last = folder / "0" / "run.db", -1
    for number in range(count):
        if number % FILE_AFTER == 0:
            path, last = folder / str(number) / "run.db", -1
        log = number // FILE_AFTER % 2 == 0
        # A tenth falls into the first milliseconds, where a file is begun or a log is taken up again.
        longest = LONGEST / 15 if chance.random() < 0.1 or number % FILE_AFTER == 0 else LONGEST
        told, seen = _round(path, log, chance.uniform(0, longest), tally)
        tally.kills += 1
        tally.reads += seen
        tally.acknowledged += len(told)
        last = _verify(path, max([last, *told]), tally)
    for found in sorted(folder.glob("*/run.db")):
        _go_on(found, tally)
    return tally


def _round(path: Path, log: bool, seconds: float, tally: Tally) -> tuple[list[int], int]:
    """One writer and one reader, killed after `seconds`; the steps acknowledged, the frames read."""
    writer, said = _child(lambda pipe: _write(path, log, pipe))
    reader, read = _child(lambda pipe: _read(path, pipe))
    time.sleep(seconds)
    for pid in (writer, reader):
        os.kill(pid, signal.SIGKILL)
    for name, pid in (("writer", writer), ("reader", reader)):
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            tally.faults.append(
                f"the {name} of {path} ended by itself with {os.waitstatus_to_exitcode(status)}"
            )
    told, seen = _answers(said), _answers(read)
    tally.faults += [f"{path}: a reader saw a broken frame of step {-1 - step}" for step in seen if step < 0]
    return told, len(seen)


def _write(path: Path, log: bool, pipe: int) -> None:
    """Frames without end, each acknowledged when it is on disk; several in one transaction now and then."""
    writer = RunWriter(path, resume=True, log=log)
    with Run(path) as run:
        step = (-1 if run.last_step is None else _last(run)) + 1
    while True:
        several = 1 + step % 3
        written = writer.write([lawful(step + k) for k in range(several)])
        while not written:  # a reader was in the way for too long
            written = writer.write([])
        for k in range(several):
            os.write(pipe, _ACK.pack(step + k))
        step += several


def _last(run: Run) -> int:
    laws = [event.step for event in run.events if event.kind == "law" and event.step is not None]
    return max(laws, default=-1)


def _read(path: Path, pipe: int) -> None:
    """Whatever is new, for ever; 1 for a frame that is whole, minus its step less 1 for one that is not."""
    while True:
        # Not there yet, or locked for longer than a reader waits.
        with contextlib.suppress(UsageError), Run(path) as run:
            after = 0
            while True:
                found = run.frames(after)
                for _, frame in found:
                    os.write(pipe, _ACK.pack(1 if _is_ours(frame) or is_lawful(frame) else -1 - frame.step))
                after = found[-1][0] if found else after
        time.sleep(0.001)


def _is_ours(frame: Frame) -> bool:
    """One that the writer itself adds, which says that it goes on."""
    return not frame.scalars and not frame.visits and {e.kind for e in frame.events} <= {"resumed", "store"}


def _verify(path: Path, last: int, tally: Tally) -> int:
    """Hold the file to what was acknowledged; the last step that is in it."""
    if not path.exists():
        tally.at_birth += 1
        if last >= 0:
            tally.faults.append(f"{path}: gone")
        return -1
    try:
        with Run(path) as run:
            wrong = run.check()
            frames = [frame for _, frame in run.frames(most=10**7)]
            status = run.status
    except TriplepointError as error:
        tally.faults.append(f"{path}: {error}")
        return last
    lawfuls = [frame for frame in frames if not _is_ours(frame)]
    steps = [frame.step for frame in lawfuls]
    if wrong is not None:
        tally.faults.append(f"{path}: integrity: {wrong}")
    if status != "crashed":
        tally.faults.append(f"{path}: its status is {status}")
    if not all(map(is_lawful, lawfuls)):
        tally.faults.append(f"{path}: a frame is not whole")
    if steps != list(range(len(steps))):
        tally.faults.append(f"{path}: steps are missing or twice: {steps[:5]} …")
    if len(steps) <= last:
        tally.faults.append(f"{path}: step {last} was acknowledged and {len(steps)} steps are there")
    tally.unsaid += max(0, len(steps) - 1 - last)
    return len(steps) - 1


def _go_on(path: Path, tally: Tally) -> None:
    """After all of it the run can be finished."""
    try:
        with RunWriter(path, resume=True) as writer:
            writer.write([lawful(10**6)])
            writer.finish()
        with Run(path) as run:
            if run.status != "finished" or run.last_step != 10**6 or run.check() is not None:
                tally.faults.append(f"{path}: cannot be finished")
    except TriplepointError as error:
        tally.faults.append(f"{path}: {error}")


def _child(work: Callable[[int], None]) -> tuple[int, int]:
    """A copy of this process that does `work` until it is killed; its id, and the end of the pipe it writes to."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            os.close(read)
            work(write)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    os.close(write)
    return pid, read


def _answers(pipe: int) -> list[int]:
    """What a dead child had said."""
    data = b""
    while select.select([pipe], [], [], 0)[0] and (more := os.read(pipe, 1 << 16)):
        data += more
    os.close(pipe)
    return [step for (step,) in _ACK.iter_unpack(data[: len(data) // _ACK.size * _ACK.size])]


if __name__ == "__main__":
    section.main("kills", kills)
