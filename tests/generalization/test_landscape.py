"""Claim: between two networks the distance, the likeness of outputs and the barrier are what they are by definition.

Witnesses: networks that are permutations of each other, a slow loop over the line, closed forms, batch statistics by
hand, the seed.
"""

from __future__ import annotations

import copy
import json
import math
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, TensorDataset

from tests.generalization.worlds import Cnn, Transformer, images, mlp, randomize, seeded, sentences
from triplepoint import landscape
from triplepoint.errors import UsageError
from triplepoint.generalization import curves, similarity
from triplepoint.generalization.batches import batches
from triplepoint.generalization.between import Between
from triplepoint.generalization.passes import Pass
from triplepoint.generalization.private import stream
from triplepoint.generalization.two_networks import connectivity_of
from triplepoint.linalg.cka import linear_cka
from triplepoint.records import Reason


def permuted(net: nn.Sequential, seed: int = 0) -> nn.Sequential:
    """The same function of other weights: the hidden units of a perceptron in another order."""
    other = copy.deepcopy(net)
    order = torch.randperm(net[0].out_features, generator=seeded(seed))
    with torch.no_grad():
        other[0].weight.copy_(net[0].weight[order])
        other[0].bias.copy_(net[0].bias[order])
        other[2].weight.copy_(net[2].weight[:, order])
    return other


@pytest.fixture(scope="module")
def world():
    """A perceptron of one hidden layer that was trained, and its data in unequal batches."""
    inputs = torch.randn(240, 6, generator=seeded(0))
    targets = (inputs[:, 0] * inputs[:, 1] > 0).long()
    net = mlp(6, 24, 2)
    torch.manual_seed(0)
    for layer in (net[0], net[2]):
        layer.reset_parameters()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        cross_entropy(net(inputs), targets).backward()
        optimizer.step()
    net.zero_grad()
    return net, [(inputs[:150], targets[:150]), (inputs[150:], targets[150:])]


@pytest.fixture(scope="module")
def found(world):
    net, data = world
    return landscape(net, permuted(net), data, path="curve", steps=300)


def test_a_network_and_itself(world):
    net, data = world
    found = landscape(net, copy.deepcopy(net), data, path="curve", steps=3, lr=1e-12)
    assert (found.l2_distance, found.l2_per_parameter, found.linear.mode_connectivity) == (0.0, 0.0, 0.0)
    assert found.linear.t_star == 0.0
    assert found.output_cka == pytest.approx(1.0, abs=1e-12)
    assert found.mixup_cka == pytest.approx(1.0, abs=1e-12)
    assert found.mode_connectivity == pytest.approx(0.0, abs=1e-6)
    assert not found.status


def test_a_permutation_answers_alike_behind_a_barrier_that_a_curve_goes_round(found):
    assert found.output_cka == pytest.approx(1.0, abs=1e-6)
    assert found.mixup_cka == pytest.approx(1.0, abs=1e-6)
    assert found.linear.losses[0] == pytest.approx(found.linear.losses[-1], rel=1e-5)
    assert found.linear.mode_connectivity < -0.2
    assert found.linear.mode_connectivity < 3 * found.curve.mode_connectivity < 0
    assert found.mode_connectivity == found.curve.mode_connectivity
    assert len(found.training.losses) == 300
    assert np.mean(found.training.losses[-50:]) < np.mean(found.training.losses[:50])
    assert found.training.distance > 0


def test_the_line_by_a_slow_loop(world, found):
    net, data = world
    other, inputs, targets = permuted(net), *(torch.cat(parts) for parts in zip(*data, strict=True))
    losses, right = [], []
    for t in found.linear.t:
        state = {k: (1 - t) * v + t * other.state_dict()[k] for k, v in net.state_dict().items()}
        logits = torch.func.functional_call(net, state, inputs)
        losses.append(float(cross_entropy(logits, targets)))
        right.append(float((logits.argmax(1) == targets).float().mean()))
    assert found.linear.losses == pytest.approx(losses, rel=1e-5)
    assert found.linear.accuracies == pytest.approx(right, abs=0.005)
    level = (losses[0] + losses[-1]) / 2
    star = int(np.argmax(np.abs(level - np.array(losses))))
    assert found.linear.t_star == found.linear.t[star] == star / 10
    assert found.linear.mode_connectivity == pytest.approx(level - losses[star], rel=1e-4)


