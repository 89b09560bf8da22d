"""Claim: a shuffle is uniform, keeps the entries, and can be undone for the places that are asked.

Witnesses: counting over many seeds, sorted entries, and the shuffled values looked up in the original matrix.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from tests.worlds import gaussian
from triplepoint.linalg import choose_backend, decompose
from triplepoint.linalg.small import entry_statistics
from triplepoint.nulls import shuffle
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import EntryStatistics, PackedRows

SETTINGS = NullSettings(name="w", seed=3)


def entries(matrix: np.ndarray) -> EntryStatistics:
    found = decompose(matrix[None], "precise", choose_backend())
    return found.slice_entries[0]


def test_the_stream_depends_on_seed_name_draw_slice_and_kind():
    streams = [
        shuffle.draw_stream(SETTINGS, "shuffle"),
        shuffle.draw_stream(NullSettings(name="w", seed=4), "shuffle"),
        shuffle.draw_stream(NullSettings(name="v", seed=3), "shuffle"),
        shuffle.draw_stream(SETTINGS, "signflip"),
        shuffle.draw_stream(SETTINGS, "shuffle", 1),
        shuffle.draw_stream(SETTINGS, "shuffle", 0, 1),
    ]
    assert len({generator.integers(2**60) for generator in streams}) == len(streams)
    again = [shuffle.draw_stream(SETTINGS, "shuffle", 1).integers(2**60) for _ in range(2)]
    assert again[0] == again[1]


def test_every_entry_comes_to_every_place_equally_often():
    counts = np.zeros((6, 6))
    for draw in range(6000):
        moved = shuffle.shuffled(np.arange(6.0).reshape(2, 3), shuffle.draw_stream(SETTINGS, "shuffle", draw))
        counts[np.arange(6), moved.reshape(-1).astype(int)] += 1
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000 * 5 / 6)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (1, 7), (700, 500)])
def test_entries_are_kept_and_their_places_found_again(shape, dtype):
    original = gaussian(shape, 1).astype(dtype)
    moved = shuffle.shuffled(original.copy(), shuffle.draw_stream(SETTINGS, "shuffle"))
    assert not np.array_equal(moved, original)
    np.testing.assert_array_equal(np.sort(moved, axis=None), np.sort(original, axis=None))
    places = np.random.default_rng(0).integers(original.size, size=20)
    back = shuffle.origins(original.size, places, shuffle.draw_stream(SETTINGS, "shuffle"))
    np.testing.assert_array_equal(original.reshape(-1)[back], moved.reshape(-1)[places])


@pytest.mark.parametrize(
    "dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64, ml_dtypes.float8_e4m3fn]
)
def test_standardised_entries_have_mean_0_and_variance_1_in_any_storage(dtype):
    matrix = (0.3 + 0.5 * gaussian((50, 40), 2)).astype(dtype)
    got = shuffle.standardised(matrix.T, entries(matrix))
    wide = matrix.astype(np.float64).T
    np.testing.assert_allclose(got, (wide - wide.mean()) / wide.std(), atol=1e-5)
    assert got.dtype == (np.float64 if dtype == np.float64 else np.float32)
    assert got.flags.c_contiguous


def test_extreme_scales_and_means_keep_their_digits():
    for factor, shift in ((3e-43, 0.0), (1e-38, 0.0), (1e35, 0.0), (1.0, 1e5)):
        matrix = (shift + factor * gaussian((30, 20), 3)).astype(np.float32)
        wide = matrix.astype(np.float64)
        got = shuffle.standardised(matrix, EntryStatistics(600, wide.mean(), wide.std(), np.abs(wide).max()))
        np.testing.assert_allclose(got, (wide - wide.mean()) / wide.std(), atol=1e-4)
        assert np.std(got) == pytest.approx(1, rel=1e-4)


def test_packed_rows_are_decoded_piece_by_piece():
    matrix = gaussian((3000, 900), 4).astype(np.float32)
    packed = PackedRows(matrix.shape, lambda begin, stop: matrix[begin:stop])
    statistics = entries(matrix)
    np.testing.assert_array_equal(
        shuffle.standardised(packed, statistics), shuffle.standardised(matrix, statistics)
    )


def test_sign_flips_keep_magnitudes_and_flip_half():
    matrix = gaussian((301, 103), 5)
    flipped = shuffle.sign_flipped(matrix.copy(), shuffle.draw_stream(SETTINGS, "signflip"))
    np.testing.assert_array_equal(np.abs(flipped), np.abs(matrix))
    assert np.mean(flipped == matrix) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(matrix.size))


@pytest.mark.parametrize("rows", [7, 1000])
def test_entries_are_found_by_their_value_unless_another_has_it(rows, monkeypatch):
    monkeypatch.setattr(shuffle, "PIECE_BYTES", 8 * 200 * rows)
    values = np.random.default_rng(0).standard_normal((300, 200)).astype(np.float32)
    entries = entry_statistics(values[None].astype(np.float64))[0]
    places = np.array([7, 59_999, 31_234])
    wanted = shuffle.standardised(values, entries).reshape(-1)[places]
    assert shuffle.places_of(wanted, values, entries).tolist() == places.tolist()
    values[0, 0] = values.reshape(-1)[7]
    assert shuffle.places_of(wanted, values, entries) is None
