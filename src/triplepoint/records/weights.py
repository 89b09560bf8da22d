"""From a named tensor to the matrix that is decomposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from triplepoint.records.reasons import Reason


@dataclass(frozen=True, slots=True)
class Decoding:
    """How values come from several stored tensors: a scheme of `matrices.decoding` and its options."""

    scheme: str
    """`gptq` · `awq` · `fp8_blocks` · `low_rank` …"""
    options: tuple[tuple[str, int | float | str | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class MatrixPlan:
    """What will be done with one tensor, decided from the header alone.

    Every tensor of the checkpoint has at least one plan. A plan with a `reason` is a tensor that is left out.
    """

    id: str
    """Stable name, the same for every disk layout; wrapper prefixes such as `module.` are gone."""
    name: str
    """Parameter name as stored."""
    sources: tuple[str, ...]
    """Names of the stored tensors that the matrix is made of, in the order the decoding takes them."""
    tensor_shape: tuple[int, ...]
    """As stored; of several tensors that of the first."""
    dtype: str
    part: str | None = None
    """Dot path of a part (`query`, `expert.3.gate`, `slice.2`); None for a whole tensor."""
    kind: str | None = None
    """dense · embedding · conv1d · conv2d · conv3d · recurrent · attention · expert · adapter; None where left out."""
    shape: tuple[int, int] | None = None
    """(rows, columns) of the matrix, or of one slice of a convolution; rows are outputs."""
    slices: int = 1
    """Number of equally shaped matrices whose eigenvalues are pooled (kernel positions); 1 for dense."""
    scale: float = 1.0
    """λ = scale · σ². 0.5 for pooled convolutions, slices/2 for one slice (the WeightWatcher 0.7.7 rule)."""
    decoding: Decoding | None = None
    """How the values come from the sources; None where the first source holds them."""
    decoded_shape: tuple[int, ...] | None = None
    """Shape of the values that are arranged, where they are not stored as such; None for `tensor_shape`."""
    layout: str = "out,in"
    """What the axes mean, resolved to numbers; see `matrices.layouts`."""
    at: int | None = None
    """Entry along the first axis of every source that is read: one expert of a stack."""
    piece: str | None = None
    """Fused part that the rows are taken of; None for all rows."""
    slice: int | None = None
    """Kernel position whose eigenvalues these are, of the pooled ones of its whole."""
    secondary: bool = False
    """Other rows stand for the same weights: kernel slices, and fused tensors whose parts have rows."""
    counted: bool = True
    """Whether the row enters model means; secondary rows do not."""
    reason: Reason | None = None
    """Why the tensor is left out; None when it will be analysed."""
    detail: str | None = None
    """A name or number that completes the reason, such as the tensor it is tied to."""

    @property
    def side(self) -> int:
        """M, the smaller side of the matrix; 0 for a tensor that is left out."""
        return min(self.shape) if self.shape else 0

    @property
    def cost(self) -> float:
        """Flops of all eigenvalues: slices · (M²·N + 4/3·M³). The largest matrix is scheduled first.

        A product of two factors has the rank for M in all but the search for its largest entry.
        """
        if self.shape is None:
            return 0.0
        small, large = min(self.shape), max(self.shape)
        if self.decoding is not None and self.decoding.scheme == "low_rank":
            return 2.0 * min(self.tensor_shape, default=1) * small * large
        return self.slices * (float(small) ** 2 * large + 4 / 3 * float(small) ** 3)


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """W = factor · left @ right, never formed: an adapter of rank r has r eigenvalues, not min(rows, columns)."""

    left: np.ndarray[Any, Any]
    """(rows, r)"""
    right: np.ndarray[Any, Any]
    """(r, columns)"""
    factor: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows:
    """A tall matrix that is decoded a few rows at a time: 128,256 × 4,096 values in blocks would be 2 GB as float32."""

    shape: tuple[int, int]
    """(rows, columns), at least as many rows as columns."""
    decode: Callable[[int, int], np.ndarray[Any, Any]]
    """(first row, row after the last) → float32 (rows, columns)"""

    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.float32)

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, rows: slice) -> np.ndarray[Any, Any]:
        begin, stop, _ = rows.indices(self.shape[0])
        return self.decode(begin, stop)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.decode(0, self.shape[0]), dtype)


Values: TypeAlias = np.ndarray[Any, Any] | LowRank | PackedRows
"""An array, or what stands for one that is not formed."""


@dataclass(frozen=True, slots=True, eq=False)
class WeightMatrix:
    """One matrix in memory, or mapped: values in their stored type, never copied to float64 as a whole."""

    plan: MatrixPlan
    values: Values
    """(slices, rows, columns) in the stored dtype; a view of the file map where the layout allows. Or two factors, or
    one matrix that is decoded piece by piece."""
