"""The connection behind a run that is read: shared by threads, never by processes, one moment of the file a call."""

from __future__ import annotations

import contextlib
import difflib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from triplepoint.errors import UsageError
from triplepoint.store import connecting, forks, places, reading
from triplepoint.store.appending import text
from triplepoint.store.schema import VISITS_OF_A_MATRIX

END = 2**63 - 1
"""The largest id and step."""


LAST = "ORDER BY visits.step DESC, visits.id DESC LIMIT 1"

LAST_FULL = f"id = (SELECT id FROM visits WHERE rest IS NOT NULL AND id BETWEEN ? AND ? {LAST})"
"""Of the visits between two ids the last full one. As a query of its own it sorts steps alone and not what is read:
0.08 s instead of 0.45 s for 300 matrices of 1,000 visits."""


def span(matrix: int) -> tuple[int, int]:
    """The ids that visits of a matrix with this number lie between."""
    first = matrix * VISITS_OF_A_MATRIX
    return first, first + VISITS_OF_A_MATRIX - 1


class Access:
    """An open file and the ways to ask it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the file; see `open_run` for names of runs."""
        self.path = Path(path)
        self._guard = threading.RLock()
        self._connection: sqlite3.Connection | None = connecting.reader(self.path)
        self._closed = False
        forks.watch(self)

    @property
    def name(self) -> str:
        """The folder of the run, or its file where that has a name of its own."""
        return places.name_of(self.path)

    def close(self) -> None:
        """Give the file back."""
        with self._guard:
            self._closed = True
            if self._connection is not None:
                self._connection.close()

    def let_go(self) -> None:
        """In a child: the parent's connection stays the parent's, and the lock may be one that no thread holds."""
        forks.never_free(self._connection)
        self._guard = threading.RLock()
        self._connection = None

    @contextlib.contextmanager
    def moment(self) -> Iterator[None]:
        """Within the block all calls of this thread see the same frames, whatever is written meanwhile; other threads
        that share the run wait."""
        with self._reading():
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} in {os.fspath(self.path)!r}>"

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One moment of the file, whatever is written meanwhile."""
        with self._guard, connecting.refusing(self.path):
            if self._closed:
                raise UsageError(f"read {self.path}", "it is closed", "Open it again: triplepoint.open_run")
            if self._connection is None:
                self._connection = connecting.reader(self.path)
            connection = self._connection
            inside = connection.in_transaction
            if not inside:
                connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if not inside:
                    connection.execute("ROLLBACK")

    def _newest(self) -> tuple[int, float | None]:
        with self._reading() as connection:
            found = connection.execute("SELECT id, time FROM frames ORDER BY id DESC LIMIT 1").fetchone()
            return (0, None) if found is None else (reading.whole(found[0]), reading.real(found[1]))

    def _last(self, statement: str, matrix: str, step: int | None) -> Any:
        among = self._span(matrix)
        with self._reading() as connection:
            return connection.execute(
                f"{statement} visits.id BETWEEN ? AND ? AND visits.step <= ? {LAST}",
                (*among, END if step is None else int(step)),
            ).fetchone()

    def _span(self, matrix: str) -> tuple[int, int]:
        """The ids that visits of a matrix lie between."""
        return span(self._matrix(matrix))

    def _matrix(self, name: str) -> int:
        return self._one("matrix", name, "SELECT {} FROM matrices WHERE 1", ())

    def _named(self, kind: str, name: str) -> int:
        return self._one(kind, name, "SELECT {} FROM names WHERE kind = ?", (kind,))

    def _one(self, kind: str, name: str, statement: str, values: tuple[str, ...]) -> int:
        """The number of a name, or UsageError with names that are there."""
        with self._reading() as connection:
            asked = f"{statement.format('id')} AND name = CAST(? AS TEXT)"
            found = connection.execute(asked, (*values, text(name))).fetchone()
            if found is not None:
                return reading.whole(found[0])
            known = [reading.words(one) for (one,) in connection.execute(statement.format("name"), values)]
        near = difflib.get_close_matches(name, known, n=3)
        there = f"It has {', '.join(known[:6]) or 'none'}"
        hint = f"Did you mean {', '.join(near)}?" if near else there
        raise UsageError(f"{kind} {name!r} of run {self.name!r}", "it is not there", hint)
