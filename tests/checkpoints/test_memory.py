"""A module, its state dict and its arrays show the same tensors with the values torch itself gives."""

from __future__ import annotations

import warnings
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from triplepoint import checkpoints
from triplepoint.errors import UnreadableCheckpoint, UsageError


def names(source: object) -> list[str]:
    return [info.name for info in checkpoints.open(source).tensors()]


def test_a_dict_of_arrays_is_read_without_copying_and_cannot_be_changed() -> None:
    arrays = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.ones((3, 2), ml_dtypes.bfloat16),
        "c": np.ones(2, ">f4"),
    }
    reader = checkpoints.open(arrays)
    assert reader.format == "arrays"
    assert [(info.name, info.dtype, info.shape) for info in reader.tensors()] == [
        ("a", "F64", (2, 3)),
        ("b", "BF16", (3, 2)),
        ("c", "F32", (2,)),
    ]
    read = reader.read("a")
    assert np.shares_memory(read, arrays["a"])
    with pytest.raises(ValueError, match="read-only"):
        read[0, 0] = 1
    arrays["a"][0, 0] = 7
    assert reader.read("c").dtype == np.dtype("f4")


def test_arrays_of_any_layout_and_type_are_described() -> None:
    base = np.arange(24.0).reshape(4, 6)
    arrays = {
        "t": base.T,
        "s": base[::2, ::3],
        "f": np.asfortranarray(base),
        "o": np.array([None]),
        "u": np.array("x"),
    }
    reader = checkpoints.open(arrays)
    for name in "tsf":
        np.testing.assert_array_equal(reader.read(name), arrays[name])
    assert [info.dtype for info in reader.tensors()][3:] == ["object", "<U1"]


def test_array_likes_of_other_frameworks_are_read_through_the_array_protocol() -> None:
    class Foreign:
        shape, dtype = (2, 2), np.dtype("f4")

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.full((2, 2), 3, "f4")

    class Exchanged:
        shape, dtype = (2,), np.dtype("f8")
        array = np.array([1.0, 2.0])

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    reader = checkpoints.open({"w": Foreign(), "x": Exchanged()})
    assert reader.read("w").tolist() == [[3, 3], [3, 3]]
    assert reader.read("x").tolist() == [1, 2]
    reader.digest()


def test_equal_memory_has_equal_storage_and_copies_do_not() -> None:
    array = np.ones((3, 3))
    infos = checkpoints.open({"a": array, "b": array, "c": array.copy()}).tensors()
    assert infos[0].storage == infos[1].storage != infos[2].storage


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "module"])
def test_weights_one_level_down_are_found(key: str) -> None:
    assert names({key: {"w": np.ones((2, 2))}, "epoch": 3, "optimizer": {"state": {}}}) == ["w"]


def test_numbers_and_texts_beside_tensors_are_passed_over() -> None:
    assert names({"w": np.ones((2, 2)), "step": 3, "arch": "resnet", "best": None, "lr": 0.1}) == ["w"]


@pytest.mark.parametrize(
    "source",
    [
        {"w": np.ones(2), "more": {"v": np.ones(2)}},
        {"net": {"w": np.ones(2)}},
        {"w": [[1.0]]},
        {1: np.ones(2)},
    ],
)
def test_values_that_might_hide_weights_are_a_usage_error(source: object) -> None:
    with pytest.raises(UsageError) as caught:
        checkpoints.open(source)
    assert caught.value.next


def test_the_digest_follows_names_types_shapes_and_values() -> None:
    one = np.ones((8, 8))
    sources = [
        {"w": one},
        {"v": one},
        {"w": one.astype("f4")},
        {"w": one.reshape(4, 16)},
        {"w": one * 2},
        {"w": one, "v": one},
    ]
    digests = [checkpoints.open(source).digest() for source in sources]
    assert len(set(digests)) == len(sources)
    assert checkpoints.open({"w": one.copy()}).digest() == digests[0]


def network() -> Any:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Embedding(11, 4),
        torch.nn.Conv1d(2, 3, 5),
        torch.nn.BatchNorm2d(3),
        torch.nn.LSTM(4, 5),
        torch.nn.Linear(4, 11, bias=False),
    )
    net[4].weight = net[0].weight
    net.register_buffer("scratch", torch.ones(2), persistent=False)
    return net


def test_a_module_lists_what_its_state_dict_holds_with_the_class_of_each_owner() -> None:
    net = network()
    reader = checkpoints.open(net)
    infos = {info.name: info for info in reader.tensors()}
    assert list(infos) == list(net.state_dict())
    assert (reader.source, reader.format) == ("Sequential", "module")
    assert infos["1.weight"].module == "Conv1d"
    assert infos["2.running_mean"].module == "BatchNorm2d"
    assert infos["4.weight"].storage == infos["0.weight"].storage != infos["1.weight"].storage
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(reader.read(name), value.numpy())
    state = checkpoints.open(net.state_dict())
    assert state.format == "state_dict"
    assert [(i.name, i.dtype, i.shape, i.storage) for i in state.tensors()] == [
        (i.name, i.dtype, i.shape, i.storage) for i in infos.values()
    ]
    assert names({"model": net, "epoch": 1}) == list(infos)


