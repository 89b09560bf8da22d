"""Matrices whose spectral class is known, because it was made: the ground truth of `diagnosis.classify_spectrum`.

Every world depends on (seed, class, index) alone. Sizes: M log-uniform in 64 … 768, Q = 1 in a fifth of the draws and
log-uniform in 1 … 8 otherwise (N ≤ 3072); any scale between 10⁻³ and 10³; one in two is transposed. Strengths are drawn
in the ranges that the functions state, up to and over the borders, so that no classifier can always be right:

- random_like: independent Gaussian, uniform, ±1 or Student-t(8 … 30) entries;
- bleeding_out: Gaussian noise plus 1 … 5 % of directions, all eigenvalues within 1.2 times the edge;
- bulk_spikes: Gaussian noise plus 1 … 0.05 M directions, the largest 1.2 … 10 times the edge;
- bulk_decay: a population of variances that spreads without a power law (gamma, log-uniform, log-normal, a body with an
  exponential tail), or 8 … 30 % of directions whose distance from the edge is exponential;
- heavy_tailed: entries with tail exponent μ in 1.5 … 3.2; a power-law population W = ZΣ^½, whole or above a body; a
  planted power-law spectrum; noise plus directions with power-law strengths that reach into the bulk;
- rank_collapse: products of lower rank, zeroed columns, exponentially falling singular values, over a floor of
  10⁻¹⁶ … 10⁻⁷ of the mean eigenvalue.

Where a spike lies: for W = Z + θ√N·uvᵀ with unit noise, the eigenvalue of WᵀW/N sits at (1 + θ²)(y + θ²)/θ², y = M/N,
once θ⁴ > y (Benaych-Georges and Nadakuditi 2012, arXiv 1103.2221).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from triplepoint.facts import Facts
from triplepoint.fits import FitSettings
from triplepoint.linalg import choose_backend, decompose
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import BulkFit, BulkNull, PowerLawFit, Reason, SpectralClass, Spectrum

SEED = 20_261_122
CLASSES = tuple(name for name in SpectralClass if name is not SpectralClass.undecided)
SIDES = (64, 768)
RATIOS = (1.0, 8.0)
LONGEST = 3072
NEAR = 1.2


@dataclass(frozen=True, slots=True, eq=False)
class SpectralWorld:
    """One matrix with its class and the family it was drawn from."""

    truth: SpectralClass
    family: str
    matrix: np.ndarray


def spectral_world(truth: SpectralClass, index: int, seed: int = SEED, sides=SIDES) -> SpectralWorld:
    """World number `index` of a class; (seed, class, index) decide everything."""
    generator = np.random.default_rng([seed, CLASSES.index(truth), index])
    m = round(_log_uniform(generator, *sides))
    ratio = 1.0 if generator.uniform() < 0.2 else _log_uniform(generator, *RATIOS)
    shape = (max(m, min(round(m * ratio), LONGEST)), m)
    family, matrix = _MAKERS[truth](shape, generator)
    matrix = matrix * _log_uniform(generator, 1e-3, 1e3)
    return SpectralWorld(truth, family, matrix.T if generator.uniform() < 0.5 else matrix)


def records_of(matrix):
    """(Spectrum, PowerLawFit, BulkNull, BulkFit) of a matrix, a record that cannot be had as its `Reason`."""
    found = decompose(matrix[None] if matrix.ndim == 2 else matrix, "precise", choose_backend())
    assert not isinstance(found, Reason), found
    values = np.sort(found.singular_values, axis=None)[::-1]
    spectrum = Spectrum(
        values,
        found.shape,
        slices=len(found.singular_values),
        method=found.method,
        epsilon=found.epsilon,
        storage_epsilon=found.storage_epsilon,
        resolved_from=float(values[0] ** 2 * found.resolved_ratio),
    )
    facts = Facts(found, spectrum, FitSettings(), NullSettings())
    return spectrum, *(facts.get(kind) for kind in (PowerLawFit, BulkNull, BulkFit))


def noise(shape, generator):
    """Independent entries without heavy tails."""
    kind = generator.choice(["gaussian", "uniform", "sign", "student"])
    if kind == "gaussian":
        return kind, generator.standard_normal(shape)
    if kind == "uniform":
        return kind, generator.uniform(-1, 1, shape)
    if kind == "sign":
        return kind, generator.choice([-1.0, 1.0], shape)
    return kind, generator.standard_t(generator.uniform(8, 30), shape)


def bleeding(shape, generator):
    """1 … 5 % of directions just above the edge; drawn weaker until the largest lies within 1.2 times it."""
    count = max(1, round(generator.uniform(0.01, 0.05) * shape[1]))
    reach = 0.2
    while True:
        matrix = spiked(shape, 1.01 + generator.uniform(0.0, reach, count), generator)
        if largest_over_edge(matrix, count) <= NEAR:
            return "bleeding", matrix
        reach *= 0.85


def spikes(shape, generator):
    """1 … 0.05 M directions, the largest 1.2 … 10 times the edge; few are as likely as many."""
    count = round(_log_uniform(generator, 1, max(1.01, 0.05 * shape[1])))
    top = _log_uniform(generator, NEAR, 10)
    while True:
        ratios = np.exp(generator.uniform(math.log(1.05), math.log(top), count))
        ratios[0] = top
        matrix = spiked(shape, ratios, generator)
        if largest_over_edge(matrix, count) > NEAR:
            return "spikes", matrix
        top *= 1.02


def decay(shape, generator):
    """A bulk that has spread, without a power law."""
    kind = generator.choice(["gamma", "log-uniform", "log-normal", "continuum", "body and exponential"])
    m = shape[1]
    if kind == "continuum":
        count = round(generator.uniform(0.08, 0.3) * m)
        ratios = 1.01 + generator.exponential(generator.uniform(0.3, 1.5), count)
        return kind, spiked(shape, ratios, generator)
    if kind == "body and exponential":
        steepness = generator.uniform(0.3, 2.0)
        variances = body_and_tail(lambda count: 1 + generator.exponential(steepness, count), m, generator)
    elif kind == "gamma":
        variances = generator.gamma(generator.uniform(1, 6), size=m)
    elif kind == "log-uniform":
        variances = np.exp(generator.uniform(0, math.log(generator.uniform(4, 30)), m))
    else:
        variances = np.exp(generator.uniform(0.4, 0.8) * generator.standard_normal(m))
    return kind, _rotated(generator.standard_normal(shape) * np.sqrt(variances), generator)


def heavy(shape, generator):
    """A power law that reaches into the bulk."""
    kind = generator.choice(
        ["student entries", "pareto entries", "population", "body and tail", "planted", "noise and planted"]
    )
    n, m = shape
    if kind == "student entries":
        return kind, generator.standard_t(generator.uniform(1.5, 3.2), shape)
    if kind == "pareto entries":
        return kind, generator.choice([-1.0, 1.0], shape) * generator.pareto(
            generator.uniform(1.5, 3.2), shape
        )
    alpha = generator.uniform(1.6, 4.0)
    if kind == "population":
        variances = 1 + generator.pareto(alpha - 1, m)
        return kind, _rotated(generator.standard_normal(shape) * np.sqrt(variances), generator)
    if kind == "body and tail":
        variances = body_and_tail(lambda count: 1 + generator.pareto(alpha - 1, count), m, generator)
        return kind, _rotated(generator.standard_normal(shape) * np.sqrt(variances), generator)
    if kind == "planted":
        return kind, _with_singular_values(np.sqrt(1 + generator.pareto(alpha - 1, m)), shape, generator)
    count = round(generator.uniform(0.25, 1.0) * m)
    ranks = np.arange(1, count + 1)
    strengths = (count / ranks) ** (1 / (alpha - 1)) * generator.uniform(0.5, 2.0) * math.sqrt(m / n)
    return kind, _planted(shape, np.sqrt(strengths), generator)


def body_and_tail(tail, m, generator):
    """Variances: 15 … 60 % in the tail from 1 on, the others below with density ∝ x^(1/s − 1), s = 0.3 … 2."""
    count = round(generator.uniform(0.15, 0.6) * m)
    body = np.maximum(generator.uniform(size=m - count), 1e-3) ** generator.uniform(0.3, 2.0)
    return np.concatenate([body, tail(count)])


def collapsed(shape, generator):
    """More than 5 % of the eigenvalues next to nothing."""
    kind = generator.choice(["product", "zeroed columns", "falling"])
    n, m = shape
    if kind == "product":
        rank = max(2, round(generator.uniform(0.05, 0.93) * m))
        matrix = generator.standard_normal((n, rank)) @ generator.standard_normal((rank, m))
    elif kind == "zeroed columns":
        matrix = generator.standard_normal(shape)
        matrix[:, : math.ceil(generator.uniform(0.06, 0.6) * m)] = 0.0
    else:
        decades = generator.uniform(4.0, 12.0)
        matrix = _with_singular_values(10 ** (-decades * np.arange(m) / m), shape, generator)
    floor = _log_uniform(generator, 1e-16, 1e-7)
    variance = floor * float(np.square(matrix).sum()) / (n * m)
    return kind, matrix + math.sqrt(variance) * generator.standard_normal(shape)


def spiked(shape, ratios, generator):
    """Unit noise plus directions whose eigenvalues lie at `ratios` times the Marchenko–Pastur edge."""
    y = shape[1] / shape[0]
    place = np.asarray(ratios) * (1 + math.sqrt(y)) ** 2 - 1 - y
    return _planted(shape, np.sqrt((place + np.sqrt(np.square(place) - 4 * y)) / 2), generator)


def largest_over_edge(matrix, count):
    """λmax of unit noise plus `count` directions over the edge of what is left without them, (N − k) x (M − k)."""
    n, m = (side - count for side in matrix.shape)
    top = float(np.linalg.eigvalsh(matrix.T @ matrix)[-1])
    return top / (math.sqrt(n) + math.sqrt(m)) ** 2


def _planted(shape, strengths, generator):
    """Unit noise plus θ√N·uvᵀ for every strength θ, in random orthonormal directions."""
    n, m = shape
    left = np.linalg.qr(generator.standard_normal((n, len(strengths))))[0]
    right = np.linalg.qr(generator.standard_normal((m, len(strengths))))[0]
    return generator.standard_normal(shape) + math.sqrt(n) * (left * strengths) @ right.T


def _with_singular_values(values, shape, generator):
    n, m = shape
    left = np.linalg.qr(generator.standard_normal((n, m)))[0]
    return (left * values) @ np.linalg.qr(generator.standard_normal((m, m)))[0].T


def _rotated(matrix, generator):
    """The same spectrum with entries of equal variance, in one draw of two."""
    if generator.uniform() < 0.5:
        return matrix
    side = matrix.shape[1]
    return matrix @ np.linalg.qr(generator.standard_normal((side, side)))[0]


def _log_uniform(generator, low, high):
    return math.exp(generator.uniform(math.log(low), math.log(high)))


_MAKERS = {
    SpectralClass.random_like: noise,
    SpectralClass.bleeding_out: bleeding,
    SpectralClass.bulk_spikes: spikes,
    SpectralClass.bulk_decay: decay,
    SpectralClass.heavy_tailed: heavy,
    SpectralClass.rank_collapse: collapsed,
}
