"""Frames into trackio: its project file on this machine, or a Space or server where the user names one."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from triplepoint.monitor.sinks import installed, loaded
from triplepoint.monitor.sinks.series import chosen, printable, rows, words
from triplepoint.records import Frame, Severity
from triplepoint.records.encoding import plain


class Trackio:
    """Numbers under `spectral/<matrix id>/<metric>` and the names of scalars; alerts as alerts of trackio.

    A run that `trackio.init` has begun is used, in the thread that makes the monitor, and left open; scalars are then
    called `monitor/<name>`, for the user's own may be there already. Otherwise a run of the monitor's name is begun.

    Args:
        project: of a run of our own.
        metrics: names, or `all`; by default a few.
        init: further arguments of `trackio.init`, such as `group`, `space_id`, `server_url`, `webhook_url`.
    """

    def __init__(
        self, project: str = "triplepoint", *, metrics: str | Iterable[str] | None = None, **init: Any
    ) -> None:
        installed("trackio")
        self._project = project
        self._metrics = chosen(metrics)
        self._init = init
        self._name = ""
        self._configuration: Mapping[str, Any] = {}
        self._run: Any = _current()
        self._shared = self._run is not None

    def begin(self, run_name: str, configuration: Mapping[str, Any]) -> None:
        """Look for a run of the user; one of our own is begun with the first frame."""
        self._name, self._configuration = run_name, configuration
        if self._run is None:
            self._run = _current()
            self._shared = self._run is not None

    def write(self, frame: Frame) -> None:
        """Numbers and alerts of a frame."""
        run = self._begun()
        for row in rows(frame, self._metrics, "monitor/" if self._shared else ""):
            self._log(run, {series.name: value for series, value in row.values.items()}, row.step)
        for alert in frame.alerts:
            title, text = words(alert)
            run.alert(title, text, level=_level(alert.severity), step=alert.step)

    def close(self) -> None:
        """Finish a run of our own."""
        if self._run is not None and not self._shared:
            self._run.finish()
            self._run = None

    def _begun(self) -> Any:
        if self._run is None:
            # In a context of its own: trackio ends the current run of a context when another is begun there.
            self._run = contextvars.Context().run(loaded("trackio").init, **self._arguments())
        return self._run

    def _arguments(self) -> dict[str, Any]:
        # trackio refuses configurations with names that begin with "_".
        known = {
            printable(key).lstrip("_") or "%5f": plain(value) for key, value in self._configuration.items()
        }
        ours = {"project": self._project, "name": self._name, "config": known, "resume": "allow"}
        quiet = {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}
        return ours | quiet | self._init

    def _log(self, run: Any, values: dict[str, float], step: int) -> None:
        before = getattr(run, "_next_step", None)
        run.log(values, step=step)
        # The user's own `trackio.log` counts on from the largest step it has seen; ours must not move it.
        if self._shared and before is not None and run._next_step == step + 1:
            run._next_step = before


def _current() -> Any:
    """The run that the user has begun in this thread; without trackio loaded there is none."""
    variables = getattr(sys.modules.get("trackio"), "context_vars", None)
    current = getattr(variables, "current_run", None)
    return None if current is None else current.get()


def _level(severity: Severity) -> Any:
    levels = loaded("trackio").AlertLevel
    return {Severity.info: levels.INFO, Severity.warning: levels.WARN, Severity.error: levels.ERROR}[severity]
