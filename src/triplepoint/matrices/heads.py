"""Numbers of the configuration under the one-letter symbols of the layout language.

| symbol | meaning | names in `config.json` |
|---|---|---|
| H, K | attention heads, key-value heads | num_attention_heads, n_head …; num_key_value_heads, multi_query … |
| D | width of one head | head_dim, kv_channels, else X / H |
| X | width of the residual stream | hidden_size, n_embd, d_model … |
| F | width inside the feed-forward layer | intermediate_size, ffn_hidden_size |
| N, V | latent attention: width of a key without position, and of a value | qk_nope_head_dim, v_head_dim |
| L, M | linear attention: key heads and their width | linear_num_key_heads, linear_key_head_dim |

`siblings` adds W and F, which the shapes of neighbours tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

Symbols = Mapping[str, int]

_FIELDS = {
    "H": ("num_attention_heads", "n_head", "num_heads", "n_heads"),
    "K": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "n_kv_heads", "kv_n_heads", "num_query_groups"),
    "D": ("head_dim", "kv_channels"),
    "X": ("hidden_size", "n_embd", "n_embed", "d_model", "dim", "model_dim", "embed_dim"),
    "F": ("intermediate_size", "ffn_hidden_size"),
    "N": ("qk_nope_head_dim",),
    "V": ("v_head_dim",),
    "L": ("linear_num_key_heads",),
    "M": ("linear_key_head_dim",),
}
_MOST_MODELS = 16
"""Sub-configurations that are looked at; a real one has at most five."""


class Heads:
    """Symbols of every model that a configuration describes."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._whole = _symbols(config, {})
        parts = [
            (name, part)
            for name, part in config.items()
            if isinstance(name, str) and isinstance(part, Mapping)
        ]
        found = [(name.split("_")[0], _symbols(part, self._whole)) for name, part in parts]
        self._parts = [(word, symbols) for word, symbols in found if symbols != self._whole][:_MOST_MODELS]
        every = [self._whole, *(symbols for _, symbols in self._parts)]
        self.widths = frozenset(symbols["X"] for symbols in every if "X" in symbols)

    def candidates(self, id: str) -> list[Symbols]:
        """The model that the name points to first: `model.vision_tower…` asks `vision_config` before the whole.

        A part inherits what it does not say.
        """
        named = [symbols for word, symbols in self._parts if word in id]
        return [*named, self._whole, *[symbols for word, symbols in self._parts if word not in id]]


def _symbols(config: Mapping[str, Any], inherited: Symbols) -> Symbols:
    own: dict[str, int] = {}
    for symbol, fields in _FIELDS.items():
        size = next((value for value in map(config.get, fields) if _is_size(value)), None)
        if size is not None:
            own[symbol] = size
    groups = config.get("multi_query_group_num")
    if _is_size(groups) and config.get("multi_query_attention"):
        own["K"] = groups  # ChatGLM
    elif config.get("multi_query") is True and not config.get("new_decoder_architecture"):
        own["K"] = 1  # Falcon-7B, StarCoder, whatever `num_kv_heads` says
    values = {**inherited, **own}
    if "H" in own:
        values["K"] = own.get("K", own["H"])
    if "D" not in own and not own.keys().isdisjoint(("H", "X")):
        values.pop("D", None)
        if {"H", "X"} <= values.keys() and values["X"] % values["H"] == 0:
            values["D"] = values["X"] // values["H"]
    return values


def _is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
