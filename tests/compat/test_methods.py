"""Claim: the methods beside `analyze` do what WeightWatcher's do, on what is said and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import triplepoint.compat.weightwatcher as ww
from tests.worlds import gaussian, heavy_tailed, with_singular_values
from triplepoint import scan
from triplepoint.compat.weightwatcher import RMT_Util, WW_powerlaw
from triplepoint.errors import UsageError

BOTH = pytest.mark.parametrize("compat", [None, "weightwatcher"])


def model() -> dict[str, np.ndarray]:
    return {
        "first.weight": heavy_tailed((64, 40), seed=1),
        "first.bias": np.arange(64.0),
        "conv.weight": gaussian((24, 16, 3, 3), seed=3).astype(np.float32),
    }


def test_eigenvalues_of_a_kernel_are_those_that_are_fitted_or_weightwatchers_twice_as_large_ones():
    ours = ww.WeightWatcher(model()).get_ESD(layer="conv")
    theirs = ww.WeightWatcher(model(), compat="weightwatcher").get_ESD(layer=2)
    sigma = np.linalg.svd(np.moveaxis(model()["conv.weight"], (2, 3), (0, 1)), compute_uv=False)
    np.testing.assert_allclose(theirs, np.sort(sigma.ravel() ** 2), rtol=1e-5)
    np.testing.assert_allclose(2 * ours, theirs, rtol=1e-6)
    assert ours.max() == pytest.approx(ww.WeightWatcher(model()).analyze(layers=["conv"])["lambda_max"][0])


@BOTH
def test_a_shuffle_keeps_the_energy_and_loses_the_tail(compat):
    watcher = ww.WeightWatcher(model(), compat=compat)
    own, shuffled = watcher.get_ESD(layer="first"), watcher.get_ESD(layer="first", random=True)
    replicas = len(shuffled) / len(own)
    assert shuffled.sum() == pytest.approx(replicas * own.sum())
    assert shuffled.max() < own.max() / 2
    assert list(shuffled) == sorted(shuffled)


@BOTH
def test_matrices_of_a_layer(compat):
    watcher = ww.WeightWatcher(model(), compat=compat)
    assert np.array_equal(watcher.get_Weights(layer="first")[0], model()["first.weight"])
    kernels = watcher.get_Weights(layer="conv")
    assert len(kernels) == 9
    assert np.array_equal(kernels[5], model()["conv.weight"][:, :, 1, 2])
    with pytest.raises(UsageError, match=r"layer 'frist': there is none.*The first is layer 1, 'first'"):
        watcher.get_Weights(layer="frist")


def test_distances_are_by_name_and_of_biases_too():
    one, other = model(), {name: 3 * value for name, value in reversed(model().items())}
    weight, bias, table = ww.WeightWatcher().distances(one, {**other, "more.weight": np.eye(9)})
    assert list(table["name"]) == ["first", "conv"]
    assert list(table["delta_W"]) == pytest.approx(
        [2 * np.linalg.norm(one[f"{n}.weight"]) for n in table["name"]]
    )
    assert list(table["delta_b"]) == [2 * np.linalg.norm(one["first.bias"]), 0]
    assert (weight, bias) == (table["delta_W"].mean(), table["delta_b"].mean())
    assert list(table.columns) == ["method", "name", "delta_W", "delta_b", "M", "N", "b_shape", "longname"]
    assert table.index.name == "layer_id"
    _, _, table = ww.WeightWatcher().distances(one, {**other, "first.weight": other["first.weight"][:9]})
    assert list(table["name"]) == ["conv"]


def test_distances_of_kernels_are_means_over_positions():
    one, other = model(), {name: value + 1 for name, value in model().items()}
    watcher = ww.WeightWatcher()
    _, _, table = watcher.distances(one, other, method="euclidean", layers=["conv"])
    assert table["delta_W"].iloc[0] == pytest.approx(np.sqrt(24 * 16), rel=1e-6)
    _, _, table = watcher.distances(one, one, method="CKA")
    assert list(table["delta_W"]) == pytest.approx([1, 1])
    first = one["first.weight"], other["first.weight"]
    slow = np.linalg.norm(first[0].T @ first[1]) / np.sqrt(
        np.linalg.norm(first[0].T @ first[0]) * np.linalg.norm(first[1] @ first[1].T)
    )
    _, _, table = watcher.distances(one, other, method="cka", layers=["first"])
    assert table["delta_W"].iloc[0] == pytest.approx(slow)
    with pytest.raises(UsageError, match="no layer of the same name"):
        watcher.distances(one, {"other.weight": np.eye(9)})


def leading(matrix: np.ndarray, count: int) -> np.ndarray:
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    return u[:, :count] * s[:count] @ v[:count]


def test_smoothing_keeps_the_space_that_analyze_counts_in_a_copy():
    given = model()
    watcher = ww.WeightWatcher(given)
    count = int(watcher.analyze(layers=["first"], detX=True)["detX_num"][0])
    smoothed = watcher.SVDSmoothing(layers=["first"])
    assert 0 < count < 40
    np.testing.assert_allclose(smoothed["first.weight"], leading(model()["first.weight"], count), atol=1e-10)
    assert np.array_equal(given["first.weight"], model()["first.weight"])
    assert smoothed["conv.weight"] is given["conv.weight"]
    assert watcher.model is smoothed


@pytest.mark.parametrize("percent", [0.25, -0.25])
def test_a_share_of_the_components_is_kept_or_dropped(percent):
    smoothed = ww.WeightWatcher(model()).SVDSmoothing(method="svd", percent=percent)
    first = model()["first.weight"]
    kept = leading(first, 10)
    np.testing.assert_allclose(smoothed["first.weight"], kept if percent > 0 else first - kept, atol=1e-10)
    kernel = smoothed["conv.weight"]
    assert kernel.dtype == np.float32
    part = model()["conv.weight"][:, :, 2, 0]
    kept = leading(part, 4)
    np.testing.assert_allclose(kernel[:, :, 2, 0], kept if percent > 0 else part - kept, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "column", "option"),
    [("rmt", "num_spikes", "mp_fit"), ("alpha_min", "num_pl_spikes", "mp_fit")],
)
def test_other_methods_keep_what_their_column_counts(method, column, option):
    watcher = ww.WeightWatcher(model())
    count = int(watcher.analyze(layers=["first"], **{option: True})[column][0])
    smoothed = watcher.SVDSmoothing(layers=["first"], method=method)
    assert np.linalg.matrix_rank(smoothed["first.weight"]) == count


@BOTH
def test_sharpness_drops_as_many_components_as_a_shuffle_has_spikes(compat):
    planted = gaussian((200, 100), seed=5)
    planted[3, 4] = 80.0  # an entry that every shuffle keeps
    watcher = ww.WeightWatcher({"w.weight": planted.copy()}, compat=compat)
    count = int(watcher.analyze(randomize=True)["num_traps"][0])
    sharp = watcher.SVDSharpness()
    assert count >= 1
    np.testing.assert_allclose(sharp["w.weight"], planted - leading(planted, count), atol=1e-9)


def test_a_module_is_copied_and_keeps_its_type_or_is_changed_in_place_as_weightwatcher_does():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(40, 60), torch.nn.Linear(60, 30)).to(torch.bfloat16)
    before = module[0].weight.detach().clone()
    smoothed = ww.WeightWatcher(module).SVDSmoothing(method="svd", percent=0.5)
    assert smoothed is not module
    assert smoothed[0].weight.dtype == torch.bfloat16
    assert torch.equal(module[0].weight, before)
    assert not torch.equal(smoothed[0].weight, before)
    assert ww.WeightWatcher(module, compat="weightwatcher").SVDSmoothing(method="svd", percent=0.5) is module
    assert torch.equal(module[0].weight, smoothed[0].weight)
    assert isinstance(ww.WeightWatcher(module).get_framework_layer(layer=1), torch.nn.Linear)


def test_what_cannot_be_smoothed_says_so(tmp_path):
    np.savez(tmp_path / "m.npz", **model())
    with pytest.raises(UsageError, match="only models in memory"):
        ww.WeightWatcher(tmp_path / "m.npz").SVDSmoothing()
    with pytest.raises(UsageError, match="method 'other': unknown"):
        ww.WeightWatcher(model()).SVDSmoothing(method="other")
    with pytest.raises(UsageError, match="pool=False"):
        ww.WeightWatcher(model()).SVDSmoothing(pool=False)


def test_vectors():
    watcher = ww.WeightWatcher()
    table = watcher.vector_metrics(np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]]))
    assert list(table["localization_ratio"]) == [1, 4]
    assert list(table["participation_ratio"]) == pytest.approx([1, 4**0.25])
    assert list(table["entropy"]) == pytest.approx([np.exp(-0.5) / np.sqrt(2 * np.pi)] * 2)
    assert list(table["length"]) == [4, 4]
    theirs = ww.WeightWatcher(compat="weightwatcher").vector_metrics([np.arange(5.0)])
    assert theirs["discrete_entropy"][0] is None
    assert theirs["discete_entropy"][0] > 1
    with pytest.raises(UsageError, match="no NumPy vectors"):
        watcher.vector_metrics(3)
    for wrong in (np.array(3.0), np.zeros(0), np.array(["a"]), np.ones((2, 3, 4)), np.array([1, np.nan])):
        with pytest.raises(UsageError, match="vectors"):
            watcher.vector_metrics(wrong)


def test_a_seed_and_parameters_of_another_kind():
    with pytest.raises(UsageError, match="seed"):
        ww.WeightWatcher(model(), seed=2**32, compat="weightwatcher").analyze(randomize=True)
    assert len(ww.WeightWatcher(model(), seed=2**32).analyze(layers=["first"], randomize=True)) == 1
    with pytest.warns(UserWarning, match="another type"):
        assert not ww.WeightWatcher.valid_params({"min_evals": "a"})


def test_products_of_consecutive_layers():
    weights = {
        "a.weight": gaussian((80, 50), 1),
        "b.weight": gaussian((60, 80), 2),
        "c.weight": gaussian((9, 8), 3),
    }
    table = ww.WeightWatcher(weights).analyze(intra=True, sparsify=False)
    product = weights["b.weight"] @ weights["a.weight"]
    sigma = np.linalg.svd(product, compute_uv=False)
    norm = np.linalg.norm(weights["a.weight"]) * np.linalg.norm(weights["b.weight"])
    assert list(table["name"]) == ["1 X 2 "]
    assert table["lambda_max"][0] == pytest.approx(sigma[0] / norm, rel=1e-6)
    assert table["norm"][0] == pytest.approx(sigma.sum() / norm, rel=1e-6)
    thinned = ww.WeightWatcher(weights).analyze(intra=True)["alpha"][0]
    assert thinned == ww.WeightWatcher(weights).analyze(intra=True)["alpha"][0]
    assert thinned != ww.WeightWatcher(weights, seed=1).analyze(intra=True)["alpha"][0]


def test_a_kernel_enters_a_product_as_the_sum_over_its_positions():
    weights = {"a.weight": gaussian((24, 16, 3, 3), 1), "b.weight": gaussian((12, 24, 2, 1), 2)}
    table = ww.WeightWatcher(weights).analyze(intra=True, sparsify=False)
    one, other = (weight.sum(axis=(2, 3)) for weight in weights.values())
    norm = np.linalg.norm(one) * np.linalg.norm(other)
    assert table["norm"][0] == pytest.approx(np.linalg.norm(other @ one, "nuc") / norm, rel=1e-6)


def test_all_layers_as_one_matrix():
    weights = {"a.weight": gaussian((80, 50), 1) + 3, "b.weight": 7 * gaussian((60, 40), 2)}
    table = ww.WeightWatcher(weights).analyze(stacked=True)
    blocks = [(w - np.median(w)) / np.median(np.abs(w - np.median(w))) for w in weights.values()]
    whole = np.vstack([blocks[0], np.pad(blocks[1], ((0, 0), (0, 10)))])
    assert (table["N"][0], table["M"][0], table["name"][0]) == (140, 50, "Stacked Layer")
    assert table["norm"][0] == pytest.approx(np.sum(whole**2), rel=1e-5)


def test_an_adapter_is_one_row_the_product_of_its_factors():
    weights = {
        "q.base_layer.weight": gaussian((64, 48), 1),
        "q.lora_A.weight": gaussian((12, 48), 2),
        "q.lora_B.weight": gaussian((64, 12), 3),
    }
    table = ww.WeightWatcher(weights).analyze(peft=True)
    assert list(table["longname"]) == ["q.lora_BA"]
    assert list(table["num_evals"]) == [12]
    sigma = np.linalg.svd(weights["q.lora_B.weight"] @ weights["q.lora_A.weight"], compute_uv=False)
    assert table["spectral_norm"][0] == pytest.approx(sigma[0] ** 2)


def test_options_change_the_scale_and_nothing_else():
    plain = ww.WeightWatcher(model()).analyze()
    bare = ww.WeightWatcher(model()).analyze(conv2d_norm=False, mp_fit=True, randomize=True)
    normed = ww.WeightWatcher(model()).analyze(mp_fit=True, randomize=True)
    for name in ("norm", "lambda_max", "xmin", "bulk_max", "max_rand_eval", "rand_bulk_max", "ww_maxdist"):
        source = plain if name in plain else normed
        assert list(bare[name] / source[name]) == pytest.approx([1, 2]), name
    glorot = ww.WeightWatcher(model()).analyze(glorot_fix=True)
    assert list(glorot["norm"] / plain["norm"]) == pytest.approx([104 / 2, 40])
    assert list(glorot["alpha"]) == pytest.approx(list(plain["alpha"]))


def test_the_largest_eigenvalues_can_be_left_out_of_the_fit():
    sigma = np.linalg.svd(model()["first.weight"], compute_uv=False)
    rest = with_singular_values(sigma[3:], (64, 40))
    table = ww.WeightWatcher(model()).analyze(layers=["first"], xmax=-3)
    assert table["alpha"][0] == pytest.approx(scan({"w": rest})["w"].metrics["alpha"])
    assert table["xmax"][0] == pytest.approx(sigma[3] ** 2)
    small = {name: 1e-3 * value for name, value in model().items()}
    assert ww.WeightWatcher(small).analyze(layers=["first"], xmax=-3)["alpha"][0] == pytest.approx(
        table["alpha"][0]
    )
    assert table["lambda_max"][0] == pytest.approx(sigma[0] ** 2)


def test_other_laws_of_the_tail_are_those_of_a_scan():
    metrics = scan({"w": model()["first.weight"]}, tails=True)["w"].metrics
    watcher = ww.WeightWatcher(model())
    table = watcher.analyze(layers=["first"], fit="TPL")
    assert (table["alpha"][0], table["Lambda"][0]) == (metrics["tpl_alpha"], metrics["tpl_lambda"])
    assert table["warning"][0] == ""
    assert watcher.analyze(layers=["first"], fit="E_TPL")["alpha"][0] == metrics["e_tpl_beta"]
    assert watcher.analyze(layers=["first"], xmax="force")["alpha"][0] == metrics["bounded_alpha"]


def test_xmin_near_the_peak_of_the_histogram():
    table = ww.WeightWatcher(model()).analyze(layers=["first"], fix_fingers="xmin_peak")
    values = np.linalg.svd(model()["first.weight"], compute_uv=False) ** 2
    counts, edges = np.histogram(np.log10(values), bins=100)
    peak = 10 ** edges[np.argmax(counts)]
    assert 0.95 * peak <= table["xmin"][0] <= 1.5 * peak
    tail = values[values >= table["xmin"][0] * (1 - 1e-12)]
    assert table["alpha"][0] == pytest.approx(1 + len(tail) / np.sum(np.log(tail / tail.min())))


def test_the_fit_as_an_object():
    fit = WW_powerlaw.pl_fit(1 + np.random.default_rng(0).pareto(1.5, 500))
    best = np.argmin(fit.Ds)
    assert fit.alpha == pytest.approx(2.5, abs=0.3)
    assert (fit.alpha, fit.D, fit.sigma, fit.xmin) == (
        fit.alphas[best],
        fit.Ds[best],
        fit.sigmas[best],
        fit.xmins[best],
    )
    assert len(fit.alphas) == 499
    assert fit.data.min() == fit.xmin


def test_functions_on_arrays():
    matrix = gaussian((60, 40))
    sigma = np.linalg.svd(matrix, compute_uv=False)
    assert RMT_Util.matrix_rank(sigma, 60) == 40
    assert RMT_Util.stable_rank(sigma**2) == pytest.approx(np.sum(sigma**2) / sigma[0] ** 2)
    assert RMT_Util.get_Q(matrix) == 1.5
    x, density = RMT_Util.marchenko_pastur_pdf(0, 100, 1.5, 2.0)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-3)
    x, density = RMT_Util.quarter_circle_pdf(0, 100, 0.5)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-3)
    assert RMT_Util.calc_sigma(1.5, np.array([RMT_Util.calc_lambda_plus(1.5, 0.7)])) == pytest.approx(0.7)
    values = np.sort(np.exp(gaussian((400,)))) ** 4
    number, index = RMT_Util.detX_constraint(values)
    scaled = RMT_Util.rescale_eigenvalues(values)[0]
    assert np.prod(scaled[index:]) < 1 <= np.prod(scaled[index + 1 :])
    assert number == 400 - index
    assert sorted(RMT_Util.shuf_matrix(matrix, 1).ravel()) == sorted(matrix.ravel())
    assert np.array_equal(RMT_Util.unpermute_matrix(*RMT_Util.permute_matrix(matrix)), matrix)
    np.testing.assert_allclose(RMT_Util.smooth_W_switch(matrix, 7), leading(matrix, 7), atol=1e-10)


def test_a_loop_over_layers_and_over_differences():
    watcher = ww.WeightWatcher()
    base = {name: value / 2 for name, value in model().items()}
    found = [
        (layer.name, len(layer.Wmats), layer.N, layer.M) for layer in watcher.make_layer_iterator(model())
    ]
    assert found == [("first", 1, 64, 40), ("conv", 9, 24, 16)]
    first = next(iter(watcher.make_delta_layer_iterator(base, model())))
    np.testing.assert_allclose(first.Wmats[0], model()["first.weight"] / 2)
