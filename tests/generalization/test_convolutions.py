"""Claim: the circular family takes each convolution at the size that its input has, with stride, dilation and groups.

The singular values themselves are tested with the matrix they belong to (`tests/linalg/test_circular.py`); the witness
here is torch, which applies a circular convolution to every unit input.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.generalization.worlds import Cnn, images, randomize
from triplepoint import generalization_metrics
from triplepoint.generalization.convolutions import Sizes
from triplepoint.generalization.folding import fold
from triplepoint.records import Reason


def operator_norm(conv, size) -> float:
    """Of the convolution with padding that goes round, applied to every unit input."""
    channels = conv.in_channels
    units = torch.eye(channels * math.prod(size), dtype=torch.float64).reshape(-1, channels, *size)
    widths = [d * (k - 1) for k, d in zip(conv.kernel_size, conv.dilation, strict=True)]
    padded = functional.pad(units, [part for w in reversed(widths) for part in (0, w)], mode="circular")
    apply = functional.conv2d if len(size) == 2 else functional.conv1d
    weight = conv.weight.detach().double()
    out = apply(padded, weight, stride=conv.stride, dilation=conv.dilation, groups=conv.groups)
    return float(np.linalg.norm(out.reshape(len(units), -1).numpy(), 2))


def test_every_layer_has_the_size_of_its_input():
    net = randomize(Cnn()).eval()
    found = generalization_metrics(net, images(), metrics=["log_prod_of_spec_fft", "log_prod_of_spec"])
    with torch.no_grad():
        flat, _ = fold(net, lambda model: model(images()[0][0]))
    norms = [operator_norm(conv, (6, 6)) for conv in (flat.first, flat.second, flat.down)]
    norms.append(float(torch.linalg.matrix_norm(flat.head.weight.detach().double(), 2)))
    assert found["log_prod_of_spec_fft"] == pytest.approx(2 * sum(map(math.log, norms)), rel=1e-6)
    assert found["log_prod_of_spec_fft"] > found["log_prod_of_spec"]


def test_after_pooling_the_input_is_smaller_and_as_published_it_is_not():
    net = randomize(
        nn.Sequential(
            nn.Conv1d(1, 2, 3, padding=1), nn.MaxPool1d(4), nn.Conv1d(2, 2, 3, padding=1), nn.Flatten()
        ),
        seed=13,
    )
    data = [(torch.randn(4, 1, 8), torch.tensor([0, 1, 2, 3]))]
    squares = [operator_norm(net[0], (8,)) ** 2, operator_norm(net[2], (2,)) ** 2]
    wanted = ["log_prod_of_spec_fft"]
    found = generalization_metrics(net, data, metrics=wanted)["log_prod_of_spec_fft"]
    assert found == pytest.approx(sum(map(math.log, squares)), rel=1e-6)
    legacy = generalization_metrics(net, data, metrics=wanted, legacy=True)["log_prod_of_spec_fft"]
    assert operator_norm(net[2], (8,)) != pytest.approx(squares[1] ** 0.5, rel=1e-3)
    squares[1] = operator_norm(net[2], (8,)) ** 2
    assert legacy == pytest.approx(sum(map(math.log, squares)), rel=1e-6)


@pytest.mark.parametrize("how", [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"stride": 2, "groups": 2}])
def test_stride_dilation_and_groups(how):
    net = randomize(nn.Sequential(nn.Conv2d(2, 4, 3, **how), nn.Flatten()))
    outputs = net(torch.randn(1, 2, 8, 8)).shape[1]
    data = [(torch.randn(3, 2, 8, 8), torch.arange(3) % outputs)]
    found = generalization_metrics(net, data, metrics=["log_prod_of_spec_fft"])["log_prod_of_spec_fft"]
    assert found == pytest.approx(2 * math.log(operator_norm(net[0], (8, 8))), rel=1e-6)


def test_a_transposed_convolution_has_the_norm_of_its_transpose():
    net = randomize(nn.Sequential(nn.ConvTranspose1d(3, 2, 3, bias=False), nn.Flatten()), seed=13)
    forward = nn.Conv1d(2, 3, 3, bias=False)
    forward.weight = net[0].weight
    assert operator_norm(forward, (6,)) != pytest.approx(operator_norm(forward, (4,)), rel=1e-3)
    data = [(torch.randn(3, 3, 4), torch.arange(3))]
    found = generalization_metrics(net, data, metrics=["log_prod_of_spec_fft"])["log_prod_of_spec_fft"]
    assert found == pytest.approx(2 * math.log(operator_norm(forward, (6,))), rel=1e-6)


def test_the_distance_is_that_of_the_difference():
    net, start = randomize(nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten())), nn.Conv1d(2, 3, 3)
    change = nn.Conv1d(2, 3, 3)
    with torch.no_grad():
        change.weight.copy_(net[0].weight - start.weight)
    data = [(torch.randn(3, 2, 5), torch.arange(3))]
    init = {"0.weight": start.weight, "0.bias": start.bias}
    found = generalization_metrics(net, data, init=init, metrics=["dist_spec_init_fft"])
    assert found["dist_spec_init_fft"] == pytest.approx(operator_norm(change, (5,)) ** 2, rel=1e-6)


def test_a_convolution_that_does_not_run_is_named():
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.idle = nn.Linear(3, 2), nn.Conv1d(1, 1, 1)

        def forward(self, x):
            return self.head(x)

    found = generalization_metrics(
        Idle(),
        [(torch.randn(2, 3), torch.tensor([0, 1]))],
        metrics=["log_sum_of_spec_fft", "log_sum_of_spec"],
    )
    assert found.status == {"log_sum_of_spec_fft": Reason.forward_failed}
    assert "idle.weight" in found.notes["log_sum_of_spec_fft"]


def test_the_largest_input_is_that_of_the_most_places():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    sizes = Sizes()
    stop = sizes.watch(net)
    for shape in ((5, 1), (4, 30), (5, 2)):
        net(torch.zeros(1, 1, *shape))
    stop()
    assert sizes.of == {"0": (4, 30)}
