"""Claim: one call gives all 28 and the extras, leaves the caller's network and generators alone, and explains itself.

Witnesses: slow loops for the PAC-Bayes bounds, a scan for the means, algebra for the scaling.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.generalization.worlds import Cnn, Transformer, images, mlp, randomize, seeded, sentences
from triplepoint import generalization_metrics, scan
from triplepoint.errors import UsageError
from triplepoint.generalization.request import DEFAULT
from triplepoint.generalization.request import NAMES as ALL
from triplepoint.generalization.scaling import normalized, restored
from triplepoint.metrics import MODEL_METRICS, STUDY
from triplepoint.records import Reason

QUICK = {"draws": 2, "depth": 8}
NAMES = [metric.name for metric in STUDY.values()]


@pytest.fixture(scope="module")
def world():
    """A perceptron that classifies its data nearly without error, where it began, and the data."""
    generator = seeded(0)
    inputs = torch.randn(200, 12, generator=generator)
    net = randomize(mlp(12, 24, 16, 3), seed=1)
    start = randomize(mlp(12, 24, 16, 3), seed=2)
    with torch.no_grad():
        targets = net(inputs).argmax(dim=1)
    targets[:3] = (targets[:3] + 1) % 3
    return net, start, [(inputs[:120], targets[:120]), (inputs[120:], targets[120:])]


@pytest.fixture(scope="module")
def found(world):
    net, start, data = world
    return generalization_metrics(net, data, init=start, **QUICK)


def test_all_28_and_the_extras_have_a_number(found):
    assert list(found)[:28] == NAMES
    assert tuple(found) == DEFAULT
    assert set(ALL) - set(found) == {"log_hessian_top", "log_hessian_trace"}
    assert not found.status
    assert all(math.isfinite(value) for value in found.values.values())
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["values"] == dict(found.values)


def test_the_numbers_lie_in_their_range(found):
    for name in set(found) & set(MODEL_METRICS):
        low, high = MODEL_METRICS[name].valid
        assert low is None or found[name] >= low
        assert high is None or found[name] <= high


def test_the_means_are_those_of_a_scan(world, found):
    summary = scan(world[0], tails=True).summary.metrics
    for name in NAMES[:12]:
        assert (found[name], found.matrices[name]) == summary[name]


def test_pac_bayes_by_slow_loops(world, found):
    net, start, _ = world
    kept = [name for name, _ in net.named_parameters() if "bias" not in name]
    w = [float(v) for name in kept for v in net.get_parameter(name).detach().double().flatten()]
    d = [
        a - float(b)
        for a, b in zip(
            w,
            [v for name in kept for v in start.get_parameter(name).detach().double().flatten()],
            strict=True,
        )
    ]
    m, omega, eps = 200, len(w), 1e-3
    sigma, relative = found.absolute.sigma, found.magnitude.sigma
    ww, dd = sum(v * v for v in w), sum(v * v for v in d)
    below = [eps**2 + relative**2 * v**2 for v in d]
    tail, relative_tail = math.log(m / sigma) + 10, math.log(m / relative) + 10
    expected = {
        "pacbayes_init": dd / (4 * sigma**2) + tail,
        "pacbayes_orig": ww / (4 * sigma**2) + tail,
        "pacbayes_flatness": 1 / sigma**2,
        "pacbayes_mag_flatness": 1 / relative**2,
        "pacbayes_mag_init": sum(math.log((eps**2 + (relative**2 + 1) * dd / omega) / b) for b in below) / 4
        + relative_tail,
        "pacbayes_mag_orig": sum(math.log((eps**2 + (relative**2 + 1) * ww / omega) / b) for b in below) / 4
        + relative_tail,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-10)


def test_over_the_margin_is_the_sum_of_its_parts(found):
    gamma, d = found["margin"], 3
    for norm in ("spec", "fro"):
        product = found[f"log_prod_of_{norm}"] - 2 * math.log(gamma)
        assert found[f"log_prod_of_{norm}_over_margin"] == pytest.approx(product)
        assert found[f"log_sum_of_{norm}_over_margin"] == pytest.approx(math.log(d) + product / d)
    assert found["inverse_margin"] == pytest.approx(gamma**-2)
    assert found["path_norm_over_margin"] == pytest.approx(found["path_norm"] / gamma**2)
    main = found["log_prod_of_spec_over_margin"] + math.log(found["fro_over_spec"])
    assert found["log_spec_orig_main"] == pytest.approx(main)


def test_the_published_scaling_and_back(world, found):
    scaled = found.normalized()
    assert scaled["pacbayes_flatness"] == pytest.approx(math.sqrt(found["pacbayes_flatness"] / 200))
    product = found["log_prod_of_spec_over_margin"]
    assert scaled["log_prod_of_spec_over_margin"] == pytest.approx((product - math.log(200)) / 2)
    for name in (*NAMES[:12], "w_cka", "margin"):
        assert scaled[name] == found[name]
    assert scaled.normalized() is scaled
    assert found.restored() is found
    assert dict(scaled.restored().values) == pytest.approx(dict(found.values), rel=1e-12)
    net, start, data = world
    again = generalization_metrics(net, data, init=start, normalize_by_m=True, metrics=["fro_dist"], m=50)
    assert again["fro_dist"] == pytest.approx(math.sqrt(found["fro_dist"] / 50))
    assert again.m == 50


@pytest.mark.parametrize("value", [0.3, 7.0, 1e9])
def test_scaling_is_undone_for_every_name(value):
    for name in (*MODEL_METRICS, "param_norm", "w_cka", "alpha", "log_norm"):
        assert restored(name, normalized(name, value, 1000), 1000) == pytest.approx(value, rel=1e-12)


def test_the_names_of_the_study_are_understood(world):
    net, _, data = world
    found = generalization_metrics(net, data, metrics=["pl_alpha", "param_norm", "alpha"])
    assert list(found) == ["alpha", "param_norm"]


def test_the_root_of_a_negative_number_is_a_reason(found):
    negative = replace(found, values={"pacbayes_mag_init": -1.0}, status={})
    assert negative.normalized().status == {"pacbayes_mag_init": Reason.undefined}
    assert negative.normalized()["pacbayes_mag_init"] is None
    assert normalized("pacbayes_mag_init", -1.0, 10) is None
    assert normalized("margin", -1.0, 10) == -1.0


def test_the_caller_keeps_weights_mode_hooks_gradients_and_generators(world):
    net, start, data = world
    net.train()
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    # Away from where an earlier call may have left them.
    torch.rand(7), random.random(), np.random.rand(7)  # noqa: NPY002
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    dataset = TensorDataset(*(torch.cat(parts)[:40] for parts in zip(*data, strict=True)))
    loader = DataLoader(dataset, batch_size=20, shuffle=True)
    generalization_metrics(net, loader, init=start, metrics=["pacbayes_init", "path_norm"], **QUICK)
    assert net.training
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert all(torch.equal(kept[name], value) for name, value in net.state_dict().items())
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert np.array_equal(states[2], np.random.get_state()[1])  # noqa: NPY002


def test_an_interruption_in_the_middle_of_the_noise_leaves_everything_as_it_was(world):
    net, _, data = world
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    passes = []

    def interrupted(outputs, targets):
        passes.append(1)
        if len(passes) > 7:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(outputs, targets)

    with pytest.raises(KeyboardInterrupt):
        generalization_metrics(net, data, loss=interrupted, metrics=["pacbayes_flatness"])
    assert all(torch.equal(kept[name], value) for name, value in net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


def test_what_is_random_in_data_and_network_is_the_same_in_every_pass():
    class Noisy(nn.Module):
        """Dropout that is on even in evaluation."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x):
            return self.layer(nn.functional.dropout(x, 0.5, training=True))

    class Augmented(TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return x + random.random() + np.random.rand(), y  # noqa: NPY002

    net = randomize(Noisy())
    data = DataLoader(
        Augmented(torch.randn(40, 6, generator=seeded(0)), torch.arange(40) % 3), batch_size=8, shuffle=True
    )
    first = generalization_metrics(net, data, metrics=["pacbayes_flatness"], criterion="loss", **QUICK)
    torch.rand(5), random.random(), np.random.rand(3)  # noqa: NPY002
    assert (
        generalization_metrics(net, data, metrics=["pacbayes_flatness"], criterion="loss", **QUICK) == first
    )
    other = generalization_metrics(
        net, data, metrics=["pacbayes_flatness"], criterion="loss", seed=1, **QUICK
    )
    assert other.loss != first.loss


def test_without_initial_weights_five_of_the_28_and_their_kin_have_none(world):
    net, _, data = world
    found = generalization_metrics(net, data, metrics=[*NAMES[12:], "w_cka", *MODEL_METRICS], **QUICK)
    assert set(found.status.values()) == {Reason.no_init}
    assert {name for name in found.status if name in NAMES} == {
        *("fro_dist", "dist_spec_init", "pacbayes_init", "pacbayes_mag_init", "pacbayes_mag_orig"),
    }
    assert set(found.status) - set(NAMES) == {
        *("w_cka", "l2_dist", "dist_spec_init_fft", "log_spec_init_main", "log_spec_init_main_fft"),
    }


def test_initial_weights_come_as_module_state_dict_arrays_or_file(world, tmp_path):
    net, start, data = world
    arrays = {name: value.detach().numpy() for name, value in start.state_dict().items()}
    np.savez(tmp_path / "start.npz", **arrays)
    torch.save(start.state_dict(), tmp_path / "start.pt")
    prefixed = {f"module.{name}": value for name, value in start.state_dict().items()}
    values = [
        generalization_metrics(net, data, init=init, metrics=["fro_dist"], allow_pickle=True)["fro_dist"]
        for init in (
            start,
            start.state_dict(),
            arrays,
            tmp_path / "start.npz",
            tmp_path / "start.pt",
            prefixed,
        )
    ]
    assert len(set(values)) == 1


def test_the_first_initial_weight_that_is_missing_is_named(world):
    net, start, data = world
    state = start.state_dict()
    del state["2.weight"]
    found = generalization_metrics(net, data, init=state, metrics=["fro_dist", "param_norm"])
    assert found.status == {"fro_dist": Reason.not_in_init}
    assert found.notes == {"fro_dist": "2.weight"}
    state["2.weight"] = torch.zeros(2, 2)
    found = generalization_metrics(net, data, init=state, metrics=["fro_dist"])
    assert found.notes == {"fro_dist": "2.weight: (2, 2), not (16, 24)"}


@pytest.mark.parametrize(
    ("net", "data", "criterion"), [(Cnn(), images(), "accuracy"), (Transformer(), sentences(), "loss")]
)
def test_pictures_with_batch_normalisation_and_sentences_of_a_transformer(net, data, criterion):
    net = randomize(net)
    start = randomize(type(net)(), seed=3)
    found = generalization_metrics(net, data, init=start, metrics=[*NAMES[12:], *MODEL_METRICS], **QUICK)
    over = {name for name, reason in found.status.items() if reason is Reason.negative_margin}
    assert all("margin" in name or "main" in name for name in over)
    assert set(found.status) == over
    assert found["path_norm"] > 0
    assert found["fro_dist"] > 0
    assert (found.absolute or found.magnitude).criterion == criterion


def test_a_scan_without_a_number_says_why():
    net = randomize(mlp(3, 4, 2))
    found = generalization_metrics(
        net, [(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))], metrics=["alpha", "log_norm", "e_tpl_beta"]
    )
    assert found.status == dict.fromkeys(found, Reason.too_few_eigenvalues)
    found = generalization_metrics(
        nn.PReLU(), [(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))], metrics=["log_norm"]
    )
    assert found.notes == {"log_norm": "the network has no weight matrix"}


