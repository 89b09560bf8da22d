"""Claim: what a caller hands over is used as it was meant and stays as it was, whatever networks and loaders do.

Witness: the same network written the plain way.
"""

from __future__ import annotations

from collections import namedtuple

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.generalization.worlds import mlp, randomize, seeded
from triplepoint import generalization_metrics

QUICK = {"draws": 2, "depth": 4}


def batch(count: int = 12, width: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(count, width, generator=seeded(3)), torch.arange(count) % 3


def test_a_network_that_works_in_place_changes_no_data_and_sees_the_same_in_every_pass():
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm = nn.Linear(6, 3), nn.BatchNorm1d(3)

        def forward(self, x):
            return self.norm(self.layer(x.div_(2.0)))

    inputs, targets = batch()
    data = [(inputs.clone(), targets.clone())]
    net = randomize(Scaled())

    def loss(outputs, wanted):
        wanted.clamp_(max=1)
        return nn.functional.cross_entropy(outputs, wanted)

    found = generalization_metrics(net, data, metrics=["margin", "path_norm"], loss=loss)
    assert torch.equal(data[0][0], inputs)
    assert torch.equal(data[0][1], targets)
    assert found.folded == ("norm",)


@pytest.mark.parametrize("place", ["loader", "sampler", "batch sampler"])
def test_the_generator_of_a_loader_begins_at_the_seed_and_is_put_back(place):
    own = torch.Generator().manual_seed(7)
    before = own.get_state()
    inputs = TensorDataset(*batch(40))
    if place == "loader":
        data = DataLoader(inputs, batch_size=16, shuffle=True, drop_last=True, generator=own)
    else:
        sampler = torch.utils.data.RandomSampler(inputs, generator=own)
        if place == "sampler":
            data = DataLoader(inputs, batch_size=16, sampler=sampler, drop_last=True)
        else:
            batches = torch.utils.data.BatchSampler(sampler, 16, drop_last=True)
            data = DataLoader(inputs, batch_sampler=batches)
    net = randomize(mlp(6, 3))
    first = generalization_metrics(net, data, metrics=["margin"])
    assert torch.equal(own.get_state(), before)
    torch.rand(3, generator=own)
    assert generalization_metrics(net, data, metrics=["margin"]).loss == first.loss


def test_inputs_may_be_a_named_tuple():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x, factor):
            return self.layer(x) * factor

    inputs, targets = batch()
    data = [(namedtuple("Inputs", "x factor")(inputs, 2.0), targets)]
    net = randomize(Two())
    plain = generalization_metrics(net, [((inputs, 2.0), targets)], metrics=["margin", "path_norm"])
    assert generalization_metrics(net, data, metrics=["margin", "path_norm"]).values == plain.values


def test_batches_in_which_nothing_counts_change_nothing():
    inputs, targets = batch()
    net = randomize(mlp(6, 4, 3))
    wanted = {"metrics": ["path_norm", "margin"], "loss": nn.functional.cross_entropy}
    plain = generalization_metrics(net, [(inputs, targets)], **wanted)
    ignored = (inputs, torch.full_like(targets, -100))
    for data in ([(inputs, targets), ignored], [(inputs[:0], targets[:0]), (inputs, targets)]):
        found = generalization_metrics(net, data, **wanted)
        assert found.values == plain.values
        assert found.loss == plain.loss


def test_layers_that_are_called_by_name_are_seen_as_those_that_are_called_by_place():
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.gain = nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.LayerNorm(4)
            self.standing, self.head = nn.BatchNorm1d(4), nn.Linear(4, 3)

        def forward(self, x):
            x = self.norm(self.conv(x[:, None])).mean(dim=-1)
            return self.head(self.standing(self.gain(x)))

    class Named(Plain):
        def forward(self, x):
            x = self.norm(input=self.conv(input=x[:, None])).mean(dim=-1)
            return self.head(input=self.standing(input=self.gain(input=x)))

    wanted = ["path_norm", "log_prod_of_spec_fft", "param_norm"]
    one, other = (
        generalization_metrics(randomize(net), [batch()], metrics=wanted) for net in (Plain(), Named())
    )
    assert one == other
    assert one.folded == ("norm",)
    assert not one.status


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_an_encoder_that_takes_padding_out_is_run():
    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(9, 8), nn.Linear(8, 9)
            self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)

        def forward(self, ids):
            return self.head(self.encoder(self.embedding(ids), src_key_padding_mask=ids == 0))

    ids = torch.randint(1, 9, (4, 5), generator=seeded(0))
    net = randomize(Padded())
    wanted = {"metrics": ["path_norm", "pacbayes_flatness"], "criterion": "loss", **QUICK}
    full = generalization_metrics(net, [(ids, ids)], **wanted)
    padded = torch.cat([ids, torch.zeros(4, 2, dtype=ids.dtype)], dim=1)
    targets = torch.where(padded == 0, -100, padded)
    found = generalization_metrics(net, [(padded, targets)], **wanted)
    assert found["path_norm"] == pytest.approx(full["path_norm"], rel=1e-5)
    assert found.loss == pytest.approx(full.loss, rel=1e-5)
    assert not found.status
