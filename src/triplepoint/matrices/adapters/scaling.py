"""The number s before the product: what an adapter's configuration says of one module.

Keys of `alpha_pattern` and `rank_pattern` are regular expressions in PEFT. They come from a file, so they are compared
as texts: a whole path, or its end from a dot on. One that would need more is said in the detail of the row, not tried.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

UNKNOWN = "scale unknown (no adapter_config.json with lora_alpha), taken as 1"
_VARIANTS = {"use_qalora": "QA-LoRA", "use_bdlora": "BD-LoRA"}


def settings_of(config: Mapping[str, Any], adapter: str | None) -> Mapping[str, Any]:
    """The settings of one adapter: of a module under `peft_config` by name, of a folder the configuration itself."""
    by_name = config.get("peft_config")
    if not isinstance(by_name, Mapping):
        return config
    settings = by_name.get(adapter or "default")
    return settings if isinstance(settings, Mapping) else {}


def variant(settings: Mapping[str, Any]) -> str | None:
    """The name of a kind whose factors look like LoRA's but whose update is not their product."""
    return next((name for flag, name in _VARIANTS.items() if settings.get(flag)), None)


def scaling(settings: Mapping[str, Any], path: str, rank: int) -> tuple[float, str]:
    """s of the adapter of the module at `path` with factors of `rank`, and how to say it.

    s = lora_alpha / rank, or lora_alpha / √rank where `use_rslora`. MLX writes s itself.
    """
    mlx = settings.get("lora_parameters")
    given = _number(mlx.get("scale")) if isinstance(mlx, Mapping) else None
    note = ""
    if given is None:
        alpha, unmatched = _by_module(settings, "alpha_pattern", "lora_alpha", path)
        if alpha is None:
            return 1.0, UNKNOWN
        given = alpha / (math.sqrt(rank) if settings.get("use_rslora") is True else rank)
        note = " (regular expressions in alpha_pattern are not applied)" if unmatched else ""
    return given, f"scaled by {given:.6g}{note}"


def adapts_one_parameter(settings: Mapping[str, Any], path: str, rank: int) -> bool:
    """Whether the factors at `path` may belong to a parameter of several experts, which `target_parameters` names.

    Their rank is then that of one expert times the number of experts, and only a configuration that names the rank
    can tell it from that of a single matrix.
    """
    named = settings.get("target_parameters")
    targets = [str(target).rpartition(".")[0] for target in named] if isinstance(named, (list, tuple)) else []
    inside = path.split(".")
    doubtful = inside[-1] in ("experts", "base_layer") or any(
        target and _ends(plain(path), target) for target in targets
    )
    return doubtful and _by_module(settings, "rank_pattern", "r", path)[0] != rank


def plain(path: str) -> str:
    """The path of a module as the model without adapters has it."""
    return ".".join(
        word for word in path.removeprefix("base_model.model.").split(".") if word != "base_layer"
    )


def _by_module(
    settings: Mapping[str, Any], pattern: str, default: str, path: str
) -> tuple[float | None, bool]:
    """The number that a pattern gives the module, else the default; and whether a key was not understood."""
    patterns = settings.get(pattern)
    unmatched = False
    for key, value in patterns.items() if isinstance(patterns, Mapping) else ():
        text = str(key).replace("\\.", ".")
        anchored = text.startswith("^")
        text = text.removeprefix("^")
        if plain(path) == text or (not anchored and _ends(plain(path), text)):
            return _number(value), False
        unmatched = unmatched or re.search(r"[][\\*+?(){}|^$]", text) is not None
    return _number(settings.get(default)), unmatched


def _ends(path: str, end: str) -> bool:
    return path == end or path.endswith(f".{end}")


def _number(value: object) -> float | None:
    """A number of ordinary size; JSON has integers of a thousand digits, and NaN."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and -1e30 < value < 1e30:
        return float(value)
    return None