def test_half_precision_is_measured_in_what_it_stores(world):
    _, start, data = world
    half = randomize(mlp(12, 24, 16, 3), seed=1).bfloat16()
    data = [(inputs.bfloat16(), targets) for inputs, targets in data]
    wanted = [*NAMES[12:], *MODEL_METRICS]
    found = generalization_metrics(half, data, init=start, metrics=wanted, **QUICK)
    assert not found.status
    exact = sum(
        float(p.detach().double().square().sum()) for n, p in half.named_parameters() if "bias" not in n
    )
    assert found["param_norm"] == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": ["alhpa"]}, "alhpa"),
        ({"criterion": "entropy"}, "entropy"),
        ({"draws": 0}, "draws 0"),
        ({"limit": -1.0}, "limit -1.0"),
        ({"margin_quantile": 2}, "margin_quantile"),
        ({"loss": 3}, "loss"),
        ({"legacy": 1}, "legacy"),
        ({"model": "resnet"}, "a model of type str"),
        ({"data": iter([])}, "read only once"),
        ({"data": []}, "the data are empty"),
        ({"data": torch.zeros(3)}, "data of type Tensor"),
        ({"data": [torch.zeros(3)]}, "a batch of type Tensor"),
        ({"data": [{"x": torch.zeros(3)}]}, "labels"),
        ({"data": [(torch.zeros(3, 12), [0, 1, 2])]}, "targets are a list"),
        ({"data": [(torch.zeros(3, 5), torch.arange(3))]}, "the forward pass fails with RuntimeError"),
        ({"data": [(torch.zeros(3, 12), torch.zeros(3))]}, "no classification"),
        ({"loss": lambda outputs, targets: torch.zeros(2)}, "a loss of 2 numbers for 120 samples"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(world, change, words):
    net, _, data = world
    given = {"model": net, "data": data, "metrics": ["margin"], **change}
    with pytest.raises(UsageError) as caught:
        generalization_metrics(given.pop("model"), given.pop("data"), **given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_importing_it_needs_torch_and_says_so():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import triplepoint\n"
        "try: triplepoint.generalization_metrics\n"
        "except triplepoint.errors.MissingDependency as error: print(error.next)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'triplepoint[torch]'" in done.stdout