def test_the_distance(world, found):
    net, _ = world
    other = permuted(net)
    squares = sum(
        float((a - b).double().square().sum())
        for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True)
    )
    assert found.l2_distance == pytest.approx(math.sqrt(squares), rel=1e-6)
    assert found.num_parameters == 6 * 24 + 24 + 48 + 2
    assert found.l2_per_parameter == pytest.approx(found.l2_distance / math.sqrt(found.num_parameters))


def test_a_convex_loss_has_no_barrier_and_its_parabola_is_known():
    """L = mean (a·x)²: between a and −a the loss at t is (1 − 2t)²·L₀, so mc = L₀ at the middle."""
    net, x = randomize(nn.Linear(3, 1, bias=False)), torch.randn(20, 3, generator=seeded(1))
    other = copy.deepcopy(net)
    with torch.no_grad():
        other.weight.neg_()
    found = landscape(net, other, [(x, torch.zeros(20, 1))], loss=mse_loss, points=5)
    start = float(net(x).detach().square().mean())
    assert found.linear.losses == pytest.approx([start * (1 - 2 * t) ** 2 for t in found.linear.t], abs=1e-6)
    assert found.mode_connectivity == pytest.approx(start, rel=1e-5)
    assert found.linear.t_star == 0.5
    assert found.linear.accuracies is None


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 3.0, 2.0], (-1.5, 0.5)),
        ([1.0, 0.2, 2.0], (1.3, 0.5)),
        ([1.0, 1.0, 1.0], (0.0, 0.0)),
        ([0.0, 1.0, 2.0], (1.0, 0.0)),
        ([0.0, math.inf, 2.0], (None, None)),
    ],
)
def test_sign_and_place_of_connectivity(losses, expected):
    assert connectivity_of((0.0, 0.5, 1.0), losses) == expected


def test_cka_is_that_of_the_logits_and_not_of_less(world):
    net, data = world
    other = randomize(mlp(6, 24, 2), seed=3)
    found = landscape(net, other, data)
    inputs = torch.cat([x for x, _ in data])
    expected = linear_cka(net(inputs).detach().numpy(), other(inputs).detach().numpy())
    assert found.output_cka == pytest.approx(expected, rel=1e-9)
    assert found.cka_rows == 240
    assert found.output_cka < 0.9
    assert found.mixup_cka not in (None, found.output_cka)
    assert landscape(net, other, data, seed=1).mixup_cka != found.mixup_cka
    assert landscape(net, other, data, seed=1).output_cka == found.output_cka


def test_mixtures_lie_between_samples_of_a_batch():
    seen = []

    class Watch(nn.Linear):
        def forward(self, x):
            seen.append(x.detach().clone())
            return super().forward(x)

    net = randomize(Watch(1, 2))
    run = Pass(batches([(torch.tensor([[0.0], [1.0]] * 50), torch.arange(100) % 2)], torch.device("cpu")), 0)
    similarity.output_cka(net, net, run, mixup=16.0, seed=0)
    assert torch.equal(seen[0], seen[1])
    inside = {round(float(v), 6) for v in seen[0]} - {0.0, 1.0}
    assert len(inside) == 2  # λ and 1 − λ, one λ a batch
    assert sum(inside) == pytest.approx(1.0)
    assert min(inside) > 0.1


def test_no_more_rows_than_fit(world, monkeypatch):
    net, data = world
    monkeypatch.setattr(similarity, "MOST_ROWS", 40)
    assert landscape(net, net, data).cka_rows == 40


