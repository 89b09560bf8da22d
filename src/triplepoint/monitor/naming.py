"""Where a new run will lie: as the store says, under a name that a folder can have, or one of the time."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any

from triplepoint.errors import UsageError
from triplepoint.store.places import FILE, RUNS, place

_NAME = re.compile(r"[A-Za-z0-9][\w.,+=@ -]{0,120}")


def path_of(run: Any) -> Path:
    """`./runs/NAME/run.db`, `FOLDER/run.db` or the `.db` file itself; for None a new name: date, time, four digits.

    >>> str(path_of("first try")), str(path_of("/data/a.db"))
    ('runs/first try/run.db', '/data/a.db')
    """
    if run is None:
        return Path(RUNS, f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}", FILE)
    path = place(run)
    is_name = path.parent.name == run and path.parent.parent == Path(RUNS)
    if is_name and not _NAME.fullmatch(str(run)):
        raise UsageError(
            f"run {str(run)!r}"[:120],
            "it is no name of a run",
            "Use letters, digits and . , _ + = @ -, or a path with a separator",
        )
    return path
