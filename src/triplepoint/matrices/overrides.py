"""Layouts that the user names for tensors that no rule knows, or knows wrongly: `--layout GLOB=LAYOUT`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from triplepoint.errors import UsageError
from triplepoint.matrices.grammar import LayoutError, parse


@dataclass(frozen=True, slots=True)
class Overrides:
    """Patterns over ids and stored names with their layouts, the first that matches holds; `skip` leaves out."""

    entries: tuple[tuple[str, str], ...] = ()
    strict: bool = True
    """Whether every pattern has to match."""

    def layout(self, id: str, name: str) -> str | None:
        """The layout for one weight, or None."""
        for glob, layout in self.entries:
            if fnmatchcase(id, glob) or fnmatchcase(name, glob):
                return layout
        return None

    def check(self, ids: Sequence[str], names: Sequence[str]) -> None:
        """UsageError for a pattern that matches nothing: it was meant for something, and the numbers would be wrong."""
        for glob, layout in self.entries if self.strict else ():
            if not any(fnmatchcase(text, glob) for texts in (ids, names) for text in texts):
                near = difflib.get_close_matches(glob, ids, n=3, cutoff=0.3) or list(ids[:1])
                hint = f"Did you mean {', '.join(map(repr, near))}?" if near else "The checkpoint is empty."
                raise UsageError(f"layout {f'{glob}={layout}'!r}", "no tensor matches its pattern", hint)


def overrides_of(texts: Iterable[str]) -> Overrides:
    """From `GLOB=LAYOUT` texts; UsageError for one that is not understood."""
    entries = []
    for text in texts:
        glob, sign, layout = text.rpartition("=")  # a name may have the sign, a layout never
        layout = layout.strip()
        example = "Use GLOB=LAYOUT such as '*.qkv.weight=out(query,key,value),in', or GLOB=skip."
        if not sign or not glob or not layout:
            raise UsageError(f"layout {text!r}", "it has no pattern or no layout", example)
        try:
            if layout != "skip":
                for alternative in layout.split("|"):
                    parse(alternative)
        except LayoutError as error:
            raise UsageError(f"layout {text!r}", str(error), example) from None
        entries.append((glob, layout))
    return Overrides(tuple(entries))
