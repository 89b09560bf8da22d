"""Claim: kernels of any number of axes and tied weights are changed and compared as what they are."""

from __future__ import annotations

import numpy as np
import pytest

import triplepoint.compat.weightwatcher as ww
from tests.compat.test_methods import leading
from tests.worlds import gaussian, heavy_tailed
from triplepoint.errors import UsageError

BOTH = pytest.mark.parametrize("compat", [None, "weightwatcher"])
KERNELS = {"conv1.weight": (24, 16, 9), "conv2.weight": (20, 12, 3, 3), "conv3.weight": (12, 10, 2, 2, 2)}
OPTIONS = [
    {"min_evals": "a"},
    {"max_N": None},
    {"max_fingers": "a"},
    {"start_ids": None},
    {"tolerance": "a"},
    {"xmin_max": float("nan")},
    {"randomize": "yes"},
    {"randomize": -1},
    {"layers": object()},
    {"channels": 3},
]


def tied() -> dict[str, np.ndarray]:
    table = heavy_tailed((120, 48), seed=1)
    return {"emb.weight": table, "fc.weight": gaussian((60, 48), 2), "head.weight": table.copy()}


def module():
    """A kernel of one axis, and a weight of three that is none."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv1d(16, 24, 9), torch.nn.Bilinear(12, 10, 9), torch.nn.Linear(30, 20)
    )


def test_kernels_lose_components_position_by_position():
    weights = {name: gaussian(shape, seed) for seed, (name, shape) in enumerate(KERNELS.items())}
    smoothed = ww.WeightWatcher(weights).SVDSmoothing(method="svd", percent=0.25)
    for name, shape in KERNELS.items():
        where = (slice(None), slice(None), *(1 for _ in shape[2:]))
        part = weights[name][where]
        positions = int(np.prod(shape[2:]))
        count = -(-int(0.25 * min(shape[:2]) * positions) // positions)
        np.testing.assert_allclose(smoothed[name][where], leading(part, count), atol=1e-10)


def test_a_depthwise_kernel_is_channels_by_positions_as_it_is_analysed():
    weights = {"conv.weight": gaussian((40, 1, 3, 3), 3)}
    smoothed = ww.WeightWatcher(weights).SVDSmoothing(method="svd", percent=0.4)
    flat = weights["conv.weight"].reshape(40, 9)
    np.testing.assert_allclose(smoothed["conv.weight"].reshape(40, 9), leading(flat, 3), atol=1e-10)


def test_kernels_of_one_axis_have_distances_shuffles_and_a_place_in_the_stack():
    one, other = module(), module()
    watcher = ww.WeightWatcher(one)
    with __import__("torch").no_grad():
        other[0].weight.mul_(-2)
    _, _, table = watcher.distances(one, other, method="cka")
    assert list(table["name"]) == ["0", "2"]
    assert list(table["delta_W"]) == pytest.approx([1, 1])
    _, _, table = watcher.distances(one, other, method="euclidean", layers=["0"])
    values = one[0].weight.detach().numpy().astype(float)
    assert table["delta_W"].iloc[0] == pytest.approx(
        3 * np.mean(np.linalg.norm(values, axis=(0, 1))), rel=1e-6
    )
    own, shuffled = (watcher.get_ESD(layer="0", random=random) for random in (False, True))
    assert len(own) == len(shuffled) == 9 * 16
    assert shuffled.sum() == pytest.approx(own.sum(), rel=1e-6)
    assert [matrix.shape for matrix in watcher.get_Weights(layer="0")] == [(24, 16)] * 9
    assert watcher.analyze(stacked=True)["layer_type"][0] == "stacked"
    legacy = ww.WeightWatcher(one, compat="weightwatcher")
    with pytest.raises(UsageError, match="kernel of one axis"):
        legacy.SVDSmoothing()
    assert list(legacy.distances(one, other, method="cka")[2]["delta_W"]) == pytest.approx([1, 1])


def test_smoothing_changes_all_names_of_one_weight():
    for layers in ([], ["head"]):
        smoothed = ww.WeightWatcher(tied()).SVDSmoothing(layers=layers)
        assert np.linalg.matrix_rank(smoothed["head.weight"]) < 48
        if not layers:
            assert np.array_equal(smoothed["emb.weight"], smoothed["head.weight"])


def test_a_tied_weight_has_its_row_where_it_is_asked_for_alone():
    watcher = ww.WeightWatcher(tied())
    table = watcher.analyze()
    assert list(table["name"]) == list(watcher.describe()["name"]) == ["emb", "fc"]
    assert "emb.weight" in watcher.get_skipped()["reason"][0]
    alone = watcher.analyze(layers=["head"])
    assert list(alone["name"]) == ["head"]
    assert alone["alpha"][0] == table["alpha"][0]
    assert len(watcher.get_ESD(layer="head")) == 48


@BOTH
def test_a_broken_layer_is_left_as_it_is(compat):
    weights = {"a.weight": np.full((40, 30), np.nan), "b.weight": heavy_tailed((40, 30), seed=1)}
    for change in (
        lambda watcher: watcher.SVDSmoothing(method="svd", percent=0.5),
        lambda watcher: watcher.SVDSmoothing(method="auto"),
    ):
        with pytest.warns(UserWarning, match=r"not finite: a$"):
            changed = change(ww.WeightWatcher(dict(weights), compat=compat))
        assert np.isnan(changed["a.weight"]).all()
        assert np.linalg.matrix_rank(changed["b.weight"]) < 30


@BOTH
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: next(iter(options)))
def test_a_value_of_another_kind_is_refused_in_one_line(compat, options):
    with pytest.raises(UsageError, match=next(iter(options))):
        ww.WeightWatcher(tied(), compat=compat).analyze(**options)


def test_what_contradicts_itself_is_refused():
    watcher = ww.WeightWatcher(tied())
    with pytest.raises(UsageError, match="intra and stacked"):
        watcher.analyze(intra=True, stacked=True)
    with pytest.raises(UsageError, match="peft 'lora'"):
        watcher.analyze(peft="lora")
    for percent in (float("nan"), "x", None, 80):
        with pytest.raises(UsageError, match="percent"):
            watcher.SVDSmoothing(method="svd", percent=percent)
    with pytest.raises(UsageError, match="method 3"):
        watcher.distances(tied(), tied(), method=3)
    with pytest.raises(UsageError, match=r"shuffle of .flat\.weight."):
        ww.WeightWatcher({"flat.weight": np.ones((20, 12))}).get_ESD(layer="flat", random=True)


def test_filters_that_leave_no_layer_say_so():
    with pytest.warns(UserWarning, match="no layer passes every filter"):
        assert ww.WeightWatcher(tied()).analyze(layers=[2, "emb"]).empty
