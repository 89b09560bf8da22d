"""Two factors → one source: ΔW = s · up · down, decomposed through matrices of its rank, never formed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triplepoint.matrices.adapters.names import Member, kind, member
from triplepoint.matrices.adapters.scaling import Settings, settings_of
from triplepoint.matrices.rules import FLOATS
from triplepoint.matrices.sources import Read, Source
from triplepoint.records import Decoding, Reason, TensorInfo

_MAGNITUDE = "the magnitude of DoRA, no part of the product"


def group(tensors: Sequence[TensorInfo], config: Mapping[str, Any], _read: Read) -> list[Source]:
    """Every pair of factors as one source, the rest of every adapter as left out with the cause.

    The id of a pair is that of the adapted parameter with `/adapter`, or `/adapter.NAME`. Cost: two dictionary look-ups
    a tensor.
    """
    modules: dict[tuple[str, str | None], list[tuple[Member, TensorInfo]]] = {}
    sources: list[Source] = []
    for tensor in tensors:
        found = member(tensor.alias or tensor.name)
        if found is not None:
            modules.setdefault((found.path, found.adapter), []).append((found, tensor))
        elif (name := kind(tensor.name)) is not None:
            sources.append(_left_out(tensor, name))
    by_name = {tensor.alias or tensor.name: tensor for tensor in tensors}
    taken = set(by_name)
    settings = settings_of(config, [adapter for _, adapter in modules])
    for (path, adapter), members in modules.items():
        alpha = by_name.get(f"{path}.alpha")
        module = _Module(path, adapter, settings[adapter], members)
        sources += module.sources(alpha if alpha is not None and _is_number(alpha) else None, taken)
    return sources


@dataclass(frozen=True, slots=True)
class _Pair:
    up: TensorInfo
    down: TensorInfo
    shape: tuple[int, int]
    rank: int
    turned: bool = False
    """Whether the factors are stored as (r, out) and (in, r)."""


@dataclass(frozen=True, slots=True)
class _Module:
    """One adapter of one module."""

    path: str
    adapter: str | None
    settings: Settings
    members: list[tuple[Member, TensorInfo]]

    def sources(self, alpha: TensorInfo | None, taken: set[str]) -> list[Source]:
        """The pair as one source, or its factors as left out; `alpha` as stored beside them."""
        magnitudes = [_left_out(tensor, _MAGNITUDE) for tensor in self._of("magnitude")]
        factors = self._of("down") + self._of("up")
        if not all(tensor.size and (tensor.decoded or tensor.dtype) in FLOATS for tensor in factors):
            return magnitudes  # empty or integers: the rules have words for those
        pair = self._pair()
        if isinstance(pair, str):
            return magnitudes + [_left_out(tensor, pair) for tensor in factors + self._of("other")]
        return [*magnitudes, self._source(pair, alpha, bool(magnitudes), taken)]

    @property
    def _parameter(self) -> str:
        """The adapted parameter; GGUF names it, others its module."""
        module = self.path.removesuffix(".weight")
        return f"{module}.weight" if module else "weight"

    def _of(self, role: str) -> list[TensorInfo]:
        return [tensor for found, tensor in self.members if found.role == role]

    def _pair(self) -> _Pair | str:
        """The two factors, or why they are none."""
        down, up = self._of("down"), self._of("up")
        if (name := self._variant()) is not None:
            return name
        if len(down) != 1 or len(up) != 1:
            return (
                "no lora_A beside it" if not down else "no lora_B beside it" if not up else "not two factors"
            )
        pair = _fitted(up[0], down[0])
        if pair is None:
            return f"{down[0].shape} and {up[0].shape} share no rank"
        if self.settings.may_stack(self.path, pair.rank):
            return "factors of a parameter that may be a stack of experts"
        return pair

    def _variant(self) -> str | None:
        """What makes the update something else than a product of two."""
        for tensor in self._of("other"):
            return f"{tensor.name.removeprefix(f'{self.path}.')} between the factors"
        return self.settings.variant

    def _source(self, pair: _Pair, alpha: TensorInfo | None, dora: bool, taken: set[str]) -> Source:
        options: list[tuple[str, int | float | str | bool]] = []
        if alpha is None:
            factor, words = self.settings.scaling(self.path, pair.rank)
            options.append(("factor", factor))
        else:
            words = f"scaled by its alpha / {pair.rank}"
        detail = f"rank {pair.rank}, {words}"
        if math.prod(pair.down.shape[2:]) > 1:
            detail += "; kernel positions beside the inputs"
        if dora or self.settings.dora:
            detail += "; the magnitude of DoRA is left out"
        embedding = self.members[0][0].embedding
        if embedding or pair.turned:
            options.append(("turned", True))
        # Of a lookup table the update is (up · down)ᵀ: the factors change places.
        first, last = (pair.down, pair.up) if embedding else (pair.up, pair.down)
        part = "adapter" if self.adapter in (None, "default") else f"adapter.{self.adapter}"
        return Source(
            info=TensorInfo(
                pair.down.name,
                pair.down.dtype,
                pair.down.shape,
                storage=_storage(pair),
                alias=_free(f"{self._parameter}/{part}", taken),
            ),
            names=(first.name, last.name) if alpha is None else (first.name, last.name, alpha.name),
            decoding=Decoding("low_rank", tuple(options)),
            shape=pair.shape[::-1] if embedding else pair.shape,
            detail=detail,
            part=part,
        )


def _fitted(up: TensorInfo, down: TensorInfo) -> _Pair | None:
    """The product that the shapes allow; of two the one of the smaller rank, which an adapter is made for.

    Convolutions have a kernel in `down` alone: (r, in, k, k) with (out, r, 1, 1) is a matrix of out × in·k·k.
    """
    if len(up.shape) < 2 or len(down.shape) < 2:
        return None
    fits = []
    if up.shape[1] == down.shape[0] and math.prod(up.shape[2:]) == 1:
        fits.append(_Pair(up, down, (up.shape[0], math.prod(down.shape[1:])), down.shape[0]))
    if len(up.shape) == len(down.shape) == 2 and up.shape[0] == down.shape[1]:
        fits.append(_Pair(up, down, (up.shape[1], down.shape[0]), up.shape[0], turned=True))
    return min(fits, key=lambda pair: pair.rank, default=None)


def _is_number(alpha: TensorInfo) -> bool:
    return alpha.size == 1 and (alpha.dtype in FLOATS or alpha.dtype[:1] in ("I", "U"))


def _storage(pair: _Pair) -> tuple[int, ...] | None:
    """Of both factors: modules that share one of them are not the same weight."""
    if pair.up.storage is None or pair.down.storage is None:
        return None
    return (*pair.up.storage, *pair.down.storage)


def _left_out(tensor: TensorInfo, detail: str) -> Source:
    return Source(tensor, (tensor.name,), reason=Reason.adapter, detail=detail)


def _free(alias: str, taken: set[str]) -> str:
    """The alias, made longer where a tensor of that very name exists; taken from now on."""
    while alias in taken:
        alias += "/adapter"
    taken.add(alias)
    return alias
