"""Values as a user gave them, checked one by one: each refusal says what was asked, what was found, what to do."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from triplepoint.errors import UsageError

Word = TypeVar("Word", bound=str)

# More digits than any count needs; `int` refuses to read thousands of them.
MOST_DIGITS = 9


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number from `least` to `most`, of Python or NumPy.

    >>> whole("workers", 2, 1)
    2
    """
    try:
        found = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        found = None
    if found is None or found < least or (most is not None and found > most):
        reach = f"from {least} on" if most is None else f"from {least} to {most}"
        raise UsageError(f"{name} {value!r}", f"not a whole number {reach}", f"Use one, such as {least}")
    return found


def real(name: str, value: Any, least: float, most: float, example: str) -> float:
    """A number from `least` to `most`, of Python or NumPy."""
    try:
        found = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not least <= found <= most:
        raise UsageError(f"{name} {value!r}", f"not a number from {least:g} to {most:g}", f"Use {example}")
    return found


def flag(name: str, value: Any) -> bool:
    """True or False and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise UsageError(f"{name} {value!r}", "neither True nor False", "Use one of them")
    return value


def word(name: str, value: Any, known: Sequence[Word]) -> Word:
    """One of the known words."""
    for one in known:
        if isinstance(value, str) and one == value:
            return one
    raise UsageError(f"{name} {_short(value)}", "unknown", f"Use one of {', '.join(known)}")


def kind_and_count(name: str, value: Any, usage: str) -> tuple[str, int | None]:
    """`KIND` or `KIND:B`, B without its bounds checked.

    >>> kind_and_count("null", "signflip:199", "KIND or KIND:B")
    ('signflip', 199)
    """
    kind, colon, count = value.partition(":") if isinstance(value, str) else ("", "", "")
    number = count.isascii() and count.isdecimal() and len(count) <= MOST_DIGITS
    if not kind or (colon and not number):
        raise UsageError(f"{name} {_short(value)}", "not understood", f"Use {usage}")
    return kind, int(count) if colon else None


def names(name: str, value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """One or more words, or None where none were given."""
    if value is None:
        return None
    try:
        found = (value,) if isinstance(value, str) else tuple(value)
    except TypeError:
        found = ()
    if not found or not all(isinstance(one, str) for one in found):
        raise UsageError(f"{name} {_short(value)}", "no text and no list of texts", "Leave it out for all")
    return found


def path(name: str, value: Any) -> str:
    """A path as text."""
    try:
        found = os.fspath(value)
    except TypeError:
        found = None
    if not isinstance(found, str):
        raise UsageError(f"{name} {_short(value)}", "no path", "Name a file")
    return found


def layouts(value: Mapping[str, str] | None) -> tuple[str, ...]:
    """`GLOB=LAYOUT` of every entry.

    >>> layouts({"*.qkv": "out,in"})
    ('*.qkv=out,in',)
    """
    if value is not None and not isinstance(value, Mapping):
        raise UsageError(f"layouts {_short(value)}", "no dict", 'Use one such as {"*.qkv": "out,in"}')
    return tuple(f"{glob}={layout}" for glob, layout in (value or {}).items())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
