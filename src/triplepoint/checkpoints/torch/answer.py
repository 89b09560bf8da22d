"""What the child process says of a torch file: one line of JSON for each tensor, and where the pickles end.

```
["tensor", NAME, KEY, DTYPE, BEGIN, SHAPE, STRIDE, REFUSAL, MODULE, BUFFER]    bytes from the start of the storage
["storage", KEY, DTYPE, COUNT]                                                 of a file without archive, in its order
["end", BYTE]                                                                  the last line of every whole answer
["unsafe" | "damaged" | "spread" | "nested" | "other", TEXT]                   instead of all that
```
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any, BinaryIO

from triplepoint.checkpoints.torch.states import find
from triplepoint.checkpoints.torch.tensors import KNOWN
from triplepoint.checkpoints.torch.unpickling import Refused, Unpickler

MAGIC = 0x1950A86A20F9469CFC6C
"""First of the five pickles of a file without archive."""
PROTOCOL = 1001


def lines(file: BinaryIO, archive: bool) -> Iterator[list[Any]]:
    """The answer about the pickle at the file's position, of an archive or of a file without one.

    Nothing is raised but what ends the process: whatever a hostile pickle causes becomes a line.
    """
    try:
        yield from _archive(file) if archive else _legacy(file)
    except Refused as error:
        yield [error.kind, error.text]
    except MemoryError:
        yield ["damaged", "it needs more memory than a checkpoint does"]
    except (Exception, pickle.UnpicklingError) as error:
        yield ["damaged", f"{type(error).__name__}: {error}"[:200]]


def _archive(file: BinaryIO) -> Iterator[list[Any]]:
    root = Unpickler(file, KNOWN).load()
    yield from _tensors(root)
    yield ["end", file.tell()]


def _legacy(file: BinaryIO) -> Iterator[list[Any]]:
    """Magic number, protocol, system, the object, the keys of the storages in the order in which they follow."""
    if _load(file) != MAGIC or _load(file) != PROTOCOL:
        yield ["other", ""]
        return
    system = _load(file)
    if type(system) is dict and system.get("little_endian") is False:
        raise Refused("damaged", "it was written on a big-endian machine")
    unpickler = Unpickler(file, KNOWN)
    root = unpickler.load()
    keys = _load(file)
    end = file.tell()
    if type(keys) is not list or not all(type(key) is str and key in unpickler.storages for key in keys):
        raise Refused("damaged", "it lists storages that it does not use")
    if len(set(keys)) < len(keys):
        raise Refused("damaged", "it lists a storage twice")
    for key in keys:
        yield ["storage", key, *unpickler.storages[key]]
    yield from _tensors(root)
    yield ["end", end]


def _load(file: BinaryIO) -> Any:
    return Unpickler(file, {}).load()


def _tensors(root: Any) -> Iterator[list[Any]]:
    for found in find(root):
        tensor = found.tensor
        place = [tensor.key, tensor.dtype, tensor.begin, tensor.shape, tensor.stride, tensor.refusal]
        yield ["tensor", found.name, *place, found.module, found.buffer]
