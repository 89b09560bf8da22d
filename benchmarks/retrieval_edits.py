"""Edits of the block matrices of MiniLM: smoothing at several strengths, what the spectrum says to keep, and controls.

Four families change every matrix by the same Frobenius norm, strength by strength: `keep` (the leading components,
Eckart and Young: no other edit of that rank changes less), `noise` (Gaussian), `rotate` (an orthogonal matrix from one
side: the singular values stay as they are, so no metric of the spectrum can see it) and `scale` (W → c·W). `subspace`
projects on as many random directions as `keep` keeps. The rest have no strength.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from triplepoint.edit import components, shrinking, traps
from triplepoint.nulls import NullSettings
from triplepoint.records import Reason

Array = np.ndarray[Any, Any]
SEED = 20_261_130
STRENGTHS = (0.90, 0.75, 0.50, 0.35, 0.25, 0.15, 0.10, 0.05)
"""Components kept, as shares of the smaller side."""
CONTROLLED, PROJECTED = STRENGTHS[:5], (0.90, 0.50, 0.25)
"""Beyond that every control has lost what the blocks know: retrieval is that of zero blocks."""
EQUAL = ("keep", "noise", "rotate", "scale")


class Known:
    """A matrix, its singular values and what the scan of the unedited model says of it."""

    def __init__(self, name: str, values: Array, metrics: Mapping[str, float | None]) -> None:
        self.name, self.values, self.metrics = name, values.astype(np.float64), metrics

    @cached_property
    def singular_values(self) -> Array:
        """From the largest on."""
        return np.asarray(np.linalg.svd(self.values, compute_uv=False))

    def count(self, metric: str) -> int:
        """A metric that counts components; where it has no value, all of them."""
        value = self.metrics[metric]
        return len(self.singular_values) if value is None else round(value)

    def kept(self, share: float) -> int:
        """Components that a share of the smaller side is."""
        return max(1, round(share * int(min(self.values.shape))))

    def change(self, share: float) -> float:
        """‖W − W_k‖_F of the smoothing that keeps this share."""
        return float(np.linalg.norm(self.singular_values[self.kept(share) :]))


Change = Callable[[Known, np.random.Generator], Array]
Graded = Callable[..., Array]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to edit every matrix."""

    family: str
    strength: float | None
    change: Change

    @property
    def name(self) -> str:
        """`keep 25 %`, or the family alone."""
        return (
            self.family if self.strength is None else f"{self.family} {self.strength:.0%}".replace("%", " %")
        )

    def apply(self, matrix: Known) -> Array:
        """The edited matrix in float32; its random stream depends on the names of variant and matrix."""
        streams = [SEED, zlib.crc32(self.name.encode()), zlib.crc32(matrix.name.encode())]
        return self.change(matrix, np.random.default_rng(streams)).astype(np.float32)


def keep(matrix: Known, _generator: np.random.Generator, share: float) -> Array:
    """The leading components, a share of the smaller side."""
    return components.keep_leading(matrix.values, matrix.kept(share))


def noise(matrix: Known, generator: np.random.Generator, share: float) -> Array:
    """Gaussian noise with the norm of what smoothing takes away."""
    drawn = generator.standard_normal(matrix.values.shape)
    return np.asarray(matrix.values + drawn * (matrix.change(share) / np.linalg.norm(drawn)))


def rotate(matrix: Known, generator: np.random.Generator, share: float) -> Array:
    """exp(tA)·W for a random antisymmetric A, with t where the change has the norm of the smoothing's.

    In A's eigenbasis ‖exp(tA)W − W‖² = Σⱼ |exp(i·t·ωⱼ) − 1|²·‖vⱼᴴW‖², which grows until the fastest angle is π.
    """
    values, turned = _upright(matrix)
    drawn = generator.standard_normal((len(values), len(values)))
    angles, vectors = np.linalg.eigh(1j * (drawn - drawn.T))
    angles /= np.abs(angles).max()
    inside = vectors.conj().T @ values
    weight = np.sum(np.abs(inside) ** 2, axis=1)
    low, high = 0.0, math.pi
    for _ in range(60):
        middle = (low + high) / 2
        size = math.sqrt(float(np.sum(4 * np.sin(middle * angles / 2) ** 2 * weight)))
        low, high = (low, middle) if size > matrix.change(share) else (middle, high)
    found = np.real(vectors @ (np.exp(-1j * low * angles)[:, None] * inside))
    return np.asarray(found.T if turned else found)


