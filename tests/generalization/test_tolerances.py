"""Claim: σ is the noise at which the expected rise of a known loss reaches the target, within the error it states.

Witness: a linear model with a quadratic loss at its minimum, where E[ΔL] = ½ Σ_j C_jj s_j² exactly for noise of
standard deviation s_j in the weight j, C the second moments of the inputs.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tests.generalization.worlds import seeded
from triplepoint import generalization_metrics
from triplepoint.records import Reason

N, WIDTH = 200, 50


def quadratic():
    generator = seeded(1)
    scales = torch.linspace(0.5, 2.0, WIDTH)
    inputs = torch.randn(N, WIDTH, generator=generator) * scales
    net = nn.Linear(WIDTH, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.randn(1, WIDTH, generator=generator))
        targets = net(inputs)[:, 0]
    return net, [(inputs[:70], targets[:70]), (inputs[70:], targets[70:])]


def half_squares(outputs, targets):
    return 0.5 * (outputs[:, 0] - targets).square()


def moments(data) -> torch.Tensor:
    return torch.cat([inputs for inputs, _ in data]).double().square().mean(dim=0)


FLAT = ["pacbayes_flatness", "pacbayes_mag_flatness"]


def measured(net, data, **how):
    return generalization_metrics(
        net, data, metrics=FLAT, loss=how.pop("loss", half_squares), draws=how.pop("draws", 60), **how
    )


def test_sigma_is_that_of_the_closed_form():
    net, data = quadratic()
    found = measured(net, data)
    sigma = math.sqrt(2 * 0.5 / float(moments(data).sum()))
    assert found.absolute.criterion == "loss"
    assert abs(found.absolute.sigma / sigma - 1) < 0.01 + 4 * found.absolute.sigma_error / sigma
    assert found.absolute.sigma_error < 0.03 * sigma
    assert found["pacbayes_flatness"] == pytest.approx(found.absolute.sigma**-2, rel=1e-12)


def test_magnitude_sigma_is_that_of_the_closed_form():
    net, data = quadratic()
    found = measured(net, data)
    squares = net.weight.detach()[0].double() ** 2
    c = moments(data)
    sigma = math.sqrt((2 * 0.5 - 1e-6 * float(c.sum())) / float((c * squares).sum()))
    assert abs(found.magnitude.sigma / sigma - 1) < 0.01 + 4 * found.magnitude.sigma_error / sigma
    assert found["pacbayes_mag_flatness"] == pytest.approx(found.magnitude.sigma**-2, rel=1e-12)


def test_the_mean_is_over_samples_and_not_over_batches():
    net, data = quadratic()
    mean = measured(net, data, loss=lambda outputs, targets: half_squares(outputs, targets).mean())
    assert mean.absolute.sigma == pytest.approx(measured(net, data).absolute.sigma, rel=1e-12)
    assert mean.loss == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_published_sigma_is_the_root_of_the_true_one(seed):
    """It hands the variance to the place of the standard deviation; its tolerance of a tenth is 5 % of σ²."""
    net, data = quadratic()
    true = measured(net, data, seed=seed)
    published = measured(net, data, seed=seed, legacy=True, limit=2.0)
    assert published.absolute.sigma**2 == pytest.approx(true.absolute.sigma, rel=0.08)
    assert abs(published.absolute.increase - 0.5) < 0.05


def test_the_published_limit_of_a_fifth_ends_a_search_for_a_sigma_that_is_borne():
    net, data = quadratic()
    assert math.sqrt(2 * 0.5 / float(moments(data).sum())) > 0.2**2
    found = measured(net, data, legacy=True)
    assert (found.absolute.sigma, found.absolute.at_limit) == (0.2, True)
    assert "raise limit" in found.notes["pacbayes_flatness"]


def test_seeds_differ_within_the_error_and_repeat_exactly():
    net, data = quadratic()
    one, other, again = (measured(net, data, draws=20, seed=seed) for seed in (0, 1, 0))
    assert one.absolute == again.absolute
    assert one.absolute != other.absolute
    both = math.hypot(one.absolute.sigma_error, other.absolute.sigma_error)
    assert abs(one.absolute.sigma - other.absolute.sigma) < 4 * both + 0.02 * one.absolute.sigma


def test_at_the_limit_the_number_is_there_with_a_note():
    net, data = quadratic()
    found = measured(net, data, limit=0.01, draws=3)
    assert found.absolute.at_limit
    assert found["pacbayes_flatness"] == pytest.approx(1e4)
    assert "the true one is larger" in found.notes["pacbayes_flatness"]


def test_a_forward_that_uses_another_network_is_found_out():
    net, data = quadratic()
    found = measured(net, data, forward=lambda model, inputs: net(inputs), draws=2)
    assert set(found.status.values()) == {Reason.no_effect}


def test_a_target_that_is_passed_at_once_is_a_reason():
    net, data = quadratic()
    found = measured(net, data, target=1e-12, draws=2)
    assert found.status == dict.fromkeys(FLAT, Reason.no_tolerance)
    assert found.absolute is None


def test_accuracy_falls_by_the_target():
    generator = seeded(0)
    inputs = torch.randn(500, 10, generator=generator)
    net = nn.Linear(10, 4)
    data = [(inputs, net(inputs).argmax(dim=1))]
    found = generalization_metrics(net, data, metrics=FLAT)
    assert found.absolute.criterion == "accuracy"
    assert found.absolute.target == 0.1
    assert 0.08 < found.absolute.increase <= 0.1
    assert generalization_metrics(net, data, metrics=FLAT, criterion="loss").absolute.criterion == "loss"


def test_a_network_that_guesses_bears_all_noise_and_has_no_sigma():
    inputs = torch.randn(300, 10, generator=seeded(0))
    targets = torch.randint(4, (300,), generator=seeded(1))
    net = nn.Linear(10, 4)
    assert generalization_metrics(net, [(inputs, targets)], metrics=FLAT).status == dict.fromkeys(
        FLAT, Reason.no_room
    )
    found = generalization_metrics(net, [(inputs, targets)], metrics=FLAT, legacy=True, draws=2)
    assert found.absolute.at_limit


def test_accuracy_of_no_classification_is_a_reason():
    net, data = quadratic()
    found = measured(net, data, criterion="accuracy")
    assert set(found.status.values()) == {Reason.not_classification}


def test_a_network_that_is_broken_is_a_reason():
    net, data = quadratic()
    with torch.no_grad():
        net.weight[0, 0] = torch.nan
    found = measured(net, data)
    assert set(found.status.values()) == {Reason.non_finite}
    assert found.loss is None
