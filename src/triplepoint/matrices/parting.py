"""From a weight as one piece to its rows: entries of a stack, fused parts, positions of a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from triplepoint.matrices.layouts import Fitted
from triplepoint.matrices.names import expert_id
from triplepoint.records import MatrixPlan

MIN_SLICE_SIDE = 8
"""Smaller side below which a slice has too few eigenvalues for any statement and gets no row."""


def rows(whole: MatrixPlan, fitted: Fitted | None, taken: set[str]) -> Iterator[MatrixPlan]:
    """The whole, or what it stands for: entries of a stack, fused parts, kernel slices."""
    if whole.reason is not None or fitted is None:
        yield whole
        return
    if fitted.stack is None:
        yield from _pieces(whole, fitted, taken)
        return
    name, count = fitted.stack
    for entry in range(count):
        one = replace(whole, at=entry)
        if name == "expert":
            for piece, rows in fitted.parts or ((None, fitted.rows),):
                part = f"expert.{entry}" if piece is None else f"expert.{entry}.{piece}"
                shape = (rows * fitted.groups, fitted.columns)
                yield replace(
                    one,
                    id=_free(expert_id(whole.id, entry, piece), taken),
                    part=part,
                    piece=piece,
                    shape=shape,
                )
        elif count == 1:
            yield from _pieces(one, fitted, taken)
        else:
            part = f"{name}.{entry}"
            yield from _pieces(replace(one, id=_free(f"{whole.id}/{part}", taken), part=part), fitted, taken)


def _pieces(whole: MatrixPlan, fitted: Fitted, taken: set[str]) -> Iterator[MatrixPlan]:
    if not fitted.parts:
        yield whole
        yield from _slices(whole, fitted, taken)
        return
    yield replace(whole, counted=False, secondary=True)
    for piece, rows in fitted.parts:
        part = replace(
            whole,
            id=_free(f"{whole.id}/{piece}", taken),
            part=piece if whole.part is None else f"{whole.part}.{piece}",
            piece=piece,
            shape=(rows * fitted.groups, fitted.columns),
        )
        yield part
        yield from _slices(part, fitted, taken)


def _slices(whole: MatrixPlan, fitted: Fitted, taken: set[str]) -> Iterator[MatrixPlan]:
    if whole.slices == 1 or whole.side < MIN_SLICE_SIDE:
        return
    separator = "/"
    while any(f"{whole.id}{separator}slice.{k}" in taken for k in range(whole.slices)):
        separator += "/"  # a tensor may be called `conv.weight/slice.0`
    taken.update(f"{whole.id}{separator}slice.{k}" for k in range(whole.slices))
    for k in range(whole.slices):
        yield replace(
            whole,
            id=f"{whole.id}{separator}slice.{k}",
            part=f"slice.{k}" if whole.part is None else f"{whole.part}.slice.{k}",
            slice=k,
            slices=1,
            scale=fitted.positions / 2 if fitted.pooled else 1.0,
            counted=False,
            secondary=True,
        )


def _free(id: str, taken: set[str]) -> str:
    """The id, made longer where a tensor of that very name exists; taken from now on."""
    while id in taken:
        head, _, tail = id.rpartition("/")
        id = f"{head}//{tail}" if head else f"{id}/stacked"
    taken.add(id)
    return id
