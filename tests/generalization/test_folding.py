"""Claim: a folded network answers as before, and nothing is folded that does not follow its layer.

The witness is the network itself in evaluation mode.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.generalization.worlds import Cnn, images, randomize, seeded
from triplepoint import generalization_metrics
from triplepoint.generalization.folding import fold, foldable, folded


def answer_to(inputs):
    def answer(net):
        with torch.no_grad():
            return net(inputs)

    return answer


CASES = [
    (nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)), (4, 3), ["1"]),
    (nn.Sequential(nn.Conv1d(3, 5, 2, bias=False), nn.BatchNorm1d(5)), (4, 3, 6), ["1"]),
    (nn.Sequential(nn.Conv3d(1, 2, 2), nn.BatchNorm3d(2, affine=False)), (2, 1, 3, 3, 3), ["1"]),
    (nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)), (4, 3), []),
    (nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.BatchNorm1d(5)), (4, 3), []),
    (nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.3), nn.Identity(), nn.BatchNorm1d(4)), (5, 3), ["3"]),
    (nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(4)), (5, 4, 6), []),
    (nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5, track_running_stats=False)), (4, 3), []),
]


@pytest.mark.parametrize(("net", "shape", "expected"), CASES)
def test_what_follows_its_layer_is_folded_and_the_answer_stays(net, shape, expected):
    net = randomize(net).eval()
    answer = answer_to(torch.randn(shape, generator=seeded(1)))
    result, pairs = fold(net, answer)
    assert [norm for _, norm in pairs] == expected
    assert torch.allclose(answer(result), answer(net), atol=1e-5)
    assert all(isinstance(result.get_submodule(norm), nn.Identity) for _, norm in pairs)


def test_a_layer_that_feeds_something_else_too_is_left_alone():
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)

        def forward(self, x):
            x = self.layer(x)
            return self.norm(x) + x

    net = randomize(Forked()).eval()
    answer = answer_to(torch.randn(4, 3))
    assert foldable(net, answer) == (("layer", "norm"),)
    result, pairs = fold(net, answer)
    assert result is net
    assert pairs == ()


def test_the_order_of_running_counts_and_not_that_of_registration():
    class Before(nn.Module):
        """As in a DenseNet: the normalisation that is registered after a convolution comes before the next."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 1)
            self.norm = nn.BatchNorm2d(2)
            self.after = nn.Conv2d(2, 2, 1)

        def forward(self, x):
            return self.after(torch.relu(self.norm(x + self.conv(x))))

    net = randomize(Before()).eval()
    assert foldable(net, answer_to(images()[0][0])) == ()


@pytest.mark.parametrize("share", ["twice", "tied"])
def test_a_layer_used_twice_is_left_alone(share):
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm, self.other = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3)
            if share == "tied":
                self.other.weight = self.layer.weight

        def forward(self, x):
            x = torch.relu(self.norm(self.layer(x)))
            return self.other(x) if share == "tied" else self.layer(x)

    assert foldable(randomize(Shared()).eval(), answer_to(torch.randn(4, 3))) == ()


def test_the_original_is_not_touched_and_initial_weights_are_folded_alike():
    net = randomize(Cnn()).eval()
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    pairs = foldable(net, answer_to(images()[0][0]))
    result = folded(net, pairs)
    assert [name for name, _ in pairs] == ["first", "second"]
    assert all(torch.equal(kept[name], value) for name, value in net.state_dict().items())
    gain = net.bn1.weight / (net.bn1.running_var + net.bn1.eps).sqrt()
    assert torch.allclose(result.first.weight, net.first.weight * gain[:, None, None, None], atol=1e-6)
    start = randomize(Cnn(), seed=5)
    found = generalization_metrics(net, images(), init=start, metrics=["fro_dist"])
    other = folded(start, pairs)
    names = ("first.weight", "second.weight", "down.weight", "head.weight")
    expected = sum(
        float((result.get_parameter(n) - other.get_parameter(n)).detach().double().square().sum())
        for n in names
    )
    assert found.weights == names
    assert found["fro_dist"] == pytest.approx(expected, rel=1e-5)


def test_one_layer_that_feeds_something_else_does_not_keep_the_others_from_being_folded():
    class Forked(nn.Module):
        """As in a residual network with normalisation first: the stem goes into the sum too."""

        def __init__(self) -> None:
            super().__init__()
            self.stem, self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 4)
            self.norm1, self.norm2 = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

        def forward(self, x):
            x = self.stem(x)
            inner = self.first(torch.relu(self.norm1(x)))
            return x + self.second(torch.relu(self.norm2(inner)))

    net = randomize(Forked()).eval()
    answer = answer_to(torch.randn(8, 3, generator=seeded(1)))
    assert [norm for _, norm in foldable(net, answer)] == ["norm1", "norm2"]
    result, pairs = fold(net, answer)
    assert pairs == (("first", "norm2"),)
    assert torch.allclose(answer(result), answer(net), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_folded_as_single_is(dtype):
    layers = [nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)]
    net = randomize(nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 3))).to(dtype).eval()
    inputs, targets = images()[0]
    found = generalization_metrics(net, [(inputs.to(dtype), targets)], metrics=["param_norm"])
    single = generalization_metrics(net.float(), [(inputs, targets)], metrics=["param_norm"])
    assert found.folded == single.folded == ("1", "4")
    assert found["param_norm"] == pytest.approx(single["param_norm"], rel=0.01)
