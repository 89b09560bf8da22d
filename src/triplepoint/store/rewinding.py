"""What lies after a step, removed: training went back to a checkpoint and takes another way from there."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

_OF_VISITS = ("measurements", "spectra", "full_spectra", "leading")
_IN_FRAMES = ("scalars", "visits", "alerts", "events")


@dataclass(frozen=True, slots=True)
class Removed:
    """What a rewind took out."""

    counts: Mapping[str, int]
    """{table: rows} of scalars, visits, alerts, events and frames."""
    last_frame: int
    """The last frame there was; its id is not used again."""

    def __str__(self) -> str:
        return ", ".join(f"{count} {table}" for table, count in self.counts.items())


def remove_after(connection: sqlite3.Connection, step: int) -> Removed:
    """Within the caller's transaction. Events without a step stay; a frame that keeps some becomes one of `step`."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM frames").fetchone()
    for table in _OF_VISITS:
        connection.execute(
            f"DELETE FROM {table} WHERE visit IN (SELECT id FROM visits WHERE step > ?)", (step,)
        )
    counts = {
        table: connection.execute(f"DELETE FROM {table} WHERE step > ?", (step,)).rowcount
        for table in _IN_FRAMES
    }
    empty = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} WHERE {table}.frame = frames.id)" for table in _IN_FRAMES
    )
    counts["frames"] = connection.execute(f"DELETE FROM frames WHERE step > ? AND {empty}", (step,)).rowcount
    connection.execute("UPDATE frames SET step = ? WHERE step > ?", (step, step))
    return Removed(counts, last)
