"""Claim: λ_max and trace are those of the Hessian of the mean loss, and the errors that are given are right.

Witnesses: the dense Hessian of autograd, closed forms of linear and logistic regression, the spread over seeds.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from statistics import fmean, stdev

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss, scaled_dot_product_attention
from torch.utils.data import DataLoader, TensorDataset

from tests.generalization.worlds import Cnn, Transformer, images, mlp, randomize, seeded, sentences
from triplepoint import generalization_metrics
from triplepoint.generalization import curvature
from triplepoint.generalization.batches import batches
from triplepoint.generalization.passes import Pass
from triplepoint.generalization.second_order import HessianProducts, trainable
from triplepoint.records import Hessian, Reason

BOTH = ["log_hessian_top", "log_hessian_trace"]


def measured(net, data, **settings):
    return generalization_metrics(net, data, metrics=BOTH, **settings)


def dense(net, loss_of) -> torch.Tensor:
    """The Hessian by all parameters, row by row."""
    net = net.eval()
    named = dict(net.named_parameters())
    sizes = [p.numel() for p in named.values()]

    def of(flat):
        parts = [v.view_as(p) for v, p in zip(flat.split(sizes), named.values(), strict=True)]
        return loss_of(lambda *x, **k: torch.func.functional_call(net, dict(zip(named, parts)), x, k))  # noqa: B905

    start = torch.cat([p.detach().flatten() for p in named.values()])
    return torch.autograd.functional.hessian(of, start)


@pytest.fixture(scope="module")
def world():
    """A small smooth perceptron of float32 with its data in batches of unequal size, and its dense Hessian."""
    net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
    randomize(net, seed=4)
    inputs, targets = torch.randn(60, 5, generator=seeded(1)), torch.arange(60) % 3
    matrix = dense(net, lambda call: cross_entropy(call(inputs), targets))
    return net, [(inputs[:37], targets[:37]), (inputs[37:], targets[37:])], matrix


def test_the_dense_hessian(world):
    net, data, matrix = world
    found = measured(net, data, draws=20)
    top = float(torch.linalg.eigvalsh(matrix)[-1])
    record = found.hessian
    assert record.num_parameters == len(matrix) == 66
    assert record.top == pytest.approx(top, rel=1e-4)
    assert record.top <= top * (1 + 1e-5)
    assert record.residual <= curvature.TOLERANCE * top
    assert record.converged
    assert abs(record.trace - float(matrix.trace())) < 4 * record.trace_error < 0.5 * record.trace
    assert found["log_hessian_top"] == math.log(record.top)
    assert found["log_hessian_trace"] == math.log(record.trace)
    assert record.products == record.steps + 1 + 20
    assert json.loads(json.dumps(found.to_dict()))["hessian"]["top"] == record.top


def test_the_error_of_the_trace_is_that_of_seeds(world):
    net, data, matrix = world
    records = [measured(net, data, seed=seed).hessian for seed in range(24)]
    off = [record.trace - float(matrix.trace()) for record in records]
    claimed = math.sqrt(fmean(record.trace_error**2 for record in records))
    assert abs(fmean(off)) < 3.5 * stdev(off) / math.sqrt(24)
    assert 0.6 < stdev(off) / claimed < 1.6


def test_the_krylov_space_takes_most_of_the_error_of_the_trace(world, monkeypatch):
    net, data, _ = world
    with_space = measured(net, data).hessian.trace_error
    monkeypatch.setattr(curvature, "_without", lambda vector, basis: vector)
    monkeypatch.setattr(curvature, "LEAST_STEPS", 1)
    monkeypatch.setattr(curvature, "MOST_STEPS", 1)
    without = measured(net, data).hessian.trace_error
    assert with_space < 0.5 * without


def test_linear_regression_has_the_second_moment_of_its_inputs():
    net = randomize(nn.Linear(6, 1, bias=False)).double()
    inputs = torch.randn(40, 6, generator=seeded(0), dtype=torch.float64)
    outputs = torch.randn(40, 1, generator=seeded(1), dtype=torch.float64)
    data = [(inputs[:9], outputs[:9]), (inputs[9:], outputs[9:])]
    moment = 2 * inputs.T @ inputs / 40
    found = measured(net, data, loss=mse_loss).hessian
    assert found.top == pytest.approx(float(torch.linalg.eigvalsh(moment)[-1]), rel=1e-10)
    # Six steps span the six weights: nothing is left to draw.
    assert found.trace == pytest.approx(float(moment.trace()), rel=1e-12)
    assert (found.steps, found.probes, found.trace_error) == (6, 0, 0.0)


def test_one_loss_a_sample_and_a_mean_are_the_same(world):
    net, data, _ = world
    default = measured(net, data).hessian
    for reduction in ("mean", "none"):
        own = measured(net, data, loss=lambda o, t, r=reduction: cross_entropy(o, t, reduction=r)).hessian
        assert own.top == pytest.approx(default.top, rel=1e-5)
        assert own.trace == pytest.approx(default.trace, rel=1e-5)


def test_logistic_regression():
    """X'SX/n in every block of classes: H = 1/n Σ (diag p − pp')⊗xx'."""
    net = randomize(nn.Linear(4, 3, bias=False))
    inputs, targets = torch.randn(30, 4, generator=seeded(2)), torch.arange(30) % 3
    p = net(inputs).detach().double().softmax(1)
    x = inputs.double()
    expected = sum(
        torch.kron(torch.diag(a) - torch.outer(a, a), torch.outer(b, b)) for a, b in zip(p, x, strict=True)
    )
    found = measured(net, [(inputs, targets)]).hessian
    values = torch.linalg.eigvalsh(expected / 30)
    assert found.top == pytest.approx(float(values[-1]), rel=1e-5)
    assert abs(found.trace - float(values.sum())) <= 4 * found.trace_error + 1e-5


