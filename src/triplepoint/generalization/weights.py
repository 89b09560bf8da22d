"""Which tensors of a network are its weights, and what is known of each: singular values, distance from W⁰.

Counted is every floating parameter that is not empty, tied ones once, but for biases (their last name holds `bias`) and
what belongs to batch normalisation; embeddings and the gains of layer normalisation are in. As a matrix a tensor is
(first axis, all others), a vector one column. The published code leaves out every name in which `bias` or `bn` occurs
anywhere, also `subnet.weight`, and keeps batch normalisation under any other name (`legacy`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from triplepoint.errors import UsageError
from triplepoint.generalization.folding import wide
from triplepoint.linalg import choose_backend, decompose
from triplepoint.linalg.cka import linear_cka
from triplepoint.metrics import METRICS
from triplepoint.records import (
    InitialAlignment,
    InitialDistance,
    Reason,
    Spectrum,
    WeightDistances,
    WeightNorms,
)

PUBLISHED = ("bias", "bn")


@dataclass(frozen=True, slots=True, eq=False)
class Weight:
    """One counted tensor."""

    name: str
    parameter: torch.Tensor
    owner: torch.nn.Module

    @property
    def matrix(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """(first axis, all others) float64 on the CPU."""
        return as_matrix(self.parameter)


def counted(model: torch.nn.Module, *, legacy: bool = False) -> tuple[Weight, ...]:
    """In the order of the network."""
    seen: set[int] = set()
    found = []
    for path, owner in model.named_modules():
        for key, parameter in owner.named_parameters(recurse=False):
            name = f"{path}.{key}" if path else key
            if legacy:
                left_out = any(word in name for word in PUBLISHED)
            else:
                left_out = "bias" in key or isinstance(owner, _BatchNorm)
            is_number = parameter.is_floating_point() and parameter.numel() > 0
            if is_number and id(parameter) not in seen and not left_out:
                seen.add(id(parameter))
                found.append(Weight(name, parameter, owner))
    if not found:
        raise UsageError("generalization_metrics", "a model without weights", "Pass one that has some")
    return tuple(found)


def as_matrix(tensor: torch.Tensor) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(first axis, all others) float64 on the CPU; a vector is one column, a number 1 × 1."""
    values = wide(tensor)
    return values.reshape(values.shape[0] if values.ndim else 1, -1).numpy()


def spectrum(matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Spectrum | Reason:
    """All singular values; zeros for a matrix of zeros."""
    rows, columns = matrix.shape
    shape = max(rows, columns), min(rows, columns)
    if matrix.size == 0:
        return Reason.empty
    if shape[1] == 1:
        norm = float(np.linalg.norm(matrix))
        return Spectrum(np.array([norm]), shape) if np.isfinite(norm) else Reason.non_finite
    found = decompose(matrix[None], "precise", choose_backend())
    if found is Reason.all_zero:
        return Spectrum(np.zeros(shape[1]), shape)
    return found if isinstance(found, Reason) else Spectrum(found.singular_values[0], shape)


def spectra(weights: tuple[Weight, ...]) -> tuple[Spectrum, ...] | tuple[Reason, str]:
    """Of every counted tensor, or the first that has none with its name. Cost: one decomposition a tensor."""
    found = []
    for weight in weights:
        one = spectrum(weight.matrix)
        if isinstance(one, Reason):
            return one, weight.name
        found.append(one)
    return tuple(found)


def norms(weights: tuple[Weight, ...], found: tuple[Spectrum, ...]) -> WeightNorms:
    """Squared norms of the counted tensors."""
    return WeightNorms(
        names=tuple(weight.name for weight in weights),
        spectral=tuple(float(one.singular_values[0]) ** 2 for one in found),
        frobenius=tuple(METRICS["param_norm"].function(one) or 0.0 for one in found),
        num_weights=sum(weight.parameter.numel() for weight in weights),
    )


def distances(
    weights: tuple[Weight, ...], initial: tuple[Weight, ...]
) -> WeightDistances | tuple[Reason, str]:
    """W_i − W⁰_i, formed in float64; the same names in the same order."""
    found = []
    for after, before in zip(weights, initial, strict=True):
        change = spectrum(after.matrix - before.matrix)
        if isinstance(change, Reason):
            return change, after.name
        squares = np.square(change.singular_values)
        start = float(np.sum(np.square(before.matrix)))
        found.append(InitialDistance(float(np.sum(squares)), float(squares[0]), start))
    return WeightDistances(tuple(found))


def alignments(
    weights: tuple[Weight, ...], initial: tuple[Weight, ...]
) -> tuple[InitialAlignment, ...] | tuple[Reason, str]:
    """Linear CKA of every counted tensor of two axes or more with what it was; equal ones are at 1."""
    found = []
    for after, before in zip(weights, initial, strict=True):
        if after.parameter.ndim > 1:
            one, other = after.matrix, before.matrix
            if not (np.isfinite(one).all() and np.isfinite(other).all()):
                return Reason.non_finite, after.name
            found.append(InitialAlignment(1.0 if np.array_equal(one, other) else linear_cka(one, other)))
    return tuple(found)


def magnitude_sum(
    weights: tuple[Weight, ...], initial: tuple[Weight, ...], sigma: float, epsilon: float
) -> float:
    """Σ_j ln(ε² + σ²(w_j − w⁰_j)²) over all counted weights."""
    total = 0.0
    for after, before in zip(weights, initial, strict=True):
        total += float(np.sum(np.log(epsilon**2 + sigma**2 * np.square(after.matrix - before.matrix))))
    return total
