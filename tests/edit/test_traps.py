"""Claim: what is taken out is the part along the outliers of the scan's own shuffle, back where its entries stood.

Witness: the shuffle spelled out entry by entry, a whole SVD, and what another scan finds afterwards.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.nulls.drawn import records
from tests.spectra import decomposed
from tests.worlds import gaussian
from triplepoint.edit.traps import remove_traps, trapped_slices
from triplepoint.nulls import shuffle
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.traps import find_traps
from triplepoint.records import Reason, Traps

SETTINGS = NullSettings(name="layer.weight", seed=3)


def with_huge_entry(shape=(90, 60), value=80.0, seed=1):
    matrix = gaussian(shape, seed)
    matrix[7, 11] = value
    return matrix


def counted(matrix, settings=SETTINGS) -> int:
    found = find_traps(*records(matrix), settings)
    assert isinstance(found, Traps)
    return found.num


def trapped(matrix, settings=SETTINGS):
    stack = matrix if matrix.ndim == 3 else matrix[None]
    return trapped_slices(stack, decomposed(matrix)[0], settings)


@pytest.mark.parametrize("shape", [(90, 60), (60, 90), (250, 200)])
def test_the_mode_of_the_shuffle_goes_back_by_the_inverse_permutation(shape):
    matrix = with_huge_entry(shape)
    columns = shape[1]
    # Where each entry goes: the same stream moves their numbers instead.
    numbers = np.arange(matrix.size)
    shuffle.draw_stream(SETTINGS, "shuffle", 0, 0).shuffle(numbers)
    permuted = np.empty(shape)
    for place, number in enumerate(numbers):
        permuted[divmod(place, columns)] = matrix[divmod(int(number), columns)]
    u, s, v = np.linalg.svd(permuted)
    mode = s[0] * np.outer(u[:, 0], v[0])
    expected = np.empty(shape)
    for place, number in enumerate(numbers):
        expected[divmod(int(number), columns)] = mode[divmod(place, columns)]
    (found,) = trapped(matrix)
    assert found.count == 1
    np.testing.assert_allclose(found.values, expected, atol=1e-3 * s[0] / np.sqrt(matrix.size))
    assert (found.noise_mean, found.noise_std) == pytest.approx((mode.mean(), mode.std()), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("value", [60.0, 1e4])
def test_a_huge_entry_disappears_and_no_trap_is_found_again(value):
    matrix = with_huge_entry(value=value)
    cleaned, count = remove_traps(matrix, SETTINGS)
    assert count == counted(matrix) == 1
    assert abs(cleaned[7, 11]) < 0.2 * value
    assert counted(cleaned) == 0


def test_what_is_put_in_has_the_mean_and_variance_of_what_was_taken_out():
    matrix = with_huge_entry((300, 200), 400.0)
    (part,) = trapped(matrix)
    cleaned, _ = remove_traps(matrix, SETTINGS)
    noise = cleaned - matrix + part.values
    assert noise.std() == pytest.approx(part.values.std(), rel=0.02)
    assert noise.mean() == pytest.approx(part.values.mean(), abs=4 * part.values.std() / np.sqrt(noise.size))
    # Gaussian, and of a stream of its own.
    assert np.mean(np.abs(noise) < noise.std()) == pytest.approx(0.683, abs=0.01)
    assert abs(np.corrcoef(noise.ravel(), matrix.ravel())[0, 1]) < 0.02


def test_a_shifted_mean_is_taken_out_and_does_not_come_back():
    matrix = gaussian((300, 200), 2) + 0.5
    cleaned, count = remove_traps(matrix, SETTINGS)
    assert count == counted(matrix) == 1
    assert abs(cleaned.mean()) < 0.02
    assert cleaned.std() == pytest.approx(1, abs=0.02)
    assert counted(cleaned) == counted(cleaned, NullSettings(name="layer.weight", seed=4)) == 0


def test_a_mean_and_an_entry_go_together_each_in_its_way():
    matrix = with_huge_entry((300, 200), 150.0) + 0.5
    (part,) = trapped(matrix)
    assert part.count == 2
    assert part.values.mean() == pytest.approx(0.5, abs=0.03)
    assert part.noise_mean == 0
    cleaned, _ = remove_traps(matrix, SETTINGS)
    assert counted(cleaned) == 0


def test_heavy_tails_have_other_traps_in_another_arrangement():
    matrix = np.random.default_rng(5).standard_t(2.2, (200, 120))
    cleaned, count = remove_traps(matrix, SETTINGS)
    assert count == counted(matrix) > 3
    assert counted(cleaned) < count
    assert counted(cleaned, NullSettings(name="layer.weight", seed=4)) > counted(cleaned)


def test_more_traps_than_are_listed_are_all_taken_out():
    matrix = gaussian((400, 250), 6)
    matrix.reshape(-1)[:40] = 80.0
    count = counted(matrix)
    assert count > 32
    (part,) = trapped(matrix)
    assert part.count == count
    assert np.linalg.matrix_rank(shuffled_back(part.values), tol=1e-3) == count


def shuffled_back(values: np.ndarray) -> np.ndarray:
    """T once more in the order of the shuffle, where its rank is the number of traps."""
    flat = values.ravel().copy()
    shuffle.draw_stream(SETTINGS, "shuffle", 0, 0).shuffle(flat)
    return flat.reshape(values.shape)


def test_slices_are_cleaned_one_by_one():
    stack = np.stack([gaussian((60, 40), 1), with_huge_entry((60, 40)), np.full((60, 40), 2.0)])
    cleaned, count = remove_traps(stack, SETTINGS)
    assert count == 1
    np.testing.assert_array_equal(cleaned[[0, 2]], stack[[0, 2]])
    assert abs(cleaned[1, 7, 11]) < 10


def test_the_seed_and_the_name_alone_decide():
    matrix = with_huge_entry()
    first, _ = remove_traps(matrix, SETTINGS)
    np.testing.assert_array_equal(first, remove_traps(matrix, SETTINGS)[0])
    for other in (NullSettings(name="layer.weight", seed=4), NullSettings(name="other", seed=3)):
        assert np.any(first != remove_traps(matrix, other)[0])


def test_what_cannot_be_shuffled_has_a_reason():
    assert remove_traps(gaussian((7, 30)), SETTINGS) is Reason.too_few_eigenvalues
    assert remove_traps(np.full((30, 20), 3.0), SETTINGS) is Reason.undefined
    assert remove_traps(np.full((30, 20), np.nan), SETTINGS) is Reason.non_finite
    quiet = gaussian((60, 40), 9)
    cleaned, count = remove_traps(quiet, SETTINGS)
    assert count == 0
    np.testing.assert_array_equal(cleaned, quiet)


def test_equal_slices_get_noise_of_their_own():
    one = with_huge_entry((60, 40))
    cleaned, count = remove_traps(np.stack([one, one]), SETTINGS)
    assert count == 2
    parts = trapped(np.stack([one, one]))
    left, right = (cleaned[k] - one + parts[k].values for k in range(2))
    assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.1


def test_slices_have_as_many_traps_as_the_scan_counts():
    settings = NullSettings(name="conv", level=0.2)
    total = 0
    for seed in range(6):
        stack = np.random.default_rng(seed).standard_t(5, (6, 60, 40))
        count = counted(stack, settings)
        assert sum(part.count for part in trapped(stack, settings) if part) == count
        total += count
    assert total > 3
