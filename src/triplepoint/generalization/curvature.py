"""λ_max and trace of a Hessian that is known by its products with vectors.

λ_max: Lanczos with full reorthogonalisation, twice (Parlett 1998, The Symmetric Eigenvalue Problem, ch. 13). Its Ritz
values never exceed λ_max. The trace: on the Krylov basis V, which holds the large eigenvalues, it is known exactly, the
sum of the diagonal of the tridiagonal matrix; what is left,

    tr H = tr VᵀHV + tr (I − VVᵀ)H(I − VVᵀ),

is estimated by Hutchinson's zᵀHz over signs z: unbiased, as z does not depend on V. This is Hutch++ (Meyer et al. 2021,
arXiv 2010.09649) with a basis that was paid for already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch

from triplepoint.generalization.copies import evaluation_copy
from triplepoint.generalization.differentiable import NotDifferentiable
from triplepoint.generalization.passes import Pass
from triplepoint.generalization.private import stream
from triplepoint.generalization.second_order import HessianProducts, trainable
from triplepoint.records import Hessian, Reason

TOLERANCE = 1e-2
"""Residual over λ: the eigenvalue is then good to its square over the relative gap."""
LEAST_STEPS, MOST_STEPS = 10, 50
"""The least are for the trace."""
NOISY = 0.5
"""Standard error of the trace over the trace, from where on its logarithm says little."""
KEY = 0x4E55
"""Streams of random numbers of their own, beside those of the noise."""


def measured(
    given: torch.nn.Module, run: Pass, *, probes: int, seed: int
) -> Hessian | Reason | tuple[Reason, str]:
    """The Hessian of the caller's network, of a copy with its batch normalisation in place, or why there is none."""
    copied = evaluation_copy(given)
    try:
        return hessian(HessianProducts(copied, run, trainable(given, copied)), probes=probes, seed=seed)
    except torch.OutOfMemoryError:
        return Reason.out_of_memory, "smaller batches need less"
    except (NotDifferentiable, RuntimeError) as error:
        return Reason.not_differentiable, (str(error).strip().splitlines() or [""])[0]


def notes(found: Hessian | None, names: Iterable[str]) -> dict[str, str]:
    """What must be known of a number: that λ_max may be larger, that the trace drowns in its error."""
    said: dict[str, str] = {}
    if found is not None and not found.converged and found.top > 0:
        said["log_hessian_top"] = (
            f"λ_max may be larger: after {found.steps} steps the residual is {found.residual / found.top:.2g} of it"
        )
    if found is not None and found.trace > 0 and (found.trace_error or 0.0) > NOISY * found.trace:
        said["log_hessian_trace"] = f"tr H = {found.trace:.3g} ± {found.trace_error:.2g}: raise draws"
    return {name: said[name] for name in names if name in said}


def hessian(product: HessianProducts, *, probes: int, seed: int) -> Hessian | Reason:
    """λ_max and trace with their errors. Cost: at most 51 + `probes` products; memory: as many vectors as steps."""
    basis, diagonal, beside = _lanczos(product, product.gaussian(stream(KEY, seed)))
    if not all(map(math.isfinite, (*diagonal, *beside))):
        return Reason.non_finite
    _, vectors = np.linalg.eigh(_tridiagonal(diagonal, beside[:-1]))
    vector = torch.zeros_like(basis[0])
    for share, one in zip(vectors[:, -1], basis, strict=True):
        vector += float(share) * one
    vector /= torch.linalg.vector_norm(vector)
    image = product(vector)
    top = float(vector @ image)
    residual = float(torch.linalg.vector_norm(image - top * vector))
    exact = math.fsum(diagonal)
    drawn = probes if len(basis) < product.size else 0
    rest = [_rest(product, basis, product.signs(stream(KEY, seed, k))) for k in range(drawn)]
    if not all(map(math.isfinite, (top, residual, *rest))):
        return Reason.non_finite
    return Hessian(
        num_parameters=product.size,
        top=top,
        residual=residual,
        steps=len(basis),
        converged=residual <= TOLERANCE * abs(top),
        trace=exact + (fmean(rest) if rest else 0.0),
        trace_error=_error(rest),
        probes=drawn,
        products=product.products,
    )


def _lanczos(
    product: HessianProducts, start: torch.Tensor
) -> tuple[list[torch.Tensor], list[float], list[float]]:
    """An orthonormal basis (k vectors), αs (k) and βs (k): the last is what leads out of the space."""
    basis = [start / torch.linalg.vector_norm(start)]
    diagonal: list[float] = []
    beside: list[float] = []
    least, most = min(LEAST_STEPS, product.size), min(MOST_STEPS, product.size)
    rounding = torch.finfo(start.dtype).eps * math.sqrt(product.size)
    while True:
        image = product(basis[-1])
        diagonal.append(float(basis[-1] @ image))
        image = _without(_without(image, basis), basis)
        beside.append(float(torch.linalg.vector_norm(image)))
        if not math.isfinite(diagonal[-1] + beside[-1]) or len(basis) == most:
            return basis, diagonal, beside
        values, vectors = np.linalg.eigh(_tridiagonal(diagonal, beside[:-1]))
        is_invariant = beside[-1] <= rounding * float(np.max(np.abs(values)))
        # Half of it: what is measured afterwards has the rounding of the products in it too.
        is_settled = beside[-1] * abs(vectors[-1, -1]) <= TOLERANCE / 2 * abs(values[-1])
        if is_invariant or (is_settled and len(basis) >= least):
            return basis, diagonal, beside
        basis.append(image / beside[-1])


def _tridiagonal(diagonal: list[float], beside: list[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


def _without(vector: torch.Tensor, basis: list[torch.Tensor]) -> torch.Tensor:
    """What of the vector is orthogonal to the basis, one direction after the other."""
    for one in basis:
        vector = vector - (one @ vector) * one
    return vector


def _rest(product: HessianProducts, basis: list[torch.Tensor], signs: torch.Tensor) -> float:
    outside = _without(signs, basis)
    return float(outside @ product(outside))


def _error(values: list[float]) -> float | None:
    if not values:
        return 0.0
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