def test_statistics_of_batch_normalisation_are_those_of_the_point():
    one, other = (randomize(Cnn(), seed=k) for k in (1, 2))
    data = [(x[i], y[i]) for x, y in images(30) for i in (slice(0, 10), slice(10, 30))]
    with torch.no_grad():
        one.bn1.running_mean.fill_(math.inf)  # what was there does not matter
    run = Pass(batches(data, torch.device("cpu")), 0)
    between = Between(one.eval(), other.eval())
    between.put(0.3)
    between.normalize(run)
    means = [(0.7 * one.first.weight + 0.3 * other.first.weight, x) for x, _ in data]
    expected = [nn.functional.conv2d(x, w, padding=1) for w, x in means]
    mean = torch.cat(expected).mean((0, 2, 3))
    variance = sum(len(e) / 30 * e.var((0, 2, 3)) for e in expected)
    assert torch.allclose(between.model.bn1.running_mean, mean, atol=1e-5)
    assert torch.allclose(between.model.bn1.running_var, variance, rtol=1e-4)
    assert not between.model.bn1.training
    assert between.model.bn1.momentum == 0.1
    assert between.model.head.weight.equal(torch.lerp(one.head.weight, other.head.weight, 0.3))


def test_pictures_with_batch_normalisation():
    one, other = (randomize(Cnn(), seed=k) for k in (1, 2))
    found = landscape(one, other, images(30), path="curve", steps=20, lr=0.01)
    assert found.renormalized == ("bn1", "normal")
    assert not found.status
    assert all(math.isfinite(loss) for loss in found.curve.losses)
    # Ends are the same two on both paths, with their statistics estimated like those between them.
    assert found.curve.losses[0] == found.linear.losses[0]
    assert found.curve.losses[-1] == found.linear.losses[-1]
    itself = landscape(one, one, images(30))
    assert itself.mode_connectivity == 0.0
    with pytest.raises(UsageError, match="landscape: the forward pass fails"):
        landscape(nn.BatchNorm1d(3), nn.BatchNorm1d(3), [(torch.zeros(1, 3), torch.zeros(1).long())])


def test_buffers_move_and_equal_networks_stay_to_the_last_bit():
    class Shifted(nn.Linear):
        def __init__(self, shift):
            super().__init__(3, 2)
            self.register_buffer("shift", torch.tensor(shift))

    one, other = Shifted(1.0), Shifted(3.0)
    between = Between(one, other)
    between.put(0.25)
    assert float(between.model.shift) == 1.5
    same = Between(one, copy.deepcopy(one))
    for t in np.linspace(0, 1, 30):
        same.put(float(t), same.middle())
        assert same.model.weight.equal(one.weight)


def test_a_curve_trains_with_the_statistics_of_its_batches():
    one, other = (randomize(Cnn(), seed=k) for k in (1, 2))
    run = Pass(batches(images(30), torch.device("cpu")), 0)
    between = Between(one.eval(), other.eval())
    _, training = curves.trained_middle(between, run, steps=1, lr=0.1, seed=5)
    start = torch.Generator().manual_seed(stream(curves.KEY, 5))
    line = Between(one, other)
    line.put(float(torch.rand(1, generator=start, dtype=torch.float64)))
    (inputs, targets) = images(30)[0]
    with line.by_batches(), torch.no_grad():
        expected = float(cross_entropy(line.model(inputs), targets))
    assert training.losses == pytest.approx((expected,), rel=1e-5)


def test_batches_in_which_nothing_counts_and_outputs_of_several_widths():
    net = randomize(Transformer())
    nothing = {k: v.clone() for k, v in sentences()[0].items()}
    nothing["labels"].fill_(-100)
    assert landscape(net, net, [nothing, *sentences()], path="curve", steps=5).curve is not None
    filters = randomize(nn.Conv1d(1, 2, 3))
    data = [(torch.randn(4, 1, n, generator=seeded(n)), torch.zeros(4)) for n in (5, 6)]
    found = landscape(filters, filters, data, loss=lambda o, t: o.square().mean())
    assert found.status == dict.fromkeys(("output_cka", "mixup_cka"), Reason.undefined)
    assert found.notes["output_cka"] == "outputs that are no rows of one length"


def test_sentences_cannot_be_mixed():
    one, other = (randomize(Transformer(), seed=k) for k in (1, 2))
    found = landscape(one, other, sentences(), path="curve", steps=5)
    assert found.status == {"mixup_cka": Reason.no_mixup}
    assert found.mixup_cka is None
    assert found.cka_rows == 24
    assert found.curve is not None


