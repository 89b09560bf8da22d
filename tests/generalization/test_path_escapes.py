"""Claim: nothing that leaves the sight of the path norm comes back as a sum over paths.

Witness: the same network without the detour, or a formula written out.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.generalization.test_paths import Odd, batch, enumerated
from tests.generalization.worlds import randomize, seeded
from triplepoint import generalization_metrics
from triplepoint.records import Reason


def path_norm(net, data):
    return generalization_metrics(net, data, metrics=["path_norm"])


@pytest.fixture(scope="module")
def compiled():
    """A scripted function: its operations run outside Python."""

    class Gated(nn.Module):
        def forward(self, x):
            return x * torch.sigmoid(x)

    return torch.jit.trace(Gated(), torch.ones(1, 4))


def unpacked(x):
    a, b, c, d = x.T
    return torch.stack([a * b, b, c, d], dim=1)


def through_memory(x):
    memory = torch.zeros(2, x.shape[0], 4, dtype=x.dtype)
    view = memory[0]
    view += x
    return memory[0] * x


REFUSED = [
    (lambda x: x / x.norm().item(), "(item)"),
    (lambda x: x if x.sum() > 0 else 2 * x, "(bool)"),
    (lambda x: x / float(x.max()), "(float)"),
    (lambda x: x * torch.tensor(x.tolist()), "(tolist)"),
    (unpacked, "a product of two activations (mul)"),
    (through_memory, "a product of two activations (mul)"),
    (lambda x: x * torch.tensor([1, -1, 1, 1]), "mul"),
]


@pytest.mark.parametrize(("step", "name"), REFUSED, ids=[name for _, name in REFUSED])
def test_what_goes_round_about_is_refused(step, name):
    found = path_norm(randomize(Odd(step)), batch(3))
    assert found.status == {"path_norm": Reason.no_path_norm}
    assert name in found.notes["path_norm"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_operations_of_compiled_code_are_refused(compiled):
    found = path_norm(randomize(Odd(lambda x: x + compiled(x))), batch(3))
    assert found.status == {"path_norm": Reason.no_path_norm}
    assert "inside something compiled" in found.notes["path_norm"]


def filled(x):
    memory = torch.zeros(x.shape[0], 8, dtype=x.dtype)
    memory[:, :4] = x
    return memory[:, :4]


KEPT = [
    filled,
    lambda x: torch.stack(list(x.T), dim=1),
    lambda x: x * torch.ones(4, dtype=torch.long),
    lambda x: x if (torch.ones(3) > 0).all() else x * x,
]


@pytest.mark.parametrize("step", KEPT)
def test_a_detour_that_only_arranges_changes_nothing(step):
    found = path_norm(randomize(Odd(step)), batch(3))
    assert found["path_norm"] == pytest.approx(enumerated(randomize(Odd(lambda x: x))), rel=1e-12)


def test_buffers_that_are_no_tables_of_positions_keep_their_values():
    """A scale of the embedding, and the causal mask of attention by hand, which hides nothing of one token."""

    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(4, 9)
            self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))
            self.register_buffer("scale", torch.tensor(2.0))
            self.register_buffer("seen", torch.tril(torch.ones(8, 8)))
            self.register_buffer("positions", torch.randn(8, 4, generator=seeded(5)))

        def forward(self, ids):
            count = ids.shape[1]
            x = self.embedding(ids) * self.scale + self.positions[:count]
            scores = self.q(x) @ self.k(x).transpose(1, 2) / 2.0
            scores = scores.masked_fill(self.seen[:count, :count] == 0, -torch.inf)
            return self.head(x + scores.softmax(dim=-1) @ self.v(x))

    net = randomize(Causal())
    tokens = torch.randint(9, (4, 5), generator=seeded(0))

    def squared(layer):
        return layer.weight.detach().double().square(), layer.bias.detach().double().square()

    (v, v_bias), (head, head_bias) = squared(net.v), squared(net.head)
    x = torch.full((4,), 2.0, dtype=torch.float64)
    expected = float((head @ (x + v @ x + v_bias) + head_bias).sum())
    assert path_norm(net, [(tokens, tokens)])["path_norm"] == pytest.approx(expected, rel=1e-12)


def test_what_a_network_draws_begins_at_the_seed_and_the_caller_notices_nothing():
    net = randomize(Odd(lambda x: functional.dropout(x, 0.5, training=True)))
    torch.rand(5)
    state = torch.get_rng_state()
    first = path_norm(net, batch(3))
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(5)
    assert path_norm(net, batch(3)) == first
