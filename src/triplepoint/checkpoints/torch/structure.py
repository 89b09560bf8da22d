"""What a torch file holds and where, as a process of its own says after evaluating the file's pickle.

The answer is treated as hostile too: it comes from the process that met the file. Numbers are checked here for their
kind and size; `files` holds them against the file.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triplepoint.checkpoints import isolated
from triplepoint.checkpoints.files import shown, unreadable
from triplepoint.checkpoints.limits import MAX_BYTES, MAX_NAME_BYTES, MAX_RANK, MAX_TENSORS
from triplepoint.errors import TriplepointError, UnsafeCheckpoint

SECONDS = 60
"""Of processor and of clock; 100,000 tensors take 2."""
MEMORY = 2**30
"""Address space of the process, to which four times the pickle is added."""
MAX_PICKLE_BYTES = 256 * 2**20
"""Longest pickle; a million tensors take 150 MB."""
MAX_ANSWER_BYTES = 256 * 2**20
MAX_LINE_BYTES = 8 * MAX_NAME_BYTES
"""One tensor: a name of which every letter is escaped, 64 sides and steps."""
_SCRIPT = Path(__file__).with_name("child.py")
_AGAIN = "Download or save it again; a partial download is the usual cause."


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor as claimed: `begin` in bytes from the start of storage `key`, `stride` in elements."""

    name: str
    key: str
    dtype: str
    begin: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    refusal: str
    module: str | None
    buffer: bool


@dataclass(frozen=True, slots=True)
class Structure:
    """The tensors; `storages`: key, type and count of those that follow the pickles of a file without archive."""

    entries: tuple[Entry, ...]
    storages: tuple[tuple[str, str, int], ...]
    end: int
    """Byte at which the pickles end."""


def structure(source: str, path: Path, begin: int, length: int, size: int) -> Structure:
    """The pickle of `length` bytes at `begin`, or -1 for a file without archive of `size` bytes.

    UnsafeCheckpoint where it asks for code, UnreadableCheckpoint where it is damaged, takes more than `SECONDS` or
    memory, or holds what has to be gathered or saved otherwise. Cost: a Python process, 0.05 s.
    """
    weight = min(length if length >= 0 else size, MAX_PICKLE_BYTES)
    if length > MAX_PICKLE_BYTES:
        found = f"its structure takes {length:,} bytes, more than {MAX_PICKLE_BYTES:,}"
        raise unreadable(
            source, found, "Save the weights alone: `torch.save(model.state_dict(), 'model.pt')`."
        )
    try:
        with path.open("rb") as file:
            answer = isolated.run(
                _SCRIPT,
                file,
                [str(begin), str(length)],
                memory=MEMORY + 4 * weight,
                seconds=SECONDS,
                answer=MAX_ANSWER_BYTES,
            )
    except OSError as error:
        raise unreadable(
            source, f"it cannot be opened ({error.strerror})", "Check its permissions."
        ) from None
    except isolated.Failed as error:
        raise unreadable(source, str(error), "Save the weights alone, or as safetensors.") from None
    return _parse(source, answer, size)


def _parse(source: str, answer: bytes, size: int) -> Structure:
    entries: list[Entry] = []
    storages: list[tuple[str, str, int]] = []
    try:
        for line in io.BytesIO(answer):
            if len(line) > MAX_LINE_BYTES:
                raise ValueError("a long line")
            kind, *rest = json.loads(line)
            if kind == "tensor":
                entries.append(_entry(rest))
            elif kind == "storage":
                storages.append((_text(rest[0]), _text(rest[1]), _size(rest[2])))
            elif kind == "end":
                end = _size(rest[0])
                if end > size or len({entry.name for entry in entries}) < len(entries):
                    raise ValueError("the end lies elsewhere")
                return Structure(tuple(entries), tuple(storages), end)
            else:
                raise _refusal(source, kind, _text(rest[0]))
            if len(entries) > MAX_TENSORS or len(storages) > MAX_TENSORS:
                raise unreadable(
                    source, f"it names more than {MAX_TENSORS:,} tensors", "Split the checkpoint."
                )
    except (ValueError, TypeError, IndexError, RecursionError):
        raise unreadable(
            source, "the process that read its structure gave no sensible answer", _AGAIN
        ) from None
    raise unreadable(source, "the process that read its structure stopped before its end", _AGAIN)


def _entry(fields: list[Any]) -> Entry:
    name, key, dtype, begin, shape, stride, refusal, module, buffer = fields
    sides, steps = tuple(map(_size, shape)), tuple(map(_size, stride))
    if len(sides) > MAX_RANK or (not _text(refusal) and len(steps) != len(sides)) or type(buffer) is not bool:
        raise ValueError("no shape")
    owner = None if module is None else _text(module)
    return Entry(_text(name), _text(key), _text(dtype), _size(begin), sides, steps, refusal, owner, buffer)


def _text(value: Any) -> str:
    if type(value) is not str or len(value.encode()) > 4 * MAX_NAME_BYTES:
        raise ValueError("no text")
    return value


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_BYTES:
        raise ValueError("no size")
    return value


def _refusal(source: str, kind: Any, text: str) -> TriplepointError:
    if kind == "unsafe":
        found = f"it asks for {shown(text)}, which weights never need"
        return UnsafeCheckpoint(f"read {shown(source, 300)}", found, "Do not use this file.")
    if kind == "spread":
        found = f"it holds a {shown(text)}, a tensor that is spread over several processes"
        way = "Save `get_model_state_dict(model, options=StateDictOptions(full_state_dict=True))` or `.full_tensor()`."
        return unreadable(source, found, way)
    if kind == "nested":
        found = "its tensors lie as pickles within the pickle, as pickle.dump writes them"
        return unreadable(source, found, "Save it with `torch.save(state_dict, 'model.pt')`.")
    if kind == "other":
        found = "it is a pickle that torch.save did not write"
        return unreadable(source, found, "Save it with `torch.save(state_dict, 'model.pt')`.")
    if kind == "damaged":
        return unreadable(source, f"its pickle cannot be followed ({shown(text, 200)})", _AGAIN)
    raise ValueError("no answer")