def haar(matrix: Known, generator: np.random.Generator) -> Array:
    """Q·W with Q uniform over the orthogonal matrices: the spectrum and nothing else is kept."""
    values, turned = _upright(matrix)
    basis, upper = np.linalg.qr(generator.standard_normal((len(values), len(values))))
    found = (basis * np.sign(np.diag(upper))) @ values
    return np.asarray(found.T if turned else found)


def scale(matrix: Known, _generator: np.random.Generator, share: float) -> Array:
    """c·W with ‖W − c·W‖_F as the smoothing changes it."""
    return np.asarray(matrix.values * (1 - matrix.change(share) / np.linalg.norm(matrix.values)))


def subspace(matrix: Known, generator: np.random.Generator, share: float) -> Array:
    """The projection of the smaller side on random directions, as many as smoothing keeps."""
    values, turned = _upright(matrix)
    basis = np.linalg.qr(generator.standard_normal((len(values), matrix.kept(share))))[0]
    found = basis @ (basis.T @ values)
    return np.asarray(found.T if turned else found)


def shuffled(matrix: Known, generator: np.random.Generator) -> Array:
    """The same entries in random places."""
    return np.asarray(generator.permutation(matrix.values.ravel()).reshape(matrix.values.shape))


def shrunk(matrix: Known, _generator: np.random.Generator) -> Array:
    """Spikes shrunk as is optimal at the fitted noise level, the rest taken out; unedited where none is fitted."""
    found = shrinking.shrink_optimally(matrix.values)
    return matrix.values if isinstance(found, Reason) else found


def untrapped(matrix: Known, _generator: np.random.Generator) -> Array:
    """Without the correlation traps that the scan found."""
    found = traps.remove_traps(matrix.values, NullSettings(name=matrix.name))
    return matrix.values if isinstance(found, Reason) else found[0]


def variants(strengths: tuple[float, ...] = STRENGTHS) -> list[Variant]:
    """All of them; `original` is unedited, `zero` leaves what embeddings and biases know alone."""
    graded: dict[str, tuple[Graded, tuple[float, ...]]] = {
        "keep": (keep, STRENGTHS),
        "noise": (noise, CONTROLLED),
        "rotate": (rotate, CONTROLLED),
        "scale": (scale, CONTROLLED),
        "subspace": (subspace, PROJECTED),
    }
    found = [
        Variant("original", None, lambda m, _: m.values),
        Variant("zero", None, lambda m, _: 0 * m.values),
    ]
    for family, (change, possible) in graded.items():
        found += [
            Variant(family, share, partial(change, share=share)) for share in possible if share in strengths
        ]
    counts = {"keep ecs": "ecs_num", "keep spikes": "num_spikes", "keep tail": "num_tail"}
    found += [
        Variant(f, None, partial(_counted, metric=m, change=components.keep_leading))
        for f, m in counts.items()
    ]
    found += [
        Variant(
            "remove spikes", None, partial(_counted, metric="num_spikes", change=components.drop_leading)
        ),
        Variant("remove top 1", None, lambda m, _: components.drop_leading(m.values, 1)),
        Variant("remove top 4", None, lambda m, _: components.drop_leading(m.values, 4)),
        Variant("remove traps", None, untrapped),
        Variant("shrink", None, shrunk),
        Variant("same spectra, turned", None, haar),
        Variant("same entries, shuffled", None, shuffled),
    ]
    return found


def _counted(
    matrix: Known, _generator: np.random.Generator, *, metric: str, change: Callable[[Array, int], Array]
) -> Array:
    return change(matrix.values, matrix.count(metric))


def _upright(matrix: Known) -> tuple[Array, bool]:
    """The matrix with its smaller side first, and whether it was turned for that."""
    turned = matrix.values.shape[0] > matrix.values.shape[1]
    return (matrix.values.T if turned else matrix.values), turned
