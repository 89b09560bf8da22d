"""`intra=True`: products of consecutive layers, A·S·B along a side that both have.

The side is the output of the earlier and the input of the later layer where these are equal, else another one that is.
S is a seeded matrix of zeros and ones in equal parts, which stands for the units between the layers that are silent;
with `sparsify=False` it is left out. The product is divided by ‖A‖·‖B‖. Its "eigenvalues" are its singular values, as
in WeightWatcher. A kernel is the sum over its positions, which is what it does to an input that is the same
everywhere; WeightWatcher takes its first position for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np

from triplepoint.checkpoints import Reader
from triplepoint.compat.weightwatcher.filters import kept
from triplepoint.compat.weightwatcher.layers import Layer, Model
from triplepoint.compat.weightwatcher.legacy.matrices import sides
from triplepoint.compat.weightwatcher.legacy.rows import within
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.records import TensorInfo

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two consecutive layers, and which of them is turned so that A's columns are B's rows."""

    first: Layer
    second: Layer
    turned: tuple[bool, bool]

    @property
    def shape(self) -> tuple[int, int]:
        """Of the product."""
        return self.first.shape[int(self.turned[0])], self.second.shape[int(not self.turned[1])]


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """A reader whose tensors are products of those of another, formed when they are read."""

    inner: Reader
    pairs: Mapping[str, Pair]
    seed: int | None
    """Of S; None without it."""

    @property
    def source(self) -> str:
        """That of the weights."""
        return self.inner.source

    @property
    def format(self) -> str:
        """Arrays, whatever the weights are."""
        return "arrays"

    @property
    def config(self) -> Mapping[str, Any]:
        """None: products have no heads."""
        return {}

    def tensors(self) -> Sequence[TensorInfo]:
        """One a pair."""
        return [TensorInfo(name, "F32", pair.shape) for name, pair in self.pairs.items()]

    def read(self, name: str, at: int | None = None) -> Array:  # noqa: ARG002
        """A·S·B/(‖A‖·‖B‖). Cost: two products of matrices; memory: both factors and S in float64."""
        pair = self.pairs[name]
        one, other = (
            _matrix(np.asarray(self.inner.read(layer.key)).astype(np.float64))
            for layer in (pair.first, pair.second)
        )
        one, other = (one.T if pair.turned[0] else one), (other.T if pair.turned[1] else other)
        norm = float(np.linalg.norm(one) * np.linalg.norm(other))
        if self.seed is not None:
            own = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
            silent = np.random.default_rng([self.seed, own]).integers(0, 2, (one.shape[1], one.shape[1]))
            one = one @ silent.astype(np.float64)
        return np.asarray((one @ other / (norm or 1.0)).astype(np.float32))

    def prefetch(self, name: str) -> None:
        """Nothing: the factors are read together."""

    def release(self, name: str) -> None:
        """Nothing: a factor is that of the next product too."""

    def digest(self) -> str:
        """That of the weights."""
        return self.inner.digest()


def _matrix(values: Array) -> Array:
    return np.sum(values, axis=(2, 3)) if values.ndim == 4 else values


def products(model: Model, reader: Reader, parameters: Parameters) -> Model:
    """A model whose layers are the products; pairs that share no side are passed over, as in WeightWatcher."""
    matrices = []
    for layer in kept(model.layers, parameters.filters):
        found = sides(layer.shape, layer.kind) if layer.seen and len(layer.shape) in (2, 4) else None
        if found is not None and within(found, parameters):
            matrices.append(layer)
    pairs, layers = {}, []
    for first, second in pairwise(matrices):
        turned = aligned(first.shape, second.shape)
        if turned is None:
            continue
        name = f"{first.layer_id} X {second.layer_id} "
        pair = Pair(first, second, turned)
        pairs[f"{first.key} x {second.key}"] = pair
        key = f"{first.key} x {second.key}"
        layers.append(Layer(second.layer_id, name, second.longname, second.kind, key, pair.shape))
    return Model(
        model.given, Products(reader, pairs, parameters.seed if parameters.sparsify else None), tuple(layers)
    )


def aligned(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[bool, bool] | None:
    """Which of (out, in) and (out, in) are turned; None where no side is equal.

    >>> aligned((300, 100), (50, 300))
    (True, True)
    """
    for of_first in (0, 1):
        for of_second in (1, 0):
            if first[of_first] == second[of_second]:
                return of_first == 0, of_second == 1
    return None
