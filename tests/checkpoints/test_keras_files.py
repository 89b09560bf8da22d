"""Claim: what Keras saved is read as Keras saved it, in every container, under the names of the user.

Witnesses: h5py for the bytes; files that Keras 3.15 wrote, whose legacy format spells out the names that its new
format leaves to the structure; weights set to a known function before Keras quantised them.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplepoint import checkpoints
from triplepoint.checkpoints import isolated
from triplepoint.checkpoints.hdf5 import structure as hdf5
from triplepoint.errors import MissingDependency, TriplepointError

from .keras_worlds import facts, here, opened, values

h5py = pytest.importorskip("h5py")
DATA = Path(__file__).parents[1] / "data"
LSTM, GRU = "in,out(input,forget,cell,output)", "in,out(update,reset,new)"


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)


def test_one_model_reads_the_same_as_archive_as_weights_and_in_the_legacy_format(tmp_path: Path) -> None:
    archive, legacy = opened(DATA / "keras_small.keras"), opened(DATA / "keras_small.h5")
    weights = tmp_path / "small.weights.h5"
    with zipfile.ZipFile(DATA / "keras_small.keras") as members:
        weights.write_bytes(members.read("model.weights.h5"))
    alone = opened(weights)
    assert archive.format == legacy.format == alone.format == "keras"
    assert len(archive.tensors()) == 29
    unknown = {"inner.batch_normalization.beta"}  # weights alone do not say that there is no gamma
    for other, without in ((legacy, set()), (alone, unknown)):
        one, two = facts(archive), facts(other)
        assert {name: one[name] for name in one.keys() - without} == {
            name: two[name] for name in two.keys() - {"inner.batch_normalization.0"}
        }
        left, right = values(archive), values(other)
        for name in one.keys() - without:
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def test_every_class_of_layers_gets_its_layout() -> None:
    found = facts(opened(DATA / "keras_small.keras"))
    kernels = {name: (module, layout) for name, (module, layout, _) in found.items() if layout is not None}
    assert kernels == {
        "tokens.embeddings": ("Embedding", "out,in"),
        "attend.query.kernel": ("Linear", "in,out,out"),
        "attend.key.kernel": ("Linear", "in,out,out"),
        "attend.value.kernel": ("Linear", "in,out,out"),
        "attend.attention_output.kernel": ("Linear", "in,in,out"),
        "both.forward_lstm.lstm_cell.kernel": ("LSTM", LSTM),
        "both.forward_lstm.lstm_cell.recurrent_kernel": ("LSTM", LSTM),
        "both.backward_lstm.lstm_cell.kernel": ("LSTM", LSTM),
        "both.backward_lstm.lstm_cell.recurrent_kernel": ("LSTM", LSTM),
        "gru.gru_cell.kernel": ("GRU", GRU),
        "gru.gru_cell.recurrent_kernel": ("GRU", GRU),
        "inner.convolve.kernel": ("Conv1d", "kernel,in,out"),
        "depthwise_conv2d.kernel": ("Conv2d", "kernel,kernel,out,out"),
        "conv2d_transpose.kernel": ("ConvTranspose2d", "kernel,kernel,out,in"),
        "head.kernel": ("Linear", "in,out"),
        "dense.kernel": ("Linear", "in,out"),
    }
    assert {name for name, (_, _, buffer) in found.items() if buffer} == {
        "inner.batch_normalization.moving_mean",
        "inner.batch_normalization.moving_variance",
    }


def test_names_come_from_the_configuration_where_the_weights_have_none(tmp_path: Path) -> None:
    """As TensorFlow 2.13 wrote them: no names in the file, and lists under another one."""
    with zipfile.ZipFile(DATA / "keras_small.keras") as members:
        (tmp_path / "w.h5").write_bytes(members.read("model.weights.h5"))
        config = members.read("config.json")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file.visititems(lambda name, found: [found.attrs.pop(key) for key in list(found.attrs)] and None)
        file.move("layers", "_layer_checkpoint_dependencies")
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as members:
        members.writestr("config.json", config)
        members.write(tmp_path / "w.h5", "model.weights.h5")
    assert facts(opened(tmp_path / "x.keras")) == facts(opened(DATA / "keras_small.keras"))


def test_int8_weights_are_the_ones_that_were_quantised_within_half_a_step() -> None:
    reader = opened(DATA / "keras_int8.keras")
    decoded = [info for info in reader.tensors() if info.decoded == "F32"]
    assert len(decoded) == 7
    for info in decoded:
        weight = np.sin(np.arange(info.size)).reshape(info.shape)
        inputs = tuple(k for k, word in enumerate(str(info.layout).split(",")) if word == "in")
        step = np.abs(weight).max(axis=inputs, keepdims=True) / 127
        found = reader.read(info.name)
        assert found.dtype == np.float32
        assert (np.abs(found - weight) <= 0.502 * step).all(), info.alias
        np.testing.assert_array_equal(reader.read(info.name, 1), found[1])
    assert all(info.buffer for info in reader.tensors() if str(info.alias).endswith("_scale"))


def test_integers_of_another_scheme_stay_integers(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    with zipfile.ZipFile(DATA / "keras_int8.keras") as old, zipfile.ZipFile(path, "w") as new:
        new.writestr("model.weights.h5", old.read("model.weights.h5"))
        new.writestr("config.json", old.read("config.json").replace(b'"mode": "int8"', b'"mode": "int4"'))
    assert not any(info.decoded or info.layout for info in opened(path).tensors())


def test_an_archive_that_was_packed_again_reads_the_same(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = tmp_path / "x.keras"
    with (
        zipfile.ZipFile(DATA / "keras_small.keras") as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    expected = values(opened(DATA / "keras_small.keras"))
    found = values(opened(path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.keras"]
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def keras2(file: Any) -> None:
    """A `model.save_weights` of Keras 2: layers by name, the weight's own path below."""
    file.attrs["layer_names"] = [b"conv", b"rnn", b"block1_conv1", b"mix", b"dw", b"att"]
    for path, shape in {
        "conv/conv/kernel:0": (3, 3, 4, 8),
        "conv/conv/bias:0": (8,),
        "rnn/rnn/forward_x/lstm_cell_7/kernel:0": (6, 20),
        "rnn/rnn/forward_x/lstm_cell_7/recurrent_kernel:0": (5, 20),
        "rnn/rnn/plain/kernel:0": (6, 5),
        "rnn/rnn/plain/recurrent_kernel:0": (5, 5),
        "block1_conv1/block1_conv1_W_1:0": (3, 3, 3, 64),
        "mix/model/mix/kernel:0": (7, 2),
        "dw/dw/depthwise_kernel:0": (3, 3, 8, 1),
        "att/att/query/kernel:0": (8, 2, 4),
        "att/att/attention_output/kernel:0": (2, 4, 8),
        "optimizer_weights/adam/m:0": (7, 2),
    }.items():
        file[path] = np.ones(shape, "f4")


