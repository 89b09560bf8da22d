"""The number s before the product: what an adapter's configuration says of one module.

Keys of `alpha_pattern` and `rank_pattern` are regular expressions in PEFT. They come from a file, so they are compared
as texts: a whole path, or its end from a dot on. One that would need more is said in the detail of the row, not tried.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN = "scale unknown (no adapter_config.json with lora_alpha), taken as 1"
# Modules lie less deep than this, and a hostile name of 32,000 words would have as many ends.
MAX_DEPTH = 32
_VARIANTS = {"use_qalora": "QA-LoRA", "use_bdlora": "BD-LoRA"}
_EXPRESSION = re.compile(r"[][\\*+?(){}|^$]")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one adapter; anything in them that is not understood is as if it were not there."""

    alpha: Numbers
    rank: Numbers
    rank_stabilised: bool
    scale: float | None
    """s itself, as MLX writes it."""
    dora: bool
    variant: str | None
    """A kind whose factors look like LoRA's but whose update is not their product."""
    targets: frozenset[str]
    """Modules of parameters that are adapted one by one."""

    def scaling(self, path: str, rank: int) -> tuple[float, str]:
        """s of the module at `path` with factors of `rank`, and how to say it.

        s = lora_alpha / rank, or lora_alpha / √rank where `use_rslora`.
        """
        if self.scale is not None:
            return self.scale, f"scaled by {self.scale:.6g}"
        alpha, certain = self.alpha.of(path)
        if alpha is None:
            return 1.0, UNKNOWN
        factor = alpha / (math.sqrt(rank) if self.rank_stabilised else rank)
        note = "" if certain else " (regular expressions in alpha_pattern are not applied)"
        return factor, f"scaled by {factor:.6g}{note}"

    def may_stack(self, path: str, rank: int) -> bool:
        """Whether the factors at `path` may be of a stack of experts, adapted as one parameter (`target_parameters`).

        Their rank is then that of one expert times the number of experts, and only a configuration that names the rank
        can tell it from that of a single matrix.
        """
        doubtful = path.rpartition(".")[2] in ("experts", "base_layer") or (
            bool(self.targets) and not self.targets.isdisjoint(_ends(plain(path)))
        )
        return doubtful and self.rank.of(path)[0] != rank


def settings_of(config: Mapping[str, Any], adapters: Iterable[str | None]) -> dict[str | None, Settings]:
    """Of the adapters of a module under `peft_config` by their names; of a folder the configuration itself, for all."""
    by_name = config.get("peft_config")
    if not isinstance(by_name, Mapping):
        return dict.fromkeys(adapters, _settings(config))
    return {adapter: _settings(by_name.get(adapter or "default")) for adapter in set(adapters)}


def _settings(found: object) -> Settings:
    given: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    mlx, targets = given.get("lora_parameters"), given.get("target_parameters")
    return Settings(
        alpha=_numbers(given, "lora_alpha", "alpha_pattern"),
        rank=_numbers(given, "r", "rank_pattern"),
        rank_stabilised=given.get("use_rslora") is True,
        scale=_number(mlx.get("scale")) if isinstance(mlx, Mapping) else None,
        dora=given.get("use_dora") is True,
        variant=next((name for flag, name in _VARIANTS.items() if given.get(flag)), None),
        targets=frozenset(
            str(target).rpartition(".")[0]
            for target in (targets if isinstance(targets, (list, tuple)) else ())
        ),
    )


@dataclass(frozen=True, slots=True)
class Numbers:
    """One number for all modules, and others for those that a pattern names."""

    default: float | None
    named: Mapping[tuple[str, bool], tuple[int, float | None]]
    """(text, whether it must be the whole path) → its place among the keys, of which the first that fits counts, and
    the number."""
    expressions: bool
    """Whether a key is a regular expression."""

    def of(self, path: str) -> tuple[float | None, bool]:
        """The number of the module at `path`, and whether no expression could say otherwise."""
        if not self.named:
            return self.default, True
        path = plain(path)
        keys = [(path, True), *((end, False) for end in _ends(path))]
        fitting = [self.named[key] for key in keys if key in self.named]
        return (min(fitting)[1], True) if fitting else (self.default, not self.expressions)


def _numbers(given: Mapping[str, Any], default: str, pattern: str) -> Numbers:
    patterns = given.get(pattern)
    named: dict[tuple[str, bool], tuple[int, float | None]] = {}
    expressions = False
    for place, (key, value) in enumerate(patterns.items() if isinstance(patterns, Mapping) else ()):
        text = str(key).replace("\\.", ".")
        named.setdefault((text.removeprefix("^"), text.startswith("^")), (place, _number(value)))
        expressions = expressions or _EXPRESSION.search(text.removeprefix("^")) is not None
    return Numbers(_number(given.get(default)), named, expressions)


def plain(path: str) -> str:
    """The path of a module as the model without adapters has it."""
    words = path.removeprefix("base_model.model.").split(".")
    return ".".join(word for word in words if word != "base_layer")


def _ends(path: str) -> Iterator[str]:
    """The path and its ends from a dot on, as PEFT's `(.*\\.)?key$` matches them."""
    yield path
    words = path.rsplit(".", MAX_DEPTH)
    yield from (".".join(words[k:]) for k in range(1, len(words)))


def _number(value: object) -> float | None:
    """A number of ordinary size; JSON has integers of a thousand digits, and NaN."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and -1e30 < value < 1e30:
        return float(value)
    return None
