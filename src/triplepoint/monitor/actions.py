"""What is done about an alert: a callable, a webhook, and whether training should stop."""

from __future__ import annotations

import atexit
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from triplepoint import asked
from triplepoint.errors import UsageError
from triplepoint.monitor.sinks.outbox import Outbox
from triplepoint.records import Alert, AlertState, Severity
from triplepoint.records.encoding import plain

Action = Callable[[Alert], None]
"""Called with every alert, raised or cleared; an exception costs a line in the log and no more."""

TRIES = 3
"""Of one message; those that wait and those of a server that answers 5xx or 429 are repeated."""
PAUSE = 0.5
"""Seconds before the second try; doubled for the third."""
MOST_WAITING = 100
"""Messages; later ones are dropped and counted."""
MOST_CONTENT = 2000
"""Characters that Discord takes."""
_SCHEMES = ("http", "https")


def should_stop_for(alert: Alert, stop_on: Sequence[str]) -> bool:
    """Whether training should end: an alert was raised whose rule is named, or that is as loud as a named severity.

    >>> loud = Alert("loss_not_finite", Severity.error, 12, "the loss is not finite")
    >>> should_stop_for(loud, ["warning"]), should_stop_for(loud, ["loss_spike"])
    (True, False)
    """
    if alert.state is not AlertState.raised:
        return False
    severities = [Severity(name).rank for name in stop_on if name in Severity.__members__]
    return alert.rule in stop_on or any(alert.severity.rank >= rank for rank in severities)


class Webhook:
    """Posts alerts as JSON to an address of yours, from a thread of its own: nobody waits for a slow server.

    The body is one object: `text` (the message in one line, which Slack shows; the same under `content`, for
    Discord), `title`, `level` (`info`, `warning`, `error`), `state` (`raised`, `cleared`), `rule`, `matrix`, `step`,
    `run`, `evidence`.

    Args:
        url: http or https. Redirects are not followed: a post would arrive without its body, or somewhere else.
        level: the quietest severity that is sent.
        run: what the run is called in the messages.
        timeout: seconds for one try, of three.
        cleared: whether the end of an alert is sent as well.
        headers: of the request, such as an Authorization.

    What could not be delivered is raised at the next call, once a message, so that a monitor counts it as a fault.
    Errors: UsageError for an address or level that is none. Cost: one thread while there is something to send.

    >>> Webhook("ftp://example.com/hook")
    Traceback (most recent call last):
    triplepoint.errors.UsageError: webhook 'ftp://example.com/hook': no http or https address. Use one such as https://…
    """

    def __init__(
        self,
        url: str,
        level: str = "warning",
        *,
        run: str | None = None,
        timeout: float = 3.0,
        cleared: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = _address(url)
        self._least = Severity(asked.word("level", level, tuple(Severity.__members__))).rank
        self._run = run
        self._timeout = asked.real("timeout", timeout, 0.01, 60.0, "3")
        self._cleared = asked.flag("cleared", cleared)
        self._headers = {"Content-Type": "application/json", "User-Agent": "triplepoint", **(headers or {})}
        self._used = False
        self._outbox: Outbox[dict[str, Any]] = Outbox("webhook", self._deliver, MOST_WAITING)

    def __call__(self, alert: Alert) -> None:
        """Send it in the background, where it is loud enough."""
        if alert.severity.rank < self._least or (alert.state is AlertState.cleared and not self._cleared):
            return
        if not self._used:
            # An alert of the last steps must leave before the process does.
            self._used = True
            atexit.register(self.close)
        self._outbox.put(message(alert, self._run))

    def close(self, patience: float | None = None) -> None:
        """Wait until what is on its way has arrived or failed, for as long as one message may take."""
        atexit.unregister(self.close)
        self._used = False
        self._outbox.close(TRIES * self._timeout + 3 * PAUSE + 1 if patience is None else patience)

    def _deliver(self, body: Mapping[str, Any]) -> None:
        data = json.dumps(body, allow_nan=False).encode("ascii")
        for left in range(TRIES - 1, -1, -1):
            try:
                return self._post(data)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                if not left or not _passing(error):
                    raise
            time.sleep(PAUSE * 2 ** (TRIES - 1 - left))
        raise AssertionError("the last try returns or raises")

    def _post(self, data: bytes) -> None:
        request = urllib.request.Request(self._url, data, self._headers, method="POST")
        opener = urllib.request.build_opener(_NoRedirects)
        with opener.open(request, timeout=self._timeout) as answer:
            answer.read(1)


def message(alert: Alert, run: str | None = None) -> dict[str, Any]:
    """An alert as the body of a post: plain JSON types, no name in it that a chat would take for a command."""
    title = alert.title if alert.state is AlertState.raised else f"{alert.title} (cleared)"
    head = f"[{alert.severity.value}] {title}" if run is None else f"{run} [{alert.severity.value}] {title}"
    text = _harmless(f"{head}, step {alert.step}: {alert.statement}")
    return {
        "text": text,
        "content": text[:MOST_CONTENT],
        # Discord: no name in a message calls anybody.
        "allowed_mentions": {"parse": []},
        "title": title,
        "level": alert.severity.value,
        "state": alert.state.value,
        "rule": alert.rule,
        "matrix": alert.matrix,
        "step": alert.step,
        "run": run,
        "evidence": plain(alert.evidence),
    }


def _harmless(text: str) -> str:
    """Slack reads `<!channel>` and `<address|label>` as commands; with a space they are text. Control characters go."""
    return re.sub(r"<(?=\S)", "< ", "".join(char if char.isprintable() else " " for char in text))


def _address(url: str) -> str:
    asked_for = f"webhook {url!r}"[:100]
    try:
        parts = urlsplit(url)
        good = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, TypeError, AttributeError):
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(asked_for, "no http or https address", "Use one such as https://…")
    return url


def _passing(error: Exception) -> bool:
    """Whether the same message may arrive a moment later."""
    return not isinstance(error, urllib.error.HTTPError) or error.code in (408, 429) or error.code >= 500


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Not followed: urllib then raises the answer as an HTTPError."""
        return
