"""Claim: norms and distances of the counted tensors are those that NumPy computes one by one.

What is counted is written down by hand for each network.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.generalization.worlds import Transformer, mlp, randomize, sentences
from triplepoint import generalization_metrics
from triplepoint.errors import UsageError
from triplepoint.generalization.weights import counted
from triplepoint.records import Reason

NAMES = [
    *("param_norm", "fro_dist", "dist_spec_init", "w_cka", "num_weights", "l2", "l2_dist", "fro_over_spec"),
    *("log_prod_of_spec", "log_prod_of_fro", "log_sum_of_spec", "log_sum_of_fro"),
]


def names(net, **how) -> list[str]:
    return [weight.name for weight in counted(net, **how)]


def test_embeddings_and_gains_count_and_biases_do_not():
    assert names(Transformer()) == [
        "embedding.weight",
        "positions.weight",
        "block.self_attn.in_proj_weight",
        "block.self_attn.out_proj.weight",
        "block.linear1.weight",
        "block.linear2.weight",
        "block.norm1.weight",
        "block.norm2.weight",
        "norm.weight",
        "head.weight",
    ]


def test_batch_normalisation_is_known_by_its_class_and_not_by_its_name():
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.subnet = nn.Linear(2, 2)
            self.normal = nn.BatchNorm1d(2)

    assert names(Named()) == ["subnet.weight"]
    assert names(Named(), legacy=True) == ["normal.weight"]


def test_tied_weights_count_once():
    net = Transformer()
    net.head.weight = net.embedding.weight
    assert names(net).count("embedding.weight") == 1
    assert "head.weight" not in names(net)


def test_a_network_without_weights_is_refused():
    with pytest.raises(UsageError, match="without weights"):
        counted(nn.ReLU())


def slow(net, start) -> dict[str, float]:
    def matrices(model):
        kept = [p.detach().double().numpy() for n, p in model.named_parameters() if "bias" not in n]
        return [p.reshape(p.shape[0], -1) for p in kept]

    after, before = matrices(net), matrices(start)
    spec = [np.linalg.norm(w, 2) ** 2 for w in after]
    fro = [np.linalg.norm(w) ** 2 for w in after]
    moved = [w - v for w, v in zip(after, before, strict=True)]

    def cka(x, y):
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        norm = np.linalg.norm
        return norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y))

    flat = [name for name, p in net.named_parameters() if "bias" not in name and p.ndim > 1]
    wide = [name for name, _ in net.named_parameters() if "bias" not in name]
    pairs = [(after[wide.index(n)], before[wide.index(n)]) for n in flat]
    return {
        "param_norm": sum(fro),
        "fro_dist": sum(np.linalg.norm(w) ** 2 for w in moved),
        "dist_spec_init": sum(np.linalg.norm(w, 2) ** 2 for w in moved),
        "w_cka": float(np.mean([cka(x, y) for x, y in pairs])),
        "num_weights": sum(w.size for w in after),
        "l2": math.sqrt(sum(fro)),
        "l2_dist": math.sqrt(sum(np.linalg.norm(w) ** 2 for w in moved)),
        "fro_over_spec": sum(f / s for f, s in zip(fro, spec, strict=True)),
        "log_prod_of_spec": math.log(math.prod(spec)),
        "log_prod_of_fro": math.log(math.prod(fro)),
        "log_sum_of_spec": math.log(len(spec) * math.prod(spec) ** (1 / len(spec))),
        "log_sum_of_fro": math.log(len(fro) * math.prod(fro) ** (1 / len(fro))),
    }


@pytest.mark.parametrize("build", [Transformer, lambda: mlp(20, 30, 4)])
def test_they_are_what_numpy_says(build):
    net, start = randomize(build()), randomize(build(), seed=9)
    data = sentences() if isinstance(net, Transformer) else [(torch.randn(4, 20), torch.arange(4))]
    found = generalization_metrics(net, data, init=start, metrics=NAMES)
    assert dict(found.values) == pytest.approx(slow(net, start), rel=1e-9)


def test_nothing_moved():
    net = randomize(mlp(20, 30, 4))
    data = [(torch.randn(4, 20), torch.arange(4))]
    found = generalization_metrics(
        net, data, init=net, metrics=["fro_dist", "l2_dist", "w_cka", "log_spec_init_main", "margin"]
    )
    assert [found["fro_dist"], found["l2_dist"], found["w_cka"]] == [0.0, 0.0, 1.0]
    assert found["log_spec_init_main"] is None


def test_a_tensor_of_zeros_has_no_logarithm_and_one_that_is_broken_is_named():
    net = randomize(mlp(5, 6, 3))
    data = [(torch.randn(4, 5), torch.tensor([0, 1, 2, 0]))]
    with torch.no_grad():
        net[0].weight.zero_()
    wanted = ["param_norm", "log_prod_of_spec", "fro_over_spec", "log_sum_of_fro"]
    found = generalization_metrics(net, data, metrics=wanted)
    assert found["param_norm"] > 0
    assert found.status == dict.fromkeys(wanted[1:], Reason.undefined)
    with torch.no_grad():
        net[2].weight[0, 0] = torch.inf
    found = generalization_metrics(net, data, metrics=wanted)
    assert found.status == dict.fromkeys(wanted, Reason.non_finite)
    assert set(found.notes.values()) == {"2.weight"}
