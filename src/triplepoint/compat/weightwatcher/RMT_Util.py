"""The functions of `weightwatcher.RMT_Util` that programs call by themselves, on arrays.

Written anew from their definitions. `svd_method` is accepted everywhere and changes nothing: there is one method.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import svds

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.legacy import power_law, spectrum
from triplepoint.compat.weightwatcher.vectors import (
    discrete_entropy,
    localization_ratio,
    participation_ratio,
    vector_entropy,
)
from triplepoint.edit.components import keep_leading
from triplepoint.nulls.randomized import jensen_shannon

__all__ = [
    "calc_lambda_minus",
    "calc_lambda_plus",
    "calc_mp_soft_rank",
    "calc_rank_loss",
    "calc_sigma",
    "combine_weights_and_biases",
    "detX_constraint",
    "discrete_entropy",
    "eig_full",
    "fit_clipped_powerlaw",
    "get_Q",
    "hard_rank",
    "has_cuda",
    "has_mac_accelerate",
    "jensen_shannon_distance",
    "line_entropy",
    "localization_ratio",
    "marchenko_pastur_fun",
    "marchenko_pastur_pdf",
    "matrix_entropy",
    "matrix_rank",
    "mp_soft_rank",
    "mu4alpha",
    "participation_ratio",
    "permute_matrix",
    "quarter_circle_fun",
    "quarter_circle_pdf",
    "rescale_eigenvalues",
    "shuf_matrix",
    "smooth_W_switch",
    "spike_lmax",
    "spike_min",
    "stable_rank",
    "svd_full",
    "svd_lowrank",
    "svd_vals",
    "svd_values",
    "un_rescale_eigenvalues",
    "unpermute_matrix",
    "vector_entropy",
]

Array = np.ndarray[Any, Any]

FLOAT32 = float(np.finfo(np.float32).eps)


def _known(method: str) -> None:
    # An AssertionError, as there.
    assert method.lower() in (c.ACCURATE_SVD, c.FAST_SVD), f"svd method {method!r}: fast or accurate"


def eig_full(W: Array, method: str = c.ACCURATE_SVD) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of a square matrix."""
    _known(method)
    values, vectors = scipy.linalg.eig(W)
    return values, vectors


def svd_full(W: Array, method: str = c.ACCURATE_SVD) -> tuple[Array, Array, Array]:
    """U, singular values descending, Vᵀ, square."""
    _known(method)
    left, values, right = scipy.linalg.svd(W)
    return left, values, right


def svd_vals(W: Array, method: str = c.ACCURATE_SVD) -> Array:
    """Singular values, descending."""
    _known(method)
    return np.asarray(scipy.linalg.svd(W, compute_uv=False))


def svd_lowrank(W: Array, k: int, method: str = c.ACCURATE_SVD) -> tuple[Array, Array, Array]:
    """The k leading singular triplets; ValueError for k above the smaller side less one."""
    _known(method)
    left, values, right = svds(W, k=k, return_singular_vectors=True, solver="arpack")
    return left, values, right


def svd_values(W: Array, k: int, method: str = c.ACCURATE_SVD) -> Array:
    """The k leading singular values; ValueError for k above the smaller side less one."""
    _known(method)
    return np.asarray(svds(W, k=k, return_singular_vectors=False, solver="arpack"))


def smooth_W_switch(W: Array, k: int, method: str = c.ACCURATE_SVD) -> Array:
    """The nearest matrix of rank k. Exact, where WeightWatcher's is a randomised approximation."""
    _known(method)
    return keep_leading(np.asarray(W, dtype=np.float64), k)


# The names under which WeightWatcher keeps its two implementations; here both are one.
_eig_full_accurate = _eig_full_fast = eig_full
_svd_full_accurate = _svd_full_fast = svd_full
_svd_vals_accurate = _svd_vals_fast = svd_vals
_smooth_W_numpy = _smooth_W_accurate = _smooth_W_fast = smooth_W_switch


def has_cuda() -> bool:
    """False: these functions run on the CPU. `triplepoint.scan(…, device="cuda")` does not."""
    return False


def has_mac_accelerate() -> bool:
    """False: no library is chosen by platform."""
    return False


