"""Claim: what a program written for WeightWatcher sees: columns, order, ids, names, filters, rows that failed."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest

import triplepoint.compat.weightwatcher as ww
from tests.worlds import gaussian, heavy_tailed, reference
from triplepoint import scan
from triplepoint.errors import UsageError

BOTH = pytest.mark.parametrize("compat", [None, "weightwatcher"])
DEFAULT = list(reference("minilm_default.csv")[0])
ADDED = {
    "detX": ["ERG_gap", "detX_num", "detX_val", "detX_val_unrescaled", "num_ERG_spikes"],
    "mp_fit": ["W_scale", "bulk_max", "bulk_min", "mp_softrank", "num_spikes", "sigma_mp"],
    "randomize": [
        *("max_rand_eval", "num_traps", "rand_W_scale", "rand_bulk_max", "rand_bulk_min", "rand_distance"),
        *("rand_mp_softrank", "rand_num_spikes", "rand_sigma_mp", "ww_maxdist", "ww_softrank"),
    ],
    "ERG": ["ERG_gap", "detX_num", "detX_val", "detX_val_unrescaled", "num_ERG_spikes"],
}


def model() -> dict[str, np.ndarray]:
    """A norm, two matrices, a bias, a kernel, and what WeightWatcher does not see."""
    return {
        "norm.weight": np.ones(64),
        "first.weight": heavy_tailed((64, 40), seed=1),
        "first.bias": np.zeros(64),
        "my-second.weight": gaussian((50, 30), seed=2),
        "conv.weight": gaussian((24, 16, 3, 3), seed=3),
        "rnn.weight_ih_l0": gaussian((4 * 20, 30), seed=4),
        "rnn.weight_hh_l0": gaussian((4 * 20, 20), seed=5),
    }


def ordered(names):
    """`layer_id` and `name` first, the rest by their characters."""
    return ["layer_id", "name", *sorted(set(names) - {"layer_id", "name"})]


@BOTH
def test_the_default_columns_in_their_order(compat):
    assert list(ww.WeightWatcher(model(), compat=compat).analyze().columns) == DEFAULT


@BOTH
@pytest.mark.parametrize("option", ADDED)
def test_an_option_adds_its_columns_and_keeps_the_order(compat, option):
    table = ww.WeightWatcher(model(), compat=compat).analyze(layers=["first"], **{option: True})
    assert list(table.columns) == ordered([*DEFAULT, *ADDED[option]])
    assert not table.isna().any().any()


@BOTH
def test_a_kernel_position_has_its_number_and_dense_layers_the_number_zero(compat):
    table = ww.WeightWatcher(model(), compat=compat).analyze(pool=False, layers=["conv", "first"])
    assert list(table.columns) == ordered([*DEFAULT, "slice_id"])
    assert list(table["slice_id"]) == [0, *range(9)]
    pooled = ww.WeightWatcher(model(), compat=compat).analyze(layers=["conv"])
    # λ × rf/2 for a position, λ × 1/2 pooled.
    assert pooled["norm"][0] == pytest.approx(np.sum(model()["conv.weight"] ** 2) / 2)
    assert table["norm"][1:].sum() == pytest.approx(9 * pooled["norm"][0])


@BOTH
def test_shards_are_numbered_in_the_order_of_their_index(compat, tmp_path):
    from safetensors.numpy import save_file

    shards = {
        "model-00001-of-00002.safetensors": ("z", "a"),
        "model-00002-of-00002.safetensors": ("n", "c", "b"),
    }
    for file, names in shards.items():
        save_file({f"{name}.weight": gaussian((20, 20)) for name in names}, tmp_path / file)
    index = {f"{name}.weight": file for file, names in reversed(shards.items()) for name in names}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    for source in (tmp_path, tmp_path / "model.safetensors.index.json"):
        table = ww.WeightWatcher(source, compat=compat).describe()
        assert list(table["name"]) == ["z", "a", "n", "c", "b"]
        assert list(table["layer_id"]) == [0, 1, 2, 3, 4]


def test_names_that_look_like_patterns_are_names():
    weights = {
        f"{name}.weight": gaussian((20, 20), seed) for seed, name in enumerate(("!a", "b[0]*", "b?", "b0"))
    }
    assert list(ww.WeightWatcher(weights).analyze()["name"]) == ["!a", "b[0]*", "b?", "b0"]


def test_fingers_and_the_cut_off_have_their_columns():
    watcher = ww.WeightWatcher(model())
    fingers = watcher.analyze(layers=["first"], fix_fingers="clip_xmax")
    assert list(fingers.columns) == ordered([*DEFAULT, "num_fingers", "raw_alpha"])
    assert list(watcher.analyze(layers=["first"], fit="TPL").columns) == ordered([*DEFAULT, "Lambda"])


def test_the_phase_and_its_evidence_are_added_when_asked_for():
    table = ww.WeightWatcher(model()).analyze(layers=["first"], extra=True)
    assert list(table.columns) == ordered([*DEFAULT, "phase", "alpha_low", "alpha_high", "null_p", "reason"])
    assert table["alpha_low"][0] < table["alpha"][0] < table["alpha_high"][0]
    assert table["phase"][0] == scan(model())["first.weight"].phase


def test_every_argument_of_weightwatcher_is_there_in_its_place():
    """The signature of 0.7.7."""
    assert " ".join(inspect.signature(ww.WeightWatcher.analyze).parameters) == (
        "self model layers min_evals max_evals min_size max_size max_N glorot_fix plot randomize savefig mp_fit "
        "conv2d_norm ww2x pool conv2d_fft fft deltas intra vectors channels stacked fix_fingers xmin_max max_fingers "
        "finger_thresh fit sparsify detX ERG svd_method tolerance start_ids pl_package xmax base_model peft inverse "
        "extra"
    )


@BOTH
def test_layers_of_a_dict_are_numbered_from_one_by_their_weights(compat):
    table = ww.WeightWatcher(model(), compat=compat).describe()
    own = table[table["layer_type"] != "recurrent"]
    assert list(own["layer_id"]) == [2, 3, 4]
    assert list(own["name"]) == list(own["longname"]) == ["first", "my-second", "conv"]
    assert list(own["layer_type"]) == ["dense", "dense", "conv2d"]
    assert list(table.columns) == [
        "layer_id",
        "name",
        "M",
        "N",
        "Q",
        "layer_type",
        "longname",
        "num_evals",
        "rf",
    ]


def test_weights_that_weightwatcher_does_not_see_come_last_and_part_by_part():
    table = ww.WeightWatcher(model()).analyze()
    gates = ("input", "forget", "cell", "output")
    assert list(table["name"][3:7]) == [f"rnn.weight_ih_l0/{gate}" for gate in gates]
    assert list(table["layer_id"][3:]) == [5] * 4 + [6] * 4


@BOTH
def test_layers_of_a_file_are_numbered_from_zero(compat, tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, **model())
    table = ww.WeightWatcher(path, compat=compat).describe()
    assert list(table["layer_id"][:3]) == [1, 2, 3]
    assert list(ww.WeightWatcher(path, compat=compat).describe(start_ids=10)["layer_id"][:3]) == [11, 12, 13]


@BOTH
def test_layers_of_a_module_are_numbered_by_their_place_and_named_by_their_path(compat):
    nn = pytest.importorskip("torch.nn")

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.query = nn.Linear(20, 30)
            self.norm = nn.LayerNorm(30)
            self.table = nn.Embedding(40, 20)

    table = ww.WeightWatcher(
        nn.Sequential(Block(), nn.ReLU(), nn.Conv2d(16, 24, 3)), compat=compat
    ).describe()
    assert list(table["layer_id"]) == [2, 4, 6]
    assert list(table["name"]) == ["query", "table", "2"]
    assert list(table["longname"]) == ["0.query", "0.table", "2"]
    assert list(table["layer_type"]) == ["dense", "embedding", "conv2d"]
    assert list(table["N"]) == [30, 40, 24]


@BOTH
def test_a_fused_weight_that_weightwatcher_lists_is_one_row(compat):
    weights = {"block.attn.qkv.weight": gaussian((144, 48)), "block.attn.proj.weight": gaussian((48, 48), 2)}
    assert len([row for row in scan(weights).matrices if row.status == "ok"]) == 5
    table = ww.WeightWatcher(weights, compat=compat).analyze()
    assert list(table["longname"]) == ["block.attn.qkv", "block.attn.proj"]
    assert list(table["N"]) == [144, 48]


def test_tied_weights_are_one_row_or_weightwatchers_two():
    shared = gaussian((50, 30))
    weights = {"wte.weight": shared, "lm_head.weight": shared}
    assert len(ww.WeightWatcher(weights).analyze()) == 1
    assert len(ww.WeightWatcher(weights, compat="weightwatcher").analyze()) == 2


def test_sides_of_a_kernel_are_exchanged_by_weightwatcher_where_positions_are_even():
    weights = {"conv.weight": gaussian((16, 24, 2, 2))}
    ours, theirs = (ww.WeightWatcher(weights, compat=c).analyze() for c in (None, "weightwatcher"))
    assert (ours["N"][0], ours["M"][0], ours["rf"][0]) == (24, 16, 4)
    assert (theirs["N"][0], theirs["M"][0], theirs["rf"][0]) == (16, 24, 4)
    assert ours["alpha"][0] == pytest.approx(theirs["alpha"][0])


@BOTH
@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ([2], ["first"]),
        (2, ["first"]),
        ([-2, -3], ["conv"]),
        ("conv2d", ["conv"]),
        (["dense"], ["first", "my-second"]),
        (["first", "conv"], ["first", "conv"]),
        (["-first", "-conv"], ["my-second"]),
    ],
)
def test_filters(compat, layers, names):
    table = ww.WeightWatcher(model(), compat=compat).describe(layers=layers)
    assert [name for name in table["name"] if "rnn" not in name and "weight_ih" not in name] == names


def test_a_dash_inside_a_name_skips_nothing_but_there():
    assert list(ww.WeightWatcher(model()).describe(layers=["my-second"])["name"]) == ["my-second"]
    theirs = ww.WeightWatcher(model(), compat="weightwatcher").describe(layers=["my-second"])
    assert list(theirs["name"]) == ["first", "my-second", "conv"]


def test_filters_that_match_nothing_are_named():
    with pytest.warns(UserWarning, match="nothing is called frist, 99"):
        table = ww.WeightWatcher(model()).analyze(layers=["frist", 99])
    assert len(table) == 0
    assert list(table.columns) == []


@BOTH
def test_a_bad_tensor_is_a_row_and_costs_no_other(compat):
    weights = model()
    weights["first.weight"] = weights["first.weight"].copy()
    weights["first.weight"][3, 4] = np.nan
    watcher = ww.WeightWatcher(weights, compat=compat)
    table = watcher.analyze(layers=["first", "conv"])
    assert list(table["status"]) == ["failed", "success"]
    assert list(table["warning"].iloc[[0]]) == [""]
    assert np.isnan(table["alpha"][0])
    assert not table["has_esd"][0]
    assert watcher.get_summary()["alpha"] == pytest.approx(table["alpha"][1])


def gaussian_of_one():
    return {"w": gaussian((40, 30))}


def test_a_fit_that_fails_is_neither_minus_one_nor_over_trained():
    """A matrix of rank one, and one that is so small that WeightWatcher cuts all of it off."""
    weights = {
        "one.weight": np.outer(np.arange(1.0, 21), np.ones(20)),
        "small.weight": 1e-6 * gaussian((40, 30)),
    }
    table = ww.WeightWatcher(weights).analyze(extra=True)
    assert list(table["status"]) == ["failed", "success"]
    assert table["warning"][0] == ""
    assert np.isnan(table["alpha"][0])
    assert table["alpha"][1] == pytest.approx(scan(gaussian_of_one())["w"].metrics["alpha"])
    assert "Fewer than 8" in table["reason"][0]
    theirs = ww.WeightWatcher(weights, compat="weightwatcher")
    table = theirs.analyze()
    assert list(table["alpha"]) == [-1, -1]
    assert list(table["warning"]) == ["over-trained"] * 2
    assert theirs.get_summary()["alpha"] == -1


def test_what_is_left_out_says_why():
    watcher = ww.WeightWatcher(model())
    watcher.analyze(min_evals=35, max_evals=100)
    reasons = dict(zip(watcher.get_skipped()["name"], watcher.get_skipped()["reason"], strict=True))
    assert reasons["my-second"] == "30 eigenvalues, fewer than min_evals=35."
    assert reasons["conv"] == "144 eigenvalues, more than max_evals=100."
    assert reasons["norm"].startswith("A tensor with fewer than two dimensions")


def test_a_base_given_with_the_model_is_subtracted_by_name():
    base = {"extra.weight": gaussian((9, 9)), **{name: 0.5 * value for name, value in model().items()}}
    plain = ww.WeightWatcher(model()).analyze()
    for watcher in (ww.WeightWatcher(model(), base_model=base), ww.WeightWatcher(model())):
        found = watcher.analyze(base_model=base)
        assert list(found["norm"]) == pytest.approx(list(plain["norm"] / 4), rel=1e-6)


def test_a_base_without_a_layer_says_so():
    base = {name: value for name, value in model().items() if name != "first.weight"}
    with pytest.warns(UserWarning, match="no partner there and are left out: first.weight"):
        table = ww.WeightWatcher(model(), base_model=base).analyze(layers=["conv"])
    assert list(table["status"]) == ["failed"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"fft": True}, "crashes"),
        ({"conv2d_fft": True}, "wrong axes"),
        ({"channels": "first"}, "layouts="),
        ({"min_size": 3}, "min_evals"),
        ({"peft": "with_base"}, "merge_and_unload"),
        ({"min_evals": 100, "max_evals": 10}, "not below"),
        ({"max_N": 100}, "max_N 100 is below"),
        ({"layers": [-1, 1]}, "ids to keep and ids to skip"),
        ({"svd_method": "other"}, "svd_method"),
        ({"fit": "EXP"}, "fit 'EXP' is unknown"),
        ({"fix_fingers": "clip_xmax", "xmax": -2}, "exclude each other"),
        ({"xmax": 0}, "leaves nothing out"),
        ({"intra": True, "vectors": True}, "intra excludes"),
        ({"savefig": -1}, "no folder"),
    ],
)
def test_what_is_not_offered_or_contradicts_itself_is_one_clear_line(asked, found):
    with pytest.raises(UsageError, match=found):
        ww.WeightWatcher(model()).analyze(**asked)


@pytest.mark.parametrize("asked", [{"fit": "TPL"}, {"xmax": "force"}, {"vectors": True}, {"peft": True}])
def test_what_weightwatchers_numbers_do_not_cover_says_where_it_is(asked):
    with pytest.raises(UsageError, match="the default mode has it"):
        ww.WeightWatcher(model(), compat="weightwatcher").analyze(**asked)


def test_plots_are_a_warning_and_not_a_crash():
    with pytest.warns(UserWarning, match="nothing is drawn"):
        assert len(ww.WeightWatcher(model()).analyze(layers=[2], plot=True)) == 1


def test_without_a_model_nothing_can_be_analysed():
    with pytest.raises(UsageError, match="no model was given"):
        ww.WeightWatcher().analyze()
    with pytest.raises(UsageError, match="compat 'ww': unknown"):
        ww.WeightWatcher(compat="ww")


def test_importing_has_no_side_effects():
    code = (
        "import sys, logging, warnings, numpy, scipy.optimize, scipy.sparse.linalg, scipy.stats;"
        "before = list(warnings.filters), list(logging.root.handlers);"
        "import triplepoint.compat.weightwatcher;"
        "print((list(warnings.filters), list(logging.root.handlers)) == before,"
        "sorted({'torch', 'pandas', 'matplotlib', 'sklearn', 'powerlaw'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_the_global_random_stream_is_not_touched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for compat in (None, "weightwatcher"):
        watcher = ww.WeightWatcher(model(), compat=compat, seed=3)
        first, second = (
            watcher.analyze(layers=["first"], randomize=True)["rand_distance"][0] for _ in range(2)
        )
        assert first == second
        other = ww.WeightWatcher(model(), compat=compat, seed=4).analyze(layers=["first"], randomize=True)
        assert other["rand_distance"][0] != first
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_parameters_are_judged_as_weightwatcher_judges_them():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        valid = ww.WeightWatcher.valid_params
        assert valid(ww.DEFAULT_PARAMS)
        assert not valid({**ww.DEFAULT_PARAMS, ww.constants.XMAX: "force"})
        assert valid({**ww.DEFAULT_PARAMS, "xmax": "force", "pl_package": "powerlaw"})
        assert not valid({**ww.DEFAULT_PARAMS, "inverse": True})