def test_batches_of_any_size_and_order_are_one_data_set(world):
    net, data, _ = world
    inputs, targets = (torch.cat(parts) for parts in zip(*data, strict=True))
    order = torch.randperm(60, generator=seeded(3))
    shuffled = [(inputs[i], targets[i]) for i in order.split([1, 29, 20, 10])]
    one, other = measured(net, [(inputs, targets)]).hessian, measured(net, shuffled).hessian
    assert other.top == pytest.approx(one.top, rel=1e-5)
    assert other.trace == pytest.approx(one.trace, rel=1e-4)


def test_only_tokens_that_count_weigh():
    net = randomize(Transformer(), size=0.4)
    batch = sentences()[0]
    batch["labels"][0, 1:] = -100
    split = [{k: v[:2] for k, v in batch.items()}, {k: v[2:] for k, v in batch.items()}]

    def loss_of(call):
        return cross_entropy(call(batch["input_ids"])["logits"].flatten(0, 1), batch["labels"].flatten())

    parts = list(net.parameters())
    net.eval()
    # One column of the dense Hessian and a random direction are enough: the rest is the same code.
    run = Pass(batches(split, torch.device("cpu")), 0)
    product = HessianProducts(net, run, trainable(net, net))
    vector = product.gaussian(0)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for p in parts:
            p.requires_grad_(True)
        gradients = torch.autograd.grad(loss_of(net), parts, create_graph=True)
        flat = torch.cat([g.flatten() for g in gradients])
        expected = torch.autograd.grad(flat @ vector, parts, allow_unused=True, materialize_grads=True)
    expected = torch.cat([e.flatten() for e in expected])
    assert torch.allclose(product(vector), expected, rtol=1e-4, atol=1e-6)


def test_batch_normalisation_keeps_its_statistics_and_its_parameters():
    net, data = randomize(Cnn()), images(30)
    matrix = dense(net, lambda call: cross_entropy(call(data[0][0]), data[0][1]))
    found = measured(net, data).hessian
    assert found.num_parameters == sum(p.numel() for p in net.parameters())
    assert found.top == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]), rel=1e-3)
    assert abs(found.trace - float(matrix.trace())) < 4 * found.trace_error


def test_frozen_parameters_are_left_out_unless_all_are(world):
    _, data, _ = world
    net = randomize(nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)), seed=4)
    net[0].requires_grad_(False)
    assert measured(net, data).hessian.num_parameters == 24
    net[2].requires_grad_(False)
    assert measured(net, data).hessian.num_parameters == 66


def test_tied_weights_count_once():
    net = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    randomize(net)
    inputs, targets = torch.randn(20, 4, generator=seeded(0)), torch.arange(20) % 4
    matrix = dense(net, lambda call: cross_entropy(call(inputs), targets))
    found = measured(net, [(inputs, targets)]).hessian
    assert found.num_parameters == 24
    assert found.top == pytest.approx(float(torch.linalg.eigvalsh(matrix)[-1]), rel=1e-4)


@pytest.mark.parametrize("kind", ["attention", "lstm"])
def test_fused_layers_are_made_of_their_parts(kind):
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Linear(8, 24)

        def forward(self, x):
            return self.project(scaled_dot_product_attention(*self.project(x).chunk(3, -1))[..., :8])[
                :, 0, :3
            ]

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.LSTM(8, 5, batch_first=True), nn.Linear(5, 3)

        def forward(self, x):
            return self.head(self.cell(x)[0][:, -1])

    net = randomize({"attention": Attention, "lstm": Recurrent}[kind]())
    data = [(torch.randn(12, 6, 8, generator=seeded(0)), torch.arange(12) % 3)]
    found = measured(net, data)
    assert not found.status
    assert found.hessian.converged


