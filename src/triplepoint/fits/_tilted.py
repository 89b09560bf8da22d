"""The family of densities ∝ exp(−βu − z·w(u)) on u ≥ 0, with w(u) = eᵘ − 1 − u: normalisation, moments, distribution.

With u = ln(x/xmin) this is the power law with exponential cut-off, p(x) ∝ x^(−α)·e^(−Λx), z = Λ·xmin and
β = α − 1 + z; its normalisation is the generalised exponential integral, E_α(z) = e^(−z)·∫ exp(−βu − z·w(u)) du, finite
for every real α when z > 0. Taking w instead of eᵘ keeps the two statistics apart where tails are short: u and eᵘ − 1
are nearly equal for small u, u and w(u) ≈ u²/2 are not.

The exponent is concave, with its maximum at u* = ln(1 + max(0, −β)/z). In s = u − u* it reads −max(0, β)·s − c·w(s)
with c = z + max(0, −β), which loses no digits for any β. The interval where it lies within 42 of its maximum is cut
into 12 panels of 24 Gauss–Legendre nodes; on the right the interval is that of the integrand times e^(2u), so that the
second moment of w is whole. Against mpmath for α from −300 to 80 and z from 1e-20 to 1000: ln E to 4e-15, first
moments to 5e-14, second to 6e-13 relative. With 8 panels of 16 nodes they are 2e-7, 9e-7, 2e-5.

The distribution function is the antiderivative of the Legendre interpolant of each panel, at the same nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import legendre

Array = np.ndarray[Any, np.dtype[np.float64]]

PANELS = 12
NODES = 24
# The integrand is dropped where it is below e^(−42) = 6e-19 of its maximum.
DROP = 42.0
# Below this z the rule no longer resolves the cut-off, and e^(−Λx) no longer differs from 1 on a spectrum in float64.
Z_FLOOR = 1e-20


def _rule() -> tuple[Array, Array, Array]:
    """Nodes and weights on [0, 1], and the matrix from values at a panel's nodes to its antiderivative."""
    points, weights = legendre.leggauss(NODES)
    nodes = ((np.arange(PANELS)[:, None] + (points + 1) / 2) / PANELS).ravel()
    degree = np.arange(NODES)
    # Coefficients of the interpolant: the rule is exact for the products of two Legendre polynomials it needs.
    coefficients = (legendre.legvander(points, NODES - 1) * weights[:, None]).T * (degree[:, None] + 0.5)
    integral = legendre.legint(coefficients, lbnd=-1, axis=0) / (2 * PANELS)
    return nodes, np.tile(weights / (2 * PANELS), PANELS), integral.T


POSITIONS, WEIGHTS, INTEGRAL = _rule()


# Below this |u| the difference loses digits, 2·2⁻⁵²/u of them, and nine terms of the series are exact.
SERIES_BELOW = 0.125


def w(u: Array) -> Array:
    """eᵘ − 1 − u."""
    value = np.expm1(u) - u
    small = np.abs(u) < SERIES_BELOW
    if np.any(small):
        value = np.where(small, _series(np.where(small, u, 0.0)), value)
    return np.asarray(value)


def _series(u: Array) -> Array:
    value = 1 + u / 10
    for k in range(9, 2, -1):
        value = 1 + u / k * value
    return u * u / 2 * value


