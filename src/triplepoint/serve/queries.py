"""What stands behind the question mark of an address, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from urllib.parse import parse_qsl

from triplepoint.serve.answers import Refused

BAD_REQUEST = 400
_MOST_FIELDS = 32
_LARGEST = 2**63 - 1
"""The largest id and step that a run can hold."""


def fields(query: bytes) -> Mapping[str, str]:
    """{name: value}, percent signs resolved.

    A lone surrogate, which a tensor name may hold, is taken in the three bytes that UTF-8 would have for it.
    """
    try:
        found = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            encoding="utf-8",
            errors="surrogatepass",
        )
    except ValueError:
        raise _bad("it is no list of at most 32 fields in UTF-8") from None
    names = [name for name, _ in found]
    if len({*names}) != len(names):
        raise _bad("a field is there twice")
    return dict(found)


def text(given: Mapping[str, str], name: str) -> str:
    """A field that has to be there."""
    if name not in given:
        raise _bad(f"the field {name!r} is missing")
    return given[name]


def word(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """A field that is one of the known words."""
    found = text(given, name)
    if found not in known:
        raise _bad(f"the field {name!r} is none of {', '.join(known)}")
    return found


def whole(given: Mapping[str, str], name: str, default: int | None = None) -> int:
    """A field that is a whole number from 0 on that SQLite can hold."""
    if name not in given and default is not None:
        return default
    found = text(given, name)
    digits = found.isascii() and found.isdecimal() and len(found) <= len(str(_LARGEST))
    if not digits or int(found) > _LARGEST:
        raise _bad(f"the field {name!r} is no whole number from 0 on")
    return int(found)


def real(given: Mapping[str, str], name: str) -> float | None:
    """A field that is a finite number; None where it is not there."""
    if not given.get(name):
        return None
    try:
        found = float(given[name])
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise _bad(f"the field {name!r} is no number")
    return found


def _bad(found: str) -> Refused:
    return Refused(BAD_REQUEST, "read the address", found, "Correct the address")
