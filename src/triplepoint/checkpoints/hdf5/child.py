"""The structure of an HDF5 file as JSON; run by `hdf5` in a process of its own, on the file that is standard input.

Nothing here reads a tensor: the answer says where the bytes lie. `python child.py BEGIN SIZE TENSORS CHUNKS`:
the file is the range of SIZE bytes from BEGIN. Links that leave a group's own tree are named, not followed; an object
that has several names is described once.

```
{"keras": true, "config": "…", "labels": {"layers/dense/vars": "head"},
 "names": [["layers/dense/vars/0", 0], …], "objects": [{"dtype", "shape", …}, …]}    or    {"error": "…"}
```
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

import h5py

FLOATS = {
    (2, 5, 10, 15): "F16",
    (2, 8, 7, 127): "BF16",
    (4, 8, 23, 127): "F32",
    (8, 11, 52, 1023): "F64",
    (1, 5, 2, 15): "F8_E5M2",
    (1, 4, 3, 7): "F8_E4M3",
}
"""(bytes, exponent bits, mantissa bits, exponent bias) → type."""
OPTIMIZER = ("optimizer", "_optimizer", "optimizer_weights")
"""Groups in which Keras keeps the state of training: twice the model, and no weights."""
MAX_DEPTH = 64
MAX_NAME_BYTES = 4096
MAX_LABEL_BYTES = 200
MAX_CONFIG_BYTES = 16 * 2**20


class _Range(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: io.FileIO, begin: int, size: int) -> None:
        self._file, self._begin, self._size, self._at = file, begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        view = view[: max(0, self._size - self._at)]
        self._file.seek(self._begin + self._at)
        done = 0
        while done < len(view) and (got := self._file.readinto(view[done:])):
            done += got
        self._at += done
        return done


class Walk:
    """Everything below the root, each object once."""

    def __init__(self, root: Any, tensors: int, chunks: int, keras: bool) -> None:
        self.names: list[tuple[str, int]] = []
        self.objects: list[dict[str, Any]] = []
        self.labels: dict[str, str] = {}
        self._tensors, self._chunks, self._keras = tensors, chunks, keras
        self._index: dict[int, int] = {}
        self._groups: set[int] = set()
        waiting = [("", root, 0)]
        while waiting:
            path, group, depth = waiting.pop()
            address = h5py.h5o.get_info(group).addr
            if address not in self._groups:
                self._groups.add(address)
                if len(self._groups) > tensors or depth > MAX_DEPTH:
                    raise ValueError(f"it has more than {tensors:,} groups, or {MAX_DEPTH} within each other")
                below = self._group(path, group)
                waiting += [(path, group, depth + 1) for path, group in reversed(below)]

    def _group(self, path: str, group: Any) -> list[tuple[str, Any]]:
        below = []
        links: list[tuple[bytes, int]] = []

        def note(name: bytes, info: Any) -> bool | None:
            links.append((name, info.type))
            return True if len(links) > self._tensors else None

        group.links.iterate(note, info=True)
        for name, kind in links:
            if len(name) > MAX_NAME_BYTES or len(path) > MAX_NAME_BYTES:
                raise ValueError("a name in it is longer than 4,096 bytes")
            full = path + name.decode("utf-8", "surrogateescape")
            if full in OPTIMIZER:
                continue
            if kind != h5py.h5l.TYPE_HARD:
                self._add(full, {"dtype": "link", "refusal": "is a link, which is not followed"})
                continue
            try:
                found = h5py.h5o.open(group, name)
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                self._add(full, {"dtype": "damaged", "refusal": f"cannot be opened ({clause(error)})"})
                continue
            if isinstance(found, h5py.h5g.GroupID):
                below.append((f"{full}/", found))
                if name == b"vars" and (label := text(found, b"name", MAX_LABEL_BYTES)):
                    self.labels[full] = label
            elif isinstance(found, h5py.h5d.DatasetID):
                address = h5py.h5o.get_info(found).addr
                if address in self._index:
                    self._add(full, None, self._index[address])
                else:
                    self._index[address] = self._add(full, self._dataset(found))
        return below

    def _add(self, path: str, described: dict[str, Any] | None, index: int = -1) -> int:
        if described is not None:
            index = len(self.objects)
            self.objects.append(described)
        self.names.append((path, index))
        if len(self.names) > self._tensors:
            raise ValueError(f"it names more than {self._tensors:,} tensors")
        return index

    def _dataset(self, dataset: Any) -> dict[str, Any]:
        described: dict[str, Any] = {"dtype": "damaged"}
        try:
            described |= element(dataset, self._keras)
            described["shape"] = [int(side) for side in dataset.shape or ()]
            return described | self._place(dataset)
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            return described | {"refusal": f"is damaged ({clause(error)})"}

    def _place(self, dataset: Any) -> dict[str, Any]:
        plan = dataset.get_create_plist()
        layout = plan.get_layout()
        if dataset.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            return {"refusal": "has neither shape nor values"}
        if plan.get_external_count():
            return {"refusal": "has its values in another file, which is not read"}
        if layout == h5py.h5d.VIRTUAL:
            return {"refusal": "is put together from other files, which are not read"}
        if layout == h5py.h5d.CONTIGUOUS:
            return {"begin": dataset.get_offset(), "stored": int(dataset.get_storage_size())}
        if layout != h5py.h5d.CHUNKED:
            return {"refusal": "has its values within its header, where they are not read"}
        filters = [plan.get_filter(index) for index in range(plan.get_nfilters())]
        index: list[list[int]] = []

        def note(chunk: Any) -> bool | None:
            self._chunks -= 1
            row = *chunk.chunk_offset, chunk.filter_mask, chunk.byte_offset, chunk.size
            index.append([int(number) for number in row])
            return True if self._chunks < 0 else None

        dataset.chunk_iter(note)
        if self._chunks < 0:
            raise ValueError("its file has too many chunks")
        return {
            "chunk": [int(side) for side in plan.get_chunk()],
            "filters": [[int(code), [int(value) for value in values]] for code, _, values, _ in filters],
            "index": index,
        }


def element(dataset: Any, keras: bool) -> dict[str, Any]:
    """`dtype` in safetensors spelling and whether it is big-endian, or a word and no more to be read."""
    h5t, kind = h5py.h5t, dataset.get_type()
    family, size = kind.get_class(), int(kind.get_size())
    if family == h5t.ENUM:
        members = {kind.get_member_name(index) for index in range(min(kind.get_nmembers(), 3))}
        return {"dtype": "BOOL" if size == 1 and members == {b"FALSE", b"TRUE"} else "enum", "big": False}
    if (
        family == h5t.OPAQUE
    ):  # how h5py writes types that NumPy does not know; Keras 3 notes which, Keras 2 knew one
        bfloat16 = size == 2 and (keras or text(dataset, b"dtype", 20) == "bfloat16")
        return {"dtype": "BF16" if bfloat16 else "opaque", "big": False}
    if family not in (h5t.INTEGER, h5t.FLOAT):
        words = {h5t.STRING: "string", h5t.COMPOUND: "compound", h5t.REFERENCE: "reference", h5t.VLEN: "list"}
        return {"dtype": words.get(family, "other")}
    whole = kind.get_precision() == 8 * size and kind.get_offset() == 0
    order = {h5t.ORDER_LE: False, h5t.ORDER_BE: True, h5t.ORDER_NONE: False}.get(kind.get_order())
    if family == h5t.INTEGER:
        sign = "I" if kind.get_sign() == h5t.SGN_2 else "U"
        dtype = f"{sign}{8 * size}" if whole and size in (1, 2, 4, 8) else "integer"
    else:
        sign_at, exponent_at, exponent, mantissa_at, mantissa = kind.get_fields()
        usual = (sign_at, exponent_at, mantissa_at) == (8 * size - 1, mantissa, 0) and whole
        usual = usual and kind.get_norm() == h5t.NORM_IMPLIED
        dtype = FLOATS.get((size, exponent, mantissa, kind.get_ebias()), "float") if usual else "float"
    return {"dtype": dtype, "big": order} if order is not None else {"dtype": "mixed"}


def text(owner: Any, name: bytes, limit: int) -> str | None:
    """A text attribute of at most `limit` bytes; None where there is none that can be read."""
    try:
        if not h5py.h5a.exists(owner, name):
            return None
        attribute = h5py.h5a.open(owner, name)
        kind = attribute.get_type()
        if (
            not isinstance(kind, h5py.h5t.TypeStringID)
            or attribute.get_space().get_simple_extent_npoints() != 1
        ):
            return None
        if not kind.is_variable_str() and kind.get_size() > limit:
            return None
        wrapper = h5py.Group if isinstance(owner, h5py.h5g.GroupID) else h5py.Dataset
        value = wrapper(owner).attrs[name.decode()]
    except (KeyError, OSError, RuntimeError, TypeError, ValueError):
        return None
    value = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    return value if isinstance(value, str) and len(value) <= limit else None


def clause(error: BaseException) -> str:
    """What a library said, shortened to fit a message."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def describe(file: io.FileIO, begin: int, size: int, tensors: int, chunks: int) -> dict[str, Any]:
    """The answer; every failure is one too."""
    try:
        with h5py.File(_Range(file, begin, size), "r") as opened:
            root = h5py.h5g.open(opened.id, b"/")
            keras = any(h5py.h5a.exists(root, name) for name in (b"layer_names", b"keras_version"))
            config = text(root, b"model_config", MAX_CONFIG_BYTES)
            walk = Walk(root, tensors, chunks, keras)
    except MemoryError:
        return {"error": "its structure takes too much memory"}
    except Exception as error:  # whatever h5py makes of damage
        return {"error": clause(error)}
    return {
        "keras": keras,
        "config": config,
        "labels": walk.labels,
        "names": walk.names,
        "objects": walk.objects,
    }


def lock() -> None:
    """No more files: a second wall behind the links that are not followed and the filters that are not loaded."""
    for _ in range(h5py.h5pl.size()):  # filters are code; those of the library itself need no search path
        h5py.h5pl.remove(0)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


if __name__ == "__main__":
    lock()
    numbers = [int(argument) for argument in sys.argv[1:5]]
    sys.stdout.write(json.dumps(describe(io.FileIO(0, closefd=False), *numbers)))
    sys.stdout.flush()
