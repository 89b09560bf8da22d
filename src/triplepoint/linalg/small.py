"""Many small matrices in one call: the kernel slices of a convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.linalg.gram import SAFE, rescaling

Array = np.ndarray[Any, Any]


def small_stack(stack: Array) -> tuple[Array, float]:
    """λ of every slice, (slices, M) descending, of c·W, and the power of two c that keeps squares in range.

    `stack` is (slices, rows, columns) float64. NumPy's batched routines loop in C and release the interpreter.
    """
    largest = float(np.max(np.abs(stack)))
    factor = rescaling(largest, *SAFE[np.dtype(np.float64)])
    scaled = stack * factor if factor != 1.0 else stack
    turned = np.swapaxes(scaled, 1, 2)
    gram = turned @ scaled if stack.shape[1] >= stack.shape[2] else scaled @ turned
    return np.maximum(np.linalg.eigvalsh(gram)[:, ::-1], 0.0), factor
