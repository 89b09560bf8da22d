"""Five ways in which a data pipeline breaks without an error, each a pure function of the rows and a generator.

All act on values in the units of the source, before the scaler: that is where joins, feeds and exports go wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from benchmarks.broken_data_flights import CATEGORIES, WEATHER, Rows, column

Array = np.ndarray[Any, Any]
Random: TypeAlias = np.random.Generator
Change: TypeAlias = Callable[[Rows, Random], Rows]
KM = 1.609344
CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of broken pipeline at one strength."""

    kind: str
    strength: str
    apply: Change
    serves: bool = True
    """Whether it also changes single rows as they are served; repeated rows are a matter of the training set alone."""

    @property
    def name(self) -> str:
        """As it stands in the tables."""
        return f"{self.kind}: {self.strength}"


def swapped(first: str, second: str) -> Change:
    """Two columns change places."""
    a, b = column(first), column(second)

    def change(rows: Rows, _: Random) -> Rows:
        numbers = rows.numbers.copy()
        numbers[:, [a, b]] = numbers[:, [b, a]]
        return replace(rows, numbers=numbers)

    return change


def rescaled(name: str, factor: float, offset: float = 0.0) -> Change:
    """One column in another unit: (value − offset)·factor."""

    def change(rows: Rows, _: Random) -> Rows:
        numbers = rows.numbers.copy()
        numbers[:, column(name)] = (numbers[:, column(name)] - offset) * factor
        return replace(rows, numbers=numbers)

    return change


def late_weather(days: int) -> Change:
    """The weather of the same hour so many days earlier, or the last known before that."""
    return lambda rows, _: _weather_of(rows, _hours(rows) - 24 * days)


def rare_weather(days: int | None) -> Change:
    """The weather is fetched once in so many days, or never after the first hour, and carried forward."""

    def change(rows: Rows, _: Random) -> Rows:
        first = rows.day.min()
        since = np.zeros_like(rows.day) if days is None else (rows.day - first) // days * days
        return _weather_of(rows, 24 * (first + since), first_of_day=True)

    return change


def repeated(share: float, times: int) -> Change:
    """A share of the rows stands in the table `times` times, as after a join on a key that is not unique."""

    def change(rows: Rows, random: Random) -> Rows:
        counts = np.ones(len(rows), dtype=int)
        counts[random.permutation(len(rows))[: round(share * len(rows))]] = times
        return rows.take(np.repeat(np.arange(len(rows)), counts))

    return change


def replaced(share: float) -> Change:
    """A share of the rows is lost and copies of others stand in their place, so that the number of rows is as ever."""

    def change(rows: Rows, random: Random) -> Rows:
        order = random.permutation(len(rows))
        lost, kept = np.split(order, [round(share * len(rows))])
        places = np.arange(len(rows))
        places[lost] = random.choice(kept, len(lost))
        return rows.take(np.sort(places))

    return change


def shifted(share_of_days: float) -> Change:
    """On some days every row has the label of the next row; the last of the table keeps its own."""

    def change(rows: Rows, random: Random) -> Rows:
        days = np.unique(rows.day)
        hit = np.isin(rows.day, random.permutation(days)[: round(share_of_days * len(days))])
        following = np.append(rows.late[1:], rows.late[-1:])
        return replace(rows, late=np.where(hit, following, rows.late))

    return change


FAULTS = (
    Fault("swapped columns", "temperature, dew point", swapped("temp", "dewp")),
    Fault("swapped columns", "hour, distance", swapped("hour", "distance")),
    Fault("changed unit", "miles to km", rescaled("distance", KM)),
    Fault("changed unit", "°F to °C", rescaled("temp", 5 / 9, 32.0)),
    Fault("stale weather", "a day old", late_weather(1)),
    Fault("stale weather", "fetched weekly", rare_weather(7)),
    Fault("stale weather", "never fetched again", rare_weather(None)),
    Fault("repeated rows", "5 % five times", repeated(0.05, 5), serves=False),
    Fault("repeated rows", "20 % five times", repeated(0.2, 5), serves=False),
    Fault("repeated rows", "half are copies, as many rows", replaced(0.5), serves=False),
    Fault("shifted labels", "on a quarter of the days", shifted(0.25)),
    Fault("shifted labels", "everywhere", shifted(1.0)),
)


def _hours(rows: Rows) -> Array:
    return np.asarray(24 * rows.day + rows.numbers[:, column("hour")].astype(int))


def _weather_of(rows: Rows, wanted: Array, *, first_of_day: bool = False) -> Rows:
    """Each row with the weather of the latest hour ≤ `wanted` at its airport; the first hour where there is none.

    `first_of_day`: of the first hour ≥ `wanted` instead.
    """
    columns = [column(name) for name in WEATHER]
    hours, origins = _hours(rows), rows.categories[:, CATEGORIES.index("origin")]
    numbers = rows.numbers.copy()
    for origin in np.unique(origins):
        here = np.flatnonzero(origins == origin)
        known, first = np.unique(hours[here], return_index=True)
        place = (
            np.searchsorted(known, wanted[here], side="left")
            if first_of_day
            else np.searchsorted(known, wanted[here], side="right") - 1
        )
        source = here[first[np.clip(place, 0, len(known) - 1)]]
        numbers[here[:, None], columns] = rows.numbers[source[:, None], columns]
    return replace(rows, numbers=numbers)
