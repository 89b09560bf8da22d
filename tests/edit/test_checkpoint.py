"""Claim: an edit changes the counted matrices as asked, in whatever tensor they lie, and nothing else.

Witness: a whole SVD of every matrix as it is known to lie in its tensor.
"""

from __future__ import annotations

import json
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.edit.copies import held, model, nearest, saved, sharded, singular
from tests.worlds import gaussian, with_singular_values
from triplepoint import edit_checkpoint, scan
from triplepoint.edit import provenance, target
from triplepoint.edit.choosing import scanned_counts
from triplepoint.edit.tensors import native
from triplepoint.edit.wish import wish
from triplepoint.errors import TriplepointError, UsageError
from triplepoint.records import MatrixPlan, Reason, Scan, TensorInfo


def edited(tmp_path, arrays, **asked):
    """Report and tensors of the copy."""
    report = edit_checkpoint(arrays, tmp_path / "out.safetensors", **asked)
    return report, held(tmp_path / "out.safetensors")


def test_counted_matrices_are_changed_and_all_else_is_the_same_bytes(tmp_path):
    source, arrays = saved(tmp_path / "m", model()), model()
    report = edit_checkpoint(source, tmp_path / "out.safetensors", keep=3)
    found = held(tmp_path / "out.safetensors")
    assert [m.id for m in report.changed] == ["embed.weight", "layer.0.weight", "layer.1.weight"]
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        if name.endswith(("bias", "ids")) or name.startswith("tiny"):
            assert found[name].tobytes() == array.tobytes()
        else:
            np.testing.assert_allclose(found[name], nearest(array, 3), atol=1e-5)
    assert (report["layer.0.weight"].kept, report["layer.0.weight"].components) == (3, 40)


@pytest.mark.parametrize("name", ["layer.0.weight", "layer.1.weight"])
def test_the_change_is_the_distance_of_what_is_stored(tmp_path, name):
    arrays = model()
    report, found = edited(tmp_path, arrays, keep=3)
    old, new = arrays[name].astype(float), found[name].astype(float)
    assert report[name].change == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old), rel=1e-9)
    dropped = singular(arrays[name])[3:]
    assert report[name].change == pytest.approx(np.linalg.norm(dropped) / np.linalg.norm(old), rel=1e-5)


@pytest.mark.parametrize("edit", ["ecs", "tail", "spikes"])
def test_components_are_those_that_the_scan_counts(tmp_path, edit):
    arrays = model()
    before = scan(arrays)
    report, found = edited(tmp_path, arrays, keep=edit)
    metric = {"ecs": "ecs_num", "tail": "num_tail", "spikes": "num_spikes"}[edit]
    assert len(report.changed) >= 2
    for matrix in report.changed:
        count = int(before[matrix.id].metrics[metric])
        assert (matrix.kept, matrix.before.metrics[metric]) == (count, count)
        np.testing.assert_allclose(found[matrix.name], nearest(arrays[matrix.name], count), atol=1e-5)


def test_counts_of_a_scan_in_single_precision_are_not_taken():
    (row,) = scan({"w.weight": model()["layer.0.weight"]}).matrices
    plan = MatrixPlan("w.weight", "w.weight", ("w.weight",), (60, 40), "F32")
    assert scanned_counts(wish("spikes"), plan, row) == [3]
    assert scanned_counts(wish("spikes"), plan, replace(row, method="gram32+tridiagonal")) is None
    assert scanned_counts(wish("spikes"), replace(plan, slices=9), row) is None


def test_spikes_are_removed_and_noise_has_none_to_keep(tmp_path):
    arrays = model()
    report, found = edited(tmp_path, arrays, remove="spikes")
    for name in ("layer.0.weight", "layer.1.weight"):
        left = arrays[name] - nearest(arrays[name], 3)
        np.testing.assert_allclose(found[name], left, atol=1e-5)
        assert (report[name].kept, report[name].before.metrics["num_spikes"]) == (37, 3)
    quiet = report["embed.weight"]
    assert (quiet.changed, quiet.reason, quiet.kept) == (False, Reason.nothing_to_edit, None)
    assert quiet.detail == "no spikes above the noise"
    assert found["embed.weight"].tobytes() == arrays["embed.weight"].tobytes()
    assert quiet.after is quiet.before


