"""Fused and separate weights of the same layers give the same rows, bit for bit, however they are laid out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from triplepoint import matrices, scan
from triplepoint.records import Reason, Scan, TensorInfo

EXPERTS, WIDTH, INSIDE = 3, 24, 16
LAYER = "model.layers.0.mlp"


def weights(width: int = WIDTH, inside: int = INSIDE) -> dict[str, list[np.ndarray]]:
    """(out, in) of every expert."""
    generator = np.random.default_rng(0)
    shapes = {"gate": (inside, width), "up": (inside, width), "down": (width, inside)}
    return {
        name: [generator.standard_normal(shape).astype("f4") for _ in range(EXPERTS)]
        for name, shape in shapes.items()
    }


def separate(experts: dict[str, list[np.ndarray]], stem: str = f"{LAYER}.experts") -> dict[str, np.ndarray]:
    return {
        f"{stem}.{k}.{name}_proj.weight": array
        for name, arrays in experts.items()
        for k, array in enumerate(arrays)
    }


def mixtral(experts: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    short = {"gate": "w1", "up": "w3", "down": "w2"}
    return {
        f"model.layers.0.block_sparse_moe.experts.{k}.{short[name]}.weight": array
        for name, arrays in experts.items()
        for k, array in enumerate(arrays)
    }


def stacked(experts: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """(expert, out, in), as transformers 5 holds most models."""
    both = [np.concatenate(pair) for pair in zip(experts["gate"], experts["up"], strict=True)]
    return {
        f"{LAYER}.experts.gate_up_proj": np.stack(both),
        f"{LAYER}.experts.down_proj": np.stack(experts["down"]),
    }


def turned(experts: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """(expert, in, out), as Llama 4 and Qwen 3 VL are stored."""
    return {name: np.ascontiguousarray(array.transpose(0, 2, 1)) for name, array in stacked(experts).items()}


def granite(experts: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    into, out = stacked(experts).values()
    stem = "model.layers.0.block_sparse_moe"
    return {f"{stem}.input_linear.weight": into, f"{stem}.output_linear.weight": out}


def in_turn(experts: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """gpt-oss: (expert, in, out) with gate and up in turn, and biases."""
    both = np.stack([np.stack(experts["gate"]), np.stack(experts["up"])], axis=2)  # (expert, F, 2, X)
    into = both.reshape(EXPERTS, -1, both.shape[-1]).transpose(0, 2, 1)
    return {
        f"{LAYER}.experts.gate_up_proj": np.ascontiguousarray(into),
        f"{LAYER}.experts.gate_up_proj_bias": np.ones((EXPERTS, into.shape[2]), "f4"),
        f"{LAYER}.experts.down_proj": np.ascontiguousarray(np.stack(experts["down"]).transpose(0, 2, 1)),
    }


def unpacked(experts: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """gpt-oss as its blocks are decoded: outputs first."""
    return {
        name: np.ascontiguousarray(array.transpose(0, 2, 1)) if array.ndim == 3 else array
        for name, array in in_turn(experts).items()
    }


def rows(found: Scan) -> dict[str, Any]:
    return {
        row.id: (row.kind, row.shape, row.status, row.phase, dict(row.metrics))
        for row in found.matrices
        if row.reason != "not_a_weight"
    }


def near(found: dict[str, Any]) -> dict[str, Any]:
    """Rows of values that lie in another order are summed in another order: numbers to eleven digits."""
    return {
        id: (*said, {name: value and float(f"{value:.11g}") for name, value in metrics.items()})
        for id, (*said, metrics) in found.items()
    }


def folder(path: Path, arrays: dict[str, np.ndarray], **config: Any) -> Path:
    path.mkdir()
    save_file(arrays, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize("layout", [mixtral, stacked, turned, granite])
@pytest.mark.parametrize("inside", [INSIDE, WIDTH // 2, WIDTH])
def test_the_way_out_tells_the_axes_of_the_way_in(layout: Any, inside: int) -> None:
    """Also where two widths inside are as many as outside, so that the stack is square."""
    experts = weights(inside=inside)
    expected = scan(separate(experts))
    found = scan(layout(experts))
    if layout is turned:
        assert near(rows(found)) == near(rows(expected))
    else:
        assert rows(found) == rows(expected)
    assert len(rows(found)) == 3 * EXPERTS
    for name, (mean, n) in expected.summary.metrics.items():  # the rows come in another order
        assert found.summary.metrics[name] == (pytest.approx(mean, rel=1e-12), n)


@pytest.mark.parametrize("layout", [in_turn, unpacked])
def test_gpt_oss_takes_gate_and_up_in_turn(layout: Any, tmp_path: Path) -> None:
    experts = weights()
    found = scan(folder(tmp_path / "m", layout(experts), model_type="gpt_oss", hidden_size=WIDTH))
    assert rows(found) == rows(scan(separate(experts)))


def test_without_its_model_type_nothing_is_made_of_gpt_oss(tmp_path: Path) -> None:
    plain = scan(in_turn(weights()))
    row = plain[f"{LAYER}.experts.gate_up_proj"]
    assert (row.status, row.reason) == ("skipped", "stacked_experts")
    assert "in turn" in str(row.detail)
    assert plain[f"{LAYER}.experts.0.down_proj.weight"].status == "ok"
    without_bias = {name: array for name, array in in_turn(weights()).items() if "bias" not in name}
    row = scan(folder(tmp_path / "m", without_bias, model_type="gpt_oss"))[f"{LAYER}.experts.gate_up_proj"]
    assert row.reason == "stacked_experts"


def test_the_privacy_filter_has_the_names_of_gpt_oss_but_not_its_order(tmp_path: Path) -> None:
    experts = weights()
    arrays = turned(experts) | {f"{LAYER}.experts.gate_up_proj_bias": np.ones((EXPERTS, 2 * INSIDE), "f4")}
    found = scan(folder(tmp_path / "m", arrays, model_type="openai_privacy_filter"))
    assert rows(found) == rows(scan(separate(experts)))


@pytest.mark.parametrize("layout", [stacked, turned])
def test_a_shard_without_the_way_out_asks_the_configuration(layout: Any, tmp_path: Path) -> None:
    experts = weights()
    name = f"{LAYER}.experts.gate_up_proj"
    alone = {name: layout(experts)[name]}
    found = scan(
        folder(tmp_path / "m", alone, text_config={"hidden_size": WIDTH}, vision_config={"hidden_size": 7})
    )
    expected = rows(scan(separate(experts)))
    assert rows(found) == {id: row for id, row in expected.items() if "down" not in id}
    assert scan(alone)[name].reason == "stacked_experts"
    # Both axes are widths that it names: nothing tells.
    other = {"text_config": {"hidden_size": WIDTH}, "vision_config": {"hidden_size": 2 * INSIDE}}
    assert scan(folder(tmp_path / "n", alone, **other))[name].reason == "stacked_experts"


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ((EXPERTS, INSIDE, WIDTH), (EXPERTS, WIDTH, INSIDE)),  # no gate: as wide in as out
        ((EXPERTS, 2 * INSIDE, WIDTH), (EXPERTS + 1, WIDTH, INSIDE)),
        ((EXPERTS, 2 * INSIDE, WIDTH), (WIDTH, INSIDE)),
        ((EXPERTS, 2 * INSIDE, WIDTH), (EXPERTS, WIDTH, INSIDE + 1)),
    ],
)
def test_a_way_out_that_does_not_fit_proves_nothing(wide: tuple[int, ...], narrow: tuple[int, ...]) -> None:
    tensors = [
        TensorInfo(f"{LAYER}.experts.gate_up_proj", "F32", wide),
        TensorInfo(f"{LAYER}.experts.down_proj", "F32", narrow),
    ]
    first, *_ = matrices.plan(tensors, {"hidden_size": WIDTH})
    assert first.reason is Reason.stacked_experts


def test_stacks_that_are_not_fused_have_the_rows_of_single_experts() -> None:
    experts = weights()
    arrays = {f"{LAYER}.experts.{name}_proj": np.stack(array) for name, array in experts.items()}
    assert rows(scan(arrays)) == rows(scan(separate(experts)))
    short = {
        f"layers.0.moe.experts.{name}": np.stack(experts[long])
        for name, long in (("w1", "gate"), ("w2", "down"), ("w3", "up"))
    }
    assert rows(scan(short)) == rows(scan(separate(experts, "layers.0.moe.experts")))


def test_the_configuration_says_what_is_a_row_of_a_stack_that_lies_the_other_way(tmp_path: Path) -> None:
    experts = weights()
    arrays = {
        f"{LAYER}.experts.{name}_proj": np.ascontiguousarray(np.stack(array).transpose(0, 2, 1))
        for name, array in experts.items()
    }
    found = scan(folder(tmp_path / "m", arrays, hidden_size=WIDTH))
    assert near(rows(found)) == near(rows(scan(separate(experts))))


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("experts.0.weight", (16, 8, 5), Reason.unsupported_rank),  # one expert: perhaps a kernel
        ("experts.0.mixer", (16, 8, 5), Reason.unsupported_rank),
        ("moe.0.proj", (16, 8, 9), Reason.unsupported_rank),
        ("expert_fusion.weight", (16, 8, 9), Reason.unsupported_rank),
        ("moe.vision.bilinear.weight", (16, 8, 9), Reason.unsupported_rank),
        ("moe.pos_embed", (1, 196, 64), Reason.unsupported_rank),
        ("experts.position_embeddings", (4, 196, 64), Reason.unsupported_rank),
        ("moe.cls_token", (1, 1, 64), Reason.unsupported_rank),
        ("experts.queries", (1, 32, 64), Reason.unsupported_rank),
        ("experts.up_proj_bias", (4, 16, 16), Reason.not_a_weight),
        ("mlp.gate_up_proj", (4, 32, 16), Reason.unsupported_rank),  # nobody says that these are experts
        ("model.input_linear.weight", (4, 32, 16), Reason.unsupported_rank),
        ("model.output_linear.weight", (4, 32, 16), Reason.unsupported_rank),
    ],
)
def test_three_dimensions_are_experts_only_right_below_them(
    name: str, shape: tuple[int, ...], reason: Reason
) -> None:
    (row,) = matrices.plan([TensorInfo(name, "F32", shape)], {"hidden_size": 16})
    assert row.reason is reason


@pytest.mark.parametrize(
    "name", ["moe.experts.0.conv.weight", "experts.conv1d.weight", "expert.dwconv.weight"]
)
def test_a_convolution_among_experts_stays_one(name: str) -> None:
    whole = matrices.plan([TensorInfo(name, "F32", (16, 9, 5))], {})[0]
    assert (whole.kind, whole.shape, whole.slices) == ("conv1d", (16, 9), 5)
    known = matrices.plan([TensorInfo("experts.w", "F32", (16, 9, 5), "Conv1d")], {})[0]
    assert known.kind == "conv1d"


@pytest.mark.parametrize(
    "name", ["mlp.experts.3.down_proj.weight", "ffn.experts.expert_7.fc1.weight", "experts.0.w2.weight"]
)
def test_a_matrix_of_one_expert_is_of_its_kind(name: str) -> None:
    (row,) = matrices.plan([TensorInfo(name, "F32", (24, 16))], {})
    assert (row.kind, row.shape, row.counted) == ("expert", (24, 16), True)


def test_many_tiny_entries_get_one_row_and_no_flood() -> None:
    """A row takes a thousand times the memory of an entry of one byte."""
    (row,) = matrices.plan([TensorInfo("mlp.experts.up_proj", "F8_E4M3", (10**5, 1, 1))], {})
    assert row.reason is Reason.too_few_eigenvalues
    assert row.detail == "100,000 entries of 1 × 1"
    assert len(matrices.plan([TensorInfo("mlp.experts.up_proj", "F32", (5, 8, 9))], {})) == 5


def test_ids_of_experts_do_not_take_those_of_other_tensors() -> None:
    tensors = [
        TensorInfo("experts.up_proj", "F32", (2, 9, 8)),
        TensorInfo("experts.1.up_proj.weight", "F32", (9, 8)),
    ]
    ids = [row.id for row in matrices.plan(tensors, {})]
    assert len(set(ids)) == len(ids) == 3
    assert ids[2] == "experts.1.up_proj.weight"


# --- attention ------------------------------------------------------------------------------------------------------


def metrics(found: Scan, ids: dict[str, str]) -> dict[str, Any]:
    return {name: dict(found[id].metrics) for name, id in ids.items()}


def test_in_proj_weight_has_the_numbers_of_three_projections() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.MultiheadAttention(32, 4)
    found = scan(torch.nn.ModuleDict({"attn": layer}))
    pieces = dict(
        zip(("query", "key", "value"), layer.in_proj_weight.detach().numpy().reshape(3, 32, 32), strict=True)
    )
    alone = scan(pieces)
    assert metrics(found, {name: f"attn.in_proj_weight/{name}" for name in pieces}) == metrics(
        alone, {name: name for name in pieces}
    )
    assert not found["attn.in_proj_weight"].counted
    by_file = scan(
        {name: value.numpy() for name, value in torch.nn.ModuleDict({"attn": layer}).state_dict().items()}
    )
    assert rows(by_file) == rows(found)


def test_other_widths_of_keys_give_three_weights_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    found = scan(torch.nn.MultiheadAttention(32, 4, kdim=20, vdim=16))
    assert {row.id for row in found.matrices if row.status == "ok"} == {
        *(f"{name}_proj_weight" for name in "qkv"),
        "out_proj.weight",
    }


def test_interleaved_heads_have_the_numbers_of_three_projections(tmp_path: Path) -> None:
    heads, width = 4, 32
    generator = np.random.default_rng(1)
    pieces = {
        name: generator.standard_normal((width, width)).astype("f4") for name in ("query", "key", "value")
    }
    by_head = np.stack([piece.reshape(heads, width // heads, width) for piece in pieces.values()], axis=1)
    name = "gpt_neox.layers.0.attention.query_key_value.weight"
    arrays = {name: by_head.reshape(3 * width, width)}
    config = {"model_type": "gpt_neox", "num_attention_heads": heads, "hidden_size": width}
    found = scan(folder(tmp_path / "m", arrays, **config))
    assert metrics(found, {piece: f"{name}/{piece}" for piece in pieces}) == metrics(
        scan(pieces), {piece: piece for piece in pieces}
    )


def test_the_conv1d_of_gpt2_has_the_numbers_of_linear_layers(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    pieces = {name: generator.standard_normal((24, 24)).astype("f4") for name in ("query", "key", "value")}
    up = generator.standard_normal((96, 24)).astype("f4")
    arrays = {
        "h.0.attn.c_attn.weight": np.ascontiguousarray(np.concatenate(list(pieces.values())).T),
        "h.0.mlp.c_fc.weight": np.ascontiguousarray(up.T),
    }
    found = scan(folder(tmp_path / "m", arrays, model_type="gpt2", n_embd=24, n_head=3))
    linear = scan({**pieces, "up": up})
    assert found["h.0.mlp.c_fc.weight"].shape == linear["up"].shape == (96, 24)
    ids = {name: f"h.0.attn.c_attn.weight/{name}" for name in pieces}
    for name, id in {**ids, "up": "h.0.mlp.c_fc.weight"}.items():
        assert found[id].metrics == pytest.approx(linear[name].metrics, rel=1e-12)
