"""The same weights are counted once, however the model says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from triplepoint import checkpoints, matrices, scan
from triplepoint.errors import UnreadableCheckpoint
from triplepoint.records import MatrixPlan, Reason, TensorInfo

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(50, 8)).astype("f4")


def tied(arrays: dict[str, np.ndarray], folder: Path) -> dict[str, str | None]:
    """{name: id of the tensor it is tied to} as read from a file, where storage cannot be shared."""
    save_file(arrays, folder / "x.safetensors")
    reader = checkpoints.open(folder / "x.safetensors")
    rows = matrices.tie(matrices.plan(reader.tensors(), {}), reader.read)
    assert all(row.counted == (row.reason is None) for row in rows)
    return {row.name: row.detail if row.reason is Reason.tied else None for row in rows}


@pytest.mark.parametrize(
    "head", ["lm_head.weight", "embed_out.weight", "cls.predictions.decoder.weight", "output.weight"]
)
@pytest.mark.parametrize("embedding", ["model.embed_tokens.weight", "wte.weight"])
def test_a_head_that_repeats_the_embedding_is_left_out(tmp_path: Path, head: str, embedding: str) -> None:
    assert tied({head: TABLE, embedding: TABLE.copy()}, tmp_path) == {head: embedding, embedding: None}


def test_repeated_embeddings_count_once(tmp_path: Path) -> None:
    arrays = dict.fromkeys(
        ("decoder.embed_tokens.weight", "encoder.embed_tokens.weight", "shared.weight"), TABLE
    )
    result = tied(arrays, tmp_path)
    assert sorted(v is None for v in result.values()) == [False, False, True]


def test_one_different_bit_unties(tmp_path: Path) -> None:
    other = TABLE.copy()
    other.view("u4")[-1, -1] ^= 1
    assert set(tied({"lm_head.weight": other, "wte.weight": TABLE}, tmp_path).values()) == {None}


def test_shape_and_type_must_agree_too(tmp_path: Path) -> None:
    arrays = {
        "lm_head.weight": TABLE.reshape(8, 50),
        "output.weight": TABLE.astype("f8"),
        "head.weight": TABLE.astype(ml_dtypes.bfloat16),
        "wte.weight": TABLE,
    }
    assert set(tied(arrays, tmp_path).values()) == {None}


def test_equal_codes_are_tied_only_with_equal_scales(tmp_path: Path) -> None:
    codes = TABLE.astype(ml_dtypes.float8_e4m3fn)
    scale = np.ones((50, 1), "f4")
    for factor, expected in ((1.0, "wte.weight"), (2.0, None)):
        arrays = {
            "wte.weight": codes,
            "wte.weight_scale": scale,
            "lm_head.weight": codes,
            "lm_head.weight_scale": factor * scale,
        }
        assert tied(arrays, tmp_path)["lm_head.weight"] == expected


def test_codes_are_not_tied_to_the_same_bytes_without_a_scale(tmp_path: Path) -> None:
    codes = TABLE.astype(ml_dtypes.float8_e4m3fn)
    arrays = {"wte.weight": codes, "lm_head.weight": codes, "lm_head.weight_scale": np.ones((50, 1), "f4")}
    assert tied(arrays, tmp_path)["lm_head.weight"] is None


def test_equal_weights_that_no_model_ties_are_both_counted(tmp_path: Path) -> None:
    assert set(tied({"a.weight": TABLE, "b.weight": TABLE.copy()}, tmp_path).values()) == {None}


def test_broken_weights_are_tied_by_their_bytes(tmp_path: Path) -> None:
    broken = TABLE.copy()
    broken[3, 3] = np.nan
    assert (
        tied({"lm_head.weight": broken, "wte.weight": broken.copy()}, tmp_path)["lm_head.weight"]
        == "wte.weight"
    )


def test_only_candidates_are_read_and_unequal_ones_only_at_their_start() -> None:
    big, other = np.zeros((4096, 4096), "f4"), np.ones((4096, 4096), "f4")
    big.flags.writeable = other.flags.writeable = False
    arrays = {
        "wte.weight": big,
        "lm_head.weight": other,
        "fc.weight": big,
        "wpe.weight": np.zeros((64, 8), "f4"),
    }
    asked: list[str] = []

    def read(name: str) -> np.ndarray:
        asked.append(name)
        return arrays[name]

    rows = matrices.plan([TensorInfo(name, "F32", array.shape) for name, array in arrays.items()], {})
    assert matrices.tie(rows, read) == rows
    assert sorted(asked) == ["lm_head.weight", "wte.weight"]


def test_a_tensor_that_cannot_be_read_stays_for_its_own_row_to_say_so() -> None:
    def read(name: str) -> np.ndarray:
        raise UnreadableCheckpoint("read", "damage", "again")

    rows = matrices.plan(
        [TensorInfo("wte.weight", "F32", (9, 9)), TensorInfo("lm_head.weight", "F32", (9, 9))], {}
    )
    assert matrices.tie(rows, read) == rows


def by_name(source: Any) -> dict[str, MatrixPlan]:
    reader = checkpoints.open(source)
    return {row.name: row for row in matrices.tie(matrices.plan(reader.tensors(), {}), reader.read)}


def test_shared_memory_is_counted_once_whatever_the_names() -> None:
    conv = RNG.normal(size=(8, 8, 2, 2))
    rows = by_name({"x.weight": TABLE, "y.weight": TABLE, "half": TABLE[:25], "c1": conv, "c2": conv})
    assert rows["x.weight"].reason is None
    assert (rows["y.weight"].reason, rows["y.weight"].detail) == (Reason.tied, "x.weight")
    assert rows["half"].reason is None
    assert rows["c2"].reason is Reason.tied
    assert [row.id for row in matrices.plan(checkpoints.open({"c1": conv, "c2": conv}).tensors(), {})][
        -1
    ] == "c2"


def test_in_memory_as_on_disk_the_embedding_is_the_one_that_counts(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lm_head = torch.nn.Linear(8, 50, bias=False)
            self.embed_tokens = torch.nn.Embedding(50, 8)
            self.lm_head.weight = self.embed_tokens.weight

    model = Model()
    rows = by_name(model)
    assert (rows["lm_head.weight"].reason, rows["lm_head.weight"].detail) == (
        Reason.tied,
        "embed_tokens.weight",
    )
    assert rows["embed_tokens.weight"].counted
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    save_file(arrays, tmp_path / "x.safetensors")
    on_disk = by_name(tmp_path / "x.safetensors")
    assert {row.id: row.reason for row in rows.values()} == {row.id: row.reason for row in on_disk.values()}


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_views_of_one_memory_with_other_strides_are_other_weights(framework: str) -> None:
    base: Any = RNG.normal(size=(64, 128))
    if framework == "torch":
        base = pytest.importorskip("torch").from_numpy(base)
    rows = by_name({"a": base[:, :64], "b": base.reshape(128, 64)[:64], "c": base[:, :64]})
    assert [(rows[name].reason, rows[name].detail) for name in "abc"] == [
        (None, None),
        (None, None),
        (Reason.tied, "a"),
    ]


def test_strides_along_a_side_of_one_do_not_untie() -> None:
    base = RNG.normal(size=(1, 64))
    other = np.lib.stride_tricks.as_strided(base, (1, 64), (8, 8))
    assert by_name({"a": base, "b": other})["b"].reason is Reason.tied


def test_an_array_and_a_torch_view_of_it_are_tied() -> None:
    torch = pytest.importorskip("torch")
    base = RNG.normal(size=(64, 32))
    assert by_name({"a": base, "b": torch.from_numpy(base)})["b"].reason is Reason.tied


def test_the_parts_of_an_embedding_are_not_tied_to_their_own_whole() -> None:
    # They have its sources and its shape; all three were left out, and the weight was counted nowhere.
    table = np.random.default_rng(0).standard_normal((90, 20))
    tables = {"embed_tokens.weight": table, "lm_head.weight": table.copy()}
    found = scan(tables, layouts={"embed_tokens.weight": "out(a,b,c),in"})
    parts = [found[f"embed_tokens.weight/{part}"] for part in "abc"]
    assert [(row.status, row.counted) for row in parts] == [("ok", True)] * 3
    assert found["lm_head.weight"].detail == "embed_tokens.weight"
