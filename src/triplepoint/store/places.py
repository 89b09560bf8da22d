"""Where a run lies: `./runs/NAME/run.db`, a folder with a `run.db`, or a file ending in `.db`."""

from __future__ import annotations

import os
from pathlib import Path

from triplepoint import asked

RUNS = "runs"
FILE = "run.db"
_ENDINGS = (".db", ".sqlite", ".sqlite3")


def place(run: str | os.PathLike[str], runs: str | os.PathLike[str] = RUNS) -> Path:
    """The file of `run`, which need not exist.

    >>> str(place("first")), str(place("out/first")), str(place("first.db"))
    ('runs/first/run.db', 'out/first/run.db', 'first.db')
    """
    text = asked.path("run", run)
    path = Path(text)
    if path.suffix.lower() in _ENDINGS and not path.is_dir():
        return path
    if isinstance(run, str) and _is_name(text):
        return Path(runs, text, FILE)
    return path / FILE


def find(run: str | os.PathLike[str], runs: str | os.PathLike[str] = RUNS) -> Path:
    """The file of a run that is there already: a name under `runs` first, then a path of any ending."""
    path = place(run, runs)
    if path.exists():
        return path
    given = Path(asked.path("run", run))
    if given.is_dir():
        return given / FILE
    return given if given.exists() else path


def name_of(path: Path) -> str:
    """What a run is called: its folder, or its file where that has a name of its own."""
    return path.absolute().parent.name if path.name == FILE else path.stem


def _is_name(text: str) -> bool:
    separators = {os.sep, os.altsep, "/"} - {None}
    return text not in ("", os.curdir, os.pardir) and not any(mark in text for mark in separators if mark)
