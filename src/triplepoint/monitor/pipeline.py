"""What becomes of a frame: judged, stored, forwarded, acted upon, in the thread of the recorder."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triplepoint.alerts import RULES, Watch
from triplepoint.errors import UsageError
from triplepoint.monitor.actions import Action, should_stop_for
from triplepoint.monitor.errands import Errand
from triplepoint.monitor.scalars import Block, points
from triplepoint.monitor.sinks import Sink, called
from triplepoint.records import Alert, Event, Frame, Severity
from triplepoint.store import RunWriter, open_run

MOST_SINK_FAULTS = 5
"""In a row; then a sink is left out, and the run says so."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiting(Frame):
    """A frame whose scalars are still as they were given."""

    block: Block | None = None


def checked(stop_on: Sequence[str]) -> tuple[str, ...]:
    """Rules and severities, as they were asked for; an unknown one is a UsageError."""
    known = (*RULES, *Severity.__members__)
    for name in stop_on:
        if name not in known:
            near = ", ".join(difflib.get_close_matches(str(name), known, n=3)) or ", ".join(known)
            raise UsageError(f"stop on {name!r}"[:100], "no rule and no severity", f"Did you mean {near}?")
    return tuple(stop_on)


def replay(watch: Watch, path: Path) -> None:
    """Bring a watch to where the frames of a stored run leave it."""
    with open_run(path) as run:
        last = 0
        while found := run.frames(after=last):
            for _, frame in found:
                watch.update(frame)
            last = found[-1][0]


class Pipeline:
    """The way of the frames of one run, in order."""

    def __init__(
        self,
        writer: RunWriter,
        watch: Watch,
        *,
        sinks: Sequence[Sink],
        actions: Sequence[Action],
        stop_on: Sequence[str],
        fault: Callable[[str, BaseException], None],
        resumed: bool,
    ) -> None:
        self._writer, self._watch, self._fault = writer, watch, fault
        self._sinks = dict.fromkeys(sinks, 0)
        self._errands, self._stop_on = [Errand(action, fault) for action in actions], stop_on
        self._resumed = resumed
        self._broken: set[str] = set()
        self.first: int | None = None
        """The first step of this process. Until it is told, a resumed run loses nothing and nothing is judged: a remark
        or a fault that comes before does not say where training goes on."""
        self.stop: Alert | None = None
        """The alert that asks for the end of training."""
        self.alerts: list[Alert] = []
        """All that were raised or cleared since this process began."""

    @property
    def forwarding_seconds(self) -> float:
        """CPU time of the threads behind the sinks that have one."""
        return float(sum(getattr(sink, "seconds", 0.0) for sink in self._sinks))

    def consume(self, frames: Sequence[Frame]) -> None:
        """Everything that waited, stored in one transaction."""
        if self._resumed and self.first is not None:
            self._resumed = False
            self._pick_up(self.first)
        judged = [self._judged(frame) for frame in frames]
        self._writer.write(judged)
        for frame in judged:
            self._forward(frame)
            for alert in frame.alerts:
                for errand in self._errands:
                    errand(alert)

    def close(self) -> None:
        """Tell actions and sinks that no more will come."""
        for errand in self._errands:
            errand.close()
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:
                self._fault(f"close {called(sink)}", error)

    def _pick_up(self, step: int) -> None:
        """A run that goes on: what lies after its first new step is of an abandoned branch, the rest is remembered."""
        self._writer.rewind(step - 1)
        replay(self._watch, self._writer.path)

    def _judged(self, frame: Frame) -> Frame:
        if isinstance(frame, Waiting):
            found = points(frame.block) if frame.block is not None else ()
            frame = Frame(frame.step, frame.time, found, frame.visits, frame.alerts, frame.events)
        if self._resumed:
            return frame  # it is replayed with the rest
        try:
            alerts = self._watch.update(frame)
        except Exception as error:
            self._fault("judge", error)
            return frame
        for rule in self._watch.faults.keys() - self._broken:
            self._broken.add(rule)
            self._fault(f"judge by {rule}, which is not asked again", RuntimeError(self._watch.faults[rule]))
        self.alerts += alerts
        for alert in alerts:
            if self.stop is None and should_stop_for(alert, self._stop_on):
                self.stop = alert
        return replace(frame, alerts=(*frame.alerts, *alerts)) if alerts else frame

    def _forward(self, frame: Frame) -> None:
        for sink, faults in list(self._sinks.items()):
            try:
                sink.write(frame)
                self._sinks[sink] = 0
            except Exception as error:
                self._fault(f"forward to {called(sink)}", error)
                self._sinks[sink] = faults + 1
                if faults + 1 >= MOST_SINK_FAULTS:
                    del self._sinks[sink]
                    text = f"{called(sink)} failed {MOST_SINK_FAULTS} times in a row and is left out"
                    self._writer.write(
                        [Frame(frame.step, frame.time, events=(Event("fault", text, frame.step),))]
                    )
