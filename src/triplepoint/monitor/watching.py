"""A folder of checkpoints into a run: each is scanned as it appears, and judged by the rules of a live run."""

from __future__ import annotations

import contextlib
import json
import math
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from triplepoint import __version__, asked
from triplepoint.alerts import Watch
from triplepoint.environment import environment
from triplepoint.errors import TriplepointError, UsageError
from triplepoint.monitor.actions import Action
from triplepoint.monitor.appearing import Appearing, Candidate
from triplepoint.monitor.naming import path_of
from triplepoint.monitor.pipeline import Pipeline, checked, replay
from triplepoint.monitor.scalar_names import scalars_of
from triplepoint.monitor.sinks import Sink, called, sink_of
from triplepoint.records import Alert, Event, Frame, ScalarPoint, Visit, VisitKind
from triplepoint.request import ScanRequest, recorded, settings_of, workers_of
from triplepoint.scanning import run as run_scan
from triplepoint.store import RunWriter, open_run
from triplepoint.store.places import name_of

SECONDS = 10.0
"""Between two looks at the folder."""
_STATE = "trainer_state.json"
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What became of one checkpoint."""

    path: Path
    step: int | None
    """None where its name tells none."""
    visits: int
    """Matrices in its scan; 0 where it could not be read."""
    alerts: tuple[Alert, ...]
    reason: str | None = None
    """Why it could not be read, or was not looked at."""


def watch(
    folder: Any,
    run: Any = None,
    *,
    seconds: float = SECONDS,
    once: bool = False,
    request: ScanRequest | None = None,
    rules: Sequence[str] | None = None,
    sinks: Sequence[Sink | str] = (),
    actions: Sequence[Action] = (),
    stop_on: Sequence[str] = (),
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Seen]:
    """Scan every checkpoint of `folder` once it is whole, in the order of steps, into one run; goes on until closed.

    Args:
        folder: where a training writes; files of any format, folders of a model or of a trainer (`checkpoint-500`).
        run: name or path of the run; by default that of the folder, under ./runs. One that is there goes on: what it
            holds already is not scanned again.
        seconds: between two looks. A checkpoint is taken when nothing in it has changed between two of them.
        once: take what is there now and end.
        request: what a scan is asked; its source is of no account.
        rules, sinks, actions: as of a `Monitor`.
        stop_on: rules or severities after whose alert the iteration ends.
        pause: sleeps; for tests.

    Yields what became of each checkpoint. One that cannot be read is an event of the run, and is tried again when it
    changes. A `trainer_state.json` beside the weights gives the scalars.

    Errors: UsageError for a folder or run that is none, and where the folder goes. Cost: that of a scan, and a listing
    of the folder a look.
    """
    root = Path(asked.path("folder", folder))
    if not root.is_dir():
        raise UsageError(f"watch {root}", "it is no folder", "Name the folder that checkpoints appear in")
    seconds = asked.real("seconds", seconds, 0.01, 86_400, "10")
    request = replace(request or ScanRequest(source=None), spectra=True)
    settings = settings_of(request)
    path = path_of(root.absolute().name if run is None else run)
    done, last = _done(path)
    forward = [sink_of(sink) for sink in sinks]
    provenance = {
        "version": __version__,
        "source": str(root),
        "seed": request.seed,
        "settings": recorded(request, settings, workers_of(request.workers)),
        "environment": environment(),
    }
    judge, ends = Watch(rules), checked(stop_on)
    writer = RunWriter(path, configuration={"watched": str(root)}, provenance=provenance, resume=True)
    faults: list[Event] = []

    def fault(where: str, error: BaseException) -> None:
        faults.append(Event("fault", f"{where}: {type(error).__name__}: {error}"[:500]))

    if last is not None:
        replay(judge, path)
    pipeline = Pipeline(
        writer, judge, sinks=forward, actions=actions, stop_on=ends, fault=fault, resumed=False
    )
    for sink in forward:
        try:
            sink.begin(name_of(path), {"watched": str(root)})
        except Exception as error:
            fault(f"begin {called(sink)}", error)
    appearing = Appearing(root)
    unnumbered: set[str] = set()
    status = "stopped"
    try:
        while True:
            for candidate in appearing.ready(now=once):
                if (candidate.path.name, candidate.step) in done:
                    continue
                before = len(pipeline.alerts)
                frame, reason = _frame(candidate, request, last)
                pipeline.consume([replace(frame, events=(*frame.events, *faults))])
                faults.clear()
                if reason is None:
                    last = candidate.step
                yield Seen(
                    candidate.path, candidate.step, len(frame.visits), tuple(pipeline.alerts[before:]), reason
                )
                if pipeline.stop is not None:
                    return
            for name in sorted(appearing.unnumbered - unnumbered):
                unnumbered.add(name)
                yield _without_step(root / name, pipeline, last)
            if once:
                status = "finished"
                return
            pause(seconds)
    finally:
        pipeline.close()
        with contextlib.suppress(TriplepointError):  # the file has gone, and that is what ended it
            writer.write([Frame(last or 0, time.time(), events=tuple(faults))] if faults else [])
        writer.finish(status)


def _without_step(path: Path, pipeline: Pipeline, last: int | None) -> Seen:
    reason = "its name tells no step, as step-500 would"
    event = Event("left_out", f"{path.name}: {reason}")
    pipeline.consume([Frame(last or 0, time.time(), events=(event,))])
    return Seen(path, None, 0, (), reason)


def _frame(candidate: Candidate, request: ScanRequest, last: int | None) -> tuple[Frame, str | None]:
    """One checkpoint as a frame, or the event that says why there is none."""
    name, step, now = candidate.path.name, candidate.step, time.time()
    if last is not None and step <= last:
        reason = f"its step {step} is not after {last}, the last of the run"
        return Frame(last, now, events=(Event("left_out", f"{name}: {reason}", step),)), reason
    try:
        scan = run_scan(replace(request, source=candidate.path))
    except TriplepointError as error:
        text = f"{name}: {error.found}. {error.next}"
        return Frame(last or 0, now, events=(Event("unreadable", text[:500], step),)), error.found
    if scan.provenance.interrupted:
        raise KeyboardInterrupt  # a scan hands back what it has; a checkpoint is in the run as a whole or not at all
    visits = tuple(
        Visit(step, row.id, VisitKind.full, row.metrics, row, seconds=row.seconds or 0.0)
        for row in scan.matrices
    )
    data = {"name": name, "step": step, "format": scan.provenance.format, "digest": scan.provenance.digest}
    event = Event("checkpoint", name, step, data)
    return Frame(step, now, _logged(candidate.path, step, last), visits, events=(event,)), None


def _logged(path: Path, step: int, last: int | None) -> tuple[ScalarPoint, ...]:
    """Scalars that a trainer wrote beside its weights, since the last checkpoint; none where the file is odd."""
    file = path / _STATE
    try:
        found = file.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            return ()
        with file.open("rb") as stream:
            history = json.loads(stream.read(_MOST_BYTES))["log_history"]
        entries = [entry for entry in history if isinstance(entry, dict) and _is_step(entry.get("step"))]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()
    points: dict[tuple[str, int], ScalarPoint] = {}
    for entry in entries:
        at = int(entry["step"])
        if not (last or 0) < at <= step:
            continue
        for name, value in scalars_of(entry).items():
            finite = math.isfinite(value)
            point = ScalarPoint(name, at, value if finite else None, non_finite=int(not finite))
            points[name, at] = point
    return tuple(sorted(points.values(), key=lambda point: (point.step, point.name)))


def _is_step(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _done(path: Path) -> tuple[set[tuple[str, int]], int | None]:
    """(name, step) of the checkpoints that the run holds, and its last step; nothing and None for a new one."""
    if not path.exists():
        return set(), None
    with open_run(path) as run:
        events = [event for event in run.events if event.kind == "checkpoint"]
    done = {
        (str(event.data.get("name")), int(event.data["step"]))
        for event in events
        if _is_step(event.data.get("step"))
    }
    return done, max((step for _, step in done), default=None)
