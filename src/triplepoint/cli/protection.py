"""What a result must never replace: the checkpoint that was scanned, and any other that lies about."""

from __future__ import annotations

import os
from pathlib import Path

from triplepoint.errors import UsageError

_ENDINGS = (
    *(".safetensors", ".npz", ".npy", ".index.json", "config.json"),
    *(".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib", ".distcp", ".pdparams", ".jit", ".data"),
    *(".gguf", ".ggml", ".onnx", ".h5", ".hdf5", ".keras", ".msgpack", ".tflite", ".pb", ".mat"),
    *(".zip", ".tar", ".gz"),
)
_OUR_JSON = b'{"schema": "triplepoint.'


def refuse_to_lose(path: str, source: str) -> None:
    """UsageError where writing to `path` would destroy the scanned source or what looks like a checkpoint."""
    target = Path(path)
    if not target.is_file():
        return
    found = _loss(target, Path(source))
    if found is not None:
        raise UsageError(f"write {path}", f"{found} and would be overwritten", "Choose another name for -o")


def _loss(target: Path, source: Path) -> str | None:
    if source.exists() and source.samefile(target):
        return "it is the source of the scan"
    real = Path(os.path.realpath(target))
    # The name that a link has and the name of the file behind it may differ; either can give a checkpoint away.
    if any(name.lower().endswith(_ENDINGS) for name in (target.name, real.name)):
        return "it has the name of a checkpoint"
    from triplepoint.checkpoints.formats import extension_of

    if extension_of(real) in _ENDINGS:
        return "it holds a checkpoint by its first bytes"
    if real.suffix.lower() == ".json" and real.is_relative_to(os.path.realpath(source)):
        # A tokenizer or a configuration under any name is part of the model.
        with real.open("rb") as stream:
            if stream.read(len(_OUR_JSON)) != _OUR_JSON:
                return "it belongs to the scanned folder"
    return None
