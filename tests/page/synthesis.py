"""A model that was never trained: its layers, and what a scan would have found of each at a share of the training.

Spectra are the singular values of real noise whose largest are lifted to a power law of a given α. What follows from
the singular values alone (norms, ranks, entropies) is computed from them; α, its interval and xmin are those that were
planted. A layer's phase drifts from under- to well- to (in some) over-trained, later in deeper blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from triplepoint.records import (
    Classified,
    Finding,
    MatrixRow,
    Phase,
    Reason,
    Severity,
    SpectralClass,
    Trap,
    TrapEntry,
)
from triplepoint.records.traps import Cause

BLOCKS = 24


@dataclass(frozen=True, slots=True)
class Layer:
    """One matrix of the model, or a vector that a scan leaves out."""

    id: str
    shape: tuple[int, int]
    """(rows, columns); (n, 1) for a vector."""
    kind: str
    depth: float
    """0 at the input, 1 at the output."""
    number: int
    """Seeds what is its own."""

    @property
    def vector(self) -> bool:
        return self.shape[1] == 1


def model(layers: int, width: int) -> tuple[Layer, ...]:
    """`layers` matrices in up to 24 blocks, and one norm vector a block; the kinds and shapes of a transformer."""
    w = width
    kinds = (
        *(("attention.query", (w, w), "attention"), ("attention.key", (w, w), "attention")),
        *(("attention.value", (w, w), "attention"), ("attention.output", (w, w), "dense")),
        *(
            ("mlp.up", (4 * w, w), "dense"),
            ("mlp.down", (w, 4 * w), "dense"),
            ("mlp.gate", (2 * w, w), "dense"),
        ),
        *(("mix.in", (2 * w, w), "dense"), ("mix.out", (w, 2 * w), "dense"), ("conv", (3 * w, w), "conv1d")),
        *(("router", (w, w // 2), "dense"), ("adapter", (w, w // 4), "adapter")),
    )
    ends = (("embed.tokens", (6 * w, w), "embedding"), ("head", (6 * w, w), "dense"))
    inner = max(0, layers - len(ends))
    blocks = max(1, min(BLOCKS, math.ceil(inner / len(kinds))))
    share = [inner // blocks + (k < inner % blocks) for k in range(blocks)]
    found: list[tuple[str, tuple[int, int], str, float]] = []
    if layers:
        found.append((f"{ends[0][0]}.weight", *ends[0][1:], 0.0))
    for block, count in enumerate(share):
        deep = (block + 0.5) / blocks
        found.append((f"blocks.{block}.norm.weight", (w, 1), "dense", deep))
        for place in range(count):
            name, shape, kind = kinds[place % len(kinds)]
            again = "" if place < len(kinds) else f"_{place // len(kinds)}"
            found.append((f"blocks.{block}.{name}{again}.weight", shape, kind, deep))
    if layers > 1:
        found.append((f"{ends[1][0]}.weight", *ends[1][1:], 1.0))
    return tuple(Layer(*parts, number) for number, parts in enumerate(found))


@lru_cache(maxsize=64)
def noise(shape: tuple[int, int], seed: int) -> np.ndarray:
    """(M,) singular values of Gaussian noise of variance 1/N, descending."""
    values = np.linalg.svd(np.random.default_rng([seed, *shape]).standard_normal(shape), compute_uv=False)
    return values / math.sqrt(max(shape))


def alpha_at(layer: Layer, share: float, seed: int) -> float:
    """The exponent after a share of the training: 8 at first, 2.4 … 4 where right, below 2 in one layer of nine."""
    generator = np.random.default_rng([seed, layer.number])
    start, end, late = (
        generator.uniform(6.5, 9.0),
        generator.uniform(2.4, 4.2),
        generator.uniform(-0.06, 0.06),
    )
    learned = 1 / (1 + math.exp(-14 * (share - 0.18 - 0.35 * layer.depth - late)))
    memorised = max(0.0, share - 0.72) * 6.0 if layer.number % 9 == 4 else 0.0
    wobble = 0.08 * math.sin(40 * share + layer.number)
    return float(max(1.25, start + (end - start) * learned - memorised + wobble))


def spectrum(layer: Layer, alpha: float, seed: int) -> tuple[np.ndarray, int]:
    """((M,) σ descending, number of them in the planted tail)."""
    bulk = noise(layer.shape, seed)
    size = bulk.size
    count = max(4, round(size * min(0.5, 1.6 / alpha)))
    start = bulk[count - 1] ** 2
    # Quantiles of a power law of λ with this exponent from `start` on.
    tail = start * ((np.arange(count) + 0.5) / count) ** (-1 / (alpha - 1))
    sigma = bulk.copy()
    sigma[:count] = np.maximum(np.sqrt(np.minimum(tail, start * 1e6)), bulk[:count])
    return np.sort(sigma)[::-1], count


def row(layer: Layer, share: float, seed: int = 0) -> MatrixRow:
    """What a look at the layer finds after a share of the training."""
    common = {
        "id": layer.id,
        "name": layer.id,
        "part": None,
        "sources": (layer.id,),
        "dtype": "F32",
        "scale": 1.0,
    }
    if layer.vector:
        return MatrixRow(
            **common,
            tensor_shape=(layer.shape[0],),
            kind=None,
            shape=None,
            num_eigenvalues=None,
            method=None,
            resolved_from=None,
            status="skipped",
            reason=Reason.vector,
            counted=False,
        )
    alpha = alpha_at(layer, share, seed)
    sigma, count = spectrum(layer, alpha, seed)
    half = 1.96 * (alpha - 1) / math.sqrt(count)
    phase, confidence = judged(alpha, half)
    metrics = _metrics(layer, sigma, alpha, half, count)
    return MatrixRow(
        **common,
        tensor_shape=layer.shape,
        kind=layer.kind,
        shape=(max(layer.shape), min(layer.shape)),
        num_eigenvalues=int(sigma.size),
        method="gram64",
        resolved_from=float(sigma[0] ** 2 * 1e-12),
        status="ok",
        reason=None,
        counted=True,
        phase=phase,
        phase_confidence=confidence,
        metrics=metrics,
        findings=_findings(alpha, half, phase, confidence),
        spectral_class=_classified(alpha),
        traps=_traps(metrics),
        singular_values=sigma,
        seconds=0.01,
        null_p=metrics["null_p"],
    )


def judged(alpha: float, half: float) -> tuple[Phase, float]:
    """Phase by the p-value against noise, else by the interval of α: how much of it (as a normal distribution) lies
    where the phase says."""
    if _null_p(alpha) > 0.01:
        return Phase.under_trained, round(1 - 0.01 / _null_p(alpha), 6)
    below = [0.5 * math.erfc((alpha - border) * 1.96 / half / math.sqrt(2)) for border in (2.0, 6.0)]
    shares = {
        Phase.over_trained: below[0],
        Phase.well_trained: below[1] - below[0],
        Phase.under_trained: 1 - below[1],
    }
    phase = max(shares, key=lambda one: shares[one])
    return (phase if shares[phase] > 0.9 else Phase.undecided), round(shares[phase], 6)


def _metrics(
    layer: Layer, sigma: np.ndarray, alpha: float, half: float, count: int
) -> dict[str, float | None]:
    values = sigma**2
    p = sigma / sigma.sum()
    entropy = float(-(p * np.log(p)).sum())
    total, top, n = float(values.sum()), float(values[0]), max(layer.shape)
    strength = 1.0 + max(0.0, 2.0 - alpha)
    return {
        "alpha": alpha,
        "alpha_sem": half / 1.96,
        "alpha_low": alpha - half,
        "alpha_high": alpha + half,
        "xmin": float(values[count - 1]),
        "xmax": top,
        "ks_distance": 0.04 + 0.02 * abs(math.sin(layer.number)),
        "num_tail": float(count),
        "alpha_weighted": alpha * math.log10(top),
        "bulk_sigma": 1 / math.sqrt(n),
        "bulk_edge": (1 + math.sqrt(min(layer.shape) / n)) ** 2,
        "num_spikes": float((values > (1 + math.sqrt(min(layer.shape) / n)) ** 2).sum()),
        "num_traps": float(alpha < 2) * 2,
        "max_trap_strength": strength,
        "stable_rank": total / top,
        "param_norm": total,
        "log_norm": math.log10(total),
        "log_spectral_norm": math.log10(top),
        "effective_rank": math.exp(entropy),
        "entropy": entropy / math.log(sigma.size),
        "participation_ratio": total**2 / float((values**2).sum()),
        "matrix_rank": float(sigma.size),
        "null_p": _null_p(alpha),
        "mp_softrank": None,
    }


def _null_p(alpha: float) -> float:
    return float(min(1.0, 10 ** (1.5 * (alpha - 8))))


def _findings(alpha: float, half: float, phase: Phase, confidence: float) -> tuple[Finding, ...]:
    between = f"{alpha - half:.2f} to {alpha + half:.2f}"
    if phase is Phase.over_trained:
        text = f"α is {alpha:.2f} ({between}), below 2: the layer has memorised."
        return (Finding("over_trained", Severity.error, text, confidence),)
    if phase is Phase.under_trained:
        text = f"α is {alpha:.2f} ({between}), p = {_null_p(alpha):.2f} against noise: little was learned."
        return (Finding("under_trained", Severity.warning, text, confidence),)
    if phase is Phase.undecided:
        return (Finding("wide_interval", Severity.info, f"α may lie from {between}.", None),)
    return ()


def _classified(alpha: float) -> Classified:
    ladder: Sequence[tuple[float, SpectralClass]] = (
        (4.0, SpectralClass.heavy_tailed),
        (6.0, SpectralClass.bulk_decay),
        (7.0, SpectralClass.bulk_spikes),
    )
    found = next((name for border, name in ladder if alpha < border), SpectralClass.random_like)
    return Classified(found, 0.9, f"planted α {alpha:.2f}")


def _traps(metrics: Mapping[str, float | None]) -> tuple[Trap, ...]:
    if not metrics["num_traps"]:
        return ()
    entries = (TrapEntry(3, 4, 41.0, 0.62), TrapEntry(7, 1, -17.5, 0.21))
    return (Trap(5.1, 1.9, Cause.few_huge_entries, entries, 1.4, 1.3, 0.01),)
