"""What lies beside the weights and has to lie beside a copy of them, so that it loads: configuration, tokenizer, the
small parts of a pipeline. No code, no pickles, nothing a link leads out to, nothing large."""  # fmt: skip

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from triplepoint.checkpoints.files import shown
from triplepoint.checkpoints.huggingface import INDEXES

MAX_FILE_BYTES = 64 * 2**20
"""One file; the largest published tokenizers take 35 MB."""
MAX_FILES = 1000
_ENDINGS = (".json", ".txt", ".model", ".spm", ".jinja", ".md", ".tiktoken", ".vocab", ".yaml", ".yml")
_NAMES = ("LICENSE", "NOTICE", "vocab", "merges")
_PART = re.compile(r"\d+_\w+")
"""Parts of a sentence-transformers pipeline, `2_Dense`, whose weights are no part of the scanned model."""
# Pickles of protocol 2 to 5 and zip archives, whatever they are called.
_FOREIGN = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


@dataclass(frozen=True, slots=True)
class Companion:
    """One file to copy."""

    path: Path
    name: str
    """Relative to the folder of the copy."""


def folder_of(source: object) -> Path | None:
    """The folder of the model: the source, that of an index, or that of a file beside which a configuration lies."""
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(source)
    if path.is_dir():
        return path
    beside = (path.parent / name for name in ("config.json", "adapter_config.json"))
    return path.parent if path.name.endswith(INDEXES) or any(map(os.path.lexists, beside)) else None


def companions(folder: Path) -> tuple[list[Companion], list[str]]:
    """The files to copy, and a sentence for each that would have been one but for its link, size or permissions."""
    found: list[Companion] = []
    notes: list[str] = []
    for path, name in _candidates(folder, notes):
        if len(found) == MAX_FILES:
            notes.append(f"More than {MAX_FILES} files lie beside the weights; the rest was not copied.")
            break
        try:
            if not _within(folder, path):
                notes.append(f"{shown(name)} was not copied: it is a link that leads out of its folder.")
            elif not path.is_file():
                continue
            elif path.stat().st_size > MAX_FILE_BYTES:
                notes.append(f"{shown(name)} was not copied: it has more than {MAX_FILE_BYTES >> 20} MiB.")
            elif not _foreign(path):
                found.append(Companion(path, name))
        except OSError as error:
            notes.append(_unread(name, error))
    return found, notes


def _unread(name: str, error: OSError) -> str:
    return f"{shown(name)} was not copied: it cannot be read ({error.strerror})."


def copy(found: list[Companion], to: Path) -> None:
    """Bytes alone: no owner, no mode, no times. A name that is taken belongs to the weights: an index may call a shard
    `tokenizer.json`."""  # fmt: skip
    for companion in found:
        target = to / companion.name
        if target.exists():
            continue
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(companion.path, target)


def _candidates(folder: Path, notes: list[str]) -> Iterator[tuple[Path, str]]:
    """By their names alone, sorted: of the folder and one level below; a sentence for a folder that is closed."""
    for name in sorted(os.listdir(folder)):
        path = folder / name
        if name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            try:
                inner = sorted(os.listdir(path))
            except OSError as error:
                notes.append(_unread(name, error))
                continue
            weights = _PART.fullmatch(name) is not None
            for one in inner:
                if _wanted(one) or (weights and one.endswith(".safetensors")):
                    yield path / one, f"{name}/{one}"
        elif _wanted(name):
            yield path, name


def _wanted(name: str) -> bool:
    if name.startswith(".") or name.endswith(INDEXES):
        return False
    return name.lower().endswith(_ENDINGS) or name in _NAMES


def _within(folder: Path, path: Path) -> bool:
    """As `checkpoints.files.inside`: in the folder, or in the blobs of the hub's cache that it is part of."""
    home, target = Path(os.path.realpath(folder)), Path(os.path.realpath(path))
    in_cache = home.parent.name == "snapshots" and target.parent == home.parent.parent / "blobs"
    return target.is_relative_to(home) or in_cache


def _foreign(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4).startswith(_FOREIGN)
