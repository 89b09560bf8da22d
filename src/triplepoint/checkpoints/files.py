"""Opening a file that a stranger wrote: only regular files, only inside their folder, mapped, not loaded."""

from __future__ import annotations

import json
import mmap
import os
import stat
from pathlib import Path
from typing import Any

from triplepoint.checkpoints.limits import MAX_JSON_BRACKETS
from triplepoint.errors import UnreadableCheckpoint, UnsafeCheckpoint


def shown(text: object, limit: int = 120) -> str:
    """A name from a file, fit for a message: control characters escaped, cut after `limit` characters."""
    quoted = repr(str(text))
    return quoted if len(quoted) <= limit else quoted[: limit - 2] + "…" + quoted[0]


def unreadable(path: object, found: str, next: str) -> UnreadableCheckpoint:
    """The error of every damaged file; `next` is what the user does about it."""
    return UnreadableCheckpoint(f"read {shown(path, 300)}", found, next)


def regular_size(path: Path) -> int:
    """Size in bytes; anything but a regular file is refused before it is opened.

    Opening a FIFO waits for a writer and opening a device may act, so the type comes first.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise unreadable(
            path, f"it cannot be opened ({reason})", "Check the path and its permissions."
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise unreadable(path, "it is not a regular file", "Name a checkpoint file or its folder.")
    return status.st_size


def open_regular(path: Path) -> int:
    """A descriptor to read from, of a regular file; the caller closes it."""
    regular_size(path)
    # O_NONBLOCK: should a FIFO have taken the name since the check, opening it still does not wait.
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise unreadable(
            path, f"it cannot be opened ({error.strerror})", "Check permissions and `ulimit -n`."
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise unreadable(path, "it is not a regular file", "Name a checkpoint file or its folder.")
    return descriptor


def map_file(path: Path, smallest: int) -> mmap.mmap:
    """The file as read-only memory: pages are read when they are touched. At least `smallest` (> 0) bytes."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        if size < smallest:
            raise unreadable(
                path,
                f"it has {size} bytes, fewer than any file of its format",
                "Download or save it again.",
            )
        return mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    except OSError as error:
        raise unreadable(
            path, f"it cannot be mapped ({error.strerror})", "Check permissions and `ulimit -n`."
        ) from None
    finally:
        os.close(descriptor)


def inside(folder: Path, name: str) -> Path:
    """The file `name` of `folder`; a name or link that leads out of the folder is refused.

    A link may end in the folder itself or, in the cache layout of the Hugging Face hub
    (`snapshots/REVISION/NAME -> ../../blobs/HASH`), in that cache's `blobs`.
    """
    if name in ("", ".", "..") or any(c in name for c in "/\\\0"):
        raise UnsafeCheckpoint(
            f"read {shown(folder, 300)}",
            f"it names {shown(name)}, which is not a plain file name",
            "Do not use this checkpoint; a shard must lie beside its index.",
        )
    home = folder.resolve()
    try:
        target = (home / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name that is too long
        raise unreadable(
            home / name, f"it cannot be resolved ({type(error).__name__})", "Repair the link."
        ) from None
    in_cache = home.parent.name == "snapshots" and target.parent == home.parent.parent / "blobs"
    if not (target.is_relative_to(home) or in_cache):
        raise UnsafeCheckpoint(
            f"read {shown(home / name, 300)}",
            f"it is a link that leads out of its folder, to {shown(target, 300)}",
            "Name that file directly if you trust it.",
        )
    return home / name


def json_object(path: Path, limit: int, *, unique: bool) -> dict[str, Any]:
    """A JSON file that must hold an object, at most `limit` bytes; `unique` also refuses repeated keys.

    Memory stays within a small multiple of the file: the number of brackets is bounded before parsing.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if unique and len(result) < len(items):
            raise ValueError("a key occurs twice")
        return result

    size = regular_size(path)
    if size > limit:
        raise unreadable(path, f"it has {size:,} bytes, more than {limit:,}", "Repair or remove it.")
    try:
        data = path.read_bytes()
        if data.count(b"[") + data.count(b"{") > MAX_JSON_BRACKETS:
            raise ValueError(f"more than {MAX_JSON_BRACKETS:,} lists and objects")
        value = json.loads(data, object_pairs_hook=pairs)
    except OSError as error:
        raise unreadable(path, f"it cannot be read ({error.strerror})", "Check its permissions.") from None
    except (ValueError, RecursionError) as error:
        found = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise unreadable(path, f"it is not valid JSON ({shown(found)})", "Repair or remove it.") from None
    if not isinstance(value, dict):
        raise unreadable(path, f"it holds a {type(value).__name__}, not an object", "Repair or remove it.")
    return value
