"""Claim: the path norm is the sum over all paths of the squared weights on them, or has no value.

Witness: paths are enumerated one by one; larger blocks are written out as matrices and squared entry by entry.
"""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.generalization.worlds import Cnn, Transformer, images, mlp, randomize, seeded, sentences
from triplepoint import generalization_metrics
from triplepoint.records import Reason


def path_norm(net, data, **how):
    return generalization_metrics(net, data, metrics=["path_norm", "log_path_norm"], **how)


def batch(*shape: int, classes: int = 2) -> list:
    return [(torch.randn(4, *shape, generator=seeded(3)), torch.tensor([0, 1, 0, 1]) % classes)]


def linears(net) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    found = [m for m in net.modules() if isinstance(m, nn.Linear)]
    return [(m.weight.detach().double(), None if m.bias is None else m.bias.detach().double()) for m in found]


def enumerated(net) -> float:
    """Σ over (start, path): a path begins at an input, or at the bias of any layer."""
    layers = linears(net)
    total = 0.0
    for start in range(len(layers) + 1):
        rest = layers[start:]
        widths = [range(w.shape[0]) for w, _ in rest]
        if start == 0:
            for path in product(range(layers[0][0].shape[1]), *widths):
                total += math.prod(
                    float(w[b, a]) ** 2 for (w, _), a, b in zip(rest, path, path[1:], strict=False)
                )
            continue
        bias = layers[start - 1][1]
        if bias is not None:
            for path in product(range(len(bias)), *widths):
                along = zip(rest, path, path[1:], strict=False)
                total += float(bias[path[0]]) ** 2 * math.prod(float(w[b, a]) ** 2 for (w, _), a, b in along)
    return total


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (2, 3, 3, 2)])
def test_it_is_the_sum_over_enumerated_paths(widths, bias):
    net = randomize(mlp(*widths, bias=bias))
    found = path_norm(net, batch(widths[0]))
    assert found["path_norm"] == pytest.approx(enumerated(net), rel=1e-12)
    assert found["log_path_norm"] == pytest.approx(math.log(enumerated(net)), rel=1e-12)


def test_a_convolution_is_the_dense_layer_it_stands_for():
    net = randomize(nn.Sequential(nn.Conv1d(2, 3, 2, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(6, 2)))
    conv, head = net[0], net[3]
    identity = torch.eye(8).reshape(8, 2, 4)
    dense = nn.Linear(8, 6)
    with torch.no_grad():
        silent = functional.conv1d(identity, conv.weight, stride=2).reshape(8, 6)
        dense.weight.copy_(silent.T)
        dense.bias.copy_(conv.bias.repeat_interleave(2))
    expected = enumerated(nn.Sequential(dense, nn.ReLU(), head))
    assert path_norm(net, batch(2, 4))["path_norm"] == pytest.approx(expected, rel=1e-6)


def test_a_residual_adds_its_paths():
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.into, self.inner, self.out = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            x = functional.relu(self.into(x))
            x = x + 0.5 * functional.relu(self.inner(x))
            return functional.log_softmax(self.out(x), dim=-1)

    net = randomize(Residual())
    (w1, b1), (w2, b2), (w3, b3) = ((w.square(), b.square()) for w, b in linears(net))
    hidden = w1 @ torch.ones(3, dtype=torch.float64) + b1
    hidden = hidden + 0.5 * (w2 @ hidden + b2)
    assert path_norm(net, batch(3))["path_norm"] == pytest.approx(float((w3 @ hidden + b3).sum()), rel=1e-12)


def affine(norm) -> tuple[torch.Tensor, torch.Tensor]:
    gain = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    return gain, norm.bias.detach().double() - gain * norm.running_mean.double()


def test_batch_normalisation_is_folded_or_stands_as_an_affine_map():
    net = randomize(
        nn.Sequential(
            nn.BatchNorm1d(3), nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2, bias=False)
        )
    )
    (w1, b1), (w2, _) = linears(net)
    (s0, t0), (s1, t1) = affine(net[0]), affine(net[2])
    x = s0.square() + t0.square()
    x = (s1[:, None] * w1).square() @ x + (s1 * b1 + t1).square()
    found = path_norm(net, batch(3))
    assert found.folded == ("2",)
    assert found["path_norm"] == pytest.approx(float((w2.square() @ x).sum()), rel=1e-6)


def test_a_convolutional_network_with_everything_is_its_squared_twin():
    net = randomize(Cnn())
    twin = Cnn().double().eval()
    with torch.no_grad():
        for conv, norm in (("first", "bn1"), ("second", "normal")):
            source, target = getattr(net, conv), getattr(twin, conv)
            gain, shift = affine(getattr(net, norm))
            bias = 0.0 if source.bias is None else gain * source.bias.double()
            target.weight.copy_((source.weight.double() * gain[:, None, None, None]).square())
            target.bias = nn.Parameter((bias + shift).square())
            setattr(twin, norm, nn.Identity())
        for name in ("down", "head"):
            for target, source in zip(
                getattr(twin, name).parameters(), getattr(net, name).parameters(), strict=True
            ):
                target.copy_(source.double().square())
        expected = float(twin(torch.ones(1, 2, 6, 6, dtype=torch.float64)).sum())
    found = path_norm(net, images())
    assert set(found.folded) == {"bn1", "normal"}
    assert found["path_norm"] == pytest.approx(expected, rel=1e-5)


