"""The spectra of a scan and of its shuffles: all of them, or in a file of limited size those that fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triplepoint.page.costs import cost
from triplepoint.page.spectra import cut, sketch, spectra
from triplepoint.records import Scan
from triplepoint.records.sketches import SpectrumSketch
from triplepoint.report import order
from triplepoint.store.sketching import TAIL_LEAST

Document = dict[str, Any]
Sketches = Mapping[int, SpectrumSketch]


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """{layer: spectra} of the matrices and of their shuffles, and what is not among them."""

    own: Document
    shuffled: Document
    missing: tuple[str, ...] = ()


def scan_spectra(scan: Scan, room: float | None) -> Spectra:
    """All of them, or what `room` bytes hold.

    Left out in this order: eigenvalues one by one beyond 64, kernel slices and fused weights, shuffles, and then the
    matrices that come last in a table, which are the least worrying.
    """
    steps = _narrower(scan)
    found = next(steps)
    while room is not None and cost([found.own, found.shuffled]) > room:
        narrower = next(steps, None)
        if narrower is None:
            return Spectra({}, {}, ("There is no room for spectra; save the scan as JSON to have them.",))
        found = narrower
    return found


def _narrower(scan: Scan) -> Iterator[Spectra]:
    """Ever less."""
    own, shuffled = (_sketches(scan, name) for name in ("singular_values", "shuffled_singular_values"))
    yield Spectra(_drawn(own), _drawn(shuffled), _none(scan, own, shuffled))
    told = [f"Of a spectrum at most {TAIL_LEAST} eigenvalues are kept one by one, to four digits."]
    yield Spectra(_drawn(own, coarse=True), _drawn(shuffled, coarse=True), tuple(told))
    whole = {id(row) for row in order.matrices(scan)}
    own, shuffled = (
        {index: one for index, one in found.items() if id(scan.matrices[index]) in whole}
        for found in (own, shuffled)
    )
    told.append("Spectra of kernel slices and fused weights are left out for their size.")
    yield Spectra(_drawn(own, coarse=True), _drawn(shuffled, coarse=True), tuple(told))
    told.append("Shuffled spectra are left out for their size.")
    yield Spectra(_drawn(own, coarse=True), {}, tuple(told))
    places = {id(row): index for index, row in enumerate(scan.matrices)}
    ranked = [index for row in order.matrices(scan) if (index := places[id(row)]) in own]
    count = len(ranked) // 2
    while count:
        sentence = f"Spectra are kept of {count:,} of {len(ranked):,} matrices, the first of the table."
        first = {index: own[index] for index in sorted(ranked[:count])}
        yield Spectra(_drawn(first, coarse=True), {}, (*told, sentence))
        count //= 2


def _sketches(scan: Scan, name: str) -> Sketches:
    found = {
        index: sketch(row, sigma)
        for index, row in enumerate(scan.matrices)
        if row.status == "ok" and (sigma := getattr(row, name)) is not None
    }
    return {index: one for index, one in found.items() if one is not None}


def _drawn(found: Sketches, *, coarse: bool = False) -> Document:
    return {str(index): spectra([cut(one) if coarse else one], coarse=coarse) for index, one in found.items()}


def _none(scan: Scan, own: Sketches, shuffled: Sketches) -> tuple[str, ...]:
    if not any(row.status == "ok" for row in scan.matrices):
        return ()
    if not own:
        return (
            "The scan kept no spectra; scan again with --spectra, or make the report from the checkpoint.",
        )
    if not shuffled:
        return ("The scan kept no shuffled spectra; they come with --spectra --randomize.",)
    return ()
