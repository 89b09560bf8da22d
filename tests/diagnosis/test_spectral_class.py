"""Claim: a spectral class is right as often as its confidence says, noise is never called learned, and where worlds
overlap the classifier abstains.

Witness: generated matrices whose class is known because it was made (`tests/spectral_worlds.py`), from a seed that took
no part in the calibration; Vuong's statistic is held against SciPy's densities.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.spectral_worlds import CLASSES, records_of, spectral_world, spiked
from tests.worlds import gaussian, heavy_tailed, orthogonal, pareto
from triplepoint.diagnosis import CLASSES as EXPLAINED
from triplepoint.diagnosis import RULES, classify_spectrum
from triplepoint.diagnosis.spectral_class import CONFIDENT, NODES, probabilities
from triplepoint.diagnosis.spectral_features import features, vuong
from triplepoint.records import Classified, Reason, SpectralClass, Spectrum

SEED = 7_301
UNDECIDED = SpectralClass.undecided


def classified(matrix) -> Classified:
    found = classify_spectrum(*records_of(matrix))
    assert isinstance(found, Classified), found
    return found


@pytest.fixture(scope="module")
def verdicts():
    """(truth, verdict) of 40 fresh worlds of each class, small enough for a few seconds."""
    return [
        (truth, classified(spectral_world(truth, index, SEED, sides=(64, 300)).matrix))
        for truth in CLASSES
        for index in range(40)
    ]


def test_nine_of_ten_given_classes_are_right_and_most_worlds_get_one(verdicts):
    decided = [(truth, v) for truth, v in verdicts if v.spectral_class is not UNDECIDED]
    assert np.mean([truth is v.spectral_class for truth, v in decided]) >= 0.9
    assert len(decided) >= 0.8 * len(verdicts)


def test_every_class_is_found(verdicts):
    found = Counter(truth for truth, v in verdicts if truth is v.spectral_class)
    assert min(found[truth] for truth in CLASSES) >= 24


def test_a_confidence_is_the_share_of_right_classes(verdicts):
    given = [(v.confidence, truth is v.spectral_class) for truth, v in verdicts if v.confidence is not None]
    confidence, right = (np.array(column, dtype=float) for column in zip(*given, strict=True))
    assert confidence.min() >= CONFIDENT
    assert right.mean() == pytest.approx(confidence.mean(), abs=0.04)
    high = confidence >= 0.95
    assert right[high].mean() >= 0.95
    assert right[~high].mean() < right[high].mean()


@pytest.mark.parametrize("shape", [(64, 64), (300, 150), (150, 300), (600, 80)])
def test_noise_is_random_like_and_never_has_a_tail(shape):
    found = Counter(classified(gaussian(shape, seed)).spectral_class for seed in range(60))
    assert found[SpectralClass.random_like] >= 54
    assert not found[SpectralClass.heavy_tailed] + found[SpectralClass.bulk_decay]


def test_it_abstains_near_a_border_and_not_away_from_it():
    abstained = {}
    for ratio in (1.12, 1.25, 1.6):
        worlds = [spiked((400, 200), [ratio], np.random.default_rng([SEED, k])) for k in range(25)]
        found = [classified(world) for world in worlds]
        abstained[ratio] = sum(v.spectral_class is UNDECIDED or v.confidence < 0.9 for v in found)
    assert abstained[1.25] >= 4
    assert abstained[1.12] + abstained[1.6] < abstained[1.25]
    spikes = Counter(
        classified(spiked((400, 200), [1.6], np.random.default_rng(k))).spectral_class for k in range(10)
    )
    assert spikes[SpectralClass.bulk_spikes] == 10


def test_scale_and_transposition_change_no_class():
    for truth in CLASSES:
        matrix = spectral_world(truth, 3, SEED, sides=(64, 120)).matrix
        base = classified(matrix)
        for other in (1e3 * matrix, 1e-4 * matrix, matrix.T):
            found = classified(other)
            assert found.spectral_class is base.spectral_class
            if base.confidence is not None:
                assert found.confidence == pytest.approx(base.confidence, rel=1e-6)


def test_the_null_forbids_whatever_the_probabilities_say():
    spectrum, fit, null, bulk = records_of(heavy_tailed((400, 200), 2.5, seed=1))
    assert classify_spectrum(spectrum, fit, null, bulk).spectral_class is SpectralClass.heavy_tailed
    quiet = classify_spectrum(spectrum, fit, replace(null, p_value=0.5), bulk)
    assert quiet.spectral_class is not SpectralClass.heavy_tailed
    nothing_above = classify_spectrum(spectrum, fit, null, replace(bulk, num_spikes=0))
    assert nothing_above.spectral_class is UNDECIDED
    spectrum, fit, null, bulk = records_of(gaussian((400, 200), 2))
    loud = classify_spectrum(spectrum, fit, replace(null, p_value=0.009), bulk)
    assert loud.spectral_class is UNDECIDED
    assert loud.confidence is None


def test_a_spectrum_narrower_than_noise_has_no_class():
    near_orthogonal = orthogonal(200, 1) + 0.3 * gaussian((200, 200), 2, sigma=200**-0.5)
    found = classified(near_orthogonal)
    assert found.spectral_class is UNDECIDED
    assert "nothing stands above the edge" in found.evidence or "differs" in found.evidence
    assert classify_spectrum(*records_of(orthogonal(64, 3))) is Reason.degenerate_tail


def test_a_product_of_lower_rank_has_collapsed_even_without_a_fit():
    product = gaussian((100, 5), 1) @ gaussian((5, 80), 2)
    found = classified(product)
    assert found.spectral_class is SpectralClass.rank_collapse
    assert "93.8%" in found.evidence
    padded = gaussian((300, 100), 3)
    padded[:, :4] = 0  # 4 % are no collapse
    assert classified(padded).spectral_class is not SpectralClass.rank_collapse


def test_what_rounding_hides_is_not_called_collapse():
    spectrum, *others = records_of(gaussian((100, 30), 1) @ gaussian((30, 80), 2))
    blurred = replace(spectrum, resolved_from=1e-4 * float(spectrum.eigenvalues[0]))
    found = classify_spectrum(blurred, *others)
    assert found.spectral_class is UNDECIDED
    assert "rounding" in found.evidence


def test_where_zero_begins_to_matter_it_abstains():
    matrix = gaussian((200, 100), 4)
    matrix[:, :10] *= 1e-3  # a tenth of the eigenvalues at 1e-6 of the mean
    assert "hangs on" in classified(matrix).evidence


def test_adapters_pooled_slices_and_small_matrices_have_no_class():
    spectrum, fit, *_ = records_of(gaussian((60, 40)))
    assert classify_spectrum(spectrum, fit, Reason.low_rank, Reason.low_rank) is Reason.low_rank
    pooled = classified(np.stack([gaussian((64, 48), seed) for seed in range(9)]))
    assert pooled.spectral_class is UNDECIDED
    assert "9 slices" in pooled.evidence
    small = classified(gaussian((40, 20)))
    assert (small.spectral_class, small.confidence) == (UNDECIDED, None)


def test_the_evidence_names_the_numbers_that_decided():
    found = classified(spiked((400, 200), [2.0, 4.0, 3.0], np.random.default_rng(1)))
    assert found.spectral_class is SpectralClass.bulk_spikes
    assert found.evidence.startswith("3 eigenvalues above the edge, 1.94–4.02 times it")
    assert "is Marchenko–Pastur (D = 0." in found.evidence
    tail = classified(heavy_tailed((400, 200), 2.5, seed=1)).evidence
    assert "z = +" in tail
    assert "α = 2." in tail
    both = next(
        v
        for k in range(60)
        if (v := classified(spiked((400, 200), [1.25], np.random.default_rng(k)))).spectral_class is UNDECIDED
    )
    assert "bleeding-out (" in both.evidence
    assert "bulk-spikes (" in both.evidence


def test_probabilities_sum_to_one():
    for truth in CLASSES[:-1]:
        records = records_of(spectral_world(truth, 5, SEED, sides=(64, 120)).matrix)
        assert sum(probabilities(features(*records)).values()) == pytest.approx(1)
    assert set(NODES) == {"signal", "spread", "heavy", "far"}


def test_vuong_is_that_of_scipys_densities_and_tells_the_two_laws_apart():
    values = pareto(2.5, 1000, seed=1)[::-1]
    shape = 1 / np.mean(np.log(values))
    difference = stats.pareto.logpdf(values, shape) - stats.expon.logpdf(values, 1, np.mean(values - 1))
    expected = np.sqrt(1000) * difference.mean() / difference.std()
    assert vuong(values, 1.0) == pytest.approx(expected, rel=1e-9)
    assert vuong(values, 1.0) > 3
    exponential = np.sort(1 + np.random.default_rng(2).exponential(1.0, 300))[::-1]
    assert vuong(exponential, 1.0) < -3


def test_every_class_is_explained_and_none_is_a_finding():
    assert set(EXPLAINED) == {name.value for name in SpectralClass}
    for name, rule in EXPLAINED.items():
        assert all((rule.definition, rule.source, rule.evidence, rule.misleads)), name
        assert RULES.get(name) is not rule


def test_a_spectrum_of_equal_values_does_no_harm():
    assert vuong(np.ones(40), 2.0) == 0.0
    spectrum = Spectrum(np.ones(80), (90, 80))
    assert (
        classify_spectrum(spectrum, Reason.degenerate_tail, Reason.undefined, Reason.undefined)
        is Reason.degenerate_tail
    )
