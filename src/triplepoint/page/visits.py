"""The visits of a run as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from triplepoint.page.codes import KINDS, PHASES, UNSEEN
from triplepoint.page.columns import column
from triplepoint.page.thinning import kept_visits
from triplepoint.store.tables import VisitTable

Array = np.ndarray[Any, Any]
Document = dict[str, Any]
FULL = 0


def places(table: VisitTable, ids: Sequence[str]) -> list[Array]:
    """For each id the places of its visits in `table`, steps ascending; none for one that it does not have."""
    spans = {id: np.arange(table.offsets[k], table.offsets[k + 1]) for k, id in enumerate(table.matrices)}
    return [spans.get(id, np.empty(0, dtype=np.int64)) for id in ids]


def offsets(parts: Sequence[Array]) -> Array:
    """(L + 1,) where the visits of each layer begin."""
    return np.cumsum([0, *(part.size for part in parts)])


def visits(table: VisitTable, parts: Sequence[Array], *, coarse: bool = False) -> Document:
    """Steps, kinds, phases and confidences of the visits in `parts`, one array of places a layer; `coarse`: confidences
    to a 256th."""
    kinds = np.array([KINDS.get(kind, KINDS["unchanged"]) for kind in table.kinds], dtype=np.int64)
    last = _last_full(kinds, table.offsets)
    phases = np.array([PHASES.get(phase, 0) for phase in table.phases], dtype=np.int64)
    phases = np.where(last >= 0, phases[last], UNSEEN)
    confidence = np.where(last >= 0, table.confidence[last], np.nan)
    if coarse:
        confidence = np.round(256 * confidence) / 256
    chosen = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    return {
        "offsets": column(offsets(parts), "i4"),
        "steps": column(table.steps[chosen], "f8"),
        "kinds": column(kinds[chosen], "u1"),
        "phases": column(phases[chosen], "u1"),
        "confidence": column(confidence[chosen], "f4"),
    }


def _last_full(kinds: Array, offsets: Array) -> Array:
    """(V,) the place of the last full visit of the same matrix at or before each; −1 before the first."""
    places = np.where(kinds == FULL, np.arange(kinds.size), -1)
    found = np.maximum.accumulate(places) if places.size else places
    first = np.repeat(offsets[:-1], np.diff(offsets))
    return np.where(found >= first, found, -1)


def kept(table: VisitTable, parts: Sequence[Array], most: int) -> tuple[Sequence[Array], tuple[str, ...]]:
    """At most so many visits, the same share of every layer, and the sentence for it. The same table gives the same."""
    total = sum(part.size for part in parts)
    if total <= most:
        return parts, ()
    found = [kept_visits(table, part, max(2, part.size * most // total)) for part in parts]
    return found, (f"{sum(part.size for part in found):,} of {total:,} visits are shown.",)
