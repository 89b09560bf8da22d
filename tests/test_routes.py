"""Claim: one model gives the same ids and numbers by every road into the toolkit."""

from __future__ import annotations

import json

import numpy as np
import pytest

from triplepoint import scan

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.numpy").save_file


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(90, 24)
        self.conv = torch.nn.Conv2d(12, 16, 3)
        self.norm = torch.nn.LayerNorm(24)
        self.body = torch.nn.Sequential(torch.nn.Linear(24, 40), torch.nn.Linear(40, 24))
        self.lm_head = torch.nn.Linear(24, 90, bias=False)
        self.lm_head.weight = self.embed_tokens.weight


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return Model()


@pytest.fixture(scope="module")
def arrays(model) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module")
def expected(model):
    return read(scan(model))


def read(found):
    return {
        row.id: (row.status, row.reason, row.kind, row.shape, row.phase, dict(row.metrics))
        for row in found.matrices
    }


def test_state_dict(model, expected):
    assert read(scan(model.state_dict())) == expected


def test_wrapped_module_and_prefixed_state_dict(model, expected):
    assert read(scan(torch.nn.DataParallel(model))) == expected
    assert read(scan({f"_orig_mod.module.{k}": v for k, v in model.state_dict().items()})) == expected


def test_arrays(arrays, expected):
    assert read(scan(arrays)) == expected


def test_safetensors_and_numpy_archives(arrays, expected, tmp_path):
    save_file(arrays, tmp_path / "model.safetensors")
    np.savez(tmp_path / "model.npz", **arrays)
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    for name in ("model.safetensors", "model.npz", "packed.npz"):
        assert read(scan(tmp_path / name)) == expected, name


def test_sharded_folder(arrays, expected, tmp_path):
    names = list(arrays)
    shards = {"model-00001-of-00002.safetensors": names[:4], "model-00002-of-00002.safetensors": names[4:]}
    for shard, part in shards.items():
        save_file({name: arrays[name] for name in part}, tmp_path / shard)
    weight_map = {name: shard for shard, part in shards.items() for name in part}
    (tmp_path / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map})
    )
    assert read(scan(tmp_path)) == expected
    assert read(scan(tmp_path / "model.safetensors.index.json")) == expected


def test_tied_weights_are_counted_once(expected):
    assert expected["lm_head.weight"][:2] == ("skipped", "tied")
    assert expected["embed_tokens.weight"][0] == "ok"


def test_half_precision_moves_the_numbers_by_its_rounding_only(model):
    single = scan(model)
    half = scan({name: tensor.bfloat16() for name, tensor in model.state_dict().items()})
    for row in single.matrices:
        if row.status == "ok":
            assert half[row.id].dtype == "BF16"
            assert half[row.id].metrics["stable_rank"] == pytest.approx(row.metrics["stable_rank"], rel=0.02)
