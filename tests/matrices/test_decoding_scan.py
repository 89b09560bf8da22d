"""A quantised checkpoint gives the rows of the one it was made of: the same ids, numbers within the rounding."""

from __future__ import annotations

import json

import numpy as np
import pytest

import triplepoint
from tests.matrices import quantising

STEM = "model.layers.0.mlp.up_proj"
WEIGHT = quantising.weight(64, 128)
BY_BITS = {8: 0.002, 4: 0.05, 3: 0.2}
"""Relative difference of the stable rank that the rounding explains; codes instead of values give 20."""

LAYOUTS = {
    "gptq": (quantising.gptq(WEIGHT, 4, 32)[0], {"quant_method": "gptq", "bits": 4}, 4),
    "gptq of 8 bits": (quantising.gptq(WEIGHT, 8, 128)[0], {"quant_method": "gptq"}, 8),
    "gptq of 3 bits": (quantising.gptq(WEIGHT, 3, 32)[0], {"quant_method": "gptq"}, 3),
    "awq": (quantising.awq(WEIGHT, 32)[0], {"quant_method": "awq", "version": "gemm"}, 4),
    "bitsandbytes": (quantising.bitsandbytes(WEIGHT, nested=True)[0], {"quant_method": "bitsandbytes"}, 4),
    "LLM.int8": (quantising.int8(WEIGHT, "SCB")[0], {"quant_method": "bitsandbytes"}, 8),
    "w8a8": (quantising.int8(WEIGHT)[0], {"quant_method": "compressed-tensors"}, 8),
    "w4a16": (quantising.packed(WEIGHT, 4, 32)[0], {"quant_method": "compressed-tensors"}, 4),
    "nvfp4": (quantising.nvfp4(WEIGHT, divide=True)[0], {"quant_method": "compressed-tensors"}, 4),
    "fp8": (quantising.fp8(WEIGHT, 64, 64)[0], {"quant_method": "fp8", "weight_block_size": [64, 64]}, 4),
}


def scan(folder, tensors, config):
    """Through a file, as a user has it."""
    torch = pytest.importorskip("torch")
    save = pytest.importorskip("safetensors.torch").save_file
    folder.mkdir()

    def tensor(array):
        if array.dtype.name == "float8_e4m3fn":
            return torch.from_numpy(array.view(np.uint8)).view(torch.float8_e4m3fn)
        return torch.from_numpy(array.copy())

    save({name: tensor(array) for name, array in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    return triplepoint.scan(folder, workers=1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_quantised_layer_has_the_id_and_the_stable_rank_of_the_layer(layout, tmp_path):
    stored, settings, bits = LAYOUTS[layout]
    bias = {f"{STEM}.bias": np.zeros(64, np.float32)}
    plain = scan(tmp_path / "plain", {f"{STEM}.weight": WEIGHT} | bias, {"model_type": "llama"})
    tensors = {f"{STEM}.{end}": array for end, array in stored.items()} | bias
    found = scan(tmp_path / "codes", tensors, {"model_type": "llama", "quantization_config": settings})
    assert {row.id for row in found.matrices} == {row.id for row in plain.matrices}
    row, wanted = found[f"{STEM}.weight"], plain[f"{STEM}.weight"]
    assert (row.status, row.kind, row.shape, row.counted) == (wanted.status, wanted.kind, wanted.shape, True)
    assert row.metrics["stable_rank"] == pytest.approx(wanted.metrics["stable_rank"], rel=BY_BITS[bits])
    assert set(row.sources) == set(tensors) - set(bias)


def test_a_damaged_companion_costs_its_own_row_and_no_other(tmp_path):
    stored, _ = quantising.gptq(WEIGHT, 4, 32)
    stored["g_idx"] = stored["g_idx"] + 1
    tensors = {f"{STEM}.{end}": array for end, array in stored.items()} | {"lm_head.weight": WEIGHT}
    config = {"quantization_config": {"quant_method": "gptq"}}
    found = scan(tmp_path / "codes", tensors, config)
    row = found[f"{STEM}.weight"]
    assert (row.status, row.reason.value) == ("failed", "unreadable")
    assert "group number" in row.detail
    assert found["lm_head.weight"].status == "ok"


def test_scales_that_are_not_numbers_are_found_in_the_weight(tmp_path):
    stored, _ = quantising.int8(WEIGHT)
    stored["weight_scale"][3] = np.nan
    found = scan(tmp_path / "codes", {f"{STEM}.{end}": array for end, array in stored.items()}, {})
    assert found[f"{STEM}.weight"].reason.value == "non_finite"
