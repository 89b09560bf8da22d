"""Claim: an adapter is truncated through its factors: the product loses its trailing components, shapes stay.

Witness: the product formed by hand and its SVD.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tests.edit.copies import held, nearest, singular
from tests.worlds import gaussian
from triplepoint import edit_checkpoint
from triplepoint.edit.products import truncated
from triplepoint.records import LowRank, Reason

STEM = "base_model.model.layers.0.q_proj."
RANK = 12


def adapter(folder: Path, dtype=np.float32, down=None, up=None, **more: np.ndarray) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir()
    factors = {
        f"{STEM}lora_A.weight": gaussian((RANK, 40), 1).astype(dtype) if down is None else down,
        f"{STEM}lora_B.weight": gaussian((60, RANK), 2).astype(dtype) if up is None else up,
    }
    save_file(factors | more, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"r": RANK, "lora_alpha": 24, "peft_type": "LORA"})
    )
    return folder


def product(arrays: dict[str, np.ndarray]) -> np.ndarray:
    return arrays[f"{STEM}lora_B.weight"].astype(float) @ arrays[f"{STEM}lora_A.weight"].astype(float)


@pytest.mark.parametrize(("keep", "count"), [(3, 3), ("50%", 6), ("ecs", None), ("tail", None)])
def test_the_product_is_truncated_and_its_factors_are_balanced(tmp_path, keep, count):
    source = adapter(tmp_path / "a")
    report = edit_checkpoint(source, tmp_path / "out", keep=keep)
    (matrix,) = report.changed
    count = count or int(matrix.before.metrics[{"ecs": "ecs_num", "tail": "num_tail"}[str(keep)]])
    old, new = held(source), held(tmp_path / "out")
    assert (matrix.kept, matrix.components) == (count, RANK)
    np.testing.assert_allclose(product(new), nearest(product(old), count), atol=1e-4)
    assert {name: array.shape for name, array in new.items()} == {
        name: array.shape for name, array in old.items()
    }
    up, down = new[f"{STEM}lora_B.weight"], new[f"{STEM}lora_A.weight"]
    np.testing.assert_allclose(np.linalg.norm(up, axis=0), np.linalg.norm(down, axis=1), rtol=1e-4)
    assert not up[:, count:].any()
    assert not down[count:].any()
    moved = np.linalg.norm(product(new) - product(old)) / np.linalg.norm(product(old))
    assert matrix.change == pytest.approx(moved, rel=1e-6)
    assert (tmp_path / "out" / "adapter_config.json").exists()


def test_rounding_of_narrow_factors_is_part_of_the_change(tmp_path):
    source = adapter(tmp_path / "a", ml_dtypes.bfloat16, None, None)
    report = edit_checkpoint(source, tmp_path / "out", keep=11)
    old, new = (product(held(path)) for path in (source, tmp_path / "out"))
    moved = np.linalg.norm(new - old) / np.linalg.norm(old)
    assert report.changed[0].change == pytest.approx(moved, rel=1e-6)
    assert moved > 1.0001 * singular(old)[11] / np.linalg.norm(old)


@pytest.mark.parametrize(
    "asked", [{"keep": "spikes"}, {"remove": "spikes"}, {"remove": "traps"}, {"shrink": True}]
)
def test_what_needs_a_noise_level_leaves_it_as_it_is(tmp_path, asked):
    report = edit_checkpoint(adapter(tmp_path / "a"), tmp_path / "out", **asked)
    assert [m.reason for m in report.matrices] == [Reason.low_rank]
    assert report.output is None


def test_transposed_factors_and_kernels_keep_their_shapes(tmp_path):
    torch_like = {
        "unet.conv.lora_down.weight": gaussian((RANK, 10, 3, 3), 3).astype(np.float32),
        "unet.conv.lora_up.weight": gaussian((24, RANK, 1, 1), 4).astype(np.float32),
        "unet.conv.alpha": np.array(6.0, np.float32),
        "embed.lora_embedding_A": gaussian((RANK, 50), 5).astype(np.float32),
        "embed.lora_embedding_B": gaussian((30, RANK), 6).astype(np.float32),
    }
    report = edit_checkpoint(torch_like, tmp_path / "out.safetensors", keep=4)
    assert len(report.changed) == 2
    new = held(tmp_path / "out.safetensors")
    up, down = "unet.conv.lora_up.weight", "unet.conv.lora_down.weight"
    old, found = (a[up].reshape(24, RANK) @ a[down].reshape(RANK, -1) for a in (torch_like, new))
    np.testing.assert_allclose(found, nearest(old, 4), atol=1e-4)
    old, found = (a["embed.lora_embedding_B"] @ a["embed.lora_embedding_A"] for a in (torch_like, new))
    np.testing.assert_allclose(found, nearest(old, 4), atol=1e-4)
    assert all(new[name].shape == array.shape for name, array in torch_like.items())
    assert new["unet.conv.alpha"] == 6


def test_a_factor_of_several_products_is_left_as_it_is():
    torch = pytest.importorskip("torch")
    shared = torch.nn.Parameter(torch.randn(RANK, 40))
    net = torch.nn.Module()
    for name in ("q", "k"):
        layer = torch.nn.Module()
        layer.lora_A, layer.lora_B = torch.nn.Module(), torch.nn.Module()
        layer.lora_A.weight, layer.lora_B.weight = shared, torch.nn.Parameter(torch.randn(60, RANK))
        net.add_module(name, layer)
    report = edit_checkpoint(net, keep=3, dry_run=True)
    assert [m.reason for m in report.matrices] == [Reason.not_editable] * 2
    assert "several products" in report.matrices[0].detail


def test_truncation_is_that_of_the_whole_product():
    values = LowRank(gaussian((30, 7), 1), gaussian((7, 20), 2), 0.5)
    left, right = truncated(values, 3)
    np.testing.assert_allclose(left @ right, nearest(values.left @ values.right, 3), atol=1e-12)
    assert left.shape == (30, 7)
    # More columns than rows: the product has fewer components than the stored rank.
    wide = LowRank(gaussian((4, 7), 1), gaussian((7, 20), 2))
    left, right = truncated(wide, 2)
    np.testing.assert_allclose(left @ right, nearest(wide.left @ wide.right, 2), atol=1e-12)


def test_a_copy_without_its_configuration_has_the_same_scale(tmp_path):
    source = adapter(tmp_path / "a")
    report = edit_checkpoint(source, tmp_path / "out.safetensors", keep=5)
    shutil.rmtree(source)
    largest = report.changed[0].after.metrics["log_spectral_norm"]
    assert largest == pytest.approx(report.changed[0].before.metrics["log_spectral_norm"], abs=1e-5)


def test_factors_that_would_leave_their_type_stay(tmp_path):
    """Balanced, the short factor has the larger entries: 600 rows and 40 columns of the largest numbers."""
    down = np.full((8, 40), 6e4, np.float16)
    down[1, ::2] = -6e4
    up = np.full((600, 8), 6e4, np.float16)
    up[::2, 1] = -6e4
    (matrix,) = edit_checkpoint(
        {f"{STEM}lora_A.weight": down, f"{STEM}lora_B.weight": up}, keep=1, dry_run=True
    ).matrices
    assert matrix.reason is Reason.not_editable
    assert "leave the range of F16" in matrix.detail
