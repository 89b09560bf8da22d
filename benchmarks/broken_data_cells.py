"""One cell of the experiment: a retrain in one world, with one fault or none, and everything that is known of it.

Three worlds. In `same data` every retrain sees the same eight weeks and differs in its seed. In `new window` it sees
other eight weeks of the year as well. In both the scaler was fitted once, on the clean year, and is frozen; in
`refitted scaler` the window is new and the scaler is fitted on it, after the fault. Every ninth day belongs to the
hold-out and is in no training set.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks import broken_data_evidence as evidence
from benchmarks.broken_data_faults import CLEAN, FAULTS, Fault
from benchmarks.broken_data_flights import Rows, flights, install
from benchmarks.broken_data_training import EPOCHS, Scaler, fit_scaler, retrain

SAME, WINDOW, REFITTED = WORLDS = ("same data", "new window", "refitted scaler")
SEED = 20_261_201
WEEKS, STARTS, FIXED = 8, 45, 20
"""Weeks of a window, first weeks to choose from, and the one of `same data` (late May)."""
STRIDE = 28
"""Coprime with `STARTS`: retrain i begins in week 28·i mod 45, so that any run of retrains is spread over the year."""
HELD_OUT = 9
SCORED = 10_000
BY_NAME = {fault.name: fault for fault in FAULTS}


@dataclass(frozen=True, slots=True)
class Cell:
    """What identifies a retrain; its seed follows."""

    world: str
    fault: str
    index: int

    @property
    def seed(self) -> int:
        """A generator of its own for every cell."""
        return zlib.crc32(f"{SEED} {self.world} {self.fault} {self.index}".encode())

    @property
    def week(self) -> int:
        """The first of its window, counted from the turn of the year."""
        return FIXED if self.world == SAME else STRIDE * self.index % STARTS


@cache
def table() -> Rows:
    """All flights of the year."""
    return flights(install())


@cache
def year_scaler() -> Scaler:
    """Of the clean training days of the year."""
    return fit_scaler(table().take(~held_out(table())))


def held_out(rows: Rows) -> Any:
    """(n,) mask of the days that are only scored."""
    return rows.day % HELD_OUT == HELD_OUT // 2


@cache
def scored(fault: str) -> Rows:
    """The same 10,000 flights of held-out days, clean or as a fault serves them."""
    rows = table()
    if fault != CLEAN and BY_NAME[fault].serves:
        rows = BY_NAME[fault].apply(rows, np.random.default_rng(SEED))
    random = np.random.default_rng(SEED)
    return rows.take(np.sort(random.choice(np.flatnonzero(held_out(rows)), SCORED, replace=False)))


def training_rows(cell: Cell) -> Rows:
    """The window, broken, then without the held-out days."""
    first = 7 * cell.week
    rows = table()
    rows = rows.take((rows.day >= first) & (rows.day < first + 7 * WEEKS))
    if cell.fault != CLEAN:
        rows = BY_NAME[cell.fault].apply(rows, np.random.default_rng(cell.seed))
    return rows.take(~held_out(rows))


def run(cell: Cell, epochs: int = EPOCHS) -> dict[str, Any]:
    """Train and measure; about three seconds."""
    began = time.perf_counter()
    rows = training_rows(cell)
    scaler = fit_scaler(rows) if cell.world == REFITTED else year_scaler()
    found = retrain(rows, scaler, cell.seed, epochs)
    values = {
        **evidence.of_weights(found, rows.sizes),
        "log/train_loss": found.train_loss,
        **evidence.of_data(found, "clean hold-out", scored(CLEAN)),
        **evidence.of_data(found, "own hold-out", scored(cell.fault)),
    }
    serves = cell.fault == CLEAN and cell.world != REFITTED and cell.index < STARTS
    return {
        "world": cell.world,
        "fault": cell.fault,
        "index": cell.index,
        "week": cell.week,
        "rows": len(rows),
        "values": values,
        "served": _served_wrongly(found) if serves else {},
        "seconds": time.perf_counter() - began,
    }


def _served_wrongly(found: Any) -> dict[str, dict[str, float]]:
    """Loss and AUC of a clean network behind a pipeline that breaks at inference. True labels: they are not served."""
    wrong = [fault for fault in FAULTS if fault.serves and not _labels_only(fault)]
    return {fault.name: evidence.of_data(found, "served", scored(fault.name)) for fault in wrong}


def _labels_only(fault: Fault) -> bool:
    return fault.kind == "shifted labels"
