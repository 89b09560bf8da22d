"""Products of two Gaussian factors: what an adapter, or two consecutive layers, look like without learning.

W = A·B with A (rows, r) and B (r, columns) is no matrix of independent entries, however its entries look: its
eigenvalues spread further than Marchenko–Pastur. With A = Q₁T₁ and Bᵀ = Q₂T₂ the singular values of W are those of
T₁T₂ᵀ, and the triangles of Gaussian factors are known (Bartlett 1933): independent normal entries above a diagonal of
χ(rows), χ(rows − 1), …; so a draw needs r × r numbers and W is never formed. Where r is the longer side B is split the
other way, B = Q₂T₂, and AQ₂ is a Gaussian matrix again: T₁T₂ of columns × columns numbers, however long r is.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from triplepoint.linalg import Decomposition
from triplepoint.records import BulkNull, Reason

Array = np.ndarray[Any, np.dtype[np.float64]]

SEED = 20_261_125
# Draws of the default null, EFFORT/r^2.5 between these.
MOST_DRAWS, FEWEST_DRAWS = 999, 199
EFFORT = 5e7
# Beyond this side a table takes minutes: 199 draws take 8 s at 384, 41 s at 768 and 89 s at 1024.
MOST_SIDE = 1024
# From this share of the draws on the tail of D is continued as an exponential.
TAIL = 0.1
P_FLOOR = 1e-9


def triangle(rows: int, rank: int, generator: np.random.Generator) -> Array:
    """T (min(rows, rank), rank) of a Gaussian (rows, rank) factor Q·T."""
    if rows < rank:
        return generator.standard_normal((rows, rank))
    upper = np.triu(generator.standard_normal((rank, rank)), 1)
    upper[np.diag_indices(rank)] = np.sqrt(generator.chisquare(rows - np.arange(rank, dtype=np.float64)))
    return upper


def eigenvalues(shape: tuple[int, int], rank: int, generator: np.random.Generator) -> Array:
    """λ of one product of standard Gaussian factors (N, r), (r, M), descending, (min(r, N, M),). O(min(r, N, M)³)."""
    long, short = max(shape), min(shape)
    if rank > short:
        core = triangle(long, short, generator) @ triangle(rank, short, generator)
    else:
        one, other = (triangle(side, rank, generator) for side in shape)
        core = one @ other.T
    return np.asarray(np.square(np.linalg.svd(core, compute_uv=False)))


@dataclass(frozen=True, slots=True, eq=False)
class ProductTable:
    """Simulated spectra of one shape, each divided by its sum."""

    pooled: Array
    """All eigenvalues of all draws, ascending: their share below λ is the mean F̄."""
    distances: Array
    """(draws,) D = sup |F − F̄| of every draw, ascending."""
    largest: float
    """Mean of the largest eigenvalue."""


def table(shape: tuple[int, int], rank: int) -> ProductTable:
    """Simulated once a shape, whatever the number of threads that ask for it."""
    with _lock(shape, rank):
        return _simulated(shape, rank)


@lru_cache(maxsize=256)
def _lock(shape: tuple[int, int], rank: int) -> threading.Lock:  # noqa: ARG001
    return threading.Lock()


@lru_cache(maxsize=256)
def _simulated(shape: tuple[int, int], rank: int) -> ProductTable:
    """From a seed that depends on the shape alone."""
    draws = int(np.clip(EFFORT / min(rank, *shape) ** 2.5, FEWEST_DRAWS, MOST_DRAWS))
    generator = np.random.default_rng([SEED, *shape, rank])
    spectra = np.stack([eigenvalues(shape, rank, generator) for _ in range(draws)])
    spectra /= np.sum(spectra, axis=1, keepdims=True)
    pooled = np.sort(spectra, axis=None)
    distances = np.sort([distance(values[::-1], pooled) for values in spectra])
    return ProductTable(pooled, distances, float(np.mean(spectra[:, 0])))


def distance(ascending: Array, pooled: Array) -> float:
    """D = sup |F − F̄| between a spectrum and the mean of the draws, both sides of every step."""
    share = np.searchsorted(pooled, ascending, side="right") / pooled.size
    steps = np.arange(ascending.size + 1) / ascending.size
    return float(max(np.max(np.abs(share - steps[:-1])), np.max(np.abs(share - steps[1:]))))


def product_null(decomposition: Decomposition, scale: float) -> BulkNull | Reason:
    """Distance of the spectrum of a product from the mean one of Gaussian products of its shapes, with its p-value.

    Both are divided by their sum, so the scale of the factors does not matter. `ks_distance` is D to the simulated
    mean, `edge` the mean largest eigenvalue of products with the same ‖W‖_F. Cost: the simulation, once a shape and
    r: 199 to 999 draws. `outside_null_table` for fewer than 2 eigenvalues or more than MOST_SIDE.
    """
    values = np.sort(np.square(decomposition.singular_values[0]))
    if not 2 <= values.size <= MOST_SIDE:
        return Reason.outside_null_table
    known = table(decomposition.shape, decomposition.inner)
    total = float(np.sum(values))
    found = distance(values / total, known.pooled)
    return BulkNull(
        ks_distance=found, p_value=p_value(found, known.distances), edge=scale * known.largest * total
    )


def p_value(found: float, distances: Array) -> float:
    """P(D ≥ found): (1 + #)/(B + 1) down to a tenth, beyond that an exponential with the mean excess of the draws."""
    draws = distances.size
    start = float(np.quantile(distances, 1 - TAIL))
    if found <= start:
        return (1 + int(np.count_nonzero(distances >= found))) / (draws + 1)
    excess = float(np.mean(distances[distances > start] - start))
    return max(P_FLOOR, TAIL * math.exp(-(found - start) / excess))
