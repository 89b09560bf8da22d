"""What of a run goes into a file of limited size: which visits, metrics and spectra.

Series come first, because a scrub reads them at every step: with all their digits where everything fits, else to four
digits, else at fewer visits of each layer. A third of the room is kept for spectra at key frames: the last, the first,
and between them evenly in the logarithm of the step. Every layer is treated alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.page.costs import cost
from triplepoint.page.series import COARSE, EXACT, FIRST, SECOND, by_importance, fitting
from triplepoint.page.spectra import cut, spectra
from triplepoint.page.thinning import chosen, kept_visits
from triplepoint.page.visits import visits
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.store import Run, tables
from triplepoint.store.sketching import TAIL_LEAST
from triplepoint.store.tables import VisitTable

Array = np.ndarray[Any, Any]
Document = dict[str, Any]

OF_SERIES = 0.67
"""Share of the room that series may take."""
OF_A_VISIT = 3.0
"""Bytes of its step, kind, phase and confidence."""
FEWEST = 16
"""Visits of a layer below which nothing is gained by leaving out more."""
ALL = "The live page has all of it: triplepoint serve."


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """The large parts of a document."""

    visits: Document
    series: Document
    spectra: Document
    missing: tuple[str, ...] = ()


def fitted(run: Run, table: VisitTable, parts: Sequence[Array], room: int) -> Content:
    """As much as `room` bytes hold; `parts`: the places of the visits of each layer in `table`."""
    names = by_importance(run.metric_names)
    kept, coarse = _resolution(table, parts, len(names), room)
    told = visits(table, kept, coarse=coarse)
    places = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
    whole = places.size == sum(part.size for part in parts)
    values = tables.metrics(run, names, table, None if whole else places)
    left = room - cost(told)
    found, left_out = fitting({name: values[name][places] for name in names}, OF_SERIES * left, coarse)
    drawn, sentence = _spectra(run, table, parts, left - cost(found))
    missing = [*_thinned(parts, kept), *_digits(coarse), *_left_out(left_out, len(names)), *sentence]
    return Content(told, found, drawn, (*missing, ALL) if missing else ())


def _resolution(
    table: VisitTable, parts: Sequence[Array], names: int, room: int
) -> tuple[Sequence[Array], bool]:
    """The visits that are kept of each layer, and whether numbers are rounded."""
    total = sum(part.size for part in parts)
    share = OF_SERIES * room
    for digits, coarse in ((EXACT, False), (COARSE, True)):
        if total * (names * digits + OF_A_VISIT) <= share:
            return parts, coarse
    each = min(names, len(FIRST) + len(SECOND)) * COARSE + OF_A_VISIT
    most = _even(sorted(part.size for part in parts), share / each)
    return [kept_visits(table, part, most) for part in parts], True


def _even(sizes: Sequence[int], total: float) -> int:
    """The most visits a layer may keep so that all of them are `total`."""
    for place, size in enumerate(sizes):
        if size * (len(sizes) - place) > total:
            return max(FEWEST, int(total / (len(sizes) - place)))
        total -= size
    return max(FEWEST, *sizes) if sizes else FEWEST


def _spectra(
    run: Run, table: VisitTable, parts: Sequence[Array], room: float
) -> tuple[Document, Sequence[str]]:
    """{layer: spectra} at as many key frames as fit, the same number of every layer."""
    there = tables.sketched(run, table)
    keys = [part[there[part]] for part in parts]
    longest = max((part.size for part in keys), default=0)
    if not longest:
        return {}, []
    known: dict[int, SpectrumSketch] = {}

    def at(count: int, coarse: bool) -> Document:
        picked = [part[chosen(table.steps[part], count, linear=False)] for part in keys]
        wanted = np.concatenate(picked)
        known.update(tables.sketches(run, table, wanted[[place not in known for place in wanted.tolist()]]))
        sketches = ([known[place] for place in part.tolist()] for part in picked)
        return {
            str(layer): spectra([cut(one) for one in of] if coarse else of, coarse=coarse)
            for layer, of in enumerate(sketches)
            if of
        }

    if cost(at(1, coarse=False)) * longest < room and cost(whole := at(longest, coarse=False)) <= room:
        return whole, []
    count, found = 1, at(1, coarse=True)
    taken = cost(found)
    if taken > room:
        return {}, [f"There is no room for spectra ({taken / 1e6:.1f} MB for the last of each layer)."]
    most = longest
    while count < most:
        # By proportion, and fewer when the last guess was too many.
        guess = min(most, int(count * room / taken * 0.97))
        if guess <= count:
            break
        larger = at(guess, coarse=True)
        if cost(larger) > room:
            most = guess - 1
        else:
            count, found, taken = guess, larger, cost(larger)
    sentences = [f"Of a spectrum at most {TAIL_LEAST} eigenvalues are kept one by one, to four digits."]
    if count < longest:
        sentences.append(f"Spectra are kept at {count} of up to {longest:,} visits of a layer.")
    return found, sentences


def _thinned(parts: Sequence[Array], kept: Sequence[Array]) -> Iterator[str]:
    before, after = (max((part.size for part in found), default=0) for found in (parts, kept))
    if after < before:
        yield f"Of each layer up to {after:,} of {before:,} visits are in this file, denser at the beginning."


def _digits(coarse: bool) -> Iterator[str]:
    if coarse:
        yield "Metrics are rounded to four digits."


def _left_out(names: Sequence[str], total: int) -> Iterator[str]:
    if names:
        yield f"{len(names)} of {total} metrics are left out for their size ({', '.join(names)})."
