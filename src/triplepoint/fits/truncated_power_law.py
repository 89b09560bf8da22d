"""The power law with exponential cut-off, p(x) ∝ x^(−α)·e^(−Λx) for x ≥ xmin, Λ ≥ 0, by maximum likelihood.

With u = ln(x/xmin) it is an exponential family with statistics u and w(u) = eᵘ − 1 − u (see `_tilted`), so the
negative log-likelihood is strictly convex in β = α − 1 + z and z = Λ·xmin. Newton's method from the exponential law
(α = 0, Λ = 1/(mean − xmin)), which belongs to the family, finds its only minimum; no step takes more than nine tenths
of z away. The minimum exists for every tail of unequal points. A tail enters by the means of its two statistics alone,
so convergence can be tried on a grid over all there are: of 15,600 pairs, mean(u) from 1e-7 to 200 and mean(w) from
1e-9 to 1e12 times above the least it can be, none failed. A line search was never needed there, and lost 604 to
rounding.

On the edge Λ = 0 stands the power law α₀ = 1 + 1/mean(u). It is the maximum if and only if the likelihood does not
grow into the inside there: α₀ > 2 and mean(x/xmin) − 1 ≥ 1/(α₀ − 2), the mean of the power law itself. So that case is
told in closed form, and is returned with Λ = 0 exactly; so is a maximum at z < 1e-20, where no point of a spectrum in
float64 feels the cut-off. α below 0 is a legal answer: such a tail is not heavy.

Many tails are fitted in one call; their statistics are suffix sums. Cost: 0.04 ms a tail in a search, 1 ms alone
(`benchmarks/tail_laws.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.fits._tail import left_distance, log_ratios
from triplepoint.fits._tilted import Z_FLOOR, Moments, distribution, moments, w
from triplepoint.records import Reason, TailFit

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]

MIN_POINTS = 3
# Tails in one array operation, 144 KiB an array of their nodes: the search of n = 4096 Pareto points took 0.77 s with
# 64, 0.95 s with 32, 1.36 s with 128 to 512.
AT_ONCE = 64
# 50 were enough for every tail of the grid.
MAX_STEPS = 100
# Half the squared Newton decrement is what is left to gain in the log-likelihood of one point.
ENOUGH = 1e-24
ROUNDING = 1e-13


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of a batch of tails; NaN where the tail has no fit, z = 0 for the power law. Every field (tails,)."""

    beta: Array
    """α − 1 + z."""
    z: Array
    """Λ · xmin."""

    @property
    def alpha(self) -> Array:
        """The exponent."""
        return 1 + self.beta - self.z

    def distribution(self, u: Array) -> Array:
        """F at u = ln(x/xmin), (tails, points)."""
        power = self.z == 0
        value = np.full(np.broadcast_shapes(u.shape, (self.z.size, 1)), np.nan)
        u = np.broadcast_to(u, value.shape)
        value[power] = -np.expm1(-self.beta[power, None] * u[power])
        inside = self.z > 0
        if inside.any():
            value[inside] = distribution(self.beta[inside], self.z[inside], u[inside])
        return value


def fit_truncated(ascending: Array, start: int) -> TailFit | Reason:
    """The law on the points from index `start` on.

    >>> fit = fit_truncated(1 / np.linspace(1, 0.02, 50), 0)
    >>> round(fit.alpha, 3), round(fit.rate, 4)
    (1.941, 0.011)
    """
    tail = ascending[start:]
    u = log_ratios(tail)
    if u.size < MIN_POINTS or u[-1] <= 0:
        return Reason.degenerate_tail
    found = maximise(np.array([np.mean(u)]), np.array([np.mean(w(u))]))
    beta, z = float(found.beta[0]), float(found.z[0])
    if not math.isfinite(beta):
        return Reason.undefined
    log_norm = float(moments(found.beta, found.z).log_norm[0]) if z > 0 else -math.log(beta)
    per_point = (1 + beta) * float(np.mean(u)) + z * float(np.mean(w(u))) + log_norm + math.log(tail[0])
    return TailFit(
        xmin=float(tail[0]),
        num_tail=u.size,
        alpha=1 + beta - z,
        rate=z / float(tail[0]),
        ks_distance=left_distance(found.distribution(u[None])[0]),
        log_likelihood=-u.size * per_point,
    )


def maximise(mean_u: Array, mean_w: Array) -> Parameters:
    """The likelihood's maximum for every pair of mean statistics; both (tails,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        # The statistics lie above the curve (u, w(u)) unless all points are one.
        valid = (mean_u > 0) & (mean_w > w(mean_u) * (1 + 1e-12))
        beta = np.where(valid, 1 / mean_u, np.nan)
        grows = (beta <= 1) | (mean_u + mean_w < 1 / (beta - 1))
    z = np.where(valid, 0.0, np.nan)
    inside = np.flatnonzero(valid & grows)
    for i in range(0, inside.size, AT_ONCE):
        some = inside[i : i + AT_ONCE]
        newton_beta, newton_z = _newton(mean_u[some], mean_w[some])
        power = newton_z < Z_FLOOR
        beta[some] = np.where(power, beta[some], newton_beta)
        z[some] = np.where(power, 0.0, newton_z)
    return Parameters(beta, z)


def _newton(mean_u: Array, mean_w: Array) -> tuple[Array, Array]:
    """β and z for tails whose maximum has z > 0; NaN where it did not converge."""
    z = 1 / (mean_u + mean_w)
    beta = z - 1
    out_beta, out_z = np.full_like(beta, np.nan), np.full_like(z, np.nan)
    index = np.arange(beta.size)
    last = np.full_like(z, np.inf)
    for _ in range(MAX_STEPS):
        step_beta, step_z, decrement = _step(moments(beta, z), mean_u, mean_w)
        # Below rounding the decrement no longer falls; then nothing is left to gain.
        done = (decrement < ENOUGH) | ((last < ROUNDING) & (decrement > last / 16)) | (z < Z_FLOOR)
        out_beta[index[done]], out_z[index[done]] = beta[done], z[done]
        length = _longest(z, step_z)
        beta, z = beta + length * step_beta, z + length * step_z
        keep = ~done & np.isfinite(decrement)
        if not keep.any():
            break
        index, last = index[keep], decrement[keep]
        beta, z, mean_u, mean_w = (array[keep] for array in (beta, z, mean_u, mean_w))
    return out_beta, out_z


def _step(here: Moments, mean_u: Array, mean_w: Array) -> tuple[Array, Array, Array]:
    """The Newton step in β and z, and its squared decrement."""
    scale, rise = np.exp(here.peak), np.expm1(here.peak)
    sample_s = mean_u - here.peak
    sample_w = (mean_w - w(here.peak) - rise * sample_s) / scale
    # In coordinates about the peak, where the two statistics are least alike.
    gap_s, gap_w = here.mean_s - sample_s, here.mean_w - sample_w
    determinant = here.var_s * here.var_w - here.cov**2
    step_s = (here.var_w * gap_s - here.cov * gap_w) / determinant
    step_w = (here.var_s * gap_w - here.cov * gap_s) / determinant
    step_z = step_w / scale
    return step_s - rise * step_z, step_z, step_s * gap_s + step_w * gap_w


def _longest(z: Array, step_z: Array) -> Array:
    """1, or less where the step would take more than nine tenths of z away."""
    with np.errstate(divide="ignore"):
        return np.where(step_z < 0, np.minimum(1.0, -0.9 * z / step_z), 1.0)
