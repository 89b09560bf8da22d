"""Every torch function that a network calls, judged by `path_rules` while it runs with squared weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from triplepoint.generalization import path_rules as rules
from triplepoint.generalization.path_rules import FIXED, VALUE, WEIGHT, Kind, Mark


class Escaped(Exception):
    """The network goes on with a number of Python's, of which nothing is known."""


class PathMode(TorchFunctionMode):
    """Runs what keeps sums over paths, and remembers of every tensor what it is."""

    def __init__(self) -> None:
        super().__init__()
        self._marks: dict[int, Mark] = {}
        self._alive: list[torch.Tensor] = []  # an identity must not be used twice
        self._written: dict[int, Mark] = {}

    def mark(self, tensor: torch.Tensor, mark: Mark) -> torch.Tensor:
        """Say what a tensor is."""
        self._marks[id(tensor)] = mark
        self._alive.append(tensor)
        return tensor

    def of(self, tensor: torch.Tensor) -> Mark:
        """What it is; what was never seen is a weight or fixed."""
        known = self._marks.get(id(tensor), FIXED)
        written = self._written.get(tensor.untyped_storage().data_ptr(), FIXED) if self._written else FIXED
        if Kind.fixed is not max(known.kind, written.kind):
            return max(known, written, key=lambda mark: mark.kind)
        if isinstance(tensor, torch.nn.Parameter):
            return WEIGHT
        if tensor.is_floating_point() and tensor.numel() and not float(tensor.min()) >= 0:
            return Mark(Kind.spoiled, "a fixed tensor with negative entries")
        return FIXED

    def is_of_a_path(self, tensor: torch.Tensor) -> bool:
        """Whether weights or the input entered it."""
        if self._marks.get(id(tensor), FIXED).kind is not Kind.fixed or isinstance(
            tensor, torch.nn.Parameter
        ):
            return True
        return bool(self._written) and tensor.untyped_storage().data_ptr() in self._written

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run and mark."""
        kwargs = kwargs or {}
        whole_name = getattr(func, "__name__", str(func))
        name = whole_name.strip("_")
        if name in _SPECIAL:
            return getattr(self, f"_{name}")(*args, **kwargs)
        given = list(_tensors((args, kwargs)))
        before = [self.of(tensor) for tensor in given]
        if whole_name in _ESCAPES and any(mark.kind >= Kind.value for mark in before):
            raise Escaped(f"a number that is taken out of an activation ({name})")
        if name in rules.SOFTMAX and given:
            return self._softmax(func, args, kwargs, given[0], rules.joined(before))
        out = func(*args, **kwargs)
        if not any(map(self.is_of_a_path, given)):
            return out  # of fixed tensors the values are looked at where they meet a path
        verdict = self._judge(name, before, args, kwargs)
        for tensor in _tensors(out):
            self.mark(tensor, verdict)
        if given and _is_in_place(whole_name, kwargs):
            self.mark(given[0], verdict)
            # Whatever else looks at this memory is this too.
            self._written[given[0].untyped_storage().data_ptr()] = verdict
        return out

    def _judge(self, name: str, before: list[Mark], args: Any, kwargs: Mapping[str, Any]) -> Mark:
        if name in rules.NEW:
            return FIXED
        whole = rules.joined(before)
        if whole.kind in (Kind.spoiled, Kind.tokens):
            return whole
        if "out" not in kwargs and self._keeps(name, before, args, kwargs):
            return rules.product(before, name) if name in rules.MULTIPLY | rules.LINEAR else whole
        return Mark(Kind.spoiled, f"the function {name}")

    def _keeps(self, name: str, before: list[Mark], args: Any, kwargs: Mapping[str, Any]) -> bool:
        if name == "pad":
            return not _negative((kwargs.get("value"), args[3:]))
        if name == "interpolate":
            return "bicubic" not in (*args, *kwargs.values())
        if name in rules.DIVIDE:
            is_fixed = all(mark.kind is Kind.fixed for mark in before[1:])
            return is_fixed and isinstance(args[0], torch.Tensor) and not kwargs and not _negative(args)
        if name in rules.ADD | rules.MULTIPLY:
            return not _negative((args, kwargs))
        return name in rules.ARRANGE | rules.LINEAR

    def _softmax(self, func: Any, args: Any, kwargs: Any, scores: torch.Tensor, whole: Mark) -> torch.Tensor:
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        if isinstance(dim, int) and scores.ndim and scores.shape[dim] == 1:
            return self.mark(torch.ones_like(scores), FIXED)  # over one token it is 1, whatever the scores
        if whole.kind is Kind.value:
            return self.mark(scores.view_as(scores), Mark(Kind.last, "a softmax that is not the last step"))
        return self.mark(func(*args, **kwargs), whole)

    def _iter(self, whole: torch.Tensor) -> Iterator[torch.Tensor]:
        mark = self.of(whole)
        return iter([self.mark(part, mark) for part in whole.unbind(0)])

    def _embedding(self, input: torch.Tensor, weight: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        """A token is an input of ones; a position or segment adds nothing."""
        made = weight.new_ones if self.of(input).kind is Kind.tokens else weight.new_zeros
        out = made((*input.shape, weight.shape[1]))
        return self.mark(out, VALUE if self.of(input).kind is Kind.tokens else FIXED)

    def _scaled_dot_product_attention(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any
    ) -> torch.Tensor:
        if key.shape[-2] != 1:
            return self.mark(
                torch.zeros_like(query), Mark(Kind.spoiled, f"attention over {key.shape[-2]} positions")
            )
        heads = query.shape[-3] // value.shape[-3] if query.ndim > 3 else 1
        seen = value.repeat_interleave(heads, dim=-3) if heads > 1 else value
        return self.mark(seen.expand(*seen.shape[:-2], query.shape[-2], seen.shape[-1]), self.of(value))

    def _multi_head_attention_forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        size: int,
        *rest: Any,
        v_proj_weight: torch.Tensor | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, None]:
        """`nn.MultiheadAttention`, sequence first: over one token the values, projected out."""
        _heads, weight, bias, bias_k, _bias_v, zero, _dropout, out_weight, out_bias, *_ignored = rest
        if key.shape[0] != 1 or bias_k is not None or zero:
            spoiled = Mark(Kind.spoiled, f"attention over {key.shape[0]} positions")
            return self.mark(torch.zeros_like(query), spoiled), None
        into: Any = v_proj_weight if weight is None else weight[2 * size :]
        out = linear(linear(value, into, None if bias is None else bias[2 * size :]), out_weight, out_bias)
        return self.mark(out.expand(query.shape[0], *out.shape[1:]), self.of(value)), None


class Unseen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Spoils every result that no function above answers for: of compiled code, of what is hidden in an iterator."""

    def __init__(self, mode: PathMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._mode = mode

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run and mark; a function that was seen marks its results anew."""
        kwargs = kwargs or {}
        spoils = any(map(self._mode.is_of_a_path, _tensors((args, kwargs))))
        out = func(*args, **kwargs)
        if spoils:
            for tensor in _tensors(out):
                self._mode.mark(tensor, Mark(Kind.spoiled, f"the operation {func} inside something compiled"))
        return out


_SPECIAL = {"iter", "embedding", "scaled_dot_product_attention", "multi_head_attention_forward"}
_IN_PLACE = {
    "__setitem__",
    "__iadd__",
    "__isub__",
    "__imul__",
    "__itruediv__",
    "__ipow__",
    "__iand__",
    "__ior__",
}


_ESCAPES = {
    *("item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__", "__complex__"),
    *("equal", "allclose", "is_nonzero", "__contains__"),
}
"""From tensors to what cannot be marked; of a branch that depends on values only one side would be seen."""


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _tensors(inner)


def _negative(value: Any) -> bool:
    """Whether there is a number below zero in it."""
    if isinstance(value, Mapping):
        return any(map(_negative, value.values()))
    if isinstance(value, tuple | list):
        return any(map(_negative, value))
    if isinstance(value, torch.Tensor) and not value.is_floating_point() and not value.is_complex():
        return bool(value.numel()) and value.dtype != torch.bool and int(value.min()) < 0
    return isinstance(value, float | int) and value < 0


def _is_in_place(name: str, kwargs: Mapping[str, Any]) -> bool:
    own = name.endswith("_") and not name.endswith("__")
    return own or "out" in kwargs or bool(kwargs.get("inplace")) or name in _IN_PLACE
