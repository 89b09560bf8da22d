"""A run as JSON lines while it goes on: a file that `tail -f`, `jq` and every language read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from triplepoint import asked
from triplepoint.monitor.sinks.series import chosen
from triplepoint.records import Frame, Visit
from triplepoint.records.encoding import plain
from triplepoint.store import export, rows


class JsonLines:
    """Appends to a file the lines that `triplepoint export` would write: scalars, looks, alerts and events, each with
    its `type`, and a line of type `run` first; here each also says at what `time` (seconds since the epoch) its frame
    was closed.

    Plain ASCII JSON: not-finite numbers are null, names of layers are escaped. The lines of a frame are written at
    once; after a crash at most the last line is cut, and the next run begins on a line of its own.

    Args:
        path: the file; its folder is made. What it holds already stays.
        metrics: `all` (default), with the row as in a scan but without its spectrum, or names, without the row.
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
        self._lines([{"type": "run", "name": run_name, "configuration": configuration}])

    def write(self, frame: Frame) -> None:
        """One line a record."""
        found = [export.scalar(point) for point in frame.scalars]
        found += [export.visit(self._selected(visit)) for visit in frame.visits]
        found += [export.alert(alert) for alert in frame.alerts]
        found += [export.event(event) for event in frame.events]
        self._lines([{**record, "time": frame.time} for record in found])

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _lines(self, records: list[dict[str, Any]]) -> None:
        if self._stream is None:
            raise ValueError(f"{self.path} is not open: begin comes first")
        text = "".join(f"{rows.dumps(plain(record))}\n" for record in records)
        self._stream.write(text.encode("ascii"))
        self._stream.flush()

    def _selected(self, visit: Visit) -> Visit:
        if self._metrics is None:
            # A spectrum is some hundred numbers at every look; the store keeps it.
            row = None if visit.row is None else replace(visit.row, singular_values=None)
            return replace(visit, row=row)
        kept = {name: value for name, value in visit.metrics.items() if name in self._metrics}
        return replace(visit, metrics=kept, row=None)


def _is_cut(stream: IO[bytes]) -> bool:
    """Whether the file ends within a line."""
    if stream.seek(0, os.SEEK_END) == 0:
        return False
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) != b"\n"
