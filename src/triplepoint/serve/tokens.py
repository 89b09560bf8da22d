"""The secret that a browser shows: 256 random bits, kept in a file of the user's own so that an open page survives a
restart of the server.

Whoever can reach a port of this machine can ask it, other users of the machine and every page in the browser included;
only the file's mode keeps them apart from its owner. A file that others may have read or written is never used.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from triplepoint.errors import UsageError

VARIABLE = "TRIPLEPOINT_TOKEN"
_FILE = "serve-token"
_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{32,256}")
_MOST = 1024
"""Bytes read of a file."""
_NEXT = "Remove the file, or run it with --new-token"


@dataclass(frozen=True, slots=True)
class Token:
    """What opens the page."""

    value: str
    note: str | None = None
    """What the user should know about it."""

    def __repr__(self) -> str:
        return "Token(…)"


def token(file: str | os.PathLike[str] | None = None, *, new: bool = False) -> Token:
    """The token of the environment, or of `file` (default: one under the user's state folder), made where none is.

    `new`: the file gets another one, and pages that are open have to be opened again.

    Raises:
        UsageError: the environment's is no token; `file` is readable by others, or cannot be read or written.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        if file is not None or new:
            raise UsageError(
                f"use the token of {VARIABLE}", "a file or a new one was asked for too", f"Unset {VARIABLE}"
            )
        if not _FORM.fullmatch(given):
            raise UsageError(f"use the token of {VARIABLE}", *_malformed("--new-token without it makes one"))
        return Token(given)
    if file is None:
        return _default(new)
    path = Path(file)
    found = None if new else _read(path)
    return Token(_write(path) if found is None else found)


def _default(new: bool) -> Token:
    """A file of ours that is not as it should be is made again; where none can be kept, the token lasts as long as the
    server."""
    path, note = _place(), None
    if not path.is_absolute():  # no home folder: it would be kept below the current one
        return Token(_fresh(), "the token ends with this server, since this user has no home folder")
    try:
        try:
            found = None if new else _read(path, follow=False)
        except UsageError as error:
            found, note = None, f"a new token was made, since {error.found} ({path})"
        return Token(_write(path) if found is None else found, note)
    except UsageError as error:
        return Token(_fresh(), f"the token ends with this server, since {path} cannot be kept: {error.found}")


def _place() -> Path:
    """https://specifications.freedesktop.org/basedir-spec: a relative path in the variable counts as none."""
    state = os.environ.get("XDG_STATE_HOME", "")
    root = Path(state) if os.path.isabs(state) else Path(os.path.expanduser("~"), ".local", "state")
    return root / "triplepoint" / _FILE


def _read(path: Path, *, follow: bool = True) -> str | None:
    """The token in a file; None where there is no file."""
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    asked = f"read the token in {path}"
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(asked, f"it cannot be read ({error.strerror})", _NEXT) from None
    with open(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(asked, "it is no ordinary file", "Name an ordinary file")
        if os.name == "posix":
            if status.st_uid != os.geteuid():
                raise UsageError(asked, "it belongs to another user", _NEXT)
            if status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise UsageError(
                    asked, f"it may be opened by others (mode {mode:03o})", f"{_NEXT}; see chmod 600"
                )
        text = stream.read(_MOST).decode("ascii", "replace").strip()
    if not _FORM.fullmatch(text):
        raise UsageError(asked, *_malformed(_NEXT))
    return text


def _write(path: Path) -> str:
    """A new token, in a file that appears whole and is its owner's alone from its first byte on."""
    value = _fresh()
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as stream:
                stream.write(f"{value}\n".encode("ascii"))
            os.replace(partial, path)
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()
    except OSError as error:
        raise UsageError(
            f"write the token to {path}", error.strerror or type(error).__name__, "Name another --token-file"
        ) from None
    return value


def _fresh() -> str:
    return secrets.token_urlsafe(_BYTES)


def _malformed(next: str) -> tuple[str, str]:
    return "it is no token of 32 to 256 letters, digits, - and _", next
