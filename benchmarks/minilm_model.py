"""all-MiniLM-L6-v2, weights in and embeddings out, so that edited weights can be put in its place.

BERT (Devlin et al. 2019): six post-norm blocks, 384 wide, 12 heads, exact GELU; the embedding is the mean over the
tokens, of length 1 (Reimers and Gurevych 2019). The weights are a mapping from the checkpoint's names to arrays; texts
are sorted by length, so that a batch has hardly any padding.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.wordpiece import WordPiece

Array = np.ndarray[Any, Any]
Weights = Mapping[str, Array]
# Longest text in tokens; the model was trained with 128 and is shipped with 256.
MOST_TOKENS = 128
BATCH = 32
PARTS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the configuration says."""

    layers: int
    heads: int
    epsilon: float
    deviation: float
    """Standard deviation of the weights before training."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of similar length, on their way through the blocks."""

    places: Array
    """(B,) of each text in the order it was asked."""
    ids: Any
    """(B, T), 0 beyond the end of a text."""
    bias: Any
    """(B, 1, 1, T): 0 on a token, −∞ beyond the end."""


def shape_of(folder: Path) -> Shape:
    """From `config.json`."""
    config = json.loads((folder / "config.json").read_text())
    return Shape(
        config["num_hidden_layers"],
        config["num_attention_heads"],
        config["layer_norm_eps"],
        config["initializer_range"],
    )


def matrix_names(layers: int) -> list[str]:
    """The six matrices of every block, first block first."""
    return [f"encoder.layer.{layer}.{part}.weight" for layer in range(layers) for part in PARTS]


def batches(texts: Sequence[str], pieces: WordPiece) -> list[Batch]:
    """Token ids, shortest texts first."""
    import torch

    ids = [pieces.ids(text, MOST_TOKENS) for text in texts]
    order = np.argsort([len(found) for found in ids], kind="stable")
    made = []
    for start in range(0, len(texts), BATCH):
        places = order[start : start + BATCH]
        padded = torch.zeros(len(places), len(ids[places[-1]]), dtype=torch.long)
        for row, place in enumerate(places):
            padded[row, : len(ids[place])] = torch.tensor(ids[place])
        bias = torch.where(padded == 0, -math.inf, 0.0)[:, None, None, :]
        made.append(Batch(places, padded, bias))
    return made


class Model:
    """The forward pass for one set of weights; nothing is trained."""

    def __init__(self, weights: Weights, shape: Shape) -> None:
        import torch

        self._shape = shape
        self._weights = {name: torch.from_numpy(np.ascontiguousarray(w)) for name, w in weights.items()}

    def begin(self, batch: Batch) -> Any:
        """(B, T, width): what enters the first block."""
        table = self._weights
        tokens = table["embeddings.word_embeddings.weight"][batch.ids]
        positions = table["embeddings.position_embeddings.weight"][: batch.ids.shape[1]]
        kind = table["embeddings.token_type_embeddings.weight"][0]
        return self._norm(tokens + positions + kind, "embeddings.LayerNorm")

    def block(self, hidden: Any, batch: Batch, layer: int) -> Any:
        """(B, T, width) → (B, T, width) through block `layer`."""
        from torch.nn import functional

        name = f"encoder.layer.{layer}."
        size, length, width = hidden.shape
        heads = (size, length, self._shape.heads, width // self._shape.heads)
        query, key, value = (
            self._dense(hidden, f"{name}attention.self.{part}").view(heads).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=batch.bias)
        seen = self._dense(seen.transpose(1, 2).reshape(size, length, width), f"{name}attention.output.dense")
        hidden = self._norm(hidden + seen, f"{name}attention.output.LayerNorm")
        wide = functional.gelu(self._dense(hidden, f"{name}intermediate.dense"))
        return self._norm(hidden + self._dense(wide, f"{name}output.dense"), f"{name}output.LayerNorm")

    def end(self, hidden: Any, batch: Batch) -> Array:
        """(B, width): mean over the tokens, of length 1."""
        there = (batch.ids != 0)[:, :, None]
        mean = (hidden * there).sum(1) / there.sum(1)
        length = mean.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return np.asarray((mean / length).numpy())

    def embed(self, prepared: Sequence[Batch]) -> Array:
        """(texts, width) in the order the texts were asked."""
        return self.finish(prepared, self.start(prepared), 0)

    def start(self, prepared: Sequence[Batch]) -> list[Any]:
        """What enters the first block, for every batch."""
        return [self.begin(batch) for batch in prepared]

    def advance(self, prepared: Sequence[Batch], hidden: Sequence[Any], layer: int) -> list[Any]:
        """One block further, for every batch."""
        return _spread(lambda state, batch: self.block(state, batch, layer), hidden, prepared)

    def finish(self, prepared: Sequence[Batch], hidden: Sequence[Any], layer: int) -> Array:
        """The embeddings from what enters block `layer`."""

        def rest(state: Any, batch: Batch) -> Array:
            for later in range(layer, self._shape.layers):
                state = self.block(state, batch, later)
            return self.end(state, batch)

        parts = _spread(rest, hidden, prepared)
        found: Array = np.empty((sum(len(part) for part in parts), parts[0].shape[1]), np.float32)
        for batch, part in zip(prepared, parts, strict=True):
            found[batch.places] = part
        return found

    def _dense(self, hidden: Any, name: str) -> Any:
        from torch.nn import functional

        return functional.linear(hidden, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, hidden: Any, name: str) -> Any:
        from torch.nn import functional

        gain, shift = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.layer_norm(hidden, gain.shape, gain, shift, self._shape.epsilon)


def _spread(work: Callable[[Any, Batch], Any], hidden: Sequence[Any], prepared: Sequence[Batch]) -> list[Any]:
    """One thread a core, each with batches of its own and one thread of torch.

    Beside other work on the cores, two threads that wait for each other in every product took 1.6 to 2.6 times as long.
    """
    import torch

    def one(state: Any, batch: Batch) -> Any:
        with torch.inference_mode():
            return work(state, batch)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            # The longest first, so that no core is left with them at the end.
            found = list(pool.map(one, hidden[::-1], prepared[::-1]))
    finally:
        torch.set_num_threads(before)
    return found[::-1]
