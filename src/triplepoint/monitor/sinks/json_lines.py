"""Frames as JSON lines: a file that `tail -f`, `jq` and every language read, while the run goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from triplepoint import asked
from triplepoint.monitor.sinks.series import chosen
from triplepoint.records import Frame, Visit
from triplepoint.records.encoding import plain


class JsonLines:
    """Appends to a file: one line `{"type": "run", …}` when a monitor begins, then one `{"type": "frame", …}` a frame.

    Plain ASCII JSON: not-finite numbers are null, names of layers are escaped. A line is flushed when it is whole;
    after a crash at most the last one is cut, and the next run begins on a line of its own.

    Args:
        path: the file; its folder is made. What it holds already stays.
        metrics: `all` (default) or names.

    A frame: `step`, `time` (seconds since the epoch), `scalars` (`name, step, value, low, high, count, non_finite`),
    `visits` (`step, matrix, kind, change, status, reason, phase, phase_confidence, metrics`), `alerts` (`rule,
    severity, step, state, matrix, statement, evidence`), `events` (`kind, text, step, data`).
    """

    def __init__(self, path: str | os.PathLike[str], *, metrics: str | Iterable[str] = "all") -> None:
        self.path = Path(asked.path("jsonl", path))
        self._metrics = chosen(metrics)
        self._stream: IO[bytes] | None = None

    def begin(self, run_name: str, configuration: Mapping[str, Any]) -> None:
        """Open the file and say which run follows."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self.path.open("ab+")
        if _is_cut(self._stream):
            self._stream.write(b"\n")
        self._line({"type": "run", "run": run_name, "configuration": plain(configuration)})

    def write(self, frame: Frame) -> None:
        """One line."""
        self._line(
            {
                "type": "frame",
                "step": frame.step,
                "time": frame.time,
                "scalars": [_fields(point) for point in frame.scalars],
                "visits": [self._visit(visit) for visit in frame.visits],
                "alerts": [_fields(alert) for alert in frame.alerts],
                "events": [_fields(event) for event in frame.events],
            }
        )

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _line(self, document: Mapping[str, Any]) -> None:
        if self._stream is None:
            raise ValueError(f"{self.path} is not open: begin comes first")
        self._stream.write(
            json.dumps(plain(document), ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
        )
        self._stream.flush()

    def _visit(self, visit: Visit) -> dict[str, Any]:
        row = visit.row
        found: dict[str, Any] = {
            "step": visit.step,
            "matrix": visit.matrix,
            "kind": visit.kind,
            "change": visit.change,
        }
        if row is not None:
            found |= {
                "status": row.status,
                "reason": None if row.reason is None else row.reason.name,
                "phase": row.phase,
                "phase_confidence": row.phase_confidence,
            }
        values = visit.metrics.items()
        found["metrics"] = {
            name: value for name, value in values if self._metrics is None or name in self._metrics
        }
        return found


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in type(record).__dataclass_fields__}


def _is_cut(stream: IO[bytes]) -> bool:
    """Whether the file ends within a line."""
    if stream.seek(0, os.SEEK_END) == 0:
        return False
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) != b"\n"