def test_shrinkage_leaves_signal_and_never_nothing(tmp_path):
    arrays = model()
    report, found = edited(tmp_path, arrays, shrink=True)
    assert np.linalg.matrix_rank(found["layer.0.weight"], tol=1e-3) == report["layer.0.weight"].kept == 3
    assert np.all(singular(found["layer.0.weight"])[:3] < singular(arrays["layer.0.weight"])[:3])
    # Shrunk noise would be a zero matrix.
    assert report["embed.weight"].reason is Reason.nothing_to_edit
    assert report["embed.weight"].detail == "no signal above the noise"
    assert found["embed.weight"].tobytes() == arrays["embed.weight"].tobytes()


def test_a_matrix_that_is_all_spikes_is_not_removed(tmp_path):
    exact = with_singular_values(np.array([5.0, 4.0, 3.0]), (60, 40), 1).astype(np.float32)
    report = edit_checkpoint({"a.weight": exact}, tmp_path / "out.safetensors", remove="spikes")
    assert report["a.weight"].reason is Reason.nothing_to_edit
    assert report.output is None
    assert not (tmp_path / "out.safetensors").exists()


def test_traps_are_removed_counted_and_looked_for_elsewhere(tmp_path):
    arrays = {"a.weight": gaussian((90, 60), 1), "b.weight": gaussian((90, 60), 2)}
    arrays["a.weight"][7, 11] = 80.0
    report, found = edited(tmp_path, arrays, remove="traps", seed=5)
    matrix = report["a.weight"]
    assert (matrix.traps_removed, matrix.traps_elsewhere, matrix.kept) == (1, 0, None)
    assert (matrix.before.metrics["num_traps"], matrix.after.metrics["num_traps"]) == (1, 0)
    assert abs(found["a.weight"][7, 11]) < 10
    assert report["b.weight"].detail == "no traps"
    heavy = {"h.weight": np.random.default_rng(5).standard_t(2.2, (200, 120))}
    other = edit_checkpoint(heavy, remove="traps", dry_run=True)["h.weight"]
    assert other.traps_removed == other.before.metrics["num_traps"]
    # Which is another question than what the same shuffle has.
    assert 0 < other.traps_elsewhere != other.after.metrics["num_traps"] > 0


@pytest.mark.parametrize("share", ["10%", "0.5%", "33.4%"])
def test_a_share_is_rounded_up(tmp_path, share):
    report = edit_checkpoint(model(), keep=share, dry_run=True)
    wanted = {"10%": 4, "0.5%": 1, "33.4%": 14}[share]
    assert {m.kept for m in report.changed} == {wanted}


def test_more_components_than_there_are_change_nothing(tmp_path):
    report = edit_checkpoint(model(), tmp_path / "out.safetensors", keep=40)
    assert not report.changed
    assert {m.reason for m in report.matrices} == {Reason.nothing_to_edit}
    assert {m.detail for m in report.matrices} == {"all 40 components are meant"}
    assert report.output is None
    assert list(tmp_path.iterdir()) == []


TYPES = [
    np.float64,
    np.float32,
    np.float16,
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.float8_e5m2,
]


@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_types_are_kept_and_their_rounding_is_part_of_the_change(tmp_path, dtype):
    array = model()["layer.0.weight"].astype(dtype)
    report, found = edited(tmp_path, {"layer.0.weight": array}, keep=5)
    new = found["layer.0.weight"]
    assert new.dtype == dtype
    exact = nearest(array, 5)
    spacing = float(ml_dtypes.finfo(dtype).eps) * np.maximum(
        np.abs(exact), float(ml_dtypes.finfo(dtype).smallest_normal)
    )
    assert np.all(np.abs(new.astype(float) - exact) <= 0.51 * spacing + 1e-12)
    old = array.astype(float)
    moved = np.linalg.norm(new.astype(float) - old) / np.linalg.norm(old)
    assert report["layer.0.weight"].change == pytest.approx(moved, rel=1e-9)


def test_entries_that_would_leave_their_type_leave_the_matrix_as_it_is(tmp_path):
    array = np.random.default_rng(97).choice([448.0, 416.0, 0.0], size=(16, 16))
    assert np.max(np.abs(nearest(array, 2))) > 600  # the largest number of the type is 448
    report = edit_checkpoint({"w.weight": array.astype(ml_dtypes.float8_e4m3fn)}, keep=2, dry_run=True)
    assert report["w.weight"].reason is Reason.not_editable
    assert "F8_E4M3" in report["w.weight"].detail


