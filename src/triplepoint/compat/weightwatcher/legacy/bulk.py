"""The Marchenko–Pastur fit of WeightWatcher 0.7.7, the trace-log condition and the shuffle.

Kept errors: the density is fitted where the largest eigenvalue says, so one spike moves σ; square matrices are fitted
by √(4 − x²) whatever σ is; pooled slices are fitted with the shape of one; spikes are counted above an edge that is no
quantile; the product of the trace-log condition under- and overflows; `detX_val` and `detX_val_unrescaled` have each
other's names; `max_rand_eval` and `ww_softrank` come from two different shuffles.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from triplepoint.compat.weightwatcher.legacy.matrices import Cut
from triplepoint.compat.weightwatcher.legacy.spectrum import singular_values
from triplepoint.nulls.kde_fit import relative_sigma
from triplepoint.nulls.randomized import jensen_shannon

Array = np.ndarray[Any, np.dtype[np.float64]]

FEW = 100
REPLICAS_OF_FEW = 5


def mp_fit(values: Array, N: int, M: int) -> dict[str, Any]:
    """The columns of `mp_fit=True` of ascending eigenvalues; −1 where there is no fit."""
    sigma = None
    if np.all(np.isfinite(values)) and np.sum(values) > 0:
        sigma = relative_sigma(values, (N, M), legacy=True)
    if sigma is None:
        return dict.fromkeys(("num_spikes", "sigma_mp", "mp_softrank", "W_scale", "bulk_max", "bulk_min"), -1)
    scale = math.sqrt(values.size / float(np.sum(values)))
    root = 1 / math.sqrt(N / M)
    upper, lower = (sigma * (1 + root)) ** 2, (sigma * (1 - root)) ** 2
    threshold = upper + math.sqrt(root * upper ** (2 / 3) * M ** (-2 / 3))
    rescaled = scale * scale * values
    return {
        "num_spikes": int(np.count_nonzero(rescaled > threshold)),
        "sigma_mp": sigma,
        "mp_softrank": upper / float(rescaled[-1]),
        "W_scale": scale,
        "bulk_max": upper / (scale * scale),
        "bulk_min": lower / (scale * scale),
    }


def trace_log_index(rescaled: Array) -> tuple[int, int]:
    """(number, index of the smallest) of the largest values, until their product is below 1."""
    n = rescaled.size
    if n < 2 or not rescaled[0] < rescaled[-1]:
        return 0, 0
    with np.errstate(over="ignore", under="ignore"):
        index = next((i for i in range(n - 1, 0, -1) if np.prod(rescaled[i:]) < 1.0), 0)
    return (n - index, index) if index else (n, 1)


def trace_log(values: Array, num_pl_spikes: int) -> dict[str, Any]:
    """The columns of `detX=True`. Cost O(n²)."""
    with np.errstate(all="ignore"):  # all zero
        scale = math.sqrt(values.size) / np.sqrt(np.sum(values))
        rescaled = scale * scale * values
        number, index = trace_log_index(rescaled)
        return {
            "detX_num": number,
            "num_ERG_spikes": number,
            "ERG_gap": number - num_pl_spikes,
            "detX_val": float(rescaled[index] / (scale * scale)),
            "detX_val_unrescaled": float(rescaled[index]),
        }


def shuffled_eigenvalues(
    cut: Cut, random: np.random.RandomState, replicas: int, *, inverse: bool = False
) -> Array:
    """Eigenvalues of matrices whose entries were shuffled, ascending, all replicas pooled."""
    found = []
    for _ in range(replicas):
        for matrix in cut.matrices:
            entries = matrix.flatten()
            random.shuffle(entries)
            sigma = singular_values(entries.reshape(matrix.shape))[-cut.components :]
            found.append(sigma * sigma)
    pooled = np.concatenate(found)
    if inverse:
        with np.errstate(divide="ignore"):
            pooled = 1.0 / pooled
    return np.sort(pooled)


def randomized(
    cut: Cut, values: Array, random: np.random.RandomState, *, inverse: bool = False
) -> dict[str, Any]:
    """The columns of `randomize=True`: fit and largest eigenvalue of a first shuffle, distances to a second."""
    first = shuffled_eigenvalues(cut, random, REPLICAS_OF_FEW if cut.components < FEW else 1, inverse=inverse)
    second = shuffled_eigenvalues(cut, random, 1, inverse=inverse)
    made = {f"rand_{name}": value for name, value in mp_fit(first, cut.N, cut.M).items()}
    top = float(np.max(values))
    with np.errstate(all="ignore"):  # all zero
        softrank = float(np.max(second) / np.max(values))
        distance = jensen_shannon(values, second) if values.size == second.size and top > 0 else math.nan
    return {
        **made,
        "num_traps": made["rand_num_spikes"],
        "max_rand_eval": float(np.max(first)),
        "rand_distance": distance,
        "ww_softrank": softrank,
        "ww_maxdist": top - float(np.max(second)),
    }
