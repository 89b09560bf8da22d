"""Claim: a result is plain, short to look at, and its reasons name the true cause.

Each case is one in which another reason, or an infinity, was given before.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from tests.generalization.worlds import mlp, randomize, seeded
from triplepoint import generalization_metrics
from triplepoint.errors import UsageError
from triplepoint.records import Reason


def world(width: int = 12, classes: int = 3):
    net = randomize(mlp(width, 16, classes))
    inputs = torch.randn(40, width, generator=seeded(3))
    with torch.no_grad():
        return net, [(inputs, net(inputs).argmax(dim=1))]


def test_it_is_shown_in_one_line():
    net, data = world()
    found = generalization_metrics(net, data, metrics=["pacbayes_flatness", "margin", "fro_dist"], draws=2)
    assert repr(found) == str(found)
    assert repr(found) == (
        f"<GeneralizationMetrics: 2 of 3 metrics have values, σ = {found.absolute.sigma:.4g}, "
        f"γ = {found['margin']:.4g}, m = 40>"
    )
    short = generalization_metrics(net, data, metrics=["l2"])
    assert repr(short) == "<GeneralizationMetrics: 1 of 1 metrics have values, m = 40>"


def test_numbers_of_numpy_become_plain_ones():
    net, data = world()
    how = {"draws": 2, "depth": 3, "m": 7, "seed": 1, "target": 0.5, "limit": 2.0, "margin_quantile": 0.25}
    plain = generalization_metrics(net, data, metrics=["margin", "pacbayes_flatness"], ignore_index=-1, **how)
    given = {k: (np.int64 if isinstance(v, int) else np.float32)(v) for k, v in how.items()}
    found = generalization_metrics(
        net, data, metrics=["margin", "pacbayes_flatness"], ignore_index=np.int64(-1), **given
    )
    assert json.dumps(found.to_dict(), allow_nan=False) == json.dumps(plain.to_dict())


def test_a_published_search_that_ends_in_infinity_is_plain_json():
    net, data = world()
    calm = []

    def loss(outputs, targets):
        calm.append(1)
        return torch.tensor(1.0 if len(calm) == 1 else torch.inf)

    found = generalization_metrics(
        net, data, loss=loss, metrics=["pacbayes_flatness"], legacy=True, draws=2, depth=3
    )
    assert found.absolute.increase is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_an_accuracy_that_no_tried_noise_moves_is_at_the_limit():
    net, data = world()
    found = generalization_metrics(net, data, metrics=["pacbayes_flatness"], limit=1e-6, draws=2)
    assert found.absolute.at_limit
    assert "raise limit" in found.notes["pacbayes_flatness"]
    deaf = generalization_metrics(
        net, data, metrics=["pacbayes_flatness"], limit=1e-6, draws=2, forward=lambda _, inputs: net(inputs)
    )
    assert deaf.status == {"pacbayes_flatness": Reason.no_effect}


@pytest.mark.parametrize("broken", ["inputs", "weights", "init"])
def test_what_is_not_finite_is_said_to_be_that(broken):
    net, data = world()
    start = randomize(mlp(12, 16, 3), seed=1)
    with torch.no_grad():
        if broken == "inputs":
            data[0][0][3, 2] = torch.nan
        for layer in {"weights": net, "init": start}.get(broken, ()):
            if isinstance(layer, nn.Linear):
                layer.weight[0, 0] = torch.nan
    wanted = {
        "inputs": ["pacbayes_flatness", "margin"],
        "weights": ["pacbayes_flatness", "w_cka", "l2", "log_norm", "path_norm"],
        "init": ["w_cka", "fro_dist", "pacbayes_mag_init"],
    }[broken]
    found = generalization_metrics(net, data, init=start, metrics=wanted, criterion="accuracy", draws=2)
    assert found.status == dict.fromkeys(wanted, Reason.non_finite)


def test_workers_are_looked_at_even_where_nothing_is_scanned():
    net, data = world()
    with pytest.raises(UsageError, match="workers 'many'"):
        generalization_metrics(net, data, metrics=["margin"], workers="many")
