"""Which format a file is of: by its extension, and by its first bytes where the extension says nothing."""

from __future__ import annotations

from pathlib import Path

from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.errors import TriplepointError, UnsafeCheckpoint

_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib", ".distcp", ".pdparams")

TORCH = (".pt", ".pth", ".bin", ".ckpt", ".tar", ".jit", ".pkl")
"""Endings that `torch.save` is used with; the first bytes decide what is inside."""
KERAS = (".keras", ".h5", ".hdf5")

_FOREIGN: dict[str, tuple[str, str]] = {
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
    """`.safetensors`, `.npy`, `.npz` or the extension of a format that cannot be read, lower case.

    The first bytes decide only where the extension is none of these. The path must be a regular file.
    """
    suffix = path.suffix.lower()
    if suffix in (".safetensors", ".npy", ".npz", ".gguf", ".onnx", *KERAS, *_PICKLES, *_FOREIGN):
        return suffix
    try:
        with path.open("rb") as file:
            start = file.read(16)
            if start.startswith(b"PK\x03\x04"):
                # torch.save and numpy.savez both write zip archives; only the first holds `data.pkl`.
                return ".pt" if b"/data.pkl" in start + file.read(4096) else ".npz"
    except OSError as error:
        raise unreadable(path, f"it cannot be opened ({error.strerror})", "Check its permissions.") from None
    if start[8:9] == b"{":
        return ".safetensors"
    return next((extension for magic, extension in _MAGIC if start.startswith(magic)), suffix)


def refuse(source: str, extension: str, *, allow_pickle: bool) -> TriplepointError:
    """The error for a format that this version does not read, with the way to one that it reads."""
    if extension in _PICKLES:
        allowed = "; pickles are not read by this version even if allowed" if allow_pickle else ""
        return refuse_pickle(
            source, f"{extension} files are pickles, which run code when they are loaded{allowed}"
        )
    if extension in _FOREIGN:
        name, way = _FOREIGN[extension]
        return unreadable(source, f"the format {name} cannot be read by this version", way)
    found = (
        f"the extension {shown(extension)} and the first bytes are unknown" if extension else "unknown format"
    )
    return unreadable(source, found, "Name a .safetensors, .npz or .npy file, or the folder of a model.")


def refuse_pickle(source: str, found: str) -> UnsafeCheckpoint:
    """The error for pickled weights, with the line that converts them."""
    return UnsafeCheckpoint(
        f"read {shown(source, 300)}",
        found,
        'If you trust it: `python -c "import sys, torch; from safetensors.torch import save_file as w; '
        "d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); d = d.get('state_dict', d); "
        "w({k: v.clone().contiguous() for k, v in d.items()}, 'model.safetensors')\" FILE`.",
    )
