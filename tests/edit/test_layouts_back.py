"""Claim: what a layout arranges goes back to where it was stored, and a fused part to the rows that are its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.matrices.test_layouts import fitted, layouts
from triplepoint.matrices.layouts import arrange, disarrange, piece, put_piece, row_of_whole


@given(layouts())
def test_every_layout_goes_back(case):
    text, shape = case
    array = np.arange(math.prod(shape)).reshape(shape)
    found = fitted(text, shape)
    back = disarrange(np.array(arrange(array, found.text)), found.text, shape)
    np.testing.assert_array_equal(back, array)


@given(layouts(), st.integers(1, 3), st.sampled_from(["expert", "direction"]))
def test_an_entry_of_a_stack_goes_back(case, count, name):
    text, shape = case
    found = fitted(f"{name},{text}", (count, *shape))
    array = np.arange(math.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(disarrange(np.array(arrange(array, found.text)), found.text, shape), array)


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 2),
)
def test_a_part_is_put_where_it_was_taken(sizes, groups, columns, slices):
    names = [f"p{k}" for k in range(len(sizes))]
    text = f"out({groups} x {','.join(f'{n}:{s}' for n, s in zip(names, sizes, strict=True))}),in,kernel"
    shape = (groups * sum(sizes), columns, slices)
    found = fitted(text, shape)
    values = np.array(arrange(np.arange(math.prod(shape)).reshape(shape), found.text))
    for name in names:
        changed = values.copy()
        new = -1.0 - piece(values, found, name)
        put_piece(changed, found, name, new)
        np.testing.assert_array_equal(piece(changed, found, name), new)
        own = [row_of_whole(found, name, row) for row in range(new.shape[1])]
        others = [row for row in range(shape[0]) if row not in own]
        np.testing.assert_array_equal(changed[:, others], values[:, others])


def test_a_copy_is_not_written_to_in_vain():
    found = fitted("out(2 x a:1,b:1),in", (4, 3))
    values = np.zeros((1, 3, 4)).transpose(0, 2, 1)
    with pytest.raises(ValueError, match="copy"):
        put_piece(values, found, "a", np.ones((1, 2, 3)))
    with pytest.raises(KeyError):
        put_piece(np.zeros((1, 4, 3)), found, "c", np.ones((1, 2, 3)))
