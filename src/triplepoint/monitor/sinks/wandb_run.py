"""Frames into Weights & Biases, offline as well as online."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from triplepoint.monitor.sinks import installed, loaded
from triplepoint.monitor.sinks.series import Series, chosen, rows, words
from triplepoint.records import Frame, Severity
from triplepoint.records.encoding import plain

LONGEST_TITLE = 63
"""Of an alert, as W&B asks."""
_LEVELS = {Severity.info: "INFO", Severity.warning: "WARN", Severity.error: "ERROR"}


class WandB:
    """Numbers under `spectral/<matrix id>/<metric>` and the names of scalars; alerts as alerts of W&B.

    Looks at matrices come round robin and later than the scalars of their step, but the steps of W&B must rise: the
    numbers have an axis of their own, `monitor/step`, defined for each.

    A run that `wandb.init` has begun is used and left open. There scalars are called `monitor/<name>`, nothing counts
    the run's own step up (rows of the user are never refused for ours), so numbers go out with the user's next log,
    and each matrix has an axis of its own, `spectral/<matrix id>/step`. Otherwise a run of the monitor's name is begun
    beside any other; without credentials it is an offline one, for `wandb sync`.

    Args:
        project: of a run of our own.
        metrics: names, or `all`; by default a few.
        init: further arguments of `wandb.init`, such as `entity`, `group`, `mode`, `dir`.
    """

    def __init__(
        self, project: str = "triplepoint", *, metrics: str | Iterable[str] | None = None, **init: Any
    ) -> None:
        installed("wandb")
        self._project = project
        self._metrics = chosen(metrics)
        self._init = init
        self._name = ""
        self._configuration: Mapping[str, Any] = {}
        self._run: Any = None
        self._shared = False
        self._defined: set[str] = set()

    def begin(self, run_name: str, configuration: Mapping[str, Any]) -> None:
        """Look for a run of the user; one of our own is begun with the first frame."""
        self._name, self._configuration = run_name, configuration
        self._run = getattr(sys.modules.get("wandb"), "run", None)
        self._shared = self._run is not None

    def write(self, frame: Frame) -> None:
        """Numbers and alerts of a frame."""
        run = self._begun()
        for row in rows(frame, self._metrics, "monitor/" if self._shared else ""):
            values: dict[str, float] = {}
            for series, value in row.values.items():
                axis = f"{series.group}/step" if self._shared else "monitor/step"
                self._define(run, series, axis)
                values |= {series.name: value, axis: row.step}
            run.log(values, commit=not self._shared)
        for alert in frame.alerts:
            title, text = words(alert)
            run.alert(title[:LONGEST_TITLE], text, level=_LEVELS[alert.severity])

    def close(self) -> None:
        """Finish a run of our own."""
        if self._run is not None and not self._shared:
            self._run.finish()
            self._run = None

    def _begun(self) -> Any:
        if self._run is None:
            self._run = loaded("wandb").init(**self._arguments())
        return self._run

    def _arguments(self) -> dict[str, Any]:
        ours: dict[str, Any] = {
            "project": self._project,
            "name": self._name,
            "config": plain(self._configuration),
            "reinit": "create_new",
            "settings": {"console": "off"},
        }
        # Asked for a key in this thread, a terminal would wait for ever.
        if not os.environ.get("WANDB_MODE") and not loaded("wandb").login(prompt=False, verify=False):
            ours["mode"] = "offline"
        return ours | self._init

    def _define(self, run: Any, series: Series, axis: str) -> None:
        if axis not in self._defined:
            self._defined.add(axis)
            run.define_metric(_dotted(axis), hidden=True)
        if series.name not in self._defined:
            self._defined.add(series.name)
            run.define_metric(_dotted(series.name), step_metric=_dotted(axis))


def _dotted(name: str) -> str:
    """Dots in a definition are levels unless escaped, and then no glob finds them (0.31): every name is defined."""
    return name.replace(".", r"\.")