@pytest.mark.parametrize(
    "name",
    [
        *("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"),
        *("float8_e5m2fnuz", "float8_e8m0fnu", "int8", "int64", "uint16", "bool", "complex64"),
    ],
)
def test_every_torch_type_is_viewed_and_not_copied(name: str) -> None:
    torch = pytest.importorskip("torch")
    codes = torch.arange(64, dtype=torch.uint8)
    tensor = (codes % 2).bool() if name == "bool" else codes.view(getattr(torch, name))
    tensor = tensor.reshape(-1, 4)
    reader = checkpoints.open({"w": tensor, "t": tensor.T})
    read = reader.read("w")
    assert read.shape == tuple(tensor.shape)
    assert read.tobytes() == tensor.contiguous().view(torch.uint8).numpy().tobytes()
    assert read.__array_interface__["data"][0] == tensor.data_ptr()
    assert reader.read("t").tobytes() == read.T.tobytes()
    assert not read.flags.writeable
    if name.startswith(("bfloat", "float")):
        np.testing.assert_array_equal(read.astype("f8"), tensor.to(torch.float64).numpy())


def test_tensors_that_need_gradients_lazily_negated_or_sparse_are_read() -> None:
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.eye(3) * 2)
    conjugate = torch.ones(2, 2, dtype=torch.complex64).mul(1j).conj()
    reader = checkpoints.open({"p": weight, "c": conjugate, "s": torch.eye(3).to_sparse()})
    assert reader.read("p").trace() == 6
    assert reader.read("c")[0, 0] == -1j
    assert reader.read("s").trace() == 3
    reader.digest()


def test_tensors_without_values_are_listed_and_refused_when_read() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Linear(3, 4, device="meta")
    reader = checkpoints.open(net)
    assert [info.shape for info in reader.tensors()] == [(4, 3), (4,)]
    assert all(info.storage is None for info in reader.tensors())
    with pytest.raises(UnreadableCheckpoint, match="no values to read"):
        reader.read("weight")
    reader.digest()
    lazy = checkpoints.open(torch.nn.LazyLinear(3)).tensors()
    assert lazy[0].size == 0


def test_tensors_that_are_spread_over_processes_are_refused_with_the_way_to_gather_them() -> None:
    torch = pytest.importorskip("torch")

    class Spread(torch.Tensor):
        def full_tensor(self) -> Any:
            raise AssertionError("a scan must not communicate")

    with pytest.raises(UnreadableCheckpoint, match="spread over several processes") as caught:
        checkpoints.open({"w": torch.ones(2, 2).as_subclass(Spread)})
    assert "full_state_dict" in caught.value.next


def test_the_configuration_of_a_module_is_taken_over() -> None:
    net = network()
    assert checkpoints.open(net).config == {}
    net.config = type("Config", (), {"to_dict": lambda self: {"model_type": "gpt2"}})()
    assert checkpoints.open(net).config == {"model_type": "gpt2"}


def test_the_digest_of_what_cannot_be_sampled_covers_its_header() -> None:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():  # torch announces the end of its quantised types and calls CSR a beta
        warnings.simplefilter("ignore")
        codes = torch.quantize_per_tensor(torch.randn(64, 64), 0.1, 0, torch.qint8)
        sparse = torch.eye(3).to_sparse_csr()

    class Broken:
        shape, dtype = (2, 2), np.dtype("f4")

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise OSError("the device is gone")

        def __getitem__(self, index: Any) -> Any:
            raise OSError("the device is gone")

    for value in (codes, torch.empty(4, 4, device="meta"), sparse, Broken()):
        one, two = (checkpoints.open({name: value, "w": np.ones((2, 2))}).digest() for name in "ab")
        assert one != two
        assert one == checkpoints.open({"a": value, "w": np.ones((2, 2))}).digest()


def test_the_digest_does_not_cover_addresses_of_objects() -> None:
    one, two = ({"w": np.ones(2), "o": np.array([object()])} for _ in range(2))
    assert checkpoints.open(one).digest() == checkpoints.open(two).digest()


def test_a_tensor_whose_memory_was_given_back_is_refused_and_not_touched() -> None:
    torch = pytest.importorskip("torch")
    weight = torch.ones(64, 64)
    reader = checkpoints.open({"w": weight})
    weight.untyped_storage().resize_(0)
    with pytest.raises(UnreadableCheckpoint, match="no values to read"):
        reader.read("w")
    assert reader.digest()


def test_a_module_says_which_of_its_tensors_are_buffers() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    net.register_buffer("tril", torch.tril(torch.ones(8, 8)))
    buffers = {info.name for info in checkpoints.open(net).tensors() if info.buffer}
    assert buffers == {"tril", "1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert not any(info.buffer for info in checkpoints.open(net.state_dict()).tensors())
