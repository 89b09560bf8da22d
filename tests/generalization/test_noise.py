"""Claim: the noise has the distribution it says, is the same directions for every σ, and leaves no trace.

Witness for the published form: it hands a variance where a standard deviation belongs, so σ there acts as σ² here.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.generalization.worlds import mlp, randomize
from triplepoint.generalization.noise import EPSILON, Noise


def flat(net: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten().double() for p in net.parameters()])


def drawn(net: nn.Module, draw: int, sigma: float, **how) -> torch.Tensor:
    before = flat(net)
    with Noise(net, how.pop("seed", 0), **how).added(draw, sigma):
        return flat(net) - before


def test_its_standard_deviation_is_sigma():
    found = drawn(randomize(mlp(100, 200, 10)), 0, 0.03, relative=False)
    assert float(found.std()) == pytest.approx(0.03, rel=0.02)
    assert float(found.mean()) == pytest.approx(0, abs=4 * 0.03 / len(found) ** 0.5)


def test_relative_noise_is_in_proportion_to_each_weight():
    net = randomize(mlp(100, 200, 10))
    before = flat(net)
    found = drawn(net, 0, 0.1, relative=True) / (0.01 * before**2 + EPSILON**2).sqrt()
    assert float(found.std()) == pytest.approx(1, rel=0.02)
    large = before.abs() > before.abs().median()
    assert float(found[large].std()) == pytest.approx(float(found[~large].std()), rel=0.04)


@pytest.mark.parametrize("relative", [False, True])
def test_two_sigmas_see_the_same_directions_and_two_draws_do_not(relative):
    net = randomize(mlp(20, 30, 4))
    one, other = (drawn(net, 0, s, relative=relative, epsilon=0.0) for s in (0.1, 0.2))
    assert torch.allclose(2 * one, other, atol=1e-6)
    assert not torch.allclose(one, drawn(net, 1, 0.1, relative=relative))
    assert not torch.allclose(one, drawn(net, 0, 0.1, relative=relative, seed=1))
    assert torch.equal(one, drawn(net, 0, 0.1, relative=relative, epsilon=0.0))


def test_as_published_sigma_acts_as_its_square():
    net = randomize(mlp(20, 30, 4))
    assert torch.allclose(
        drawn(net, 0, 0.3, relative=False, as_published=True), drawn(net, 0, 0.09, relative=False), atol=1e-7
    )
    before, normal = flat(net), drawn(net, 0, 1.0, relative=False)
    found = drawn(net, 0, 0.3, relative=True, as_published=True)
    assert torch.allclose(found, (0.09 * before**2 + EPSILON**2) * normal, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_afterwards_every_bit_is_as_before(dtype, error):
    net = randomize(mlp(8, 9, 3)).to(dtype)
    kept = [p.detach().clone() for p in net.parameters()]
    noise = Noise(net, 0, relative=False)
    try:
        with noise.added(0, 0.5):
            assert not torch.equal(kept[0], next(net.parameters()))
            if error is not None:
                raise error
    except (RuntimeError, KeyboardInterrupt):
        pass
    assert all(torch.equal(a, b) for a, b in zip(kept, net.parameters(), strict=True))


def test_tied_weights_move_together_and_once():
    net = mlp(6, 6, 6, bias=False)
    net[2].weight = net[0].weight
    before = net[0].weight.detach().clone()
    with Noise(net, 0, relative=False).added(0, 0.1):
        assert net[2].weight is net[0].weight
        assert float((net[0].weight.detach() - before).std()) < 0.2
