"""Where the server listens, and under which names it may be asked.

A page of a stranger can make its own name lead to 127.0.0.1 (DNS rebinding), and is then of one origin with us as far
as the browser can tell; the header `Host` still carries the stranger's name. So a request under any name that is not
ours is refused before anything else is looked at.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass

from triplepoint.errors import UsageError

PORT = 8321
_TRIES = 20
"""Ports tried one after the other where none was asked for."""
_BACKLOG = 128
_HTTP = 80
_ALWAYS = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Address:
    """A socket's place."""

    host: str
    """As it was asked for."""
    port: int
    loopback: bool
    """Whether it can be reached from this machine alone."""

    @property
    def url(self) -> str:
        """The page, without the token."""
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{_bracketed(host)}:{self.port}/"

    def answers_to(self, host: str) -> bool:
        """Whether a request with this `Host` is meant for us."""
        name, port = _split(host.lower())
        if name is None or port != self.port:
            return False
        if name in (*_ALWAYS, _bracketed(self.host.lower())):
            return True
        # All interfaces: any address of this machine, which a name of a stranger cannot pass for.
        return self.host in ("0.0.0.0", "::") and (_is_address(name) or name == socket.gethostname().lower())


def listen(
    host: str = "127.0.0.1", port: int | None = None, *, allow_remote: bool = False
) -> tuple[socket.socket, Address]:
    """A socket that listens; without a `port` on the first free one from 8321 on, with 0 on any.

    Raises:
        UsageError: the port is taken, the host is none of this machine, or others could reach it and `allow_remote` is
            False.
    """
    asked = f"serve on {host}"
    place = _resolve(host, asked)
    loopback = ipaddress.ip_address(place[1].partition("%")[0]).is_loopback
    if not loopback and not allow_remote:
        raise UsageError(
            asked,
            "other machines could reach it, and what is sent is not encrypted",
            "Better: keep 127.0.0.1 and forward the port (ssh -L); or add --allow-remote",
        )
    wanted = range(PORT, PORT + _TRIES) if port is None else (port,)
    for one in wanted:
        try:
            bound = _bound(*place, one)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if taken and one != wanted[-1]:
                continue
            found = f"port {one} is taken" if taken else error.strerror or type(error).__name__
            raise UsageError(asked, found, "Choose another --port, or 0 for any that is free") from None
        return bound, Address(host, bound.getsockname()[1], loopback)
    raise AssertionError("no port was tried")


def _resolve(host: str, asked: str) -> tuple[socket.AddressFamily, str]:
    """The family and number of a host; localhost is 127.0.0.1, whatever a resolver thinks."""
    if host.lower() == "localhost":
        return socket.AF_INET, "127.0.0.1"
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise UsageError(asked, "there is no such host", "Use 127.0.0.1") from None
    return found[0][0], str(found[0][4][0])


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except BaseException:
        bound.close()
        raise
    return bound


def _split(host: str) -> tuple[str | None, int]:
    """Name and port of a `Host`; None for one that is malformed."""
    name, colon, digits = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not colon:
        return (name or digits) or None, _HTTP
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5):
        return None, 0
    return name or None, int(digits)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
