"""Numbers of the configuration under the one-letter symbols of the layout language.

| symbol | meaning | names in `config.json` |
|---|---|---|
| H, K | attention heads, key-value heads | num_attention_heads, n_head …; num_key_value_heads, multi_query … |
| D | width of one head | head_dim, kv_channels, else X / H |
| X | width of the residual stream | hidden_size, n_embd, d_model … |
| N, V | latent attention: width of a key without position, and of a value | qk_nope_head_dim, v_head_dim |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

_FIELDS = {
    "H": ("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads"),
    "K": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "kv_n_heads", "num_query_groups"),
    "D": ("head_dim", "kv_channels", "attention_head_dim"),
    "X": ("hidden_size", "n_embd", "d_model", "dim", "model_dim", "embed_dim"),
    "N": ("qk_nope_head_dim",),
    "V": ("v_head_dim",),
}


def candidates(config: Mapping[str, Any], id: str) -> list[dict[str, int]]:
    """Symbols of every model that the configuration describes, the one that the name points to first.

    `vision_config` and its kin inherit what they do not say. A tensor of `model.vision_tower…` asks it first.
    """
    parts = [(name, part) for name, part in config.items() if isinstance(part, Mapping)]
    parts.sort(key=lambda item: item[0].split("_")[0] not in id)  # stable: named ones come first
    named = [part for name, part in parts if name.split("_")[0] in id]
    ordered = [*named, {}, *[part for name, part in parts if part not in named]]
    found: list[dict[str, int]] = []
    for part in ordered:
        symbols = _symbols({**config, **part})
        if symbols not in found:
            found.append(symbols)
    return found


def _symbols(config: Mapping[str, Any]) -> dict[str, int]:
    values: dict[str, int] = {}
    for symbol, fields in _FIELDS.items():
        sizes: list[int] = [value for value in map(config.get, fields) if _is_size(value)]
        if sizes:
            values[symbol] = sizes[0]
    groups = config.get("multi_query_group_num")
    if _is_size(groups) and config.get("multi_query_attention"):
        values["K"] = groups  # ChatGLM
    elif config.get("multi_query") is True and not config.get("new_decoder_architecture"):
        values["K"] = 1  # Falcon-7B, StarCoder
    if "H" in values:
        values.setdefault("K", values["H"])
        if "X" in values and values["X"] % values["H"] == 0:
            values.setdefault("D", values["X"] // values["H"])
    return values


def _is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