def get_Q(W: Array) -> float:
    """N/M ≥ 1."""
    return float(max(W.shape) / min(W.shape))


def matrix_rank(svals: Array, N: int, tol: float | None = None) -> int:
    """Singular values above `tol`, by default σmax · N · the rounding unit of their type."""
    return spectrum.rank(svals, N) if tol is None else int(np.count_nonzero(svals > tol))


def calc_rank_loss(svals: Array, N: int, tol: float | None = None) -> int:
    """Singular values that do not count."""
    return len(svals) - matrix_rank(svals, N, tol)


def matrix_entropy(svals: Array, N: int) -> float:
    """−Σ p ln p / ln(rank), p = λ/Σλ, with 1e-10 added to both."""
    return spectrum.entropy(svals, N)


def hard_rank(W: Array, sv: Array) -> int:
    """Rank of W with the tolerance of Numerical Recipes in single precision."""
    return int(np.linalg.matrix_rank(W, tol=np.max(sv) * FLOAT32 / (2.0 * math.sqrt(sum(W.shape) + 1))))


def stable_rank(evals: Array) -> float:
    """Σλ/λmax."""
    return float(np.sum(evals) / np.max(evals))


def mp_soft_rank(evals: Array, num_spikes: int) -> float:
    """The largest eigenvalue below the spikes over the largest of all."""
    descending = np.sort(np.asarray(evals))[::-1]
    return float(descending[num_spikes] / descending[0])


def calc_mp_soft_rank(evals: Array, Q: float, sigma: float) -> float:
    """λ₊/λmax."""
    return calc_lambda_plus(Q, sigma) / float(np.max(evals))


def calc_lambda_plus(Q: float, sigma: float) -> float:
    """Upper edge (σ(1 + 1/√Q))².

    >>> calc_lambda_plus(4.0, 2.0)
    9.0
    """
    return float((sigma * (1 + 1 / math.sqrt(Q))) ** 2)


def calc_lambda_minus(Q: float, sigma: float) -> float:
    """Lower edge (σ(1 − 1/√Q))²."""
    return float((sigma * (1 - 1 / math.sqrt(Q))) ** 2)


def calc_sigma(Q: float, evals: Array) -> float:
    """The σ whose upper edge is the largest eigenvalue."""
    return math.sqrt(float(np.max(evals))) / (1 + 1 / math.sqrt(Q))


def marchenko_pastur_fun(x: Array, Q: float, sigma: float = 1) -> tuple[Array, Array, float, float]:
    """(x, density, lower edge, upper edge); 0 outside the edges."""
    low, high = calc_lambda_minus(Q, sigma), calc_lambda_plus(Q, sigma)
    return x, _marchenko_pastur(x, Q, sigma), low, high


def _marchenko_pastur(x: Array, Q: float, sigma: float) -> Array:
    low, high = calc_lambda_minus(Q, sigma), calc_lambda_plus(Q, sigma)
    inside = np.sqrt(np.maximum((high - x) * (x - low), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(Q * inside / (2 * np.pi * sigma * sigma * x)))


def marchenko_pastur_pdf(
    x_min: float, x_max: float, Q: float, sigma: float = 1.0, grid_size: float = 0.001
) -> tuple[Array, Array]:
    """(x, density) between the edges, and between x_min and x_max."""
    x = np.arange(max(x_min, calc_lambda_minus(Q, sigma)), min(x_max, calc_lambda_plus(Q, sigma)), grid_size)
    return x, _marchenko_pastur(x, Q, sigma)


def quarter_circle_fun(x: Array, sigma: float = 1) -> tuple[Array, Array]:
    """(x, density √(4σ² − x²)/(πσ²)) of singular values; WeightWatcher leaves the σ out of the root."""
    return x, np.sqrt(np.maximum(4 * sigma * sigma - x**2, 0.0)) / (np.pi * sigma * sigma)


def quarter_circle_pdf(
    x_min: float, x_max: float, sigma: float = 1.0, grid_size: float = 0.001
) -> tuple[Array, Array]:
    """The same on a grid."""
    return quarter_circle_fun(np.arange(x_min, min(x_max, 2 * sigma), grid_size), sigma)


def spike_min(Q: float) -> float:
    """The weakest perturbation that leaves the bulk, Q^(−1/4)."""
    return float(Q**-0.25)


def spike_lmax(S: float, Q: float) -> float:
    """Where the eigenvalue of a perturbation of strength S lies, (1/Q + S²)(1 + 1/S²)."""
    return (1 / Q + S * S) * (1 + 1 / (S * S))


def mu4alpha(alpha: float) -> float:
    """The exponent μ of entries whose matrix has the tail exponent α."""
    return 2 * (alpha - 1) if alpha < 2 else 2.0 if alpha <= 3 else alpha - 1


def shuf_matrix(W: Array, seed: int | None = None) -> Array:
    """A matrix of entries of W in random places, each as often as in W.

    WeightWatcher draws with repetition, which is no shuffle.
    """
    return np.asarray(np.random.default_rng(seed).permutation(W.reshape(-1))).reshape(W.shape)


def permute_matrix(W: Array) -> tuple[Array, Array]:
    """W with its entries in other places, and the places."""
    ids = np.random.default_rng().permutation(W.size)
    return W.reshape(-1)[ids].reshape(W.shape), ids


def unpermute_matrix(W: Array, p_ids: Array) -> Array:
    """Back again."""
    return W.reshape(-1)[np.argsort(p_ids)].reshape(W.shape)


def jensen_shannon_distance(p: Array, q: Array) -> float:
    """√ of the Jensen–Shannon divergence, in nats, of two vectors as probabilities."""
    return jensen_shannon(np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64))