def test_a_change_that_rounding_undoes_is_none():
    array = gaussian((32, 15), 1).astype(ml_dtypes.bfloat16)
    twice = np.concatenate([array, array[:, :1]], axis=1)  # 16 columns of rank 15
    report = edit_checkpoint({"w.weight": twice}, keep=15, dry_run=True)
    assert report["w.weight"].detail == "the change is lost in rounding to BF16"


def test_values_are_given_in_the_byte_order_of_the_machine():
    info = TensorInfo("w", "F32", (3,))
    found = native(info, np.arange(3, dtype=">f4"))
    assert found.tobytes() == np.arange(3, dtype="<f4").tobytes()
    with pytest.raises(TriplepointError, match="elements of type F4"):
        native(TensorInfo("w", "F4", (4,)), np.zeros(4))


def test_few_names_are_listed_and_all_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "MOST_NAMES", 1)
    edit_checkpoint(model(), tmp_path / "out.safetensors", keep=3)
    with safe_open(tmp_path / "out.safetensors", "numpy") as file:
        said = json.loads(file.metadata()["triplepoint"])
    assert (said["changed"], said["changed_tensors"]) == ({"embed.weight": 1}, 3)


def test_big_endian_arrays_are_written_as_they_mean(tmp_path):
    array = model()["layer.0.weight"]
    np.savez(tmp_path / "m.npz", **{"layer.0.weight": array.astype(">f4"), "b": np.arange(3, dtype=">i8")})
    edit_checkpoint(tmp_path / "m.npz", tmp_path / "out.safetensors", keep=3)
    found = held(tmp_path / "out.safetensors")
    np.testing.assert_allclose(found["layer.0.weight"], nearest(array, 3), atol=1e-5)
    np.testing.assert_array_equal(found["b"], np.arange(3))


def test_fused_parts_are_changed_one_by_one(tmp_path):
    parts = [gaussian((24, 24), k) for k in range(3)]
    arrays = {"h.0.attn.c_attn.weight": np.ascontiguousarray(np.concatenate(parts).T, np.float32)}
    source = saved(tmp_path / "m", arrays, model_type="gpt2", n_embd=24, n_head=2)
    report = edit_checkpoint(source, tmp_path / "out", keep=2)
    assert sorted(m.part for m in report.changed) == ["key", "query", "value"]
    found = held(tmp_path / "out")["h.0.attn.c_attn.weight"].T
    for k, part in enumerate(parts):
        np.testing.assert_allclose(found[24 * k : 24 * (k + 1)], nearest(part, 2), atol=1e-5)
    one = edit_checkpoint(source, tmp_path / "one", keep=2, layers="*/key")
    found = held(tmp_path / "one")["h.0.attn.c_attn.weight"].T
    assert [m.part for m in one.changed] == ["key"]
    np.testing.assert_array_equal(found[:24], parts[0].astype(np.float32))
    np.testing.assert_allclose(found[24:48], nearest(parts[1], 2), atol=1e-5)


def test_interleaved_heads_go_back_between_the_others(tmp_path):
    array = gaussian((2 * 30, 20), 3).astype(np.float32)
    layout = {"qkv.weight": "out(2 x query:10,key:10,value:10),in"}
    report, found = edited(tmp_path, {"qkv.weight": array}, keep=4, layouts=layout)
    rows = np.arange(60) % 30
    for k in range(3):
        mine = (rows >= 10 * k) & (rows < 10 * (k + 1))
        np.testing.assert_allclose(found["qkv.weight"][mine], nearest(array[mine], 4), atol=1e-5)
    assert len(report.changed) == 3


@pytest.mark.parametrize("turned", [False, True])
def test_experts_of_a_stack_are_changed_one_by_one(tmp_path, turned):
    stack = gaussian((3, 32, 24), 4).astype(np.float32)
    fused = np.ascontiguousarray(stack.transpose(0, 2, 1)) if turned else stack
    text = "expert,in,out(gate,up)" if turned else "expert,out(gate,up),in"
    name = "model.layers.0.mlp.experts.gate_up_proj"
    report, found = edited(tmp_path, {name: fused}, keep=2, layouts={name: text})
    assert len(report.changed) == 6
    new = found[name].transpose(0, 2, 1) if turned else found[name]
    for expert in range(3):
        for half in (slice(0, 16), slice(16, 32)):
            np.testing.assert_allclose(new[expert, half], nearest(stack[expert, half], 2), atol=1e-5)
    dry = edit_checkpoint({name: fused}, keep=2, layouts={name: text}, dry_run=True)
    assert [m.change for m in dry.changed] == [m.change for m in report.changed]


