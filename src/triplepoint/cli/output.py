"""Where a verb's result goes: a terminal, a pipe or a file. Data on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from triplepoint.cli.protection import refuse_to_lose
from triplepoint.errors import UsageError
from triplepoint.report import formats

if TYPE_CHECKING:
    from rich.console import Console

    from triplepoint.records import Scan


@dataclass(frozen=True, slots=True)
class Destination:
    """A format and a place, checked before the work begins."""

    format: str
    path: str | None

    @staticmethod
    def checked(format: str, path: str | None, source: str) -> Destination:
        """Resolve `auto` and refuse now what could not or must not be written after an hour's scan."""
        if path is not None:
            refuse_to_lose(path, source)
        if format == "auto":
            format = "table" if path is None else formats.for_file(path)
        if format == "parquet":
            formats.parquet_module()
        if format in formats.BINARY and path is None and sys.stdout.isatty():
            raise UsageError(f"write {format}", "stdout is a terminal", "Name a file with -o FILE")
        if path is not None and not Path(os.path.realpath(path)).parent.is_dir():
            raise UsageError(f"write {path}", "its folder does not exist", "Create the folder first")
        if path is not None and Path(path).is_dir():
            raise UsageError(f"write {path}", "it is a folder", "Name a file inside it")
        return Destination(format, path)

    @property
    def keeps(self) -> bool:
        """Whether what is written stays: everything but a table that scrolls by on a terminal."""
        return self.path is not None or not sys.stdout.isatty()

    def write(self, scan: Scan, *, top: int | None) -> None:
        """The scan in this format, in this place."""
        if self.path is not None:
            from triplepoint.records.files import replacing

            data = formats.render(scan, self.format, top=top)
            with replacing(self.path) as stream:
                stream.write(data if isinstance(data, bytes) else data.encode("utf-8"))
        elif self.format == "table" and sys.stdout.isatty():
            from triplepoint.report.table import show

            show(scan, console(), top=top)
        else:
            emit(formats.render(scan, self.format, top=top))


def emit(data: str | bytes) -> None:
    """Write to stdout; a reader that has seen enough (`| head`) is no error."""
    with _closed_pipe_ignored():
        if isinstance(data, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        else:
            sys.stdout.write(data)
        sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """A console that takes every text literally; `NO_COLOR` switches off all control sequences."""
    from rich.console import Console

    return Console(
        stderr=stderr,
        markup=False,
        emoji=False,
        highlight=False,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


@contextlib.contextmanager
def _closed_pipe_ignored() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # The interpreter flushes stdout once more at exit, which would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