def test_weights_of_keras_2_are_told_by_their_names_and_shapes(tmp_path: Path) -> None:
    assert facts(opened(tmp_path / "x.h5", keras2)) == {
        "conv.kernel": ("Conv2d", "kernel,kernel,in,out", False),
        "conv.bias": (None, None, False),
        "rnn.forward_x.lstm_cell_7.kernel": ("LSTM", LSTM, False),
        "rnn.forward_x.lstm_cell_7.recurrent_kernel": ("LSTM", LSTM, False),
        "rnn.plain.kernel": ("RNN", "in,out", False),
        "rnn.plain.recurrent_kernel": ("RNN", "in,out", False),
        "block1_conv1.kernel": ("Conv2d", "kernel,kernel,in,out", False),
        "mix.kernel": ("Linear", "in,out", False),
        "dw.depthwise_kernel": ("Conv2d", "kernel,kernel,out,out", False),
        "att.query.kernel": ("Linear", "in,out,out", False),
        "att.attention_output.kernel": ("Linear", "in,in,out", False),
    }


def test_a_configuration_in_an_attribute_tells_the_classes_of_named_layers(tmp_path: Path) -> None:
    layer = {"class_name": "Custom>Conv2DTranspose", "config": {"name": "up", "groups": 1}}
    grouped = {"class_name": "Conv2D", "config": {"name": "grouped", "groups": 4}}
    ein = {"class_name": "EinsumDense", "config": {"name": "ein", "equation": "...x,xyz->...yz"}}
    config = {"class_name": "Sequential", "config": [layer, grouped, ein]}

    def write(file: Any) -> None:
        file.attrs["model_config"] = json.dumps(config)
        file["model_weights/up/up/kernel:0"] = np.ones((2, 2, 5, 6))
        file["model_weights/grouped/grouped/kernel:0"] = np.ones((3, 3, 2, 8))
        file["model_weights/ein/ein/kernel:0"] = np.ones((5, 2, 3))

    reader = opened(tmp_path / "x.h5", write)
    assert facts(reader) == {
        "up.kernel": ("ConvTranspose2d", "kernel,kernel,out,in", False),
        "grouped.kernel": ("Conv2d", "kernel,kernel,in,out/4", False),
        "ein.kernel": ("Linear", "in,out,out", False),
    }
    assert reader.config["class_name"] == "Sequential"


