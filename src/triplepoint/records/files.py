"""Result files that are replaced whole or not at all, and files that one process at a time may write."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import IO, Any, BinaryIO

from triplepoint.errors import UsageError


class Claim(Enum):
    """What came of asking for a file."""

    ours = "ours"
    theirs = "theirs"
    """Another open file of this or another process has it."""
    unsupported = "unsupported"
    """Nobody can be kept out: Windows, or a file system without locks."""


def claim(file: IO[Any] | int, *, shared: bool = False) -> Claim:
    """Ask for an open file without waiting; the system gives it back when the last descriptor is closed or dies.

    `shared`: any number may have it so at once, and none of them beside one who has it alone.
    """
    try:
        import fcntl
    except ImportError:
        return Claim.unsupported
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        # EACCES: how a network file system whose locks are those of `fcntl` says that it is taken.
        taken = error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
        return Claim.theirs if taken else Claim.unsupported
    return Claim.ours


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a stream whose bytes become `path` when the block ends well; nothing is left behind otherwise."""
    # Through a link the file is replaced, not the link.
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            # A device or pipe (`/dev/null`, `/dev/stdout`) is written to: renaming would destroy it.
            with target.open("wb") as stream:
                yield stream
            return
        partial = target.with_name(f".triplepoint-{os.getpid()}-{secrets.token_hex(4)}.tmp")
        try:
            # `x` with the usual mode: `mkstemp` would leave the result readable by its owner alone.
            with partial.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(
            f"write {os.fspath(path)}",
            error.strerror or type(error).__name__,
            "Choose a file in an existing folder with room and write permission",
        ) from error
