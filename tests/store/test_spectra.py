"""Claim: a sketch counts every eigenvalue once, keeps the largest, and the whole spectrum where it was promised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.store.frames import frame, full, row
from triplepoint import open_run
from triplepoint.records import Phase, Visit, VisitKind
from triplepoint.store import RunWriter, sketching

SIGMA = arrays.arrays(
    np.float64, st.integers(1, 300), elements=st.floats(0, 1e12, allow_nan=False, allow_subnormal=False)
)


@given(SIGMA, st.floats(1e-6, 1e3), st.floats(0, 1e6))
@settings(max_examples=150, deadline=None)
def test_the_bins_hold_every_resolved_eigenvalue_once(values, scale, resolved_from):
    sigma = np.sort(values)[::-1]
    found = sketching.binned(sigma, scale, resolved_from)
    assert found.counts.sum() + found.unresolved == sigma.size
    kept = [value for value in sigma if value > 0 and scale * value**2 >= resolved_from]
    assert found.unresolved == sigma.size - len(kept)
    if found.low is None:
        assert found.counts.sum() == 0
        return
    # The witness: NumPy's own histogram, whose arithmetic at the edges is another.
    logs = np.log10(np.array(kept)) * 2 + np.log10(scale)
    np.testing.assert_allclose((found.low, found.high), (min(logs), max(logs)), rtol=1e-12, atol=1e-12)
    if found.high - found.low > 1e-6:
        expected, _ = np.histogram(logs, bins=sketching.BINS, range=(found.low, found.high))
        assert np.abs(np.cumsum(expected) - np.cumsum(found.counts)).max() <= 1
    else:
        assert found.counts.sum() == logs.size


@pytest.mark.parametrize(
    ("num_tail", "size", "kept"),
    [(None, 70, 64), (3.0, 300, 64), (200.0, 300, 200), (900.0, 2000, 512), (200.0, 10, 10)],
)
def test_the_tail_is_the_largest_values(tmp_path, num_tail, size, kept):
    one = row("m", size, metrics={"num_tail": num_tail}, scale=0.5)
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        writer.write([frame(0, visits=[full(0, one)])])
        found = run.spectrum("m")
    assert found.tail.size == kept
    np.testing.assert_allclose(found.tail, one.singular_values[:kept], rtol=1e-7)
    np.testing.assert_allclose(found.tail_eigenvalues, 0.5 * one.singular_values[:kept] ** 2, rtol=2e-7)
    assert found.num_eigenvalues == size == found.counts.sum() + found.unresolved
    np.testing.assert_allclose(10 ** found.edges[[0, -1]], [0.5 * 0.25, 0.5 * 9.0])
    np.testing.assert_allclose(found.full, one.singular_values, rtol=1e-7)


def test_whole_spectra_are_kept_at_first_at_powers_of_two_at_new_phases_and_when_asked(tmp_path):
    phases = {6: Phase.over_trained, 7: Phase.over_trained}
    with (
        RunWriter(tmp_path / "run.db", keep=lambda visit: visit.step == 11) as writer,
        open_run(tmp_path) as run,
    ):
        for step in range(1, 18):
            one = row("m", phase=phases.get(step, Phase.well_trained))
            visits = [full(step, one), Visit(step, "m", VisitKind.unchanged)]
            writer.write([frame(step, visits=[*visits, full(step, row("other", singular_values=None))])])
        found = run.spectra("m")
        assert run.spectra("other") == ()
        assert run.spectrum("other") is None
        assert [one.step for one in found] == list(range(1, 18))
        assert [one.step for one in found if one.full is not None] == [1, 2, 4, 6, 8, 11, 16]
        assert run.spectrum("m", 5).step == 5
        assert run.spectrum("m", 0) is None
        kept = [v.step for v in run.visits("m", spectra=True) if v.row and v.row.singular_values is not None]
        assert kept == [1, 2, 4, 6, 8, 11, 16]
        assert all(v.row is None or v.row.singular_values is None for v in run.visits("m"))


def test_the_count_of_key_frames_goes_on_when_a_run_is_resumed(tmp_path):
    path = tmp_path / "run.db"
    for step in range(1, 10):
        with RunWriter(path, resume=True) as writer:
            writer.write([frame(step, visits=[full(step, row("m"))])])
    with open_run(path) as run:
        assert [one.step for one in run.spectra("m") if one.full is not None] == [1, 2, 4, 8]


@pytest.mark.parametrize("size", [1e-200, 1e200, 1.0])
def test_values_beyond_single_precision_keep_their_digits(tmp_path, size):
    sigma = size * np.array([3.0, 2.0, 1.0])
    one = row("m", 3, singular_values=sigma, scale=1.0, resolved_from=0.0)
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        writer.write([frame(0, visits=[full(0, one)])])
        np.testing.assert_allclose(run.row("m").singular_values, sigma, rtol=1e-7)


@pytest.mark.parametrize("sigma", [np.array([]), np.array([np.nan, 1.0]), np.array([np.inf])])
def test_what_is_no_spectrum_is_left_out_and_costs_nothing_else(tmp_path, sigma):
    with RunWriter(tmp_path / "run.db") as writer, open_run(tmp_path) as run:
        assert writer.write([frame(0, visits=[full(0, row("m", singular_values=sigma))])])
        assert run.spectrum("m") is None
        assert run.row("m").metrics["alpha"] == 3.0


def test_equal_and_zero_values_have_their_bins(tmp_path):
    counts = sketching.binned(np.array([2.0, 2.0, 2.0, 0.0]), 1.0, 0.0)
    assert (counts.unresolved, counts.counts.sum(), counts.low) == (1, 3, counts.high)
    none = sketching.binned(np.zeros(4), 1.0, 0.0)
    assert (none.unresolved, none.counts.sum(), none.low) == (4, 0, None)


@pytest.mark.parametrize("most", [1, 65_535, 65_536, 4_000_000])
def test_counts_of_any_size_come_back(most):
    counts = np.array([0, most, 3])
    packed = sketching.pack_counts(counts)
    assert sketching.unpack_counts(packed.data, packed.type).tolist() == counts.tolist()


@pytest.mark.parametrize(
    ("data", "kind"), [(b"abc", "<f4"), (b"abcd", "O"), ("abcd", "<f4"), (b"abcd", None), (None, "<f4")]
)
def test_bytes_that_are_no_numbers_are_refused(data, kind):
    with pytest.raises(ValueError, match=r"."):
        sketching.unpack(data, kind)
