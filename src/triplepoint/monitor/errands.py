"""An action behind a queue: one that is slow, or never comes back, costs itself and no frame of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from triplepoint.errors import UsageError
from triplepoint.monitor.actions import Action
from triplepoint.monitor.sinks.outbox import Outbox
from triplepoint.records import Alert

MOST_WAITING = 100
"""Alerts; later ones are dropped and counted."""
PATIENCE = 10.0
"""Seconds that `close` waits for an action that is still at work."""


class Errand:
    """Calls one action in a thread of its own. What goes wrong is told to `fault(where, error)`."""

    def __init__(self, action: Action, fault: Callable[[str, BaseException], None]) -> None:
        self._action, self._fault = action, fault
        self._name = str(getattr(action, "__name__", type(action).__name__))
        self._outbox: Outbox[Alert] = Outbox(self._name, self._act, MOST_WAITING)

    def __call__(self, alert: Alert) -> None:
        """Have it done; never waits."""
        self._guarded(f"act on {alert.title}", lambda: self._outbox.put(alert))

    def close(self) -> None:
        """Wait for what is under way, then close the action too where it can be, as a webhook that still sends."""
        self._guarded(f"finish {self._name}", lambda: self._outbox.close(PATIENCE))
        end = getattr(self._action, "close", None)
        if callable(end):
            self._guarded(f"close {self._name}", end)

    def _act(self, alert: Alert) -> None:
        self._guarded(f"act on {alert.title}", lambda: self._action(alert))

    def _guarded(self, what: str, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            self._fault(what, error)


def checked(actions: Any) -> tuple[Action, ...]:
    """Actions as they were given: one or several functions of an alert; anything else is a UsageError."""
    found = tuple(actions) if isinstance(actions, Iterable) and not isinstance(actions, str) else (actions,)
    for action in found:
        if not callable(action):
            raise UsageError(
                f"action {action!r}"[:100],
                "it cannot be called",
                "Use a function of an alert, or triplepoint.monitor.Webhook('https://…')",
            )
    return found
