"""Claim: what `--randomize` says of the first draw is of one draw, and the replicas say how much a draw can be trusted.

Witnesses: `numpy.linalg.svd` of the same shuffles, SciPy's Jensen–Shannon and Wasserstein distances.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import distance
from scipy.stats import wasserstein_distance

from tests.nulls.drawn import factors, records
from tests.worlds import gaussian, heavy_tailed
from triplepoint.nulls import shuffle
from triplepoint.nulls.randomized import jensen_shannon, log_distance, randomized
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.traps import bound, find_traps
from triplepoint.records import Randomized, Reason, Traps
from triplepoint.request import ScanRequest
from triplepoint.scanning import run


def draws(values: np.ndarray, settings: NullSettings) -> list[np.ndarray]:
    """λ of every slice of every shuffle, descending."""
    spectra = []
    for draw in range(max(settings.randomize, 1)):
        own = []
        for index, entries in enumerate(records(values)[1].slice_entries):
            part = values if values.ndim == 2 else values[index]
            moved = shuffle.shuffled(
                shuffle.standardised(part, entries), shuffle.draw_stream(settings, "shuffle", draw, index)
            )
            own.append(np.linalg.svd(entries.std * moved.astype(np.float64) + entries.mean, compute_uv=False))
        spectra.append(np.square(np.stack(own)))
    return spectra


@pytest.mark.parametrize("randomize", [0, 1, 4])
@pytest.mark.parametrize("shape", [(120, 80), (80, 120), (5, 40, 20)])
def test_every_number_is_that_of_the_shuffles(shape, randomize):
    values = np.random.default_rng(1).standard_t(3, shape) + 0.1
    settings = NullSettings(name="w", seed=2, randomize=randomize)
    known = records(values, scale=0.5)
    found = randomized(*known, settings)
    assert isinstance(found, Randomized)
    spectra = draws(values, settings)
    own = known[2].eigenvalues
    pooled = [0.5 * np.sort(spectrum, axis=None)[::-1] for spectrum in spectra]
    expected = [distance.jensenshannon(own, other) for other in pooled]
    assert found.rand_distance == pytest.approx(expected[0], rel=1e-6)
    assert found.max_rand_eval == pytest.approx(pooled[0][0], rel=1e-9)
    assert found.lambda_max == own[0]
    assert found.rand_log_distance == pytest.approx(
        wasserstein_distance(np.log10(own), np.log10(pooled[0])), rel=1e-6
    )
    level = -np.expm1(np.log1p(-0.01) / len(spectra[0]))
    entries = known[1].slice_entries
    limits = np.array([bound(e, known[1].shape, level) * e.std**2 for e in entries])[:, None]
    counts = [np.count_nonzero(spectrum > limits) for spectrum in spectra]
    assert found.num_traps_mean == pytest.approx(np.mean(counts))
    assert found.replicas == len(spectra)
    if randomize > 1:
        assert found.num_traps_sd == pytest.approx(np.std(counts, ddof=1))
        assert found.rand_distance_sd == pytest.approx(np.std(expected, ddof=1), rel=1e-4)
    else:
        assert (found.num_traps_sd, found.rand_distance_sd) == (None, None)


@pytest.mark.parametrize("seed", range(5))
def test_traps_are_counted_in_the_first_draw(seed):
    values = np.random.default_rng(seed).standard_t(3, (150, 100))
    settings = NullSettings(name="w", seed=seed, randomize=1)
    known = records(values)
    one, other = randomized(*known, settings), find_traps(*known, settings)
    assert isinstance(one, Randomized)
    assert isinstance(other, Traps)
    assert one.num_traps_mean == other.num > 0
    assert one.max_rand_eval == pytest.approx(other.traps[0].eigenvalue, rel=1e-9)


def test_noise_is_near_its_shuffles_and_structure_is_not():
    settings = NullSettings(name="w", randomize=3)
    noise, learned = (
        randomized(*records(matrix), settings)
        for matrix in (gaussian((200, 150), 3), heavy_tailed((200, 150), 2.5, 3))
    )
    assert learned.rand_distance > 10 * noise.rand_distance
    assert learned.rand_log_distance > 10 * noise.rand_log_distance
    assert noise.rand_distance == pytest.approx(0, abs=0.03)


def test_the_distances_are_those_of_their_definitions():
    one, other = np.array([5.0, 3.0, 0.0]), np.array([4.0, 2.0, 2.0])
    assert jensen_shannon(one, other) == pytest.approx(distance.jensenshannon(one, other))
    assert jensen_shannon(one, 7 * one) == 0
    assert log_distance(one, one, 1e-3) == 0
    assert log_distance(np.array([1.0, 0.0]), np.array([1.0, 1e-2]), 1e-3) == pytest.approx(0.5)


def test_a_constant_slice_stays_as_it_is():
    stack = gaussian((3, 20, 12), 4)
    stack[1] = 2.0
    found = randomized(*records(stack), NullSettings(name="w"))
    assert isinstance(found, Randomized)
    assert found.max_rand_eval == pytest.approx(4 * 20 * 12)


def test_what_cannot_be_shuffled_says_why():
    settings = NullSettings(name="w", randomize=1)
    assert randomized(*records(factors((60, 40), 8)), settings) is Reason.low_rank
    assert randomized(*records(np.ones((20, 20))), settings) is Reason.undefined
    assert randomized(*records(gaussian((20, 4), 0)), settings) is Reason.too_few_eigenvalues


@pytest.mark.parametrize("shape", [(120, 80), (80, 120), (5, 40, 20)])
def test_the_spectrum_that_is_kept_is_that_of_the_first_shuffle(shape):
    values = np.random.default_rng(7).standard_t(3, shape) + 0.1
    settings = NullSettings(name="w", seed=2, randomize=2, spectra=True)
    found = randomized(*records(values, scale=0.5), settings)
    assert isinstance(found, Randomized)
    expected = np.sqrt(np.sort(draws(values, settings)[0], axis=None)[::-1])
    np.testing.assert_allclose(found.singular_values, expected, rtol=1e-6)
    assert randomized(*records(values, scale=0.5), replace(settings, spectra=False)) == found


@pytest.mark.parametrize(("spectra", "randomize"), [(True, 1), (True, 0), (False, 1)])
def test_a_scan_keeps_a_shuffled_spectrum_only_where_spectra_and_shuffles_are_asked_for(spectra, randomize):
    values = {"w": heavy_tailed((60, 40), 3.0), "conv": gaussian((12, 10, 3, 3), 1), "bias": np.zeros(3)}
    scans = [
        run(ScanRequest(source=values, workers=1, spectra=kept, randomize=randomize))
        for kept in (spectra, False)
    ]
    kept = {row.id: row.shuffled_singular_values for row in scans[0].matrices}
    analysed = [row.id for row in scans[0].matrices if row.status == "ok"]
    assert [id for id, sigma in kept.items() if sigma is not None] == (
        analysed if spectra and randomize else []
    )
    for one, other in zip(*(scan.matrices for scan in scans), strict=True):
        assert one.metrics == other.metrics
        assert one.findings == other.findings
        if kept[one.id] is not None:
            assert kept[one.id].shape == one.singular_values.shape
            assert one.scale * kept[one.id][0] ** 2 == pytest.approx(one.metrics["max_rand_eval"], rel=1e-12)
