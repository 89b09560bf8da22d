"""Claim: the margin is what one computes by hand, for samples, tokens and pictures, and none below zero is hidden."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.generalization.worlds import randomize, seeded
from triplepoint import generalization_metrics
from triplepoint.errors import UsageError
from triplepoint.records import Reason

OVER = [
    "inverse_margin",
    "log_prod_of_spec_over_margin",
    "log_sum_of_fro_over_margin",
]


class Table(nn.Module):
    """Says the logits that it was given; one weight, so that it is a network."""

    def __init__(self, logits) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1))
        self.register_buffer("logits", torch.as_tensor(logits))

    def forward(self, index):
        return self.logits[index] * self.weight[0, 0]


def of_table(logits, targets, **how):
    logits, targets = torch.as_tensor(logits), torch.as_tensor(targets)
    data = [(torch.arange(len(logits)), targets)]
    return generalization_metrics(Table(logits), data, metrics=how.pop("metrics", ["margin"]), **how)


def spread(margins) -> np.ndarray:
    """Two-class logits with these margins for class 0."""
    return np.stack([np.asarray(margins, dtype=float), np.zeros(len(margins))], axis=1)


def test_by_hand():
    logits = [[3.0, 1.0, 2.0], [0.0, 5.0, 4.5], [1.0, 1.0, 0.0]]
    found = of_table(logits, [0, 1, 2], margin_quantile=1.0)
    assert found["margin"] == 1.0  # of 1, 0.5 and −1
    assert (found.margins.count, found.margins.negative) == (3, pytest.approx(1 / 3))
    assert found.accuracy == pytest.approx(2 / 3)
    assert of_table(logits, [0, 1, 2])["margin"] == -1.0


@pytest.mark.parametrize(("count", "place"), [(1, 1), (9, 1), (10, 1), (11, 2), (20, 2), (95, 10), (100, 10)])
def test_gamma_is_the_least_that_a_tenth_do_not_exceed(count, place):
    margins = np.random.default_rng(0).permutation(np.arange(1, count + 1))
    found = of_table(spread(margins), [0] * count)
    assert found["margin"] == place
    assert np.mean(margins <= found["margin"]) >= 0.1


@pytest.mark.parametrize(("count", "place"), [(10, 1), (19, 1), (95, 9), (100, 10)])
def test_as_published_it_is_at_n_over_ten_rounded_down(count, place):
    assert of_table(spread(np.arange(1, count + 1)), [0] * count, legacy=True)["margin"] == place


def test_as_published_fewer_than_ten_have_none():
    found = of_table(spread(np.arange(1, 10)), [0] * 9, legacy=True)
    assert found.status["margin"] is Reason.too_few_samples


def test_a_negative_margin_is_a_reason_and_was_hidden():
    margins = [-2.0] * 3 + [5.0] * 17
    found = of_table(spread(margins), [0] * 20, metrics=OVER)
    assert found.status == dict.fromkeys(OVER, Reason.negative_margin)
    assert found.notes["inverse_margin"] == "γ = -2, 15.0% of 20 are classified wrongly"
    hidden = of_table(spread(margins), [0] * 20, metrics=["inverse_margin", "margin"], legacy=True)
    assert hidden["inverse_margin"] == pytest.approx(0.25)
    assert hidden["margin"] == -2.0


def test_over_the_margin():
    found = of_table(spread([4.0] * 20), [0] * 20, metrics=["inverse_margin", "log_prod_of_spec_over_margin"])
    assert found["inverse_margin"] == pytest.approx(1 / 16)
    assert found["log_prod_of_spec_over_margin"] == pytest.approx(-2 * math.log(4.0))


def test_tokens_count_one_by_one_and_ignored_ones_do_not():
    logits = torch.randn(4, 5, 7, generator=seeded(0))
    targets = torch.randint(7, (4, 5), generator=seeded(1))
    targets[0, 2] = targets[3, 4] = -100
    found = of_table(logits, targets)
    slow = []
    loss = []
    for i in range(4):
        for t in range(5):
            right = int(targets[i, t])
            if right >= 0:
                row = logits[i, t].tolist()
                slow.append(row[right] - max(v for j, v in enumerate(row) if j != right))
                loss.append(math.log(sum(map(math.exp, row))) - row[right])
    assert found.margins.count == 18
    assert found["margin"] == pytest.approx(sorted(slow)[1], rel=1e-6)
    assert found.loss == pytest.approx(np.mean(loss), rel=1e-6)
    assert found.m == 4
    other = targets.clone()
    other[targets == -100] = 99
    assert of_table(logits, other, ignore_index=99)["margin"] == found["margin"]


def test_classes_on_the_second_axis_of_pictures():
    logits = torch.randn(2, 3, 4, 5, generator=seeded(0))
    targets = torch.randint(3, (2, 4, 5), generator=seeded(1))
    found = of_table(logits, targets)
    moved = of_table(logits.movedim(1, -1), targets)
    assert found["margin"] == moved["margin"]
    assert found.margins.count == 40


def test_batches_change_nothing():
    logits = torch.randn(30, 4, generator=seeded(0))
    targets = torch.randint(4, (30,), generator=seeded(1))
    whole = of_table(logits, targets)
    parts = [(torch.arange(30)[a:b], targets[a:b]) for a, b in ((0, 7), (7, 8), (8, 30))]
    found = generalization_metrics(Table(logits), parts, metrics=["margin"])
    assert found.margins == whole.margins
    assert found.loss == pytest.approx(whole.loss, rel=1e-12)


@pytest.mark.parametrize("wrap", [lambda x: {"logits": x}, lambda x: (x, "state")])
def test_logits_are_found_in_what_a_network_returns(wrap):
    class Wrapped(Table):
        def forward(self, index):
            return wrap(super().forward(index))

    logits, targets = torch.randn(30, 4, generator=seeded(0)), torch.randint(4, (30,), generator=seeded(1))
    found = generalization_metrics(Wrapped(logits), [(torch.arange(30), targets)], metrics=["margin"])
    assert found["margin"] == of_table(logits, targets)["margin"]


def test_one_class_and_targets_that_are_no_indices_have_no_margin():
    found = of_table(torch.ones(5, 1), [0] * 5)
    assert found.status["margin"] is Reason.not_classification
    net = randomize(nn.Linear(3, 1))
    data = [(torch.randn(4, 3), torch.randn(4, 1))]
    found = generalization_metrics(net, data, loss=nn.functional.mse_loss, metrics=["margin", "l2"])
    assert found.status["margin"] is Reason.not_classification
    assert found["l2"] > 0
    assert found.accuracy is None


def test_an_index_beyond_the_logits_is_said():
    with pytest.raises(UsageError, match="targets from 0 to 3 with 3 logits"):
        of_table(torch.zeros(4, 3), [0, 1, 2, 3])


def test_logits_that_are_not_finite_have_no_margin():
    found = of_table([[0.0, math.nan], [1.0, 0.0]], [0, 0])
    assert found.status["margin"] is Reason.non_finite
