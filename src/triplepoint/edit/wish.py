"""What is asked of an edit: exactly one of keep, remove and shrink."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from triplepoint.errors import UsageError

KEEPS = ("ecs", "tail", "spikes")
REMOVES = ("spikes", "traps")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*%")
_COUNT = re.compile(r"\d{1,9}")
_NEXT = "Use --keep ecs|tail|spikes|K|P%, --remove spikes|traps or --shrink, one of them"


@dataclass(frozen=True, slots=True)
class Wish:
    """One edit, the same for every matrix."""

    action: Literal["keep", "remove", "shrink"]
    what: str
    """ecs · tail · spikes · traps · components · percent; for shrink noise."""
    amount: float = math.nan
    """Components, or per cent of them."""

    def __str__(self) -> str:
        if self.action == "shrink":
            return "shrink"
        if self.what == "components":
            return f"keep {self.amount:.0f}"
        return f"keep {self.amount:g}%" if self.what == "percent" else f"{self.action} {self.what}"


def wish(keep: Any = None, remove: Any = None, shrink: bool = False) -> Wish:
    """The edit that was asked for; a UsageError where it is none, more than one, or unknown.

    `keep`: ecs, tail, spikes, a number of components, or a share of them with a per cent sign.

    >>> str(wish(keep=12)), str(wish(keep="10%")), str(wish(remove="traps"))
    ('keep 12', 'keep 10%', 'remove traps')
    """
    if not isinstance(shrink, bool):
        raise UsageError(f"shrink {shrink!r}", "neither True nor False", "Use one of them")
    given = [keep is not None, remove is not None, shrink]
    if sum(given) != 1:
        raise UsageError("edit", "no edit is named" if not any(given) else "more than one edit", _NEXT)
    if shrink:
        return Wish("shrink", "noise")
    if remove is not None:
        if remove not in REMOVES:
            raise UsageError(f"remove {remove!r}", "unknown", f"Use one of {', '.join(REMOVES)}")
        return Wish("remove", remove)
    return _keep(keep)


def _keep(keep: Any) -> Wish:
    text = str(keep).strip().lower() if not isinstance(keep, bool) else ""
    if text in KEEPS:
        return Wish("keep", text)
    percent = _PERCENT.fullmatch(text)
    if percent and 0 < float(percent[1]) <= 100:
        return Wish("keep", "percent", float(percent[1]))
    if _COUNT.fullmatch(text) and int(text) > 0:
        return Wish("keep", "components", int(text))
    raise UsageError(
        f"keep {keep!r}",
        "not understood",
        "Use ecs, tail, spikes, a number from 1 on, or a share such as 10%",
    )