def test_a_file_that_is_not_of_keras_is_read_by_its_paths(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        file["weights"] = np.eye(3)
        file["a/b"] = np.eye(2)

    reader = opened(tmp_path / "x.hdf5", write)
    assert reader.format == "hdf5"
    assert [(info.name, info.alias) for info in reader.tensors()] == [("weights", None), ("a/b", "a.b")]
    assert reader.digest() == opened(tmp_path / "x.hdf5").digest()


def test_datasets_that_differ_in_what_names_leave_out_are_both_there(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        for last in ("kernel", "kernel:0", "kernel:0:0"):
            file[f"model_weights/d/d/{last}"] = np.eye(2)

    reader = opened(tmp_path / "x.h5", write)
    assert len({info.alias for info in reader.tensors()}) == 3
    assert sum(info.layout == "in,out" for info in reader.tensors()) == 1


def test_numbers_mean_variables_only_below_vars(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        for group in ("data", "layers/thing/vars"):
            file[f"{group}/0"], file[f"{group}/1"] = np.zeros((3, 3, 4, 5)), np.zeros(5)
        file["odd/vars/00"] = np.zeros((2, 2))

    assert facts(opened(tmp_path / "x.h5", write)) == {
        "data.0": (None, None, False),
        "data.1": (None, None, False),
        "thing.kernel": ("Conv2d", "kernel,kernel,in,out", False),
        "thing.bias": (None, None, False),
        "odd.vars.00": (None, None, False),
    }


def test_long_names_within_each_other_give_way_to_the_path(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        path = "/".join("abcde")
        file[f"{path}/vars/0"] = np.eye(2)
        for end in range(1, 6):
            file.require_group("/".join("abcde"[:end]) + "/vars").attrs["name"] = "x" * 150
        file["long/vars/0"] = np.eye(2)
        file["long/vars"].attrs["name"] = "x" * 2000

    aliases = {info.alias for info in opened(tmp_path / "x.h5", write).tensors()}
    assert aliases == {"long.vars.0", "a.b.c.d.e.vars.0"}


def test_names_that_would_collide_keep_their_paths(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        file["model_weights/d/d/kernel:0"] = np.eye(2)
        file["model_weights/d/kernel:0"] = np.eye(2)

    aliases = [info.alias for info in opened(tmp_path / "x.h5", write).tensors()]
    assert aliases == ["model_weights.d.kernel:0", "model_weights.d.d.kernel:0"]


def test_the_digest_sees_a_changed_weight_and_a_changed_configuration(tmp_path: Path) -> None:
    def write(value: float, config: str) -> str:
        def fill(file: Any) -> None:
            file.attrs["model_config"] = json.dumps({"class_name": config, "config": {}})
            file["w"] = np.full((4, 4), value)

        return opened(tmp_path / "x.h5", fill).digest()

    assert len({write(1, "A"), write(2, "A"), write(1, "B")}) == 3
    assert write(1, "A") == write(1, "A")


def test_a_second_process_gives_the_same_structure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = facts(opened(DATA / "keras_small.keras"))
    monkeypatch.undo()
    assert hdf5.isolated.run is isolated.run
    reader = checkpoints.open(DATA / "keras_small.keras")
    assert facts(reader) == fast  # type: ignore[arg-type]


def test_without_h5py_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"triplepoint\[formats\]"):
        checkpoints.open(DATA / "keras_small.h5")


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"config.json": b"{}"}, "no member model.weights.h5"),
        ({"model.weights.json": b"{}"}, "several parts"),
        ({"model.weights.h5": b"no"}, "not a whole HDF5 file"),
        ({"config.json": b"{", "model.weights.h5": None}, "not valid JSON"),
        ({"config.json": b"[" * 10**5, "model.weights.h5": None}, "nested too deeply|not valid"),
        ({"config.json": b"[]," * 600_000, "model.weights.h5": None}, "too many lists"),
    ],
)
def test_a_broken_archive_is_refused_in_one_line(
    tmp_path: Path, members: dict[str, bytes | None], found: str
) -> None:
    with h5py.File(tmp_path / "good.h5", "w") as file:
        file["w"] = np.eye(2)
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, (tmp_path / "good.h5").read_bytes() if data is None else data)
    with pytest.raises(TriplepointError, match=found) as caught:
        opened(tmp_path / "x.keras")
    assert "\n" not in str(caught.value)


def test_the_state_of_training_and_of_chance_is_left_out(tmp_path: Path) -> None:
    def write(file: Any) -> None:
        for path in ("dense/vars/0", "dropout/seed_generator/vars/0"):
            file[f"layers/{path}"] = np.eye(2)
        for group in ("optimizer", "_optimizer", "optimizer_weights"):
            file[f"{group}/vars/0"] = np.eye(2)

    assert [info.name for info in opened(tmp_path / "x.h5", write).tensors()] == ["layers/dense/vars/0"]