def test_kernel_positions_are_pooled(tmp_path):
    kernel = gaussian((20, 12, 3, 3), 5).astype(np.float32)
    kernel[:, :, 1, 1] *= 10
    report, found = edited(tmp_path, {"conv.weight": kernel}, keep=12)
    assert (report["conv.weight"].kept, report["conv.weight"].components) == (12, 108)
    np.testing.assert_allclose(found["conv.weight"][:, :, 1, 1], kernel[:, :, 1, 1], atol=1e-4)
    others = [found["conv.weight"][:, :, i, j] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    assert np.max(np.abs(others)) < 1e-4


def test_a_tied_tensor_follows_and_stays_tied(tmp_path):
    arrays = model()
    arrays["lm_head.weight"] = arrays["embed.weight"].copy()
    source = saved(tmp_path / "m", arrays)
    report = edit_checkpoint(source, tmp_path / "out.safetensors", keep=5)
    found = held(tmp_path / "out.safetensors")
    assert (
        found["lm_head.weight"].tobytes()
        == found["embed.weight"].tobytes()
        != arrays["embed.weight"].tobytes()
    )
    assert report.notes == ("lm_head.weight is tied to embed.weight and follows it.",)
    assert report.after["lm_head.weight"].reason is Reason.tied
    alone = edit_checkpoint(source, tmp_path / "alone.safetensors", keep=5, layers="layer.*")
    found = held(tmp_path / "alone.safetensors")
    assert found["lm_head.weight"].tobytes() == arrays["embed.weight"].tobytes()
    assert alone.notes == ()


def test_tied_parameters_of_a_module_follow(tmp_path):
    torch = pytest.importorskip("torch")
    net = torch.nn.ModuleDict(
        {"embed": torch.nn.Embedding(50, 16), "out": torch.nn.Linear(16, 50, bias=False)}
    )
    net["out"].weight = net["embed"].weight
    before = net["embed"].weight.detach().numpy().copy()
    edit_checkpoint(net, tmp_path / "out.safetensors", keep=3)
    found = held(tmp_path / "out.safetensors")
    assert found["out.weight"].tobytes() == found["embed.weight"].tobytes()
    np.testing.assert_allclose(found["embed.weight"], nearest(before, 3), atol=1e-5)
    np.testing.assert_array_equal(net["embed"].weight.detach().numpy(), before)
    with safe_open(tmp_path / "out.safetensors", "numpy") as file:
        assert file.metadata()["format"] == "pt"


def test_quantised_weights_are_copied_with_a_reason(tmp_path):
    codes = np.random.default_rng(0).integers(-128, 127, (32, 16)).astype(np.int8)
    arrays = model() | {
        "q.weight": codes,
        "q.weight_scale": np.full((32, 1), 0.01, np.float32),
    }
    config = {"quantization_config": {"quant_method": "compressed-tensors", "format": "int-quantized"}}
    source = saved(tmp_path / "m", arrays, **config)
    assert scan(source)["q.weight"].counted
    report = edit_checkpoint(source, tmp_path / "out.safetensors", keep=3)
    assert report["q.weight"].reason is Reason.not_editable
    assert "scaled" in report["q.weight"].detail
    assert held(tmp_path / "out.safetensors")["q.weight"].tobytes() == codes.tobytes()


def test_damaged_and_empty_matrices_are_copied(tmp_path):
    arrays = model() | {
        "broken.weight": np.full((20, 10), np.nan, np.float32),
        "zero.weight": np.zeros((20, 10)),
    }
    report, found = edited(tmp_path, arrays, keep=3)
    assert {m.id for m in report.matrices} == {"embed.weight", "layer.0.weight", "layer.1.weight"}
    assert found["broken.weight"].tobytes() == arrays["broken.weight"].tobytes()
    assert not found["zero.weight"].any()


def test_both_scans_are_those_of_source_and_copy(tmp_path):
    source = saved(tmp_path / "m", model())
    report = edit_checkpoint(source, tmp_path / "out", keep=3, spectra=True)
    for found, path in ((report.before, source), (report.after, tmp_path / "out")):
        again = scan(path)
        assert isinstance(found, Scan)
        assert [(row.id, row.metrics) for row in found.matrices] == [
            (row.id, row.metrics) for row in again.matrices
        ]
    assert report.after.provenance.source == str(tmp_path / "out")
    matrix = report["layer.0.weight"]
    np.testing.assert_allclose(matrix.after.singular_values[:3], matrix.before.singular_values[:3], rtol=1e-6)
    assert np.all(matrix.after.singular_values[3:] < 1e-3)


def test_a_dry_run_says_what_the_edit_would_and_writes_nothing(tmp_path):
    source = saved(tmp_path / "m", model())
    for asked in ({"keep": "ecs"}, {"remove": "spikes"}, {"shrink": True}):
        dry = edit_checkpoint(source, dry_run=True, **asked)
        assert [p.name for p in tmp_path.iterdir()] == ["m"]
        wet = edit_checkpoint(source, tmp_path / "out.safetensors", **asked)
        assert (dry.output, wet.output) == (None, str(tmp_path / "out.safetensors"))
        assert json.dumps(dry.to_dict()["matrices"]) == json.dumps(wet.to_dict()["matrices"])
        (tmp_path / "out.safetensors").unlink()


@pytest.mark.parametrize("asked", [{"remove": "traps"}, {"keep": "10%"}, {"shrink": True}])
def test_the_seed_alone_decides_the_bytes(tmp_path, asked):
    arrays = model()
    arrays["layer.0.weight"][3, 4] = 300.0
    source = saved(tmp_path / "m", arrays)
    for name, more in (
        ("a", {"workers": 1}),
        ("b", {"workers": 3}),
        ("c", {"seed": 1}),
        ("d", {"mode": "fast"}),
    ):
        edit_checkpoint(source, tmp_path / f"{name}.safetensors", **asked, **more)
    one, two, other, fast = (held(tmp_path / f"{name}.safetensors") for name in "abcd")
    assert all(one[name].tobytes() == two[name].tobytes() == fast[name].tobytes() for name in one)
    same = all(one[name].tobytes() == other[name].tobytes() for name in one)
    assert same != ("remove" in asked)


def test_metadata_say_what_was_done(tmp_path):
    source = saved(tmp_path / "m", model(), {"format": "pt", "note": "mine"})
    report = edit_checkpoint(source, tmp_path / "out", remove="spikes", seed=3)
    with safe_open(tmp_path / "out" / "model.safetensors", "numpy") as file:
        found = file.metadata()
    said = json.loads(found.pop("triplepoint"))
    assert found == {"format": "pt", "note": "mine"}
    assert said["digest"] == report.digest == scan(source).provenance.digest
    assert (said["edit"], said["settings"]["seed"], said["source"]) == ("remove spikes", 3, "m")
    assert said["changed"] == {"layer.0.weight": 1, "layer.1.weight": 1}
    edit_checkpoint(tmp_path / "out", tmp_path / "twice", keep=9)
    with safe_open(tmp_path / "twice" / "model.safetensors", "numpy") as file:
        again = json.loads(file.metadata()["triplepoint"])
    assert json.loads(again["before"]) == said
    assert again["changed_tensors"] == 3


def test_shards_and_their_index_are_those_of_the_source(tmp_path):
    source = sharded(tmp_path / "m", model())
    report = edit_checkpoint(source, tmp_path / "out", keep=3)
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == sorted(p.name for p in source.iterdir())
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert (
        index["weight_map"] == json.loads((source / "model.safetensors.index.json").read_text())["weight_map"]
    )
    total = sum(array.nbytes for array in model().values())
    assert index["metadata"] == {"total_size": total, "note": "kept"}
    found = held(tmp_path / "out")
    np.testing.assert_allclose(found["layer.1.weight"], nearest(model()["layer.1.weight"], 3), atol=1e-5)
    for shard, names in (("1", ["embed.weight", "layer.0.weight"]), ("2", ["layer.1.weight"])):
        with safe_open(tmp_path / "out" / f"model-0000{shard}-of-00002.safetensors", "numpy") as file:
            assert list(json.loads(file.metadata()["triplepoint"])["changed"]) == names
    assert len(report.changed) == 3
    # One file of all, where one is asked for.
    edit_checkpoint(source / "model.safetensors.index.json", tmp_path / "one.safetensors", keep=3)
    one = held(tmp_path / "one.safetensors")
    assert all(one[name].tobytes() == found[name].tobytes() for name in found)


def test_elements_smaller_than_a_byte_are_copied(tmp_path):
    from triplepoint.checkpoints.writing import SafetensorsWriter

    four, weight = TensorInfo("four", "F4", (8, 8)), TensorInfo("layer.0.weight", "F32", (60, 40))
    path = tmp_path / "m.safetensors"
    with path.open("wb") as stream:
        writer = SafetensorsWriter(stream, [four, weight], {})
        writer.put(weight, [model()["layer.0.weight"]])
        writer.put(four, [np.arange(32, dtype=np.uint8)])
        writer.finish({})
    edit_checkpoint(path, tmp_path / "out.safetensors", keep=3)
    from triplepoint.checkpoints import open as open_checkpoint

    assert open_checkpoint(tmp_path / "out.safetensors").place("four")[1].tolist() == [*range(32)]


def test_what_safetensors_cannot_hold_is_refused_before_any_work(tmp_path):
    for name, array in (
        ("z", np.ones(3, np.complex128)),
        ("__metadata__", np.ones(3)),
        ("a\ud800", np.ones(3)),
    ):
        with pytest.raises(UsageError, match="Edit the checkpoint that it was made from"):
            edit_checkpoint(model() | {name: array}, tmp_path / "out.safetensors", keep=3)
    assert list(tmp_path.iterdir()) == []


def test_hostile_names_are_copied_letter_by_letter(tmp_path):
    name = 'a/../b "quoted" \x1b[31m\u202e\n.weight'
    arrays = {name: model()["layer.0.weight"], "": model()["layer.1.weight"]}
    save_file(arrays, tmp_path / "m.safetensors")
    report = edit_checkpoint(tmp_path / "m.safetensors", tmp_path / "out.safetensors", keep=3)
    with safe_open(tmp_path / "out.safetensors", "numpy") as file:
        assert sorted(file.keys()) == ["", name]
    assert len(report.changed) == 2
    json.dumps(report.to_dict())


def test_layers_that_match_nothing_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no matrix matches"):
        edit_checkpoint(model(), keep=3, layers="nothing.*", dry_run=True)


def test_codes_that_a_format_decodes_itself_are_refused():
    coded = TensorInfo("blk.0.attn_q.weight", "Q4_K", (64, 256), decoded="F32")
    eight = TensorInfo("q.weight", "I8", (64, 256), decoded="F32")
    for info in (coded, eight):
        reader = type("Coded", (), {"source": "m.gguf", "tensors": lambda self, info=info: [info]})()
        with pytest.raises(UsageError, match="before quantisation"):
            target.refuse_tensors(reader)


@pytest.mark.parametrize("out", ["out.safetensors", "folder"])
def test_the_digest_of_the_copy_is_that_of_the_file_under_its_name(tmp_path, out):
    report = edit_checkpoint(saved(tmp_path / "m", model()), tmp_path / out, keep=3)
    assert report.after.provenance.digest == scan(tmp_path / out).provenance.digest


def test_long_names_of_any_script_are_as_long_as_in_the_source(tmp_path):
    name = "\u5c42" * 1300 + ".weight"
    save_file({name: model()["layer.0.weight"]}, tmp_path / "m.safetensors", {"\u5c42": "\u5c42"})
    report = edit_checkpoint(tmp_path / "m.safetensors", tmp_path / "out.safetensors", keep=3)
    assert [matrix.name for matrix in report.changed] == [name]
    with safe_open(tmp_path / "out.safetensors", "numpy") as file:
        assert list(file.keys()) == [name]
        assert file.metadata()["\u5c42"] == "\u5c42"
    with pytest.raises(UsageError, match=r"a name of more than 4,096 bytes"):
        edit_checkpoint({"n" * 5000: np.ones(3)}, tmp_path / "no.safetensors", keep=3)


@pytest.mark.parametrize("layouts", [3, ["a.weight=out,in"]])
def test_layouts_of_another_type_are_refused_in_one_line(layouts):
    with pytest.raises(UsageError, match=r"layouts .*: no dict"):
        edit_checkpoint({"a.weight": np.eye(12)}, keep=3, dry_run=True, layouts=layouts)
