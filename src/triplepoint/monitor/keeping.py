"""The side of the monitor that writes: file, rules, sinks and their thread, and what has gone wrong so far."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triplepoint.alerts import Watch
from triplepoint.monitor.actions import Action
from triplepoint.monitor.pipeline import Pipeline, Waiting, checked
from triplepoint.monitor.scalars import Block
from triplepoint.monitor.sinks import Sink, called
from triplepoint.records import Alert, Event, Frame, Visit
from triplepoint.store import Recorder, RunWriter, open_run
from triplepoint.store.places import name_of

_log = logging.getLogger("triplepoint")

MOST_FAULT_EVENTS = 20
PAUSE = 0.5
"""Seconds between two commits. At 20 points a second a commit every 0.2 s took .5 % of a core, half of the budget."""


class Keeper:
    """Takes frames from any thread and never blocks; what finds the queue full is dropped and counted."""

    def __init__(
        self,
        path: Path,
        *,
        configuration: Mapping[str, Any],
        provenance: Mapping[str, Any],
        resume: bool,
        rules: Sequence[str] | None,
        sinks: Sequence[Sink],
        actions: Sequence[Action],
        stop_on: Sequence[str],
    ) -> None:
        self.faults = 0
        self.dropped_scalars = 0
        self.dropped_visits = 0
        self._told: set[str] = set()
        self._events = 0
        self._late: list[Frame] = []
        """Events that found the recorder closing, such as what the last frame or the end of a sink went wrong with."""
        self._refused = 0
        """Frames that no table takes, as counted so far: the writer tells of them in the run itself."""
        self.last_step = 0
        """Of a run that is resumed; 0 of a new one."""
        watch, ends = Watch(rules), checked(stop_on)
        there = path.exists()
        self._writer = RunWriter(path, configuration=configuration, provenance=provenance, resume=resume)
        self._pipeline = Pipeline(
            self._writer,
            watch,
            sinks=sinks,
            actions=actions,
            stop_on=ends,
            fault=self.fault,
            resumed=resume and there,
        )
        if resume and there:
            with open_run(path) as run:
                self.last_step = run.last_step or 0
        self._recorder = Recorder(self._consume, pause=PAUSE)
        for sink in sinks:
            try:
                sink.begin(name_of(path), configuration)
            except Exception as error:
                self.fault(f"begin {called(sink)}", error)

    @property
    def seconds(self) -> float:
        """CPU time of the thread, and of those that forward."""
        return self._recorder.cpu_seconds + self._pipeline.forwarding_seconds

    @property
    def stop(self) -> Alert | None:
        """The alert that asks for the end of training."""
        return self._pipeline.stop

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Raised or cleared since this process began."""
        return tuple(self._pipeline.alerts)

    def begin(self, step: int) -> None:
        """The first step of this process: what a resumed run holds from there on is of an abandoned branch."""
        self._pipeline.first = step

    def scalars(self, block: Block) -> None:
        """Values of some steps."""
        step = block.given[-1][0]
        if not self._recorder.put(Waiting(step, time.time(), block=block)):
            self.dropped_scalars += block.size

    def visits(self, step: int, visits: tuple[Visit, ...]) -> None:
        """Looks at the matrices of one step: one frame."""
        if not self._recorder.put(Frame(step, time.time(), visits=visits)):
            self.dropped_visits += len(visits)

    def event(self, event: Event) -> None:
        """Something that happened."""
        frame = Frame(event.step or 0, time.time(), events=(event,))
        if not self._recorder.put(frame) and len(self._late) < MOST_FAULT_EVENTS:
            self._late.append(frame)

    def fault(self, where: str, error: BaseException, step: int | None = None) -> None:
        """An error in measuring, judging, storing or forwarding: counted, logged once a place, an event in the run."""
        self.faults += 1
        text = f"{where}: {type(error).__name__}: {error}"[:500]
        if where not in self._told:
            self._told.add(where)
            _log.warning("the monitor could not %s; training goes on", text)
        if self._events < MOST_FAULT_EVENTS:
            self._events += 1
            self.event(Event("fault", text, step))

    def close(self, status: str, timeout: float) -> None:
        """Write what waits, say how the run ended, give the file back."""
        whole = self._recorder.close(timeout)
        self._pipeline.close()
        try:
            if whole:
                if self._late:
                    self._writer.write(self._late)
                self._writer.finish(status)
        finally:
            self._writer.close()

    def _consume(self, frames: Sequence[Frame]) -> None:
        try:
            self._pipeline.consume(frames)
            self.faults += self._writer.refused - self._refused
            self._refused = self._writer.refused
        except Exception as error:
            self.dropped_scalars += sum(
                frame.block.size for frame in frames if isinstance(frame, Waiting) and frame.block
            )
            self.dropped_visits += sum(len(frame.visits) for frame in frames)
            self.fault("store", error)
