"""How commits are made safe: a write-ahead log where readers share memory with the writer, else a rollback journal.

The log with `synchronous = NORMAL` keeps every commit through the death of the process; the death of the machine may
cost the last ones, never a part of one. The journal needs `synchronous = FULL` for as much.
"""

from __future__ import annotations

import sqlite3

from triplepoint.records import Event
from triplepoint.store.filesystems import FileSystem
from triplepoint.store.schema import PAGE_SIZE

_LOG_PAGES = 256
"""Pages of the log (4 MiB) after which SQLite moves them into the file."""


def choose(connection: sqlite3.Connection, log: bool, on: FileSystem) -> tuple[bool, Event | None]:
    """(whether there is a log, an event where there is none); SQLite is believed in what it says that it does."""
    (found,) = connection.execute(f"PRAGMA journal_mode = {'wal' if log else 'delete'}").fetchone()
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {4 * _LOG_PAGES * PAGE_SIZE}")
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if found == 'wal' else 'FULL'}")
    if found == "wal":
        return True, None
    why = f"other machines may write to {on.type}" if on.network else f"SQLite gave {found}"
    text = f"written without a write-ahead log ({why}): commits take longer, and readers may wait for them"
    return False, Event("store", text, data={"journal": found, "file_system": on.type})


def part_without_log(connection: sqlite3.Connection) -> None:
    """Leave a run that has ended as one file, which can be copied and read anywhere; readers may be in the way."""
    connection.execute("PRAGMA busy_timeout = 100")
    # Even where a reader keeps the log in use, everything in it goes into the file.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("PRAGMA journal_mode = DELETE")
