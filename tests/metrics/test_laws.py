"""Claim: the laws hold for matrices of any shape and kind, not for one example. Hypothesis draws the matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worlds import gaussian, orthogonal
from triplepoint import scan

# Of shape only: what no scale may move. The rest of the metrics is held to its declared scale by the contract.
SHAPE_METRICS = (
    "alpha",
    "ks_distance",
    "num_tail",
    "stable_rank",
    "effective_rank",
    "participation_ratio",
    "entropy",
)


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    """Noise, noise with a few strong directions, or a decaying spectrum; 8–40 rows and columns."""
    rows, columns, seed = draw(st.integers(8, 40)), draw(st.integers(8, 40)), draw(st.integers(0, 10**6))
    matrix = gaussian((rows, columns), seed)
    kind = draw(st.sampled_from(["noise", "spikes", "decay"]))
    if kind == "spikes":
        matrix += 3 * gaussian((rows, 2), seed + 1) @ gaussian((2, columns), seed + 2)
    if kind == "decay":
        matrix *= np.geomspace(1, 0.05, columns)
    return matrix


def measure(matrix: np.ndarray) -> dict[str, float | None]:
    return dict(scan({"w": matrix}, workers=1, metrics=SHAPE_METRICS)["w"].metrics)


@given(matrices(), st.floats(1e-20, 1e20))
@settings(max_examples=40, deadline=None)
def test_scale(matrix, factor):
    assert measure(factor * matrix) == pytest.approx(measure(matrix), rel=1e-7)


@given(matrices(), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_transposition_permutation_and_rotation(matrix, seed):
    rng = np.random.default_rng(seed)
    rows, columns = matrix.shape
    base = measure(matrix)
    assert measure(matrix.T) == pytest.approx(base, rel=1e-7)
    assert measure(matrix[rng.permutation(rows)][:, rng.permutation(columns)]) == pytest.approx(
        base, rel=1e-7
    )
    assert measure(orthogonal(rows, seed) @ matrix @ orthogonal(columns, seed + 1)) == pytest.approx(
        base, rel=1e-7
    )


@given(matrices(), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_rows_and_columns_of_zeros_add_no_singular_value(matrix, extra):
    rows, columns = matrix.shape
    padded = np.zeros((rows + extra, columns + extra))
    padded[:rows, :columns] = matrix
    base, found = measure(matrix), measure(padded)
    for name in ("alpha", "num_tail", "stable_rank", "participation_ratio"):
        assert found[name] == pytest.approx(base[name], rel=1e-7), name
