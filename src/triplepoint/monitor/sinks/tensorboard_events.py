"""Frames as TensorBoard event files. Written record by record: no TensorFlow or torch is loaded for it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from triplepoint import asked
from triplepoint.monitor.sinks import installed, loaded
from triplepoint.monitor.sinks.series import chosen, group_of, line, printable, rows, words
from triplepoint.records import Alert, Frame, MatrixRow
from triplepoint.records.encoding import plain
from triplepoint.store.places import RUNS

BINS = 64
"""Of the histogram of a spectrum."""


class TensorBoard:
    """Scalars `spectral/<matrix id>/<metric>` and those of training; spectra as histograms of log10 λ under
    `spectral/<matrix id>/log10_eigenvalues`; alerts as text under `alerts/<rule>`, the configuration under
    `configuration`.

    Args:
        folder: a folder on this machine, for `tensorboard --logdir`; by default ./runs/<name of the run>.
        metrics: names, or `all`; by default a few.
        spectra: whether the histograms are written, of looks whose row holds its singular values.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        metrics: str | Iterable[str] | None = None,
        spectra: bool = True,
    ) -> None:
        installed("tensorboard")
        self._folder = None if folder is None else Path(asked.path("tensorboard", folder))
        self._metrics = chosen(metrics)
        self._spectra = asked.flag("spectra", spectra)
        self._writer: Any = None
        self.path: Path | None = None
        """The event file, once begun."""

    def begin(self, run_name: str, configuration: Mapping[str, Any]) -> None:
        """A new event file in the folder."""
        folder = Path(RUNS, run_name) if self._folder is None else self._folder
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time_ns()
        origin = f"{socket.gethostname()}.{os.getpid()}.{now}"
        self.path = folder / f"events.out.tfevents.{now // 10**9:010d}.{origin}"
        self._writer = loaded("tensorboard.summary.writer.record_writer").RecordWriter(self.path.open("wb"))
        event = _protos("event").Event
        self._writer.write(event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        settings = plain(configuration)
        if settings:
            table = "".join(f"| {_cell(key)} | {_cell(value)} |\n" for key, value in settings.items())
            self._add(0, time.time(), [_text("configuration", f"| | |\n|---|---|\n{table}")])
        self._writer.flush()

    def write(self, frame: Frame) -> None:
        """One event a step, one a histogram, one an alert."""
        value = _protos("summary").Summary.Value
        for row in rows(frame, self._metrics):
            scalars = [value(tag=series.name, simple_value=number) for series, number in row.values.items()]
            self._add(row.step, frame.time, scalars)
        for visit in frame.visits:
            spectrum = _log_eigenvalues(visit.row) if self._spectra else None
            if spectrum is not None:
                tag = f"{group_of(visit.matrix)}/log10_eigenvalues"
                self._add(visit.step, frame.time, [value(tag=tag, histo=_histogram(spectrum))])
        for alert in frame.alerts:
            self._add(alert.step, frame.time, [_text(f"alerts/{printable(alert.rule)}", _said(alert))])
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _add(self, step: int, when: float, values: list[Any]) -> None:
        summary = _protos("summary").Summary(value=values)
        event = _protos("event").Event(wall_time=when, step=step, summary=summary)
        self._writer.write(event.SerializeToString())


def _protos(name: str) -> Any:
    return loaded(f"tensorboard.compat.proto.{name}_pb2")


def _log_eigenvalues(row: MatrixRow | None) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """(n,) log10 of the eigenvalues that are numbers above zero; None where the row has no spectrum."""
    if row is None or row.singular_values is None:
        return None
    sigma = row.singular_values
    sigma = sigma[np.isfinite(sigma) & (sigma > 0)]
    return 2 * np.log10(sigma) + np.log10(row.scale) if len(sigma) else None


def _histogram(values: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    counts, edges = np.histogram(values, BINS)
    return _protos("summary").HistogramProto(
        min=values.min(),
        max=values.max(),
        num=len(values),
        sum=values.sum(),
        sum_squares=values @ values,
        # Each bucket ends at its limit; an empty one ends where the first begins.
        bucket_limit=edges.tolist(),
        bucket=[0.0, *counts.tolist()],
    )


def _text(tag: str, text: str) -> Any:
    tensors, shapes = _protos("tensor"), _protos("tensor_shape")
    tensor = tensors.TensorProto(
        dtype="DT_STRING",
        string_val=[text.encode("utf-8", "replace")],
        tensor_shape=shapes.TensorShapeProto(dim=[shapes.TensorShapeProto.Dim(size=1)]),
    )
    metadata = loaded("tensorboard.plugins.text.metadata").create_summary_metadata(None, None)
    return _protos("summary").Summary.Value(tag=tag, metadata=metadata, tensor=tensor)


def _said(alert: Alert) -> str:
    title, text = words(alert)
    return f"**{_cell(title)}** ({alert.severity.value}): {_cell(text)}"


def _cell(value: Any) -> str:
    """Text that Markdown leaves as it is."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]<>()#+-.!|~" else char for char in line(str(value)))
