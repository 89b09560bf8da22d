"""Claim: wrapped, compiled, parametrised and pruned networks are measured as the plain network that they compute.

Witness: that network, built with the very weights.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from tests.generalization.worlds import mlp, randomize, seeded
from triplepoint import generalization_metrics
from triplepoint.errors import UsageError
from triplepoint.records import Reason

WANTED = ["param_norm", "fro_dist", "path_norm", "log_prod_of_spec", "pacbayes_flatness", "log_norm"]
HOW = {"metrics": WANTED, "draws": 2, "depth": 4, "criterion": "loss"}


def data(width: int = 12) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.randn(20, width, generator=seeded(3)), torch.arange(20) % 10)]


def net(seed: int = 0) -> nn.Sequential:
    return randomize(mlp(12, 16, 10, bias=False), seed)


def plain(model: nn.Module) -> nn.Sequential:
    """The weights that the two layers multiply with."""
    model.eval()
    model(data()[0][0])
    found = mlp(12, 16, 10, bias=False)
    with torch.no_grad():
        found[0].weight.copy_(model[0].weight)
        found[2].weight.copy_(model[2].weight)
    return found


def new_weight(model):
    parametrizations.weight_norm(model[0])
    parametrizations.spectral_norm(model[2])
    return model


def old_weight(model):
    weight_norm(model[0])
    spectral_norm(model[2])
    return model


def pruned(model):
    prune.l1_unstructured(model[0], "weight", amount=0.4)
    prune.random_unstructured(model[2], "weight", amount=0.1)
    prune.random_unstructured(model[2], "weight", amount=0.1)
    return model


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("wrap", [new_weight, old_weight, pruned])
def test_weights_that_are_computed_of_others_are_what_is_measured(wrap):
    torch.manual_seed(0)
    model, start = wrap(net()), wrap(net(1))
    model.train()
    model(data()[0][0]).sum().backward()
    names = [name for name, _ in model.named_parameters()]
    kept = copy.deepcopy(model.state_dict())
    expected = generalization_metrics(plain(model), data(), init=plain(start), **HOW)
    model.train()
    for init in (start, start.state_dict(), plain(start)):
        found = generalization_metrics(model, data(), init=init, **HOW)
        assert dict(found.values) == pytest.approx(dict(expected.values), rel=1e-6)
        assert not found.status
    assert [name for name, _ in model.named_parameters()] == names
    assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())
    model(data()[0][0])


def test_a_parametrisation_stays_on_the_callers_network():
    model = new_weight(net())
    generalization_metrics(model, data(), metrics=["param_norm"])
    assert parametrize.is_parametrized(model[0])
    assert model[0].weight.shape == (16, 12)


def test_a_compiled_network_is_the_network():
    normed = randomize(
        nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.LayerNorm(16), nn.Linear(16, 10))
    )
    whole = torch.compile(normed, backend="eager")
    part = copy.deepcopy(normed)
    part[0] = torch.compile(part[0], backend="eager")
    expected = generalization_metrics(normed, data(), init=normed, **HOW)
    assert expected.folded == ("1",)
    for model in (whole, part):
        for init in (normed, model):
            assert generalization_metrics(model, data(), init=init, **HOW) == expected
    assert type(part[0]).__name__ == "OptimizedModule"


def test_what_a_forward_pass_left_in_an_attribute_does_not_hinder_the_copy():
    class Remembering(nn.Linear):
        def forward(self, x):
            self.last = super().forward(x)
            return self.last

    model = Remembering(12, 10)
    model(data()[0][0])
    last = model.last
    assert generalization_metrics(model, data(), metrics=["margin"])["margin"] is not None
    assert model.last is last


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.* is deprecated")
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: nn.Sequential(nn.LazyLinear(4)), "no values in 0.weight yet. Run the model once"),
        (lambda: nn.Linear(12, 10, device="meta"), "no values in weight: it is on the meta device"),
        (lambda: torch.jit.trace(nn.Linear(12, 10), torch.ones(1, 12)), "TorchScript"),
    ],
)
def test_a_network_without_values_is_refused(build, words):
    with pytest.raises(UsageError, match=words):
        generalization_metrics(build(), data(), metrics=["param_norm"])


def test_a_tied_initial_weight_may_be_stored_under_any_of_its_names():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(9, 6), nn.Linear(6, 9, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, ids):
            return self.head(self.embedding(ids))

    tokens = torch.randint(9, (4, 5), generator=seeded(0))
    model, start = randomize(Tied()), randomize(Tied(), 1)
    expected = float((model.head.weight - start.head.weight).detach().double().square().sum())
    for name in ("embedding.weight", "head.weight"):
        init = {name: start.head.weight.detach()}
        found = generalization_metrics(model, [(tokens, tokens)], init=init, metrics=["fro_dist"])
        assert found["fro_dist"] == pytest.approx(expected)
    found = generalization_metrics(model, [(tokens, tokens)], init={"x": torch.ones(2)}, metrics=["fro_dist"])
    assert found.status == {"fro_dist": Reason.not_in_init}


def test_a_default_device_is_not_that_of_the_network():
    normed = randomize(nn.Sequential(nn.Linear(12, 16), nn.LayerNorm(16), nn.Linear(16, 10)))
    expected = generalization_metrics(normed, data(), init=normed, **HOW)
    given = data()
    with torch.device("meta"):
        assert generalization_metrics(normed, given, init=normed, **HOW) == expected


def test_an_empty_parameter_counts_for_nothing():
    model = net()
    expected = generalization_metrics(model, data(), **HOW)
    model.register_parameter("nothing", nn.Parameter(torch.zeros(0, 4)))
    assert generalization_metrics(model, data(), **HOW).values == expected.values


def test_quantised_weights_are_refused():
    model = net()
    model.codes = nn.Parameter(torch.zeros(3, dtype=torch.int8), requires_grad=False)
    with pytest.raises(UsageError, match="quantised weights in Sequential"):
        generalization_metrics(model, data(), **HOW)