def test_half_precision_has_the_hessian_of_its_values():
    half = randomize(mlp(5, 8, 3), seed=1).bfloat16()
    wide = randomize(mlp(5, 8, 3), seed=1)
    wide.load_state_dict({k: v.float() for k, v in half.state_dict().items()})
    inputs, targets = torch.randn(40, 5, generator=seeded(0)).bfloat16(), torch.arange(40) % 3
    narrow = measured(half, [(inputs, targets)]).hessian
    assert narrow == measured(wide, [(inputs.float(), targets)]).hessian


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return gradient


def _untouched(module):
    return [(name, p.detach().clone(), p.requires_grad, p.grad) for name, p in module.named_parameters()]


@pytest.mark.parametrize(
    ("loss", "reason", "words"),
    [
        (lambda o, t: cross_entropy(Once.apply(o), t), "not_differentiable", "once_differentiable"),
        (lambda o, t: cross_entropy(o.detach(), t), "not_differentiable", "steps that have a gradient"),
        (lambda o, t: cross_entropy(o, t).item(), "not_differentiable", "returns a float"),
        (lambda o, t: -o.square().mean(), "not_positive", "= -"),
        (lambda o, t: o.sum() * 0.0, "not_positive", "= 0"),
        (lambda o, t: (o - o.detach()).abs().sqrt().mean(), "non_finite", None),
    ],
)
def test_what_has_no_curvature_says_why(loss, reason, words):
    net = randomize(nn.Linear(5, 3))
    data = [(torch.randn(12, 5, generator=seeded(0)), torch.arange(12) % 3)]
    before = _untouched(net)
    found = measured(net, data, loss=loss)
    assert set(found.status) == set(BOTH)
    assert set(found.status.values()) == {Reason(reason)}
    assert words is None or all(words in note for note in found.notes.values())
    if reason == "not_positive":
        assert found.hessian.top <= 0
    for (_, p, grads, grad), (_, q, same, also) in zip(before, _untouched(net), strict=True):
        assert torch.equal(p, q)
        assert (grads, grad) == (same, also)


def test_the_callers_network_and_generators_stay(world):
    net, data, _ = world
    net.train()
    state, random = _untouched(net), torch.get_rng_state()
    first = measured(net, data)
    assert torch.equal(torch.get_rng_state(), random)
    assert net.training
    for (_, p, grads, grad), (_, q, same, also) in zip(state, _untouched(net), strict=True):
        assert torch.equal(p, q)
        assert (grads, grad) == (same, also)
    torch.rand(3)
    assert measured(net, data) == first
    assert measured(net, data, seed=1).hessian.trace != first.hessian.trace


def test_what_is_not_sure_is_said_beside_the_number(world, monkeypatch):
    net, data, _ = world
    monkeypatch.setattr(curvature, "LEAST_STEPS", 1)
    monkeypatch.setattr(curvature, "MOST_STEPS", 2)
    found = measured(net, data)
    assert not found.hessian.converged
    assert "λ_max may be larger: after 2 steps" in found.notes["log_hessian_top"]
    noisy = replace(found.hessian, trace=1.0, trace_error=0.6, converged=True)
    assert curvature.notes(noisy, BOTH) == {"log_hessian_trace": "tr H = 1 ± 0.6: raise draws"}
    assert curvature.notes(replace(noisy, trace_error=None), BOTH) == {}
    assert curvature.notes(None, BOTH) == {}


def test_a_product_that_breaks_later_is_a_reason():
    class Breaks:
        size, dtype, products = 4, torch.float32, 0

        def gaussian(self, seed):
            return torch.ones(4)

        def __call__(self, vector):
            self.products += 1
            return torch.arange(4.0) * vector if self.products < 3 else vector * math.nan

    assert curvature.hessian(Breaks(), probes=2, seed=0) is Reason.non_finite


def test_a_loader_that_shuffles_takes_no_number_of_the_callers(world):
    net, data, _ = world
    inputs, targets = (torch.cat(parts) for parts in zip(*data, strict=True))
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=7, shuffle=True)
    before = torch.get_rng_state()
    first = measured(net, loader)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert measured(net, loader) == first


def test_it_is_measured_when_it_is_named_and_not_scaled(world):
    net, data, _ = world
    assert generalization_metrics(net, data, metrics=["margin"]).hessian is None
    found = measured(net, data)
    assert dict(found.normalized().values) == dict(found.values)
    assert isinstance(found.hessian, Hessian)
    assert np.isfinite(found["log_hessian_top"])


def test_a_single_draw_has_no_error(world):
    net, data, _ = world
    assert measured(net, data, draws=1).hessian.trace_error is None
