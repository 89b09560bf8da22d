"""Every run of a folder in a line; a file that cannot be read is a line with its reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from triplepoint.errors import TriplepointError, UsageError
from triplepoint.records import AlertState, Severity
from triplepoint.records.run_entries import RunEntry
from triplepoint.store import places
from triplepoint.store.run import Run

LEAVES = "a link that leaves the folder"


def runs(folder: str | os.PathLike[str] = places.RUNS) -> tuple[RunEntry, ...]:
    """The run of the folder itself, of each of its folders, and each `.db` file in it; the newest first."""
    root = Path(folder)
    try:
        found = [entry(path, root) for path in files(root)]
    except OSError as error:
        raise UsageError(
            f"list the runs of {root}",
            error.strerror or type(error).__name__,
            "Name a folder of runs, or begin one with triplepoint.Monitor",
        ) from None
    return tuple(sorted(found, key=lambda found: (-(found.started or 0.0), found.name)))


def files(root: Path) -> Iterator[Path]:
    """Where the runs of a folder lie, none of them opened; OSError where the folder cannot be read."""
    for found in sorted(os.scandir(root), key=lambda found: found.name):
        path = Path(found.path)
        if os.path.isdir(path):  # False, where `found.is_dir` raises: a link that leads to itself
            if os.path.lexists(path / places.FILE):
                yield path / places.FILE
        elif path.suffix.lower() == ".db":
            yield path


def inside(path: Path, root: Path) -> bool:
    """Whether a file lies in the folder, all links followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def entry(path: Path, root: Path) -> RunEntry:
    """One line of the list, whatever the file is."""
    name = places.name_of(path)
    try:
        if not inside(path, root):
            return RunEntry(name, str(path), LEAVES)
        with Run(path) as run:
            return _summary(run, name)
    except TriplepointError as error:
        return RunEntry(name, str(path), error.found)
    except OSError as error:
        return RunEntry(name, str(path), error.strerror or type(error).__name__)


def _summary(run: Run, name: str) -> RunEntry:
    started = run.about.get("started")
    counts = run.counts()
    return RunEntry(
        name=name,
        path=str(run.path),
        status=run.status,
        steps=counts["steps"],
        last_step=run.last_step,
        train_loss=run.last_value("train_loss"),
        matrices=counts["matrices"],
        visits=counts["visits"],
        alerts=_counts(alert.severity for alert in run.alerts if alert.state is AlertState.raised),
        holding=_counts(alert.severity for alert in run.raised),
        size=_size(run.path),
        started=started if isinstance(started, float) else None,
        last_time=run.last_time,
    )


def _counts(severities: Iterator[Severity]) -> dict[Severity, int]:
    found = Counter(severities)
    return {severity: found[severity] for severity in Severity}


def _size(path: Path) -> int:
    total = 0
    for ending in ("", "-wal"):
        try:
            total += os.stat(f"{os.path.realpath(path)}{ending}").st_size
        except FileNotFoundError:
            continue
    return total
