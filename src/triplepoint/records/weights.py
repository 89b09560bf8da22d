"""From a named tensor to the matrix that is decomposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint.records.reasons import Reason


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
    """Names of the stored tensors that the matrix is made of."""
    tensor_shape: tuple[int, ...]
    dtype: str
    part: str | None = None
    """Dot path of a part (`slice.2`); None for a whole tensor."""
    kind: str | None = None
    """dense · embedding · conv1d · conv2d; None where left out before a kind was known."""
    shape: tuple[int, int] | None = None
    """(rows, columns) of the matrix, or of one slice of a convolution; rows are outputs."""
    slices: int = 1
    """Number of equally shaped matrices whose eigenvalues are pooled (kernel positions); 1 for dense."""
    scale: float = 1.0
    """λ = scale · σ². 0.5 for pooled convolutions, slices/2 for one slice (the WeightWatcher 0.7.7 rule)."""
    steps: tuple[str, ...] = ()
    """How the values are formed from the tensor: `transpose` · `conv:slices`. Applied in order."""
    counted: bool = True
    """Whether the row enters model means; slice rows do not."""
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
        """Flops of all eigenvalues: slices · (M²·N + 4/3·M³). The largest matrix is scheduled first."""
        if self.shape is None:
            return 0.0
        small, large = min(self.shape), max(self.shape)
        return self.slices * (float(small) ** 2 * large + 4 / 3 * float(small) ** 3)


@dataclass(frozen=True, slots=True, eq=False)
class WeightMatrix:
    """One matrix in memory, or mapped: values in their stored type, never copied to float64 as a whole."""

    plan: MatrixPlan
    values: np.ndarray[Any, Any]
    """(slices, rows, columns) in the stored dtype; a view of the file map where the layout allows."""
