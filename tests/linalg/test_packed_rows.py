"""Claim: a matrix that is decoded a few rows at a time has the spectrum of the whole one and never exists whole."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds import gaussian
from triplepoint import matrices
from triplepoint.linalg import choose_backend, decompose
from triplepoint.linalg.decompose import Decomposition, Mode
from triplepoint.records import MatrixPlan, PackedRows

VALUES = gaussian((40_000, 96)).astype(np.float32)


def packed(asked: list[int] | None = None) -> PackedRows:
    def rows(begin: int, stop: int) -> np.ndarray:
        if asked is not None:
            asked.append(stop - begin)
        return VALUES[begin:stop].copy()

    return PackedRows(VALUES.shape, rows)


@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
def test_every_mode_gives_the_numbers_of_the_array(mode: Mode) -> None:
    backend = choose_backend(None)
    found, whole = decompose(packed(), mode, backend), decompose(VALUES[None], mode, backend)
    assert isinstance(found, Decomposition)
    assert isinstance(whole, Decomposition)
    np.testing.assert_array_equal(found.singular_values, whole.singular_values)
    assert (found.entries, found.shape, found.method) == (whole.entries, whole.shape, whole.method)


def test_no_more_rows_are_asked_for_than_fit_a_panel() -> None:
    asked: list[int] = []
    decompose(packed(asked), "precise", choose_backend(None))
    assert sum(asked) == len(VALUES)
    assert max(asked) * VALUES.shape[1] * 8 <= 8 << 20


def test_a_layout_that_needs_the_axes_gets_the_array() -> None:
    def plan(layout: str, piece: str | None = None) -> MatrixPlan:
        return MatrixPlan(
            "w",
            "w",
            ("w",),
            VALUES.shape,
            "Q8_0",
            kind="dense",
            shape=VALUES.shape,
            layout=layout,
            piece=piece,
        )

    assert isinstance(matrices.form(plan("out,in"), packed()).values, PackedRows)
    np.testing.assert_array_equal(matrices.form(plan("in,out"), packed()).values, VALUES.T[None])
    part = matrices.form(plan("out(1 x a:30000,b:10000),in", "b"), packed()).values
    np.testing.assert_array_equal(part, VALUES[None, 30_000:])