def line_entropy(data: Array) -> float:
    """Entropy in nats of the histogram of the values, with the number of bins by Sturges.

    WeightWatcher lets NumPy choose the bins; for [1, 1, 1, 1, 1, 0, 0, 1, 1, 1] that is one, and 0 for 0.5.

    >>> round(line_entropy(np.array([1, 1, 1, 1, 1, 0, 0, 1, 1, 1])), 3)
    0.5
    """
    counts, _ = np.histogram(np.asarray(data, dtype=np.float64), bins="sturges")
    share = counts[counts > 0] / np.sum(counts)
    return float(abs(np.sum(share * np.log(share))))


def rescale_eigenvalues(evals: Array) -> tuple[Array, float]:
    """(λ·n/Σλ, √(n/Σλ))."""
    scale = math.sqrt(len(evals) / float(np.sum(evals)))
    return scale * scale * evals, scale


def un_rescale_eigenvalues(evals: Array, Wscale: float) -> Array:
    """Back again."""
    return evals / (Wscale * Wscale)


def detX_constraint(evals: Array, rescale: bool = True) -> tuple[int, int]:
    """(number, index of the smallest) of the largest of ascending eigenvalues, until their product is below 1.

    By the sum of logarithms: the product itself is 0 or infinite from some thousand eigenvalues on.
    """
    if evals is None or len(evals) < 2 or not evals[0] < evals[-1]:
        return 0, 0
    values = rescale_eigenvalues(evals)[0] if rescale else np.asarray(evals)
    with np.errstate(divide="ignore"):
        sums = np.cumsum(np.log(values[:0:-1]))
    below = np.flatnonzero(sums < 0)
    return (int(below[0]) + 1, len(evals) - 1 - int(below[0])) if below.size else (len(evals), 1)


def combine_weights_and_biases(W: Array, b: Array | None) -> Array:
    """W with the biases as one more row or column, whichever fits; W itself for none that sum to something above 0."""
    if b is None or not np.sum(b) > c.EPSILON:
        return W
    return np.vstack([W, b]) if W.shape[1] == b.shape[0] else np.vstack([W.T, b]).T


def fit_clipped_powerlaw(
    evals: Array, max_fingers: int = c.DEFAULT_MAX_FINGERS, finger_thresh: float = c.DEFAULT_FINGER_THRESH
) -> tuple[power_law.Fit, int, power_law.Fit]:
    """(fit, number of fingers, fit of everything) of ascending eigenvalues, as WeightWatcher finds them.

    ValueError where there are too few.
    """
    found = power_law.without_fingers(
        np.sort(np.asarray(evals, dtype=np.float64)), max_fingers, finger_thresh
    )
    if found is None:
        raise ValueError(f"{len(evals)} eigenvalues are too few for {max_fingers} fingers")
    return found
