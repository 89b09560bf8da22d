"""Claim: of a file written by torch.save, with either layout, every tensor is read as torch reads it.

The witness is torch itself: it writes each file and its own values are compared byte by byte.
"""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.pickles import here
from triplepoint import checkpoints, matrices
from triplepoint.checkpoints import isolated
from triplepoint.checkpoints.reader import Reader
from triplepoint.errors import UnreadableCheckpoint

torch = pytest.importorskip("torch")
nn = torch.nn

DTYPES = [f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (16, 32, 64)]
DTYPES += ["int8", "uint8", "bool", "bfloat16", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2"]
DTYPES += ["float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


@pytest.fixture(params=["archive", "legacy"])
def layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both layouts; without a second process, which `test_the_process_...` and the hostile tests start."""
    monkeypatch.setattr(isolated, "run", here)
    return str(request.param)


def saved(tmp_path: Path, layout: str, value: Any) -> Reader:
    path = tmp_path / "file.pt"
    torch.save(value, path, _use_new_zipfile_serialization=layout == "archive")
    return checkpoints.open(path, allow_pickle=True)


def same(reader: Reader, expected: dict[str, Any]) -> None:
    assert [info.name for info in reader.tensors()] == list(expected)
    for name, tensor in expected.items():
        read = reader.read(name)
        flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
        assert read.shape == tuple(tensor.shape), name
        assert read.tobytes() == flat.tobytes(), name
        assert not read.flags.writeable


def random(*shape: int) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def test_the_process_of_its_own_reads_both_layouts(tmp_path: Path) -> None:
    state = nn.Linear(3, 5).state_dict()
    for layout in ("archive", "legacy"):
        same(saved(tmp_path, layout, state), state)


def test_every_type_of_element(tmp_path: Path, layout: str) -> None:
    state = {name: (random(3, 4) * 4).abs().to(getattr(torch, name)) for name in DTYPES}
    reader = saved(tmp_path, layout, state)
    same(reader, state)
    by_name = {info.name: info.dtype for info in reader.tensors()}
    assert (by_name["bfloat16"], by_name["float8_e4m3fn"], by_name["complex128"]) == (
        "BF16",
        "F8_E4M3",
        "C128",
    )
    assert by_name["float32"] == "F32"
    assert reader.read("bfloat16", 1).astype("f4").tolist() == state["bfloat16"][1].float().tolist()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickle(tmp_path: Path, layout: str, protocol: int) -> None:
    state = {"w": random(3, 4), "set": {1, 2}, "bytes": b"x" * 70_000, "v": random(5)}
    zipped = layout == "archive"
    torch.save(state, tmp_path / "m.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    same(checkpoints.open(tmp_path / "m.pt", allow_pickle=True), {"w": state["w"], "v": state["v"]})


def test_views_of_one_storage_have_its_strides(tmp_path: Path, layout: str) -> None:
    base = random(6, 8)
    state = {
        "base": base,
        "transposed": base.T,
        "rows": base[2:5],
        "columns": base[:, 1:7:2],
        "expanded": base[:1].expand(9, 8),
        "permuted": random(2, 3, 4).permute(2, 0, 1),
        "scalar": base[3, 3],
        "empty": base[:, :0],
        "nothing": torch.empty(0),
        "number": torch.tensor(3.5),
        "last": random(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    reader = saved(tmp_path, layout, state)
    same(reader, state)
    assert reader.read("transposed", 3).tolist() == base.T[3].tolist()


def test_a_view_costs_no_memory(tmp_path: Path, layout: str) -> None:
    reader = saved(tmp_path, layout, {"w": random(50, 60).T})
    assert not reader.read("w").flags.owndata
    assert reader.read("w").strides == (4, 240)


def test_tied_tensors_are_analysed_once(tmp_path: Path, layout: str) -> None:
    table = nn.Parameter(random(60, 50))
    state = {"embed.weight": table, "lm_head.weight": table, "other.weight": random(60, 50), "t": table.T}
    reader = saved(tmp_path, layout, state)
    storages = {info.name: info.storage for info in reader.tensors()}
    assert storages["embed.weight"] == storages["lm_head.weight"]
    assert len(set(storages.values())) == 3
    plans = matrices.plan(reader.tensors(), {})
    assert [plan.id for plan in plans if plan.counted] == ["embed.weight", "other.weight", "t"]


def test_a_state_dict_has_the_ids_that_it_has_in_memory(tmp_path: Path, layout: str) -> None:
    state = nn.Sequential(nn.Linear(9, 8), nn.BatchNorm1d(8)).state_dict()
    for value in (
        state,
        {"state_dict": state, "epoch": 3},
        {"model": {"module": state}, "best": torch.ones(())},
    ):
        inner = value if value is state else {"model": state}
        names = [info.name for info in saved(tmp_path, layout, value).tensors()]
        assert names == [info.name for info in checkpoints.open(inner).tensors()]


class Block(nn.Module):
    """With everything a module may hold."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 3)
        self.again = self.inner
        self.norm = nn.BatchNorm1d(3)
        self.missing = None
        self.register_buffer("lost", torch.ones(2), persistent=False)
        self.register_parameter("nothing", None)
        self.scale = nn.Parameter(random(3, 3))
        self.plain = random(7, 7)
        self.function = nn.functional.relu
        self.folder = Path("weights")
        self.seen = {1, 2}
        self.lstm = nn.LSTM(3, 2)


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_a_module_saved_whole_gives_what_it_gives_in_memory(tmp_path: Path, layout: str) -> None:
    module = nn.DataParallel(Block())
    reader, live = (
        saved(tmp_path, layout, {"model": module, "ema": None, "epoch": 1}),
        checkpoints.open(module),
    )
    same(reader, module.state_dict())
    expected = {info.name: (info.module, info.buffer) for info in live.tensors()}
    assert {info.name: (info.module, info.buffer) for info in reader.tensors()} == expected
    assert expected["module.norm.running_mean"] == ("BatchNorm1d", True)
    ties = {info.name: info.storage for info in reader.tensors()}
    assert ties["module.inner.weight"] == ties["module.again.weight"]


def test_what_training_leaves_beside_the_weights_is_left(tmp_path: Path, layout: str) -> None:
    module = nn.Linear(4, 3)
    optimiser = torch.optim.AdamW(module.parameters())
    module(random(2, 4)).sum().backward()
    optimiser.step()
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 3)
    lightning = {
        "epoch": 1,
        "state_dict": OrderedDict(module.state_dict()),
        "optimizer_states": [optimiser.state_dict()],
        "lr_schedulers": [schedule.state_dict()],
        "callbacks": {"EMA": {"shadow": module.state_dict()}},
        "hyper_parameters": {"device": torch.device("cpu"), "dtype": torch.float32, "shape": torch.Size([1])},
        "rng_state": torch.get_rng_state(),
        "numpy": np.ones((3, 3)),
        "scalar": np.float64(3),
        "best": torch.tensor(0.5),
    }
    same(saved(tmp_path, layout, lightning), module.state_dict())
    plain = {"G": module.state_dict(), "D": module.state_dict(), "optim_G": optimiser.state_dict()}
    both = {f"{key}.{name}": value for key in "GD" for name, value in module.state_dict().items()}
    same(saved(tmp_path, layout, plain), both)
    with pytest.raises(UnreadableCheckpoint, match="no tensors"):
        saved(tmp_path, layout, optimiser.state_dict())


def test_containers_of_every_kind_give_dotted_names(tmp_path: Path, layout: str) -> None:
    w = [random(2, 3) + i for i in range(6)]
    value = {"a": {"b": w[0], 7: w[1]}, "c": [w[2], (w[3],)], "d": OrderedDict(e=w[4]), "f": w[5]}
    expected = {"a.b": w[0], "a.7": w[1], "c.0": w[2], "c.1.0": w[3], "d.e": w[4], "f": w[5]}
    same(saved(tmp_path, layout, value), expected)
    same(saved(tmp_path, layout, w[:2]), {"0": w[0], "1": w[1]})
    same(saved(tmp_path, layout, w[0]), {"file": w[0]})


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:ComplexHalf", "ignore:.*quantized")
def test_tensors_without_plain_values_are_named_and_refused_one_by_one(tmp_path: Path, layout: str) -> None:
    state = {
        "good": random(3, 3),
        "sparse": random(3, 4).to_sparse(),
        "rows": random(3, 4).to_sparse_csr(),
        "meta": torch.empty(5, 6, device="meta"),
        "conjugated": random(3, 3).to(torch.complex64).conj(),
        "half": torch.zeros(3, 3, dtype=torch.complex32),
    }
    if torch.backends.quantized.supported_engines:
        state["codes"] = torch.quantize_per_tensor(random(3, 4), 0.1, 0, torch.qint8)
    reader = saved(tmp_path, layout, state)
    assert [info.name for info in reader.tensors()] == list(state)
    assert {info.name: info.shape for info in reader.tensors()} == {
        k: tuple(v.shape) for k, v in state.items()
    }
    same_one = reader.read("good")
    assert same_one.tolist() == state["good"].tolist()
    words = {
        "sparse": "sparse",
        "rows": "sparse",
        "meta": "meta",
        "conjugated": "conjugated",
        "codes": "qint8",
    }
    for name in state.keys() - {"good"}:
        with pytest.raises(UnreadableCheckpoint, match=words.get(name, "complex32")):
            reader.read(name)
    assert reader.digest() == reader.digest()


class Tagged(torch.Tensor):
    """A subclass whose instances keep attributes."""


def test_subclasses_and_parameters_with_attributes_are_tensors(tmp_path: Path, layout: str) -> None:
    parameter = nn.Parameter(random(3, 4))
    parameter.note = "kept beside the values"
    tagged = random(2, 2).as_subclass(Tagged)
    tagged.note = [1]
    state = {
        "p": parameter,
        "t": tagged,
        "b": nn.Buffer(random(2, 3)),
        "q": nn.Parameter(random(4, 4).bfloat16()),
    }
    same(
        saved(tmp_path, layout, state),
        {name: value.detach().as_subclass(torch.Tensor) for name, value in state.items()},
    )


@pytest.mark.filterwarnings("ignore")
def test_torchscript_has_the_names_of_its_state_dict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "run", here)
    module = nn.Sequential(nn.Conv1d(3, 64, 50), nn.BatchNorm1d(64), nn.Flatten(), nn.Linear(128, 2)).eval()
    traced = torch.jit.trace(module, random(1, 3, 51))
    torch.jit.save(traced, tmp_path / "m.jit")
    torch.jit.save(traced, tmp_path / "m")  # no ending: the first bytes, and the last, decide
    for name in ("m.jit", "m"):
        reader = checkpoints.open(tmp_path / name, allow_pickle=True)
        same(reader, dict(module.state_dict()))
        assert {info.module for info in reader.tensors()} == {"Conv1d", "BatchNorm1d", "Linear"}


def test_a_sharded_state_dict_whose_pieces_torch_would_have_to_gather_is_answered_with_how(
    tmp_path: Path, layout: str
) -> None:
    distributed = pytest.importorskip("torch.distributed.tensor")
    if not torch.distributed.is_available():
        pytest.skip("torch without torch.distributed")
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        mesh = torch.distributed.init_device_mesh("cpu", (1,))
        piece = distributed.distribute_tensor(random(4, 4), mesh, [distributed.Shard(0)])
        with pytest.raises(UnreadableCheckpoint, match="DTensor") as caught:
            saved(tmp_path, layout, {"w": piece})
    finally:
        torch.distributed.destroy_process_group()
    assert "full_state_dict=True" in caught.value.next


def test_reading_imports_no_torch(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 3), tmp_path / "m.pt")
    code = (
        "import sys; from triplepoint import checkpoints; r = checkpoints.open(sys.argv[1], allow_pickle=True); "
        "r.read('weight'); r.digest(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "m.pt"], check=False).returncode == 0
