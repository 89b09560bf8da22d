"""Writing a result file so that a reader sees the old file or the whole new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from triplepoint.errors import UsageError


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
