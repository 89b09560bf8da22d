"""One look at a run: what is new since the look before, read in one go and given back as it is sent.

Nothing is held open between looks. A reader that stayed would keep the writer from folding its log into the file when
the run ends, and the run would not be one file that can be copied.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from triplepoint.errors import TriplepointError, UnreadableRun, UsageError
from triplepoint.page.document import dumps
from triplepoint.page.live import frame_delta
from triplepoint.page.rows_of_run import run_verdict
from triplepoint.records import Frame
from triplepoint.serve.catalogue import RUN, Catalogue, Signature, signature
from triplepoint.store import Run
from triplepoint.store.writer import RUNNING

AT_ONCE = 20
"""Frames read together; one with a visit of each of 300 matrices is about half a megabyte."""
MOST_BYTES = 4 << 20
"""Of one look; the next one goes on from there at once."""
_SETTLED_SECONDS = 3.0
"""A change that old shows in the file's time, however coarse the clock of the file system is."""
_VERDICT_SHARE = 20.0
"""A verdict waits for this many times what the last one took: every row of the model is read for it."""
_VERDICT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one run from another under the same name; numbers of files are used again at once."""

    device: int
    file: int
    started: float | None
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame as it is sent."""

    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What was found."""

    path: Path | None = None
    """The file; None where there is none that can be read."""
    reason: str = ""
    """Why there is none."""
    identity: Identity | None = None
    seen: Signature = ()
    last: int = 0
    """Id of the newest frame that was read."""
    frames: tuple[Sent, ...] = ()
    """The new ones, oldest first."""
    more: bool = False
    """Whether there are more."""
    status: str | None = None
    verdict: str = ""
    verdict_due: float = 0.0
    """When the next verdict may be asked for, on the monotonic clock."""
    stale: bool = False
    """Whether visits came since the last verdict."""


def look(catalogue: Catalogue, name: str, before: Look) -> Look:
    """Look again; of a file that was not there before, only how far it is."""
    try:
        path = catalogue.find(RUN, name)
        found = os.stat(path)
        seen = signature(path)
        rests = before.status not in (None, RUNNING) and not before.stale
        if rests and seen == before.seen and _is_settled(seen):
            return replace(before, frames=(), more=False)
        with Run(path) as run, run.moment():
            started = run.about.get("started")
            identity = Identity(found.st_dev, found.st_ino, started if isinstance(started, float) else None)
            same = identity == before.identity
            return _read(run, replace(before if same else Look(), path=path, identity=identity, seen=seen))
    except UnreadableRun as error:
        return Look(reason=error.found)
    except (TriplepointError, OSError) as error:
        if isinstance(error, UsageError) and before.path is not None and before.path.exists():
            return replace(before, frames=(), more=False)  # busy, or out of descriptors: the next look may do
        return Look(reason=error.found if isinstance(error, TriplepointError) else str(error.strerror))


def behind(path: Path, after: int, until: int) -> tuple[Sent, ...]:
    """Frames for one who lags: behind `after`, up to `until`, at most `AT_ONCE`."""
    with Run(path) as run:
        found = run.frames(after, AT_ONCE)
    return tuple(_sent(id, frame)[0] for id, frame in found if id <= until)


def _read(run: Run, before: Look) -> Look:
    status, first = run.status, before.status is None
    frames: list[Sent] = []
    last, size, stale, more = before.last, 0, before.stale, False
    if first:
        last, stale = run.last_frame, True
    while not first:
        found = run.frames(last, AT_ONCE)
        for id, frame in found:
            sent, full = _sent(id, frame)
            frames.append(sent)
            last, size, stale = id, size + len(sent.data), stale or full
        more = len(found) == AT_ONCE
        if not more or size > MOST_BYTES:
            break
    made = replace(
        before,
        last=last,
        frames=tuple(frames),
        more=more,
        status=status,
        stale=stale,
    )
    return _judged(run, made, ended=status != before.status)


def _judged(run: Run, made: Look, *, ended: bool) -> Look:
    begun = time.monotonic()
    if not made.stale or not (ended or begun >= made.verdict_due):
        return made
    verdict = run_verdict(run)
    now = time.monotonic()
    due = now + max(_VERDICT_SECONDS, _VERDICT_SHARE * (now - begun))
    return replace(made, verdict=verdict, verdict_due=due, stale=False)


def _sent(id: int, frame: Frame) -> tuple[Sent, bool]:
    """The frame, and whether it changes the verdict."""
    data = f"id: {id}\nevent: frame\ndata: {dumps(frame_delta(id, frame))}\n\n".encode("ascii")
    rewound = any(event.kind == "rewound" for event in frame.events)
    return Sent(id, data), rewound or any(visit.row is not None for visit in frame.visits)


def _is_settled(seen: Signature) -> bool:
    return time.time() - max(seen[2::4], default=0) / 1e9 > _SETTLED_SECONDS
