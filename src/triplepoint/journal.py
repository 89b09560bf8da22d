"""Finished rows of a long scan on disk, so that the same scan begun again goes on where it was stopped.

One line of JSON for what the scan is of, then one line a weight. Lines are appended whole and flushed, so a killed
process loses what it was working on and nothing else; a last line without its end is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from triplepoint.errors import UsageError
from triplepoint.records import MatrixRow, Reason, decoding, encoding
from triplepoint.records.files import Claim, claim

SCHEMA = "triplepoint.resume/1"
_AGAIN = frozenset({Reason.out_of_memory, Reason.internal_error, Reason.unreadable})
"""Failures of the moment; such a weight is tried again."""

_HEADER_MOST = 1 << 20
"""Bytes of a first line, all layouts of the user included; more are not read to say what the file is."""


class Journal:
    """The rows that earlier runs finished, and a place for new ones. Threads may write at the same time."""

    def __init__(self, path: str | os.PathLike[str], identity: Mapping[str, Any]) -> None:
        """`identity` must be that of the file, if there is one: another checkpoint or other settings are refused."""
        self._path = Path(path)
        self._lock = threading.Lock()
        self.finished: dict[str, list[MatrixRow]] = {}
        header = _line({"schema": SCHEMA, **identity})
        try:
            self._file: BinaryIO = self._path.open("a+b")
            try:
                self._begin(header)
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise self._refusal(error.strerror or type(error).__name__) from None

    def _begin(self, header: bytes) -> None:
        if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):  # `/dev/full` would be read without end
            raise self._refusal("it is not a file of --resume")
        if claim(self._file) is Claim.theirs:
            raise self._refusal("another scan is writing it")
        self._file.seek(0)
        # The first line alone, and not all of it unless it is ours: a checkpoint of 100 GB named by mistake.
        first = self._file.read(len(header) + 1)
        if first == header + b"\n":
            *lines, rest = self._file.read().split(b"\n")
            self._load(lines)
            self._file.truncate(self._file.tell() - len(rest))
        elif header.startswith(first):  # new, or killed within its first line
            self._file.truncate(0)
            self._write(header)
        else:
            raise self._refusal(self._found())

    def keep(self, task: str, rows: Sequence[MatrixRow]) -> None:
        """Append the rows of one weight, unless some of it was left out or may succeed next time."""
        if any(row.status == "skipped" and row.reason is not Reason.all_zero for row in rows) or any(
            row.reason in _AGAIN for row in rows
        ):
            return
        line = _line({"task": task, "rows": [encoding.row(row) | {"null_p": row.null_p} for row in rows]})
        with self._lock:
            self._write(line)

    def close(self) -> None:
        """Give the file back."""
        with contextlib.suppress(OSError):  # every line was flushed; one that could not be was told then
            self._file.close()

    def _write(self, line: bytes) -> None:
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            raise UsageError(
                f"keep finished rows in {os.fspath(self._path)!r}",
                error.strerror or type(error).__name__,
                "Make room and run the same scan again: what was kept is taken from there",
            ) from None

    def _found(self) -> str:
        self._file.seek(0)
        try:
            ours = decoding.record(json.loads(self._file.readline(_HEADER_MOST))).get("schema") == SCHEMA
        except (ValueError, RecursionError):
            ours = False
        return "it is of another checkpoint, version or setting" if ours else "it is not a file of --resume"

    def _load(self, lines: Sequence[bytes]) -> None:
        for number, line in enumerate(lines, start=2):
            try:
                entry = decoding.record(json.loads(line))
                rows = [_row(item) for item in decoding.items(entry, "rows", dict)]
                self.finished[decoding.field(entry, "task", str)] = rows
            except (ValueError, RecursionError) as error:
                raise self._refusal(f"line {number} is damaged ({str(error)[:80]})") from None

    def _refusal(self, found: str) -> UsageError:
        return UsageError(f"resume from {os.fspath(self._path)!r}", found, "Name another file, or remove it.")


def _row(entry: dict[str, Any]) -> MatrixRow:
    return replace(decoding.row(entry), null_p=decoding.optional(entry, "null_p", float))


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, allow_nan=False).encode("ascii")