@dataclass(frozen=True, slots=True)
class Range:
    """Where the integrand of each member of the family lies; every field (members,)."""

    peak: Array
    """u*, the maximum of the density."""
    slope: Array
    """max(0, β)."""
    curvature: Array
    """c = z·e^(u*)."""
    low: Array
    """Start of the interval, in s = u − u*."""
    length: Array

    @classmethod
    def of(cls, beta: Array, z: Array) -> Range:
        """For any β and z > 0."""
        rise = np.maximum(-beta, 0.0)
        slope = np.maximum(beta, 0.0)
        curvature = z + rise
        peak = np.log1p(rise / z)
        drop = DROP / curvature
        low = np.minimum(peak, np.minimum(1 + drop, np.sqrt(2 * drop) + drop))
        high = _reach(drop)
        # The second moment of w carries e^(2u).
        for _ in range(3):
            high = _reach(drop + 2 * high / curvature)
        steep = slope > 2
        high[steep] = np.minimum(high[steep], DROP / (slope[steep] - 2))
        return cls(peak, slope, curvature, -low, high + low)

    def integrand(self) -> tuple[Array, Array, Array]:
        """(s, w(s), exp(−slope·s − c·w(s))), each (members, PANELS · NODES)."""
        s = self.low[:, None] + self.length[:, None] * POSITIONS
        rest = np.expm1(s)
        rest -= s
        short = np.maximum(self.length + self.low, -self.low) < SERIES_BELOW
        if short.any():
            rest[short] = _series(s[short])
        density = self.slope[:, None] * s
        density += self.curvature[:, None] * rest
        np.negative(density, out=density)
        return s, rest, np.exp(density, out=density)


def _reach(y: Array) -> Array:
    """An upper bound of the s > 0 with w(s) = y, less than 0.25 above it."""
    return np.where(y < 1, np.sqrt(2 * y), np.log1p(y + 2 * np.log1p(y)))


@dataclass(frozen=True, slots=True)
class Moments:
    """ln ∫ exp(−βu − z·w(u)) du and the moments of s and w(s) about the peak; every field (members,)."""

    log_norm: Array
    peak: Array
    mean_s: Array
    mean_w: Array
    var_s: Array
    var_w: Array
    cov: Array


def moments(beta: Array, z: Array) -> Moments:
    """Of every member of the family. Cost: 3.4 µs a member, 64 at a time."""
    where = Range.of(beta, z)
    s, rest, density = where.integrand()
    density *= WEIGHTS
    total = density.sum(axis=1)
    density /= total[:, None]
    mean_s = np.einsum("ij,ij->i", density, s)
    mean_w = np.einsum("ij,ij->i", density, rest)
    s -= mean_s[:, None]
    rest -= mean_w[:, None]
    weighted = density * s
    peak = where.peak
    return Moments(
        # −βu* − z·w(u*), written without the cancellation.
        np.log(total * where.length) + np.maximum(z - beta, 0.0) * w(-peak),
        peak,
        mean_s,
        mean_w,
        np.einsum("ij,ij->i", weighted, s),
        np.einsum("ij,ij,ij->i", density, rest, rest),
        np.einsum("ij,ij->i", weighted, rest),
    )


def distribution(beta: Array, z: Array, u: Array) -> Array:
    """F(u) of every member; β and z (members,), z > 0, u (members, points) or (1, points).

    To 1e-12; to 2e-10 where z = 1e-18 and α ≤ 0, far outside what spectra have.
    """
    where = Range.of(beta, z)
    members = beta.size
    values = where.integrand()[2].reshape(members * PANELS, NODES)
    pieces = values @ INTEGRAL
    # All Legendre polynomials are 1 at the right end of the panel.
    ends = np.cumsum(pieces.sum(axis=1).reshape(members, PANELS), axis=1)
    starts = np.concatenate([np.zeros((members, 1)), ends[:, :-1]], axis=1)
    position = ((u - where.peak[:, None]) - where.low[:, None]) * (PANELS / where.length[:, None])
    position = np.clip(position, 0.0, PANELS)
    panel = np.minimum(position.astype(np.intp), PANELS - 1)
    local = 2 * (position - panel) - 1
    flat = panel + PANELS * np.arange(members)[:, None]
    value = starts.ravel()[flat] + _clenshaw(np.ascontiguousarray(pieces.T), flat, local)
    return np.asarray(value / ends[:, -1:])


def _clenshaw(coefficients: Array, which: np.ndarray[Any, np.dtype[np.intp]], t: Array) -> Array:
    """Σ_k coefficients[k, which]·P_k(t), by the downward recurrence."""
    above, value = np.zeros_like(t), np.zeros_like(t)
    for k in range(len(coefficients) - 1, -1, -1):
        above, value = (
            value,
            coefficients[k].take(which) + ((2 * k + 1) / (k + 1)) * t * value - ((k + 1) / (k + 2)) * above,
        )
    return value
