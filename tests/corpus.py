"""One small model in every format that is read: what the mutation campaign damages and the routes compare.

Each builder writes into a folder and returns what is opened and the files that may be damaged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

Built = tuple[Path, list[Path]]


def weights() -> dict[str, np.ndarray]:
    """Every kind of weight once, in few bytes."""
    generator = np.random.default_rng(7)

    def normal(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape, dtype=np.float32)

    return {
        "embed_tokens.weight": normal(20, 8),
        "layers.0.self_attn.qkv_proj.weight": normal(24, 8),
        "layers.0.mlp.experts.gate_up_proj": normal(2, 16, 8),
        "layers.0.mlp.experts.down_proj": normal(2, 8, 8),
        "conv.weight": normal(9, 8, 3),
        "lstm.weight_ih_l0": normal(32, 8),
        "lstm.weight_hh_l0": normal(32, 8),
        "norm.weight": normal(8),
        "steps": np.array([3], np.int64),
    }


CONFIG = {"model_type": "phi3", "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 2}


def safetensors(folder: Path) -> Built:
    """A folder with two shards, an index and a configuration."""
    from safetensors.numpy import save_file

    names = list(weights())
    shards = {"model-00001-of-00002.safetensors": names[:4], "model-00002-of-00002.safetensors": names[4:]}
    for shard, part in shards.items():
        save_file({name: weights()[name] for name in part}, folder / shard, {"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: shard for shard, part in shards.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder, sorted(folder.iterdir())


def quantized(folder: Path) -> Built:
    """GPTQ, FP8 with block scales, MXFP4 and bitsandbytes-like 8 bit beside each other in one safetensors file."""
    from safetensors.numpy import save_file

    generator = np.random.default_rng(8)

    def codes(shape: tuple[int, ...], dtype: str) -> np.ndarray:
        return generator.integers(0, 100, shape).astype(dtype)

    save_file(
        {
            "a.q_proj.qweight": codes((8, 16), "i4"),
            "a.q_proj.qzeros": codes((2, 2), "i4"),
            "a.q_proj.scales": np.ones((2, 16), "f2"),
            "a.q_proj.g_idx": np.arange(64, dtype="i4") // 32,
            "b.experts.gate_up_proj_blocks": codes((2, 16, 1, 16), "u1"),
            "b.experts.gate_up_proj_scales": codes((2, 16, 1), "u1"),
            "c.weight": codes((16, 16), "i1"),
            "c.SCB": np.ones(16, "f4"),
            "d.weight": codes((64, 1), "u1"),
            "d.weight.absmax": np.ones(2, "f4"),
            "d.weight.quant_map": np.linspace(-1, 1, 16, dtype="f4"),
            "d.weight.quant_state.bitsandbytes__nf4": np.frombuffer(
                b'{"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":[16,8]}', np.uint8
            ),
        },
        folder / "model.safetensors",
    )
    quantization = {"quant_method": "gptq", "bits": 4, "group_size": 32}
    (folder / "config.json").write_text(json.dumps({**CONFIG, "quantization_config": quantization}))
    return folder, sorted(folder.iterdir())


def adapter(folder: Path) -> Built:
    """The folder of a PEFT adapter."""
    from safetensors.numpy import save_file

    generator = np.random.default_rng(9)
    stem = "base_model.model.layers.0.self_attn.q_proj"
    save_file(
        {
            f"{stem}.lora_A.weight": generator.standard_normal((4, 16), dtype=np.float32),
            f"{stem}.lora_B.weight": generator.standard_normal((24, 4), dtype=np.float32),
        },
        folder / "adapter_model.safetensors",
    )
    config = {
        "peft_type": "LORA",
        "r": 4,
        "lora_alpha": 8,
        "rank_pattern": {},
        "alpha_pattern": {"q_proj": 16},
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder, sorted(folder.iterdir())


def npz(folder: Path) -> Built:
    """Stored and deflated archives."""
    np.savez(folder / "model.npz", **weights())
    return folder / "model.npz", [folder / "model.npz"]


def npz_deflated(folder: Path) -> Built:
    """The same, compressed."""
    np.savez_compressed(folder / "model.npz", **weights())
    return folder / "model.npz", [folder / "model.npz"]


def torch_zip(folder: Path) -> Built:
    """A training checkpoint as `torch.save` writes it today."""
    return _torch(folder, legacy=False)


def torch_legacy(folder: Path) -> Built:
    """The same as torch wrote it before 1.6."""
    return _torch(folder, legacy=True)


def _torch(folder: Path, *, legacy: bool) -> Built:
    import torch

    state = {name: torch.from_numpy(array.copy()) for name, array in weights().items()}
    optimizer = {"state": {0: {"exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": 0.1}]}
    path = folder / "model.pt"
    torch.save(
        {"state_dict": state, "optimizer": optimizer, "step": 3},
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    return path, [path]


def gguf(folder: Path) -> Built:
    """A llama-like model in F32, Q8_0 and Q4_0."""
    from gguf import GGMLQuantizationType as Type
    from gguf import GGUFWriter, quants

    path = folder / "model.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_head_count(2)
    writer.add_embedding_length(32)
    writer.add_array("tokenizer.ggml.tokens", ["a", "bc", "def"] * 5)
    generator = np.random.default_rng(10)
    for name, kind in (("blk.0.attn_q", Type.Q8_0), ("blk.0.attn_k", Type.Q4_0), ("token_embd", Type.F32)):
        values = generator.standard_normal((16, 32), dtype=np.float32)
        if kind is Type.F32:
            writer.add_tensor(f"{name}.weight", values)
        else:
            writer.add_tensor(f"{name}.weight", quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, [path]


def onnx(folder: Path) -> Built:
    """Two linear layers, one of them of codes with scales, one with its data in a file of its own."""
    import onnx as library
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(11)
    values = generator.standard_normal((16, 16), dtype=np.float32)
    (folder / "model.data").write_bytes(values.tobytes())
    external = TensorProto(name="onnx::MatMul_1", data_type=TensorProto.FLOAT, dims=[16, 16])
    external.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "model.data"), ("offset", "0"), ("length", "1024")):
        external.external_data.add(key=key, value=value)
    initializers = [
        external,
        numpy_helper.from_array(values, "fc.weight"),
        numpy_helper.from_array(generator.integers(-100, 100, (16, 16)).astype(np.int8), "codes"),
        numpy_helper.from_array(np.array(0.1, np.float32), "scale"),
        numpy_helper.from_array(np.array(1, np.int8), "zero"),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "onnx::MatMul_1"], ["a"], name="/layer.0/fc/MatMul"),
        helper.make_node("Gemm", ["a", "fc.weight"], ["b"], transB=1),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["w"]),
        helper.make_node("MatMul", ["b", "w"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 16]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    assert library.__version__
    return folder / "model.onnx", sorted(folder.iterdir())


def hdf5(folder: Path) -> Built:
    """A Keras 2 model file, with and without compression."""
    import h5py

    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
        for name, array in weights().items():
            options = {"compression": "gzip", "shuffle": True} if array.ndim == 2 and len(array) > 24 else {}
            file.create_dataset(f"model_weights/{name}/{name}/kernel:0", data=array, **options)
    return path, [path]


def keras(folder: Path) -> Built:
    """A Keras 3 archive."""
    import zipfile

    import h5py

    inner = folder / "model.weights.h5"
    with h5py.File(inner, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=weights()["embed_tokens.weight"])
        file.create_dataset("layers/dense/vars/1", data=np.zeros(8, np.float32))
    layer = {"class_name": "Dense", "config": {"name": "head", "units": 8}}
    config = {"class_name": "Sequential", "config": {"layers": [layer]}}
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(inner, "model.weights.h5")
    inner.unlink()
    return path, [path]


FORMATS: dict[str, Callable[[Path], Built]] = {
    builder.__name__: builder
    for builder in (
        safetensors,
        quantized,
        adapter,
        npz,
        npz_deflated,
        torch_zip,
        torch_legacy,
        gguf,
        onnx,
        hdf5,
        keras,
    )
}
