"""A matrix against the one that training began from (`--init`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from triplepoint.records.reasons import Reason
from triplepoint.records.weights import Values


@dataclass(frozen=True, slots=True, eq=False)
class InitialWeights:
    """W⁰, read when a metric asks for it."""

    load: Callable[[], Values | Reason]
    """The values as those of W are formed, or why there are none."""


@dataclass(frozen=True, slots=True)
class InitialDistance:
    """W − W⁰ in the units of the stored weights; slices of a convolution without the λ scale."""

    frobenius: float
    """‖W − W⁰‖_F² over all slices."""
    spectral: float
    """‖W − W⁰‖₂², the largest over the slices."""
    initial_norm: float
    """‖W⁰‖_F²."""


@dataclass(frozen=True, slots=True)
class InitialAlignment:
    """How far the similarities between the rows of W are those of W⁰."""

    cka: float
    """Linear CKA, columns centred; mean over slices."""
