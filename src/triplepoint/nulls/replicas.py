"""One spectrum among replicas of a null of the user's choice (`--null`).

| null | keeps | exact where |
|---|---|---|
| gaussian | shape, ‖W‖_F | entries are independent, normal, of mean 0 |
| shuffle | the entries | entries are exchangeable |
| signflip | |w| at every place | entries are independent and symmetric, whatever the variance of each |
| product | shapes of both factors, ‖W‖_F | both factors are Gaussian; taken for every adapter |

Under the null W and its replicas are exchangeable, so ranks among them are exact p-values at any B: no table, no
asymptotics (Phipson and Smyth 2010, arXiv 1603.05766).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition
from triplepoint.nulls import gaussian, products, shuffle
from triplepoint.nulls.randomized import draw_eigenvalues
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.slices import Slice, slices_of, varied
from triplepoint.nulls.traps import unsuited
from triplepoint.records import LowRank, Reason, ReplicaNull, WeightMatrix
from triplepoint.records.spectra import EPS64

Array = np.ndarray[Any, np.dtype[np.float64]]

# F and its mean are compared at so many points at most, spread evenly over all eigenvalues of all spectra: of
# symmetric choice, so that the exchange of W with a replica changes nothing.
POINTS = 2048
COMPONENT_LEVEL = 0.95


def replica_null(
    matrix: WeightMatrix, decomposition: Decomposition, settings: NullSettings
) -> ReplicaNull | Reason:
    """Ranks of the whole spectrum and of λmax among `settings.replicas` replicas, and the number of components.

    Slices are drawn one by one and pooled. Components: leading eigenvalues above the 95 % quantile of the replicas'
    largest (parallel analysis; with sign flips after Hong, Sheng and Dobriban, arXiv 2012.02985). Cost: B spectra, of
    O(M²) each for `gaussian` and O(r³) for products, else B decompositions.
    """
    kind = "product" if isinstance(matrix.values, LowRank) else settings.null
    if kind == "product" and not isinstance(matrix.values, LowRank):
        return Reason.not_an_adapter
    found = _product(matrix.values, decomposition, settings)
    if found is None:
        found = _replicas(matrix, decomposition, settings)
    if isinstance(found, Reason):
        return found
    own, replicas = found
    count = len(replicas)
    p = whole_p(own, replicas)
    largest = replicas[:, 0]
    bound = float(np.quantile(largest, COMPONENT_LEVEL))
    below = np.flatnonzero(own <= bound)
    return ReplicaNull(
        kind=kind,
        replicas=count,
        p_value=p,
        p_error=math.sqrt(p * (1 - p) / count),
        edge_p=(1 + int(np.count_nonzero(largest >= own[0]))) / (count + 1),
        num_components=int(below[0]) if below.size else own.size,
    )


def _product(
    values: Any, decomposition: Decomposition, settings: NullSettings
) -> tuple[Array, Array] | Reason | None:
    """λ of an adapter (n,) and of its replicas (B, n), descending; None for a matrix."""
    if not isinstance(values, LowRank):
        return None
    own = np.square(decomposition.singular_values[0])
    shape = values.left.shape[0], values.right.shape[1]
    generator = shuffle.draw_stream(settings, "product")
    drawn = [products.eigenvalues(shape, values.left.shape[1], generator) for _ in range(settings.replicas)]
    return own, _to_norm(np.stack(drawn), float(np.sum(own)))


def _replicas(
    matrix: WeightMatrix, decomposition: Decomposition, settings: NullSettings
) -> tuple[Array, Array] | Reason:
    """λ of all slices with noise (n,) and of their replicas (B, n), pooled, descending."""
    reason = unsuited(matrix.values, decomposition)
    if reason is not None:
        return reason
    slices = _with_noise(matrix.values, decomposition, settings.null)
    if not slices:
        return Reason.undefined
    squares = np.square(decomposition.singular_values[[part.index for part in slices]])
    own = _resolved(squares, decomposition)
    drawn = []
    for draw in range(settings.replicas):
        values = _draw(slices, squares, decomposition.shape, settings, draw)
        if isinstance(values, Reason):
            return values
        drawn.append(np.sort(_resolved(values, decomposition), axis=None)[::-1])
    return np.sort(own, axis=None)[::-1], np.stack(drawn)


def _with_noise(values: Any, decomposition: Decomposition, kind: str) -> list[Slice]:
    """The slices that the null changes: a constant one is changed by flips and by Gaussian noise of its norm."""
    if kind == "shuffle":
        return varied(values, decomposition)
    return [part for part in slices_of(values, decomposition) if part.entries.max_abs > 0]


def _draw(
    slices: list[Slice], squares: Array, shape: tuple[int, int], settings: NullSettings, draw: int
) -> Array | Reason:
    if settings.null != "gaussian":
        return draw_eigenvalues(slices, settings, settings.null, draw)
    generator = shuffle.draw_stream(settings, "gaussian", draw)
    drawn = np.stack([gaussian.eigenvalues(shape, generator)[::-1] for _ in slices])
    return _to_norm(drawn, np.sum(squares, axis=1))


def _to_norm(drawn: Array, total: Any) -> Array:
    """Scaled to the same Σλ: σ is not known but from W, whose own Σλ would otherwise be too good."""
    return np.asarray(drawn * (np.asarray(total)[..., None] / np.sum(drawn, axis=1, keepdims=True)))


def _resolved(values: Array, decomposition: Decomposition) -> Array:
    """What is rounding noise is zero, in W and in every replica, whose kernel may be another."""
    floor = max(decomposition.resolved_ratio, decomposition.shape[0] * EPS64)
    return np.where(values > floor * values[:, :1], values, 0.0)


def whole_p(own: Array, replicas: Array) -> float:
    """(1 + #{D_b ≥ D})/(B + 1), D = sup |F − F̄| with F̄ the mean over W and all replicas."""
    spectra = np.sort(np.concatenate([own[None], replicas]), axis=1)
    points = np.unique(np.sort(spectra, axis=None)[:: max(1, spectra.size // POINTS)])
    shares = np.stack([np.searchsorted(row, points, side="right") for row in spectra]) / own.size
    distances = np.max(np.abs(shares - np.mean(shares, axis=0)), axis=1)
    # Equal distances are equal however the mean was rounded.
    return float(np.mean(distances >= distances[0] * (1 - 1e-12)))
