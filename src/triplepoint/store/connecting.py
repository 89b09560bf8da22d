"""Connections to a run: one that writes, and readers that trust nothing in the file.

A run may come from anybody. SQLite itself is robust against hostile files as long as nothing in their schema is run: so
the header is looked at before SQLite sees the file, and the schema is held to ours, word for word, before any table is
asked; views, triggers, indices on expressions and foreign columns end there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from triplepoint.errors import UnreadableRun, UsageError
from triplepoint.store import schema

BUSY_SECONDS = 5.0
MAY_PASS = frozenset({
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL),
})  # fmt: skip
"""No fault of the file: a reader, a full disk (a quota is reported as an input/output error), too many open files."""
_MAGIC = b"SQLite format 3\x00"
_LARGEST = 1 << 26
"""Bytes of one text or blob; the full spectrum of a side of 65,536 takes half a megabyte."""
_COMPANIONS = ("-wal", "-shm", "-journal")
_NEXT = "Name the run.db of a run of triplepoint"


def writer(path: Path) -> sqlite3.Connection:
    """Read and write, autocommit; the schema checked and brought to this version."""
    _look(path)
    connection = _connect(path, "rw")
    try:
        with refusing(path):
            found = _version(connection, path)
            _hold(connection, path, found)
            if found < schema.version():
                with transaction(connection):
                    schema.migrate(connection, found)
    except BaseException:
        connection.close()
        raise
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """Read only. A file of an older version is read through a private copy that is brought to this one."""
    _look(path)
    with refusing(path):
        connection = _readable(path)
        try:
            found = _version(connection, path)
            _hold(connection, path, found)
            if found < schema.version():
                connection = _migrated(connection, found)
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
    return connection


def create(path: Path, about: Mapping[str, str], log: bool = True) -> None:
    """Make the file of a new run whole, so that a kill leaves it or nothing; the caller holds the lock.

    `about`: the entries of its own table, in JSON. `log`: made for the write-ahead log, which spares a change.
    """
    partial = path.with_name(f".triplepoint-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        connection = sqlite3.connect(partial, isolation_level=None)
        try:
            # What is half done is thrown away, so one `fsync` at the end is enough: a run begins in 24 ms, not in 50.
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA page_size = {schema.PAGE_SIZE}")
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            with transaction(connection):
                schema.migrate(connection, 0)
                connection.executemany("INSERT INTO run VALUES (?, ?)", about.items())
            if log:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
        finally:
            connection.close()
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        # The log of a run that was removed would be played back into this one.
        for ending in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).unlink()
        os.replace(partial, path)
    except (sqlite3.Error, OSError) as error:
        raise UsageError(
            f"write {path}", str(error), "Choose a folder with room and write permission"
        ) from None
    finally:
        for ending in ("", *_COMPANIONS):
            with contextlib.suppress(OSError):
                partial.with_name(partial.name + ending).unlink()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back already, as on a full disk
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def refusing(path: Path, verb: str = "read") -> Iterator[None]:
    """What SQLite or a check of ours finds wrong with a file, in one line."""
    asked = f"{verb} {path}"
    try:
        yield
    except sqlite3.Error as error:
        code = primary(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise UsageError(asked, "another process is writing or reading it", "Try again") from None
        if code in MAY_PASS:
            raise UsageError(
                asked, str(error).rstrip("."), "Look for room, quota and permissions of the disk"
            ) from None
        raise UnreadableRun(asked, str(error).rstrip("."), _NEXT) from None
    except (ValueError, RecursionError) as error:  # a field that does not fit, UTF-8 that is none, brackets
        raise UnreadableRun(asked, f"damaged ({str(error)[:120]})", _NEXT) from None


def _look(path: Path) -> None:
    """Refuse what is no store of ours by its first bytes, before SQLite opens it."""
    asked = f"read {path}"
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableRun(asked, "it is no ordinary file", _NEXT)
        for ending in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISREG(os.lstat(f"{os.path.realpath(path)}{ending}").st_mode):
                    raise UnreadableRun(
                        asked, f"{path.name}{ending} beside it is a link or device", "Remove it"
                    )
        with path.open("rb") as stream:
            header = stream.read(100)
    except OSError as error:
        raise UsageError(asked, error.strerror or type(error).__name__, "Check the path") from None
    if not header.startswith(_MAGIC):
        raise UnreadableRun(asked, "it is no SQLite file" if header else "it is empty", _NEXT)
    if header[68:72] != schema.APPLICATION_ID.to_bytes(4, "big"):
        raise UnreadableRun(asked, "it is the SQLite file of another program", _NEXT)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{Path(os.path.realpath(path)).as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        # As `str`, but a name may hold a lone surrogate, which is no UTF-8.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogatepass")
    except BaseException:
        connection.close()
        raise
    return connection


def _readable(path: Path) -> sqlite3.Connection:
    """A connection that has read its first page."""
    try:
        return _proved(_connect(path, "ro"))
    except sqlite3.OperationalError as error:
        found = primary(error)
        if found == sqlite3.SQLITE_READONLY:
            # Killed in the middle of a commit where there is no write-ahead log: the commit is undone first.
            return _proved(_connect(path, "rw"))
        if found == sqlite3.SQLITE_CANTOPEN and not _has_log(path):
            # The folder cannot be written, so nobody can be writing the run.
            return _proved(_connect(path, "ro&immutable=1"))
        raise


def _proved(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _has_log(path: Path) -> bool:
    try:
        return os.stat(f"{os.path.realpath(path)}-wal").st_size > 0
    except OSError:
        return False


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    newest = schema.version()
    if found > newest:
        raise UnreadableRun(
            f"read {path}",
            f"it is of version {found} and this release reads up to {newest}",
            "Run: pip install --upgrade triplepoint",
        )
    if found < 1:
        raise UnreadableRun(f"read {path}", f"it is of version {found}, which never was", _NEXT)
    return int(found)


def _hold(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Refuse a schema that differs from that of its version in a single word."""
    found, expected = schema.objects(connection), schema.expected(version)
    if found == expected:
        return
    odd = [entry for entry in (*found, *expected) if (entry in found) != (entry in expected)]
    raise UnreadableRun(
        f"read {path}", f"its {odd[0][0]} {str(odd[0][1])[:60]!r} is not that of version {version}", _NEXT
    )


def _migrated(connection: sqlite3.Connection, found: int) -> sqlite3.Connection:
    """A private copy in a temporary file of SQLite's, brought to this version; what is written later is not seen."""
    copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        copy.text_factory = connection.text_factory
        connection.backup(copy)
        with transaction(copy):
            schema.migrate(copy, found)
    except BaseException:
        copy.close()
        raise
    connection.close()
    return copy


def primary(error: BaseException) -> int | None:
    """SQLite's code without its detail; None where the error is Python's own."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
