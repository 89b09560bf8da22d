"""Which format a file is of: by its extension, and by its first bytes where the extension says nothing."""

from __future__ import annotations

from pathlib import Path

from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.errors import TriplepointError, UnsafeCheckpoint

TORCH = (".pt", ".pth", ".bin", ".ckpt", ".jit", ".pkl", ".pickle")
"""Endings that `torch.save` is used with, `.pth.tar` apart; the first bytes decide what is inside."""
KERAS = (".keras", ".h5", ".hdf5")

_FOREIGN: dict[str, tuple[str, str]] = {
    ".joblib": ("joblib, a pickle", "Save the arrays with `numpy.savez`."),
    ".pdparams": ("PaddlePaddle, a pickle", "Save the parameters with `safetensors.paddle.save_file`."),
    ".distcp": ("a part of torch.distributed.checkpoint", "Name the folder it lies in."),
    ".ggml": ("GGML", "Scan the original safetensors checkpoint it was made from."),
    ".msgpack": ("Flax msgpack", "Save the parameters with `safetensors.flax.save_file`."),
    ".tflite": ("TensorFlow Lite", "Scan the checkpoint it was made from."),
    ".pb": ("TensorFlow graph", "Save the weights with `numpy.savez` or as safetensors."),
    ".mat": ("MATLAB", "Save the arrays with `numpy.savez`."),
    ".gz": ("gzip", "Unpack it first."),
    ".zip": ("zip", "Unpack it first."),
    ".tar": ("tar", "Unpack it first."),
}

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x93NUMPY", ".npy"),
    (b"GGUF", ".gguf"),
    (b"\x89HDF\r\n\x1a\n", ".h5"),
    (b"\x1f\x8b", ".gz"),
    (b"\x80\x02", ".pkl"),
    (b"\x80\x03", ".pkl"),
    (b"\x80\x04", ".pkl"),
    (b"\x80\x05", ".pkl"),
)


def extension_of(path: Path) -> str:
    """The extension of a format, readable or known by name, in lower case.

    The first bytes decide only where the extension is none of these, and for `.tar`, which `.pth.tar` ends with.
    The path must be a regular file.
    """
    suffix = path.suffix.lower()
    known = (".safetensors", ".npy", ".npz", ".gguf", ".onnx", *KERAS, *TORCH, *_FOREIGN)
    if suffix in known and suffix != ".tar":
        return suffix
    try:
        with path.open("rb") as file:
            start = file.read(16)
            if start.startswith(b"PK\x03\x04"):
                # torch.save and numpy.savez both write zip archives; only the first holds `data.pkl`. TorchScript
                # has it behind the weights, where the directory at the end of the file names it too.
                early = file.read(4096)
                file.seek(max(0, path.stat().st_size - 2**16))
                return ".pt" if b"/data.pkl" in early or b"/data.pkl" in file.read(2**16) else ".npz"
    except OSError as error:
        raise unreadable(path, f"it cannot be opened ({error.strerror})", "Check its permissions.") from None
    if start[8:9] == b"{":
        return ".safetensors"
    return next((extension for magic, extension in _MAGIC if start.startswith(magic)), suffix)


def refuse(source: str, extension: str) -> TriplepointError:
    """The error for a format that this version does not read, with the way to one that it reads."""
    if extension in TORCH:
        return refuse_pickle(
            source, f"{extension} files are pickles, which may run code when they are loaded"
        )
    if extension in _FOREIGN:
        name, way = _FOREIGN[extension]
        return unreadable(source, f"the format {name} cannot be read by this version", way)
    found = (
        f"the extension {shown(extension)} and the first bytes are unknown" if extension else "unknown format"
    )
    return unreadable(source, found, "Name a .safetensors, .npz or .npy file, or the folder of a model.")


def refuse_pickle(source: str, found: str) -> UnsafeCheckpoint:
    """The error for pickled weights that were not allowed."""
    return UnsafeCheckpoint(
        f"read {shown(source, 300)}",
        found,
        "Run again with `--allow-pickle` (Python: `allow_pickle=True`): only weights are taken, in a separate process, "
        "and no code from the file is run.",
    )


def refuse_distributed(source: str) -> TriplepointError:
    """The error for a folder that `torch.distributed.checkpoint` wrote."""
    return unreadable(
        source,
        "it is a checkpoint of torch.distributed.checkpoint, whose tensors are cut in pieces",
        "Put it together with `python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt`, "
        "then scan model.pt with `--allow-pickle`.",
    )