def test_the_callers_networks_and_generators_stay_and_the_seed_decides(world):
    net, data = world
    other = permuted(net)
    inputs, targets = (torch.cat(parts) for parts in zip(*data, strict=True))
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=64, shuffle=True)
    states = [copy.deepcopy(n.state_dict()) for n in (net, other)]
    net.train()
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = landscape(net, other, loader, path="curve", steps=10)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002
    for n, state in zip((net, other), states, strict=True):
        assert all(torch.equal(v, state[k]) for k, v in n.state_dict().items())
        assert all(p.requires_grad and p.grad is None for p in n.parameters())
    assert net.training
    torch.rand(3)
    assert landscape(net, other, loader, path="curve", steps=10) == first
    listed = [landscape(net, other, data, path="curve", steps=4, seed=k).training.losses for k in (0, 1)]
    assert listed[0] != listed[1]


def test_a_curve_that_diverges_or_has_no_gradient_says_so(world):
    net, data = world
    found = landscape(net, permuted(net), data, path="curve", steps=50, lr=1e9)
    assert found.status["curve"] is Reason.non_finite
    assert "diverges at step" in found.notes["curve"]
    assert found.curve is None
    assert found.mode_connectivity is None
    assert 0 < len(found.training.losses) < 50
    assert found.linear.mode_connectivity is not None
    for loss, words in (
        (lambda o, t: cross_entropy(o.detach(), t), "gradient"),
        (lambda o, t: 1.0, "a float"),
    ):
        found = landscape(net, net, data, path="curve", loss=loss)
        assert found.status == {"curve": Reason.not_differentiable}
        assert words in found.notes["curve"]


def test_a_loss_that_is_not_finite_has_no_connectivity(world):
    net, data = world
    broken = permuted(net)
    with torch.no_grad():
        broken[0].weight.fill_(math.inf)
    found = landscape(net, broken, data)
    assert found.mode_connectivity is None
    assert found.linear.losses[-1] is None
    assert (found.l2_distance, found.l2_per_parameter) == (None, None)
    assert found.status["l2_distance"] is Reason.non_finite
    assert found.status["linear.mode_connectivity"] is Reason.non_finite
    assert found.status["output_cka"] is Reason.undefined
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_record_in_plain_types_and_in_a_line(found):
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["schema"] == "triplepoint.landscape/1"
    assert plain["mode_connectivity"] == found.curve.mode_connectivity
    assert plain["training"]["losses"] == list(found.training.losses)
    assert plain["settings"]["path"] == "curve"
    assert len(repr(found)) < 120
    assert "mode_connectivity=-" in repr(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"path": "spline"}, "spline"),
        ({"points": 2}, "points 2"),
        ({"steps": 0}, "steps 0"),
        ({"lr": 0.0}, "lr 0.0"),
        ({"mixup": -1}, "mixup -1"),
        ({"seed": -1}, "seed -1"),
        ({"ignore_index": 0.5}, "ignore_index 0.5"),
        ({"loss": 3}, "loss"),
        ({"first": "resnet"}, "landscape: a model of type str"),
        ({"second": randomize(mlp(6, 23, 2))}, "0.weight is (24, 6) in the first and (23, 6) in the second"),
        ({"second": randomize(mlp(6, 24, 2, bias=False))}, "missing in the second"),
        ({"second": nn.Sequential(*randomize(mlp(6, 24, 2, 2)))}, "missing in the first"),
        ({"data": []}, "landscape: the data are empty"),
        ({"data": [(torch.zeros(3, 5), torch.arange(3))]}, "the forward pass fails with RuntimeError"),
        ({"first": nn.ReLU(), "second": nn.ReLU()}, "without parameters"),
        (dict.fromkeys(("first", "second"), nn.BatchNorm1d(6, affine=False)), "without parameters"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(world, change, words):
    net, data = world
    given = {"first": net, "second": net, "data": data, **change}
    with pytest.raises(UsageError) as caught:
        landscape(given.pop("first"), given.pop("second"), given.pop("data"), **given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_torch_the_extra_is_named():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import triplepoint\n"
        "from triplepoint.errors import MissingDependency\n"
        "try: triplepoint.landscape\n"
        "except MissingDependency as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "landscape: torch is not installed. Run: pip install 'triplepoint[torch]'" in done.stdout
