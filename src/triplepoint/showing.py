"""Who shows a record: the package names the rooms, the records ask without knowing them.

`scan.plot` and what a notebook shows come from `figures`, far above the records. `triplepoint/__init__.py` writes the
names down, and nothing is imported before somebody looks.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

SHOWN_BY: dict[tuple[str, str], str] = {}
"""{(class of the record, what is wanted): "module:name"}; the name is called with the record."""


def show(record: Any, wanted: str) -> Any:
    """What the room that was named makes of the record; of a derived class, what its base is shown by.

    >>> SHOWN_BY["int", "words"] = "builtins:hex"
    >>> show(255, "words")
    '0xff'
    >>> del SHOWN_BY["int", "words"]
    """
    home = next(
        SHOWN_BY[kind.__name__, wanted]
        for kind in type(record).__mro__
        if (kind.__name__, wanted) in SHOWN_BY
    )
    module, name = home.split(":")
    return getattr(import_module(module), name)(record)