def norm_matrix(norm, deviation: float) -> torch.Tensor:
    n = norm.normalized_shape[0]
    centring = torch.eye(n, dtype=torch.float64) - 1.0 / n
    return norm.weight.detach().double()[:, None] * centring / deviation**0.5


def test_a_frozen_layer_normalisation_is_its_squared_matrix():
    net = randomize(nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, 2)))
    data = batch(3)
    with torch.no_grad():
        before = net[0](data[0][0]).double()
    deviation = float(before.var(dim=1, unbiased=False).mean()) + net[1].eps
    (w1, b1), (w2, b2) = ((w.square(), b.square()) for w, b in linears(net))
    x = w1 @ torch.ones(3, dtype=torch.float64) + b1
    x = norm_matrix(net[1], deviation).square() @ x + net[1].bias.detach().double().square()
    assert path_norm(net, data)["path_norm"] == pytest.approx(float((w2 @ x + b2).sum()), rel=1e-6)


def test_the_published_layer_normalisation_divides_by_the_deviation_of_the_squared_network():
    net = randomize(nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Linear(5, 2)))
    (w1, b1), (w2, b2) = ((w.square(), b.square()) for w, b in linears(net))
    x = w1 @ torch.ones(3, dtype=torch.float64) + b1
    mean, var = x.mean(), x.var(unbiased=False)
    norm = net[1]
    x = (x + mean**2) / (
        var + norm.eps
    ) * norm.weight.detach().double() ** 2 + norm.bias.detach().double() ** 2
    expected = float((w2 @ x + b2).sum())
    found = path_norm(net, batch(3), legacy=True)["path_norm"]
    assert found == pytest.approx(expected, rel=1e-10)
    assert found != pytest.approx(path_norm(net, batch(3))["path_norm"], rel=0.1)


def test_of_a_transformer_one_token_goes_through_values_and_projections():
    net = randomize(Transformer())
    data = sentences()
    found = path_norm(net, data)
    deviations = {}
    hooks = [
        m.register_forward_pre_hook(
            lambda module, inputs, name=name: deviations.update(
                {name: float(inputs[0].double().var(dim=-1, unbiased=False).mean()) + module.eps}
            )
        )
        for name, m in net.named_modules()
        if isinstance(m, nn.LayerNorm)
    ]
    net.eval()
    with torch.no_grad():
        net(data[0]["input_ids"])
    for hook in hooks:
        hook.remove()

    def squared(module):
        return module.weight.detach().double().square(), module.bias.detach().double().square()

    def normed(name, x):
        module = net.get_submodule(name)
        matrix = norm_matrix(module, deviations[name]).square()
        return matrix @ x + module.bias.detach().double().square()

    attention = net.block.self_attn
    value = attention.in_proj_weight.detach().double()[16:].square()
    value_bias = attention.in_proj_bias.detach().double()[16:].square()
    x = torch.ones(8, dtype=torch.float64)  # the embedding of one token; its position adds nothing
    out, out_bias = squared(attention.out_proj)
    x = x + out @ (value @ normed("block.norm1", x) + value_bias) + out_bias
    (w1, b1), (w2, b2) = squared(net.block.linear1), squared(net.block.linear2)
    x = x + w2 @ (w1 @ normed("block.norm2", x) + b1) + b2
    expected = float((net.head.weight.detach().double().square() @ normed("norm", x)).sum())
    assert found["path_norm"] == pytest.approx(expected, rel=1e-5)


class Odd(nn.Module):
    """A linear layer with something in its way."""

    def __init__(self, step) -> None:
        super().__init__()
        self.first, self.second, self.step = nn.Linear(3, 4), nn.Linear(4, 2), step

    def forward(self, x):
        return self.second(self.step(self.first(x)))


def in_place(x):
    view = x[:, :2]
    view.tanh_()
    return x


REFUSED = [
    (functional.gelu, "gelu"),
    (torch.sigmoid, "sigmoid"),
    (lambda x: x * torch.relu(x), "a product of two activations (mul)"),
    (lambda x: torch.relu(x) - x, "sub"),
    (lambda x: -x, "neg"),
    (lambda x: x * -1.0, "mul"),
    (lambda x: x + -0.5, "add"),
    (lambda x: x / x.sum(), "div"),
    (lambda x: x.softmax(dim=-1), "a softmax that is not the last step"),
    (lambda x: functional.layer_norm(x, (4,)), "layer_norm"),
    (lambda x: x + torch.tensor([0.0, 1.0, -1.0, 0.0]), "a fixed tensor with negative entries"),
    (lambda x: functional.pad(x, (0, 1), value=-1.0)[:, :4], "pad"),
    (lambda x: x.clamp(max=1.0), "clamp"),
    (in_place, "tanh_"),
    (lambda x: x @ x.T @ x, "a product of two activations (matmul)"),
]


