"""Layouts that the user names for tensors that no rule knows, or knows wrongly: `--layout GLOB=LAYOUT`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from triplepoint.errors import UsageError
from triplepoint.matrices.layouts import LayoutError, parse


@dataclass(frozen=True, slots=True)
class Overrides:
    """Patterns over ids and stored names with their layouts, the first that matches holds; `skip` leaves out."""

    entries: tuple[tuple[str, str], ...] = ()

    def layout(self, id: str, name: str) -> str | None:
        """The layout for one weight, or None."""
        for glob, layout in self.entries:
            if fnmatchcase(id, glob) or fnmatchcase(name, glob):
                return layout
        return None


def overrides_of(texts: Iterable[str]) -> Overrides:
    """From `GLOB=LAYOUT` texts; UsageError for one that is not understood."""
    entries = []
    for text in texts:
        glob, sign, layout = text.partition("=")
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
