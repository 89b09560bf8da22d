"""The gate before every answer: method, name, length, token; what comes after it has been asked by the owner.

No cookie goes along with a request that another site makes (`SameSite=Strict`), and pages of other ports of this
machine, which are the same site, cannot read what they embed (`Cross-Origin-Resource-Policy`). What this does not keep
out: cookies know no ports, so another server of this machine that the same browser visits under the same name is sent
ours. Therefore the cookie is not the token, which is that of all servers of its owner, but made from it for one port.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triplepoint.errors import TriplepointError
from triplepoint.serve import answers, faults
from triplepoint.serve.addresses import Address
from triplepoint.serve.answers import Refused

_MOST_ADDRESS = 8192
"""Bytes; three times a name of 255 bytes and a long tensor name fit."""
_TICKET_SECONDS = 120.0
_OPEN = "Open the link that the command printed (triplepoint serve)"


class Gate:
    """An ASGI application that lets pass what may."""

    def __init__(self, app: ASGIApp, address: Address, token: str) -> None:
        self._app = app
        self._address = address
        self._token = token.encode("ascii")
        self._shown_by_cookie = _derived(token, f"cookie of port {address.port}")
        self._tickets: dict[bytes, float] = {}
        self.cookie = f"triplepoint_{address.port}"
        """Cookies know no ports, so two servers need two names."""

    def ticket(self) -> str:
        """A token that opens the page once within two minutes: the command line of a browser can be read by all."""
        made = secrets.token_urlsafe(32)
        self._tickets[made.encode("ascii")] = time.monotonic() + _TICKET_SECONDS
        return made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http":
            return
        nonce = secrets.token_urlsafe(16)
        scope["triplepoint.nonce"] = nonce
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                guards = {name.encode(): value.encode() for name, value in answers.guards(nonce).items()}
                kept = [entry for entry in message.get("headers", []) if entry[0].lower() not in guards]
                if _has_body(scope):  # it would be read to its end, however long, before the next request
                    kept.append((b"connection", b"close"))
                message = {**message, "headers": [*kept, *guards.items()]}
            await send(message)

        try:
            await (self._check(scope) or self._app)(scope, receive, guarded)
        except Exception as error:
            refused = error if isinstance(error, TriplepointError) else _fault(scope, error)
            if started:
                raise  # nothing can be said any more; the connection is closed
            await answers.refusal(scope["path"], refused, _owed(refused))(scope, receive, guarded)

    def _check(self, scope: Scope) -> Response | None:
        """None to go on, the answer of the gate itself, or Refused."""
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, "change something", "this page only reads", "Use GET or HEAD")
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._address.answers_to(hosts[0]):
            raise Refused(
                421,
                "open the page under this name",
                "it is none of this server's",
                f"Use {self._address.url} (behind ssh -L: with the same port on both sides)",
            )
        if len(scope["path"]) + len(scope["query_string"]) > _MOST_ADDRESS:
            raise Refused(414, "read the address", f"it is longer than {_MOST_ADDRESS} bytes", "Shorten it")
        site = headers.get("sec-fetch-site", "none")
        if scope["path"] == "/" and (shown := _shown(scope)) is not None:
            if not self._opens(shown, once=scope["method"] == "GET"):
                raise Refused(
                    401, "open the page", "the token in the address is not that of this server", _OPEN
                )
            return self._entrance(site, scope["triplepoint.nonce"])
        at_the_door = scope["path"] == "/" and not scope["query_string"]
        if at_the_door and site == "cross-site" and headers.get("sec-fetch-dest") == "document":
            # A permalink that somebody wrote down elsewhere: asked again by us, the cookie goes along.
            return _onward(scope["triplepoint.nonce"], "/?from=elsewhere")
        if scope["path"].startswith(answers.API) and site not in ("same-origin", "none"):
            raise Refused(403, "ask for data", "a page of another origin asks", _OPEN)
        if not any(hmac.compare_digest(value, expected) for value, expected in self._carried(headers)):
            raise Refused(401, "open the page", "this browser has not shown the token", _OPEN)
        return None

    def _entrance(self, site: str, nonce: str) -> Response:
        """The cookie, and on to the page without the token in its address."""
        here = site in ("none", "same-origin")
        answer = RedirectResponse("/", 303) if here else _onward(nonce, "/")
        answer.set_cookie(
            self.cookie, self._shown_by_cookie.decode(), path="/", httponly=True, samesite="strict"
        )
        return answer

    def _opens(self, shown: bytes, *, once: bool) -> bool:
        if hmac.compare_digest(shown, self._token):
            return True
        now = time.monotonic()
        valid = [
            one for one, until in self._tickets.items() if until > now and hmac.compare_digest(one, shown)
        ]
        if once:
            for one in valid:
                del self._tickets[one]
        return bool(valid)

    def _carried(self, headers: Headers) -> Iterator[tuple[bytes, bytes]]:
        """What a request shows, and what it should be; a page of another port may have set cookies beside ours."""
        for line in headers.getlist("cookie"):
            for one in line.split(";"):
                name, _, value = one.strip().partition("=")
                if name == self.cookie:
                    yield value.encode("latin-1"), self._shown_by_cookie
        for line in headers.getlist("authorization"):
            scheme, _, value = line.partition(" ")
            if scheme.lower() == "bearer":
                yield value.strip().encode("latin-1"), self._token


def _derived(token: str, purpose: str) -> bytes:
    """Another secret, from which the token cannot be told."""
    return hmac.digest(token.encode("ascii"), purpose.encode("ascii"), "sha256").hex().encode("ascii")


def _onward(nonce: str, to: str) -> Response:
    """A page of ours that goes on to `to`: a browser that came from another site sends no strict cookie before one of
    our own pages asks, and none along a redirect."""
    script = f"<script nonce=\"{nonce}\">location.replace('{to}' + location.hash)</script>"
    return answers.plain("The page opens.", 200, more=f'<p><a href="{to}">Open it</a></p>{script}')


def _shown(scope: Scope) -> bytes | None:
    """The token in the address."""
    query = scope["query_string"].decode("latin-1")
    found: Iterable[str] = parse_qs(query, keep_blank_values=True, encoding="latin-1").get("token", ())
    return next((one.encode("latin-1") for one in found), None)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )


def _owed(error: TriplepointError) -> dict[str, str]:
    """The headers that a refusal has to have."""
    known: dict[int, dict[str, str]] = {
        401: {"www-authenticate": 'Bearer realm="triplepoint"'},
        405: {"allow": "GET, HEAD"},
    }
    return known.get(answers.status_of(error), {})


def _fault(scope: Scope, error: Exception) -> TriplepointError:
    faults.tell(f"{scope['method']} {scope['path']}", error)  # the query may hold the token
    return Refused(answers.FAULT, "answer", "a bug in triplepoint", "See what the command printed")
