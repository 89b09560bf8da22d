"""Integers with scales and zeros come out as the encoders, which pack bit by bit from the layouts, put them in."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.matrices import quantising
from triplepoint.errors import UnreadableCheckpoint
from triplepoint.matrices import decoding
from triplepoint.matrices.decoding.bits import panels, unpack
from triplepoint.records import Decoding

WEIGHT = quantising.weight(32, 64)


def decode(scheme, arrays, shape, **options):
    found = decoding.decode(Decoding(scheme, tuple(options.items())), arrays, shape)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    return found


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 8])
def test_codes_come_back_from_a_stream_of_bits(bits):
    rng = np.random.default_rng(bits)
    codes = rng.integers(0, 2**bits, (5, 64))
    packed = quantising.pack(codes, bits, axis=1).view(np.uint32)
    assert np.array_equal(unpack(packed, bits), codes)
    assert np.array_equal(unpack(np.asfortranarray(packed)[::-1], bits), codes[::-1])


def test_panels_cover_every_row_once():
    for rows, columns in [(1, 1), (7, 2**19), (5, 2**21), (0, 3), (4, 0)]:
        assert [k for part in panels(rows, columns) for k in range(rows)[part]] == list(range(rows))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("add", [0, 1])
def test_gptq_of_every_width_and_both_formats(bits, add):
    stored, exact = quantising.gptq(WEIGHT, bits, 32, add=add)
    found = decode("gptq", list(stored.values())[:3], WEIGHT.shape, bits=bits, group=32, add=add)
    assert np.array_equal(found, exact)


def test_gptq_with_groups_in_any_order_and_more_than_one_panel(monkeypatch):
    monkeypatch.setattr("triplepoint.matrices.decoding.bits.PANEL", 200)
    order = [k // 16 for k in range(64)]
    random.Random(0).shuffle(order)
    stored, exact = quantising.gptq(WEIGHT, 4, 16, order)
    found = decode("gptq", list(stored.values()), WEIGHT.shape, bits=4, group=16, add=1, order=True)
    assert np.array_equal(found, exact)


def test_a_zero_of_gptq_that_is_all_ones_is_zero():
    stored, _ = quantising.gptq(WEIGHT, 4, 64)
    stored["qzeros"] = np.full_like(stored["qzeros"], -1)
    found = decode("gptq", list(stored.values()), WEIGHT.shape, bits=4, group=64, add=1)
    assert found.min() == 0  # nothing is subtracted from any code


def test_the_last_group_of_gptq_may_be_short():
    stored, exact = quantising.gptq(WEIGHT, 4, 48)
    found = decode("gptq", list(stored.values()), WEIGHT.shape, bits=4, group=48, add=1)
    assert np.array_equal(found, exact)


def test_awq_in_its_order_of_nibbles(monkeypatch):
    stored, exact = quantising.awq(WEIGHT, 32)
    assert np.array_equal(decode("awq", list(stored.values()), WEIGHT.shape, group=32), exact)
    monkeypatch.setattr("triplepoint.matrices.decoding.bits.PANEL", 600)
    assert np.array_equal(decode("awq", list(stored.values()), WEIGHT.shape, group=32), exact)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_packed_integers_whose_rows_and_columns_do_not_fill_words(bits, symmetric):
    values = quantising.weight(13, 50)
    stored, exact = quantising.packed(values, bits, 25, symmetric=symmetric)
    arrays = [stored["weight_packed"], stored["weight_scale"]]
    if not symmetric:
        arrays.append(stored["weight_zero_point"])
    found = decode("packed", arrays, values.shape, bits=bits, group=25, zero=not symmetric)
    assert np.array_equal(found, exact)


def test_packed_integers_with_one_scale_and_with_groups_in_order():
    values = quantising.weight(8, 32)
    stored, _ = quantising.packed(values, 4, 8, symmetric=True)
    codes = unpack(stored["weight_packed"].view(np.uint32), 4).astype(np.float32) - 8
    one = decode("packed", [stored["weight_packed"], np.float16([0.5])], (8, 32), bits=4, group=32)
    assert np.array_equal(one, codes * 0.5)
    order = np.array([0, 1, 2, 3] * 8, np.int32)
    arrays = [stored["weight_packed"], stored["weight_scale"], order]
    mixed = decode("packed", arrays, (8, 32), bits=4, group=8, order=True)
    assert np.array_equal(mixed, codes * stored["weight_scale"].astype(np.float32)[:, order])
    unused = decode("packed", [*arrays[:2], order * 0 - 1], (8, 32), bits=4, group=8, order=True)
    assert np.array_equal(unused, decode("packed", arrays[:2], (8, 32), bits=4, group=8))


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
def test_mlx_of_every_width(bits):
    stored, exact = quantising.mlx(WEIGHT, bits, 32)
    found = decode("mlx", list(stored.values()), WEIGHT.shape, bits=bits, group=32)
    # scale · code + bias rounds where scale · (code − zero) does not.
    assert np.allclose(found, exact, rtol=0, atol=2.0**-22 * np.abs(exact).max() * 2**bits)
    stack = [np.stack([array, array]) for array in stored.values()]
    both = decode("mlx", stack, (2, *WEIGHT.shape), bits=bits, group=32)
    assert np.array_equal(both, np.stack([found, found]))


def test_a_group_number_outside_the_groups_is_damage():
    stored, _ = quantising.gptq(WEIGHT, 4, 32)
    for bad in (2, -1, 2**31 - 1):
        stored["g_idx"][5] = bad
        with pytest.raises(UnreadableCheckpoint, match="group number"):
            decode("gptq", list(stored.values()), WEIGHT.shape, bits=4, group=32, add=1, order=True)


def test_arrays_that_make_up_no_weight_are_damage_in_one_line():
    stored, _ = quantising.gptq(WEIGHT, 4, 32)
    good = list(stored.values())[:3]
    for k in range(3):
        for bad in (good[k][:-1], good[k][:, :-1], good[k].reshape(-1), good[k].astype(np.float64)):
            if k == 2 and bad.dtype == np.float64:
                continue  # scales may have any float type
            with pytest.raises(UnreadableCheckpoint) as caught:
                decode("gptq", [*good[:k], bad, *good[k + 1 :]], WEIGHT.shape, bits=4, group=32, add=1)
            assert "\n" not in str(caught.value)
    with pytest.raises(UnreadableCheckpoint, match="24 outputs"):
        decode("gptq", [good[0], good[1][:, :-1], good[2][:, :-8]], WEIGHT.shape, bits=4, group=32, add=1)
    with pytest.raises(UnreadableCheckpoint, match="whole codes"):
        unpack(np.zeros((2, 4), np.uint32), 3)
    with pytest.raises(UnreadableCheckpoint, match="missing"):
        decode("gptq", good[:2], WEIGHT.shape, bits=4, group=32, add=1)
