"""Frames into MLflow, through its client: a database, a folder or a server."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from triplepoint.monitor.sinks import installed, loaded
from triplepoint.monitor.sinks.series import chosen, digest, flat, rows, words
from triplepoint.records import Alert, Frame
from triplepoint.records.encoding import plain

BATCH = 500
"""Metrics of one request; MLflow takes 1000 and a megabyte."""
LONGEST_NAME = 100
"""Of a part of a name; MLflow takes 250 characters for the whole."""
_PARAMETERS = 100
_REFUSED = re.compile(r"[^A-Za-z0-9_.\- ]")


class MLflow:
    """Numbers under `spectral/<matrix id>/<metric>` and the names of scalars; an alert is the tag
    `triplepoint.alert.<rule>.<matrix>`, which says how the rule stands now.

    MLflow takes letters, digits, `_ - . /` and spaces in names: other characters of an id become `_`, and eight digits
    after it tell apart what was different.

    A run that `mlflow.start_run` has begun in the thread that makes the monitor is used and left open; scalars are then
    called `monitor/<name>`. Otherwise a run of the monitor's name is begun, with the configuration as parameters.

    Args:
        tracking_uri: as of MLflow; by default what MLflow itself uses.
        experiment: its name, made where there is none; by default MLflow's.
        metrics: names, or `all`; by default a few.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        *,
        metrics: str | Iterable[str] | None = None,
    ) -> None:
        installed("mlflow")
        self._uri, self._experiment = tracking_uri, experiment
        self._metrics = chosen(metrics)
        self._name = ""
        self._configuration: Mapping[str, Any] = {}
        self._client: Any = None
        self._run_id = _active()
        self._shared = self._run_id is not None

    def begin(self, run_name: str, configuration: Mapping[str, Any]) -> None:
        """Look for a run of the user; one of our own is begun with the first frame."""
        self._name, self._configuration = run_name, configuration
        if self._run_id is None:
            self._run_id = _active()
            self._shared = self._run_id is not None

    def write(self, frame: Frame) -> None:
        """Numbers of a frame in few requests, and its alerts."""
        found = rows(frame, self._metrics, "monitor/" if self._shared else "")
        if not found and not frame.alerts:
            return
        client, entities = self._connected(), loaded("mlflow").entities
        now = int(1000 * frame.time)
        metrics = iter(
            entities.Metric(_safe(series.name), value, now, row.step)
            for row in found
            for series, value in row.values.items()
        )
        while batch := list(islice(metrics, BATCH)):
            client.log_batch(self._run_id, metrics=batch)
        for alert in frame.alerts:
            client.set_tag(self._run_id, _tag(alert), _said(alert))

    def close(self) -> None:
        """Finish a run of our own."""
        if self._run_id is not None and not self._shared:
            self._connected().set_terminated(self._run_id)
            self._run_id = None

    def _connected(self) -> Any:
        if self._client is None:
            mlflow = loaded("mlflow")
            self._client = mlflow.MlflowClient(None if self._shared else self._uri)
        if self._run_id is None:
            self._run_id = self._begun(self._client)
        return self._client

    def _begun(self, client: Any) -> str:
        experiment = "0"
        if self._experiment is not None:
            known = client.get_experiment_by_name(self._experiment)
            experiment = client.create_experiment(self._experiment) if known is None else known.experiment_id
        run_id = str(client.create_run(experiment, run_name=self._name).info.run_id)
        param = loaded("mlflow").entities.Param
        params = iter(flat(plain(self._configuration)).items())
        while batch := [param(_safe(key), str(value)[:6000]) for key, value in islice(params, _PARAMETERS)]:
            client.log_batch(run_id, params=batch)
        return run_id


def _active() -> str | None:
    """The run that the user has begun in this thread; without mlflow loaded there is none."""
    mlflow = sys.modules.get("mlflow")
    run = None if mlflow is None else mlflow.active_run()
    return None if run is None else str(run.info.run_id)


def _safe(name: str) -> str:
    """A name that MLflow takes: `spectral`, the id and the metric as three parts, anything else as one.

    >>> _safe("spectral/layers.0/alpha"), _safe("spectral/a/b%1b/alpha")
    ('spectral/layers.0/alpha', 'spectral/a_b_1b-ae04ab3b/alpha')
    """
    room, _, rest = name.partition("/")
    if room == "spectral" and "/" in rest:
        matrix, _, metric = rest.rpartition("/")
        return f"spectral/{_part(matrix)}/{_part(metric)}"
    if room == "monitor" and rest:
        return f"monitor/{_part(rest)}"
    return _part(name)


def _part(name: str) -> str:
    """One level of a path: not empty, not dots alone, short."""
    text = _REFUSED.sub("_", name).strip()[:LONGEST_NAME]
    return text if text == name and text.strip(".") else f"{text}-{digest(name)}"


def _tag(alert: Alert) -> str:
    return ".".join(
        ["triplepoint.alert", _part(alert.rule), *([] if alert.matrix is None else [_part(alert.matrix)])]
    )


def _said(alert: Alert) -> str:
    _, text = words(alert)
    return f"{alert.state.value} at step {alert.step} ({alert.severity.value}): {text}"[:5000]
