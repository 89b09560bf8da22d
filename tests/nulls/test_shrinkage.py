"""Claim: what remains after shrinkage is the signal: its energy, its rank; of noise nothing.

Witness: planted signals, whose energy is known.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.spectra import decomposed
from tests.worlds import gaussian, with_singular_values
from triplepoint.facts import Facts
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.shrinkage import shrink
from triplepoint.records import Signal

SHAPE = (500, 250)


def signal(matrix: np.ndarray) -> Signal:
    found = Facts(decomposed(matrix)[0], NullSettings()).get(Signal)
    assert isinstance(found, Signal)
    return found


@pytest.mark.parametrize("strengths", [(40.0,), (30.0, 45.0, 80.0), tuple(np.linspace(35, 200, 20))])
def test_the_energy_share_of_a_planted_signal_is_found(strengths):
    planted = with_singular_values(np.array(strengths), SHAPE, seed=1)
    errors = []
    for seed in range(6):
        matrix = planted + gaussian(SHAPE, seed)
        found = signal(matrix)
        # η is the size of the part of the signal that can be recovered: θ·(cos of the left angle)·(cos of the right).
        truth = recoverable(np.array(strengths)) / np.sum(matrix**2)
        # Noise adds one in a hundred matrices.
        assert found.rank - len(strengths) in (0, 1)
        errors.append(found.energy / truth - 1)
    assert np.mean(errors) == pytest.approx(0, abs=0.07)
    assert np.max(np.abs(errors)) < 0.2


def recoverable(theta: np.ndarray) -> float:
    """Σ (θ c c̃)² with the asymptotic angles of Benaych-Georges and Nadakuditi (2012), noise of variance 1."""
    n, m = SHAPE
    x = theta / np.sqrt(n)
    beta = m / n
    right = (x**4 - beta) / (x**4 + x**2)
    left = (x**4 - beta) / (x**4 + beta * x**2)
    return float(np.sum(theta**2 * left * right))


def test_a_strong_signal_is_nearly_everything_and_nearly_untouched():
    found = signal(with_singular_values(np.full(5, 3000.0), SHAPE, seed=2) + gaussian(SHAPE, 3))
    assert found.energy == pytest.approx(5 * 3000**2 / (5 * 3000**2 + 500 * 250), rel=2e-4)
    assert found.rank == 5


def test_noise_has_no_signal():
    energies = [signal(gaussian(SHAPE, seed)).energy for seed in range(60)]
    assert np.mean(np.array(energies) == 0) > 0.93
    assert max(energies) < 0.01


def test_slices_are_shrunk_each_at_its_own_noise_level():
    stack = gaussian((3, 80, 40), 4) * np.array([1.0, 10.0, 0.1])[:, None, None]
    assert signal(stack) == Signal(0.0, 0)
    stack[2] += with_singular_values(np.array([5.0]), (80, 40), 5)
    found = signal(stack)
    assert found.rank == 1
    assert found.energy == pytest.approx(25 / np.sum(stack**2), rel=0.1)


def test_the_shrinker_is_the_closed_form():
    assert shrink(np.array([5.0, 2.0, 1.0]), (1, 1), 1.0) == pytest.approx([np.sqrt(21), 0, 0])
    # σ√N = 2 and β = ¼: y = 3 gives √((9 − 1.25)² − 1)/3.
    assert shrink(np.array([6.0]), (4, 1), 1.0) == pytest.approx([2 * np.sqrt(7.75**2 - 1) / 3])
    y = np.linspace(1.6, 50, 100)
    assert np.all(shrink(2 * y, (4, 1), 1.0) < 2 * y)
