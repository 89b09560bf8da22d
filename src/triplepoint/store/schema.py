"""The tables of a run store and the steps by which they came to be.

Version n is what the first n entries of `STEPS` make of an empty file, whether at once or one release after another: a
new file and a migrated one have the same schema, word for word, and a reader can hold any file to it before it trusts
a single row. A step that was released is never edited; a change is a new step.

The id of a visit is `matrix · 2³² + n`, n counting the visits of that matrix. Everything of one visit then lies in one
place of each tree (a commit writes one page a table, not one a metric), and what is of one matrix lies together: a
series of 1,000 visits among 39,000 is read in 1–5 ms where ids in the order of time took 8–14.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache

APPLICATION_ID = 0x54725074
"""`TrPt`, at byte 68 of the file."""
PAGE_SIZE = 16384
VISITS_OF_A_MATRIX = 1 << 32

_FIRST = """
CREATE TABLE run (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL  -- JSON
) WITHOUT ROWID;
CREATE TABLE matrices (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,  -- id of the row in a scan
  identity TEXT  -- JSON: the fields of its row that do not change; NULL before its first full visit
);
CREATE TABLE names (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,  -- scalar, metric
  name TEXT NOT NULL,
  UNIQUE (kind, name)
);
CREATE TABLE frames (
  id INTEGER PRIMARY KEY,  -- ascending, never used twice: readers resume from it
  step INTEGER NOT NULL,
  time REAL NOT NULL  -- seconds since the epoch
);
CREATE TABLE scalars (
  frame INTEGER NOT NULL,
  name INTEGER NOT NULL,
  step INTEGER NOT NULL,  -- the last of the block
  value REAL,  -- mean of the finite values
  low REAL,
  high REAL,
  count INTEGER NOT NULL,
  non_finite INTEGER NOT NULL,
  PRIMARY KEY (frame, name, step)
) WITHOUT ROWID;
CREATE TABLE visits (
  id INTEGER PRIMARY KEY,  -- matrix * 4294967296 + number of the visit
  frame INTEGER NOT NULL,
  step INTEGER NOT NULL,
  kind TEXT NOT NULL,  -- full, leading, unchanged
  change REAL,
  seconds REAL NOT NULL,
  status TEXT,
  phase TEXT,
  rest TEXT  -- JSON: fields of the row in which it differs from the identity of its matrix; NULL without a row
);
CREATE INDEX visits_of_frame ON visits (frame);
CREATE TABLE measurements (
  visit INTEGER NOT NULL,
  metric INTEGER NOT NULL,
  value REAL,
  reason TEXT,
  PRIMARY KEY (visit, metric)
) WITHOUT ROWID;
CREATE TABLE spectra (
  visit INTEGER PRIMARY KEY,
  eigenvalues INTEGER NOT NULL,
  unresolved INTEGER NOT NULL,  -- of them below `low`, in no bin
  low REAL,  -- log10 of the smallest resolved eigenvalue
  high REAL,  -- log10 of the largest
  counts BLOB NOT NULL,  -- of bins of equal width between them
  counts_type TEXT NOT NULL,
  tail BLOB NOT NULL,  -- the largest singular values, descending
  tail_type TEXT NOT NULL
);
CREATE TABLE full_spectra (
  visit INTEGER PRIMARY KEY,
  sigma BLOB NOT NULL,  -- all singular values, descending
  sigma_type TEXT NOT NULL
);
CREATE TABLE leading (
  visit INTEGER PRIMARY KEY,
  eigenvalues BLOB NOT NULL,  -- the largest, descending
  eigenvalues_type TEXT NOT NULL
);
CREATE TABLE alerts (
  frame INTEGER NOT NULL,
  place INTEGER NOT NULL,
  step INTEGER NOT NULL,
  rule TEXT NOT NULL,
  severity TEXT NOT NULL,
  state TEXT NOT NULL,
  matrix TEXT,
  statement TEXT NOT NULL,
  evidence TEXT NOT NULL,  -- JSON
  PRIMARY KEY (frame, place)
) WITHOUT ROWID;
CREATE TABLE events (
  frame INTEGER NOT NULL,
  place INTEGER NOT NULL,
  step INTEGER,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  data TEXT NOT NULL,  -- JSON
  PRIMARY KEY (frame, place)
) WITHOUT ROWID;
CREATE VIEW metric_values AS
  SELECT matrices.name AS matrix, visits.step AS step, names.name AS metric, value, reason, visits.kind AS visit
  FROM measurements
  JOIN visits ON visits.id = measurements.visit
  JOIN matrices ON matrices.id = visits.id / 4294967296
  JOIN names ON names.id = measurements.metric;
CREATE VIEW scalar_values AS
  SELECT names.name AS name, scalars.step AS step, frames.time AS time, value, low, high, count, non_finite
  FROM scalars JOIN frames ON frames.id = scalars.frame JOIN names ON names.id = scalars.name;
"""

STEPS: tuple[str, ...] = (_FIRST,)
"""SQL that leads from version n to n + 1."""


def version() -> int:
    """The one that this release writes."""
    return len(STEPS)


def migrate(connection: sqlite3.Connection, found: int) -> None:
    """From version `found` to that of this release, within the caller's transaction."""
    for step in STEPS[found:]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def objects(connection: sqlite3.Connection) -> Sequence[tuple[str, str, str, str | None]]:
    """(type, name, table, SQL) of everything in the schema; no view or trigger is run."""
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name, type"
    ).fetchall()


def expected(version: int) -> Sequence[tuple[str, str, str, str | None]]:
    """`objects` of a file of this version."""
    return _made(STEPS[:version])


@cache
def _made(steps: tuple[str, ...]) -> Sequence[tuple[str, str, str, str | None]]:
    connection = sqlite3.connect(":memory:")
    try:
        for step in steps:
            connection.executescript(step)
        return objects(connection)
    finally:
        connection.close()


def _statements(script: str) -> list[str]:
    """The statements of a script one by one: `executescript` would commit the caller's transaction."""
    found, rest = [], ""
    for piece in script.split(";"):
        rest += f"{piece};"
        if sqlite3.complete_statement(rest):
            found.append(rest.strip())
            rest = ""
    return found
