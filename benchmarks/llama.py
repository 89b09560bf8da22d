"""A sharded BF16 checkpoint of Llama-3-8B's shapes, one, two and three layers: seconds a layer, and flat memory.

    python -m benchmarks.llama [--quick]

The checkpoint is made in a temporary folder that is removed afterwards: 1.3 GB with three layers, one shard a layer.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks import section
from benchmarks.bf16 import matrix
from benchmarks.processes import can_watch_memory, triplepoint_command, watched
from benchmarks.safetensors_writer import write
from benchmarks.worlds import SEED

SHAPES = {
    "self_attn.q_proj": (4096, 4096),
    "self_attn.k_proj": (1024, 4096),
    "self_attn.v_proj": (1024, 4096),
    "self_attn.o_proj": (4096, 4096),
    "mlp.gate_proj": (14336, 4096),
    "mlp.up_proj": (14336, 4096),
    "mlp.down_proj": (4096, 14336),
}
LAYERS = 3
QUICK_SHRINK = 16
# Beyond this from one layer to three, memory is not flat.
FLAT = 1.1


def llama(quick: bool) -> section.Result:
    """Grow the checkpoint layer by layer and scan it at every length."""
    shapes = {
        name: (r // QUICK_SHRINK, c // QUICK_SHRINK) if quick else (r, c) for name, (r, c) in SHAPES.items()
    }
    total = LAYERS * sum(rows * columns * 2 for rows, columns in shapes.values())
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < 1.5 * total:
        print(f"skipped: {total / 1e9:.1f} GB wanted in {tempfile.gettempdir()}, {free / 1e9:.1f} GB free")
        return {}
    found = []
    with tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as name:
        folder, where, written = Path(name), dict[str, str](), 0
        for layer in range(LAYERS):
            written += _add_layer(folder, layer, shapes, where)
            for mode in ("fast", "precise"):
                command = triplepoint_command("scan", str(folder), "--mode", mode)
                figures: section.Result = {"layers": layer + 1, "mode": mode, "gigabytes": written / 1e9}
                found.append(figures | watched(command, time.perf_counter))
                _print(found[-1])
    judged = can_watch_memory() and not quick
    return {"figures": found, "goals": [_flat(found, mode) for mode in ("fast", "precise") if judged]}


def _add_layer(folder: Path, layer: int, shapes: dict[str, tuple[int, int]], where: dict[str, str]) -> int:
    """One more shard, and the index over all of them. Returns the bytes of its tensors."""
    shard = f"model-{layer + 1:05d}.safetensors"
    entries = {
        f"model.layers.{layer}.{name}.weight": matrix(shape, [SEED, layer, index])
        for index, (name, shape) in enumerate(shapes.items())
    }
    size = write(folder / shard, entries)
    where.update(dict.fromkeys(entries, shard))
    index = {"metadata": {"total_size": size * (layer + 1)}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return size


def _print(figures: section.Result) -> None:
    print(
        f"{figures['layers']} layers {figures['gigabytes']:.2f} GB {figures['mode']:8s}"
        f"{figures['seconds']:8.1f} s {figures['seconds'] / figures['layers']:7.1f} s a layer"
        f"   peak {figures['peak_mib']:5.0f} MiB, anonymous {figures['anonymous_mib']:5.0f} MiB",
        flush=True,
    )


def _flat(found: list[section.Result], mode: str) -> section.Result:
    """Anonymous memory at the most layers over that at one; mapped pages of the file come and go as there is room."""
    held = {figures["layers"]: figures["anonymous_mib"] for figures in found if figures["mode"] == mode}
    what = f"memory at {LAYERS} layers / at 1, {mode}"
    return section.goal(what, held[LAYERS] / held[1], FLAT, unit="x", at_least=False)


if __name__ == "__main__":
    section.main("llama", llama)
