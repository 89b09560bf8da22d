"""Where the weights are in what was saved: a state dict, a module, or a training run that holds one beside its state.

The rule. A module gives its parameters and persistent buffers, whatever else hangs on it. A mapping is looked through
for entries that hold matrices. Of these, entries that the optimiser, scheduler, scaler or random generator left are
passed over, and so is a moving average (`ema`, `swa`) where there is anything else. If all that remain have a key that
wraps a model (`WRAPPERS`), the first in that order is opened in turn: its key does not become part of names, and what
lies beside it (another wrapper, a best accuracy) is left. If any has another key (a generator and a discriminator),
all are taken, each with its key before its names, and so is what lies beside them. A mapping without such entries is
itself what was looked for.
Names are keys, indices and attributes joined by dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from triplepoint.checkpoints.torch.unpickling import Foreign, Items, Pairs, Refused, Tensor

WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "model_state",
    "net",
    "network",
    "params",
    "weights",
    "generator",
    "checkpoint",
)
"""Keys under which training checkpoints keep the model. The first four are those of `memory.WRAPPERS`."""

MAX_DEPTH = 100
MAX_NAME = 4096
MAX_VISITS = 4_000_000
"""Steps of one walk: a list of lists of one list, ten each and ten deep, is a kilobyte and ten billion steps."""

_TRAINING = re.compile(
    r"optim|(^|_)opt(_|$)|sched|scaler|rng|random_state|callbacks|loops|hyper_parameters", re.IGNORECASE
)
_AVERAGE = re.compile(r"(^|_)(ema|swa|averaged?|shadow)(_|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A tensor under its name, with the class of the module that owns it."""

    name: str
    tensor: Tensor
    module: str | None = None
    buffer: bool = False


def find(root: Any) -> list[Found]:
    """The weights in stored order, each name once. Refused where they are nested or repeated without end."""
    walk = _Walk()
    walk.choose(root)
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found: list[Found] = []
        self._names: dict[str, Tensor] = {}
        self._above: set[int] = set()
        self._left = MAX_VISITS

    def choose(self, node: Any, depth: int = 0) -> None:
        """What is taken of a node that may be a training run."""
        if depth > MAX_DEPTH or _modules(node) is not None or not _is_mapping(node):
            self.collect(node, "")
            return
        if _is_optimiser(node):
            return
        entries = [(key, value) for key, value in _children(node) if not _left_by_training(key, value)]
        held = {key: value for key, value in entries if self._holds_matrix(value)}
        averages = [key for key in held if isinstance(key, str) and _AVERAGE.search(key)]
        taken = [key for key in held if key not in averages] or averages[:1]
        wrapped = taken if taken == averages[:1] else [key for key in WRAPPERS if key in taken]
        if taken and len(wrapped) == len(taken):
            self.choose(held[wrapped[0]], depth + 1)
            return
        for key, value in entries:
            if key in taken or key not in held:
                self.collect(value, _join("", key))

    def collect(self, node: Any, name: str, module: str | None = None, buffer: bool = False) -> None:
        """Every tensor at or below a node."""
        self._step()
        if type(node) is Tensor:
            self._take(name, node, module, buffer)
            return
        if id(node) in self._above or _is_optimiser(node):
            return
        if len(self._above) > MAX_DEPTH:
            raise Refused("damaged", f"it is nested more than {MAX_DEPTH} deep")
        self._above.add(id(node))
        parts = _modules(node)
        owner = _owner(node, parts is not None)
        if parts is None:
            for key, value in _children(node):
                self.collect(value, _join(name, key), owner)
        else:
            parameters, buffers, modules, transient = parts
            for key, value in parameters:
                self.collect(value, _join(name, key), owner)
            for key, value in buffers:
                if key not in transient:
                    self.collect(value, _join(name, key), owner, True)
            for key, value in modules:
                self.collect(value, _join(name, key))
        self._above.discard(id(node))

    def _take(self, name: str, tensor: Tensor, module: str | None, buffer: bool) -> None:
        if len(name) > MAX_NAME:
            raise Refused("damaged", f"a name in it is longer than {MAX_NAME:,} letters")
        name = name.encode("utf-8", "backslashreplace").decode()  # unpaired surrogates can never be printed
        while name in self._names:
            if self._names[name] is tensor:
                return
            name += "#"
        self._names[name] = tensor
        self.found.append(Found(name, tensor, module, buffer))

    def _holds_matrix(self, node: Any) -> bool:
        """Whether a mapping, list or module holds a tensor of two or more dimensions; each part is seen once."""
        if type(node) is Tensor:
            return False
        waiting, seen = [node], set()
        while waiting:
            self._step()
            one = waiting.pop()
            if type(one) is Tensor and len(one.shape) >= 2:
                return True
            if id(one) not in seen and not _is_optimiser(one):
                seen.add(id(one))
                waiting.extend(value for _, value in _children(one))
        return False

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Refused("damaged", "its parts repeat each other without end")


def _is_mapping(node: Any) -> bool:
    """A dict, or an object with attributes; not one of TorchScript, whose attributes are modules."""
    return type(node) in (dict, Pairs) or (
        isinstance(node, Foreign) and not node.label.startswith("__torch__")
    )


def _left_by_training(key: Any, value: Any) -> bool:
    """Whether an entry is state of the optimiser and the like; a tensor of such a name may be a parameter."""
    return type(value) is not Tensor and isinstance(key, str) and _TRAINING.search(key) is not None


def _is_optimiser(node: Any) -> bool:
    state = node.state if isinstance(node, Foreign) else node
    return type(state) in (dict, Pairs) and "param_groups" in state and "state" in state


def _owner(node: Any, module: bool) -> str | None:
    """Class name of a module, such as `Linear`; None for other containers."""
    known = isinstance(node, Foreign) and (module or node.label.startswith("__torch__"))
    return node.label.rpartition(".")[2] if known else None


def _modules(node: Any) -> tuple[list[Any], list[Any], list[Any], Any] | None:
    """Parameters, buffers and modules as pairs, and the names of buffers that are not saved; None for other objects."""
    state: Any = node.state if isinstance(node, Foreign) else None
    if type(state) not in (dict, Pairs) or "_parameters" not in state or "_modules" not in state:
        return None
    parameters, buffers, modules = (
        list(_children(state.get(key))) for key in ("_parameters", "_buffers", "_modules")
    )
    transient = state.get("_non_persistent_buffers_set")
    return parameters, buffers, modules, transient if type(transient) in (set, Items) else ()


def _children(node: Any) -> Iterator[tuple[Any, Any]]:
    """Key and value of everything in a container or on an object."""
    if type(node) in (dict, Pairs):
        yield from dict.items(node)
    elif type(node) in (list, tuple, Items):
        yield from enumerate(node)
    elif isinstance(node, Foreign):
        state = node.state
        # Slots are kept as a pair: the dict of the object, the dict of its slots.
        parts = (
            state if type(state) is tuple and all(type(part) in (dict, Pairs) for part in state) else (state,)
        )
        for part in (node.content, *parts, node.args):
            yield from _children(part)


def _join(prefix: str, key: Any) -> str:
    if len(prefix) > MAX_NAME:  # refused where a tensor bears it; not lengthened at every step until then
        return prefix
    if type(key) is int:
        text = str(key) if abs(key) < 2**63 else "#"
    elif type(key) in (str, float, bool, type(None)):
        text = str(key)
    else:
        text = "#"
    return f"{prefix}.{text}" if prefix else text