@pytest.mark.parametrize(("step", "name"), REFUSED, ids=[name for _, name in REFUSED])
def test_what_is_no_sum_over_paths_has_no_value_and_is_named(step, name):
    found = path_norm(randomize(Odd(step)), batch(3))
    assert found["path_norm"] is None
    assert found.status["path_norm"] is Reason.no_path_norm
    assert name.rstrip("_") in found.notes["path_norm"]


KEPT = [
    lambda x: x,
    functional.relu,
    nn.LeakyReLU(0.2),
    nn.Dropout(0.5),
    lambda x: x.reshape(x.shape[0], 2, 2).transpose(1, 2).transpose(1, 2).flatten(1),
    lambda x: torch.cat([x[:, :2], x[:, 2:]], dim=1),
    lambda x: torch.stack([x, x]).mean(dim=0),
    torch.relu_,
    lambda x: (x * 2.0) / 2,
    lambda x: x + torch.zeros(4),
    lambda x: x + (torch.ones(4) * -1.0 + 1.0),
    lambda x: functional.max_pool1d(x[:, None], 1)[:, 0],
    lambda x: torch.einsum("bi,ij->bj", x, torch.eye(4, dtype=x.dtype)),
]


@pytest.mark.parametrize("step", KEPT)
def test_what_only_arranges_changes_nothing(step):
    found = path_norm(randomize(Odd(step)), batch(3))
    plain = randomize(Odd(lambda x: x))
    assert found["path_norm"] == pytest.approx(enumerated(plain), rel=1e-12)


def test_attention_over_several_positions_is_refused():
    net = nn.Sequential(nn.Linear(4, 4), nn.TransformerEncoderLayer(4, 1, 4, batch_first=True), nn.Flatten())
    found = path_norm(net, [(torch.randn(2, 3, 4), torch.tensor([0, 1]))])
    assert "attention over 3 positions" in found.notes["path_norm"]


def test_attention_by_hand_over_one_position_is_its_values():
    class ByHand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v = (nn.Linear(4, 4, bias=False) for _ in range(3))

        def forward(self, x):
            scores = self.q(x) @ self.k(x).transpose(1, 2) / 2.0
            scores = scores.masked_fill(torch.zeros(1, 1, dtype=torch.bool), -torch.inf)
            return (scores.softmax(dim=-1) @ self.v(x)).flatten(1)

    net = randomize(ByHand())
    found = path_norm(net, [(torch.randn(2, 1, 4), torch.tensor([0, 1]))])
    assert found["path_norm"] == pytest.approx(
        float(net.v.weight.detach().double().square().sum()), rel=1e-12
    )
    found = path_norm(net, [(torch.randn(2, 2, 4), torch.tensor([0, 1]))])
    assert found.status["path_norm"] is Reason.no_path_norm


def test_a_network_of_another_activation_is_refused():
    found = path_norm(randomize(Transformer(activation="gelu")), sentences())
    assert found.notes["path_norm"] == "the function gelu"


def test_recurrence_and_group_normalisation_are_refused():
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.cell(x)[0][:, -1])

    assert "lstm" in path_norm(Recurrent(), batch(5, 3)).notes["path_norm"]
    net = nn.Sequential(nn.Conv1d(2, 4, 1), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(12, 2))
    assert "group_norm" in path_norm(net, batch(2, 3)).notes["path_norm"]


def test_what_leaves_the_range_and_what_cannot_run_are_reasons():
    net = mlp(3, 4, 2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(1e30)
    deep = nn.Sequential(*[nn.Linear(2, 2, bias=False) for _ in range(6)])
    with torch.no_grad():
        for parameter in deep.parameters():
            parameter.fill_(1e-30)
    assert path_norm(net, batch(3))["path_norm"] == pytest.approx(2 * 1e120 * 12 + 8e120, rel=0.5)
    with torch.no_grad():
        for parameter in net.double().parameters():
            parameter.fill_(1e100)
    data = [(batch(3)[0][0].double(), batch(3)[0][1])]
    assert path_norm(net, data).status["path_norm"] is Reason.overflow
    broken = mlp(3, 4, 2)
    with torch.no_grad():
        broken[2].bias[0] = torch.nan
    assert path_norm(broken, batch(3)).status["path_norm"] is Reason.non_finite
    found = path_norm(net.float(), batch(3), path_input=torch.ones(1, 7))
    assert found.status["path_norm"] is Reason.forward_failed
    found = path_norm(deep, batch(2))
    assert found["path_norm"] == 0.0
    assert found.status["log_path_norm"] is Reason.undefined
