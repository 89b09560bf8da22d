"""The exception tree: every error says what was asked, what was found and what to do next.

```
TriplepointError
├── UsageError               the call is wrong: an unknown metric, a pattern that matches nothing
├── UnreadableCheckpoint     the file cannot be understood: truncated, lying header, unknown format
├── UnsafeCheckpoint         reading it would run code or leave its folder
├── UnreadableRun            no run store of this version: damaged, foreign, or of a later one
└── MissingDependency        an optional extra is needed
```
A single bad tensor never raises: it becomes a row with a `Reason` (see `records.reasons`).
"""

from __future__ import annotations


class TriplepointError(Exception):
    """Base of all errors; `asked`, `found` and `next` are one sentence each, shown on one line."""

    def __init__(self, asked: str, found: str, next: str) -> None:
        super().__init__(f"{asked}: {found}. {next}")
        self.asked = asked
        self.found = found
        self.next = next


class UsageError(TriplepointError):
    """The request itself is wrong; nothing was read."""


class UnreadableCheckpoint(TriplepointError):
    """The bytes do not form a checkpoint this version can read."""


class UnsafeCheckpoint(TriplepointError):
    """Reading would execute code from the file or touch something outside its folder."""


class UnreadableRun(TriplepointError):
    """The file is no run store that this version can read."""


class MissingDependency(TriplepointError):
    """An optional extra is needed; `next` names the install command."""
