"""The pickle inside a torch file, evaluated without its code: tensors become descriptions, classes become stand-ins.

A pickle is a program that builds objects by calling what it names. Here `find_class` gives it nothing but the classes
of this file, whose calls only keep their arguments, and `persistent_load` describes storages without their bytes.
Everything a name can stand for is `Sealed`: a pickle can set attributes of what it holds, and must not set any here.
Run in a process of its own (`child`): the interpreter's unpickler may still be made to swell, hang or crash.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from triplepoint.checkpoints.torch.names import ITEM_BYTES, STORAGES, modern, runs_code

MAX_CLASSES = 10_000
"""Different foreign names of one file; each costs a kilobyte. Real ones stay under 200."""
MAX_SIDE = 2**62
MAX_RANK = 64


class Refused(Exception):
    """Why the file is not read: `kind` is `unsafe`, `damaged`, `spread` or `nested`, the text one clause or name."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


class Sealed(type):
    """A class on which nothing can be set: BUILD with a pair of dicts sets attributes of whatever it is given."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise Refused("damaged", "it sets an attribute of a class")


class Inert(metaclass=Sealed):
    """Base of all stand-ins: a state that the pickle gives is dropped."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Called by BUILD."""


class Storage(Inert):
    """Bytes that lie elsewhere in the file; `start`: those before this view of them."""

    __slots__ = ("dtype", "key", "start")

    def __init__(self, key: str, dtype: str, start: int = 0) -> None:
        self.key, self.dtype, self.start = key, dtype, start


class Tensor(Inert):
    """Where the values lie: `begin` in bytes from the start of storage `key`, `stride` in elements. Or why not."""

    __slots__ = ("begin", "dtype", "key", "refusal", "shape", "stride")

    def __init__(
        self, key: str, dtype: str, shape: Any, *, stride: Any = (), begin: int = 0, refusal: str = ""
    ) -> None:
        sides, steps = sizes(shape), sizes(stride)
        if sides is None or (not refusal and (steps is None or len(steps) != len(sides))):
            refusal = "has a shape or strides that none can have"
        self.key, self.dtype, self.begin, self.refusal = key, dtype, begin, refusal
        self.shape, self.stride = sides or (), steps or ()


class Pairs(dict[Any, Any], Inert):
    """OrderedDict, defaultdict, Counter, dict."""

    __slots__ = ()

    def __init__(self, *arguments: Any) -> None:
        for argument in arguments:
            if type(argument) in (dict, Pairs):
                self.update(argument)
            elif type(argument) in (list, tuple):  # as Python 2 wrote them: a list of pairs
                self.update(pair for pair in argument if type(pair) in (list, tuple) and len(pair) == 2)


class Items(list[Any], Inert):
    """list, tuple, set, frozenset, deque, torch.Size; a key of dicts where those are."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __init__(self, *arguments: Any) -> None:
        if arguments and type(arguments[0]) in (list, tuple, set, frozenset, Items):
            self.extend(arguments[0])

    def add(self, item: Any) -> None:
        """Called by ADDITEMS."""
        self.append(item)


class Foreign(Inert):
    """An object of a class or a result of a function that is not here: its arguments, state and content."""

    __slots__ = ("args", "content", "state")
    label = ""
    """`module.name` as the pickle asks for it."""

    args: tuple[Any, ...]
    state: Any
    content: Pairs | Items | None

    def __new__(cls, *args: Any, **_: Any) -> Foreign:
        """Called by REDUCE and NEWOBJ; keywords are options, never weights."""
        self = super().__new__(cls)
        self.args, self.state, self.content = args, None, None
        return self

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(self.content) is not Pairs:
            self.content = Pairs()
        self.content[key] = value

    def append(self, item: Any) -> None:
        """Called by APPEND."""
        if type(self.content) is not Items:
            self.content = Items()
        self.content.append(item)

    def extend(self, items: Any) -> None:
        """Called by APPENDS."""
        for item in items:
            self.append(item)

    add = append


class Function(Inert):
    """A function of torch that puts a tensor together, replaced by one that describes it."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        """Called by REDUCE."""
        return self._function(*arguments)


class Type(Inert):
    """An element type or a storage class; `dtype` is its name in torch."""

    __slots__ = ("dtype", "storage")

    def __init__(self, dtype: str, storage: bool) -> None:
        self.dtype, self.storage = dtype, storage


def sizes(value: Any) -> tuple[int, ...] | None:
    """A shape or strides; None where it can be neither."""
    if type(value) not in (tuple, list, Items) or len(value) > MAX_RANK:
        return None
    return tuple(value) if all(type(side) is int and 0 <= side < MAX_SIDE for side in value) else None


class Unpickler(pickle.Unpickler):
    """One pickle of a torch file. `storages`: key → element type and number of elements, as first claimed."""

    def __init__(self, file: Any, known: dict[tuple[str, str], Any]) -> None:
        super().__init__(file, encoding="utf-8", errors="backslashreplace")
        self.storages: dict[str, tuple[str, int]] = {}
        self._known = dict(known)
        self._foreign = 0

    def find_class(self, module: str, name: str) -> Any:
        """What the pickle gets for a name: never the thing itself."""
        place = modern(module, name)
        if place not in self._known:
            self._known[place] = self._stand_in(*place)
        return self._known[place]

    def _stand_in(self, module: str, name: str) -> Any:
        if runs_code(module, name):
            raise Refused("unsafe", f"{module}.{name}"[:200])
        label = f"{module}.{name}"
        if module in ("torch", "torch.cuda", "torch.storage"):
            if name in STORAGES:
                return Type(STORAGES[name], storage=True)
            if name in ITEM_BYTES:
                return Type(name, storage=False)
        if label == "torch.storage._load_from_bytes":
            raise Refused("nested", label)
        if module.startswith("torch.distributed") and name in ("DTensor", "ShardedTensor"):
            raise Refused("spread", name)
        self._foreign += 1
        if self._foreign > MAX_CLASSES:
            raise Refused("damaged", f"it names more than {MAX_CLASSES:,} classes")
        return Sealed("Foreign", (Foreign,), {"__slots__": (), "label": label})

    def persistent_load(self, pid: Any) -> Any:
        """A storage, or a class that is stored with its source text."""
        if type(pid) is tuple and len(pid) >= 2 and pid[0] == "module" and isinstance(pid[1], Sealed):
            return pid[1]
        if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage":
            raise Refused("damaged", "it refers to something that is no storage")
        _, kind, key, _, count, *view = pid
        if type(kind) is not Type or not kind.storage or type(key) not in (str, int) or not _size(count):
            raise Refused("damaged", "it refers to a storage of no known type")
        key = str(key)
        dtype, _ = self.storages.setdefault(key, (kind.dtype, count))
        if not view or view[0] is None:
            return Storage(key, kind.dtype)
        if type(view[0]) is not tuple or len(view[0]) != 3 or not _size(view[0][1]):
            raise Refused("damaged", "it refers to a part of a storage that cannot be")
        return Storage(key, kind.dtype, view[0][1] * ITEM_BYTES[dtype])


def _size(value: Any) -> bool:
    return type(value) is int and 0 <= value < MAX_SIDE
