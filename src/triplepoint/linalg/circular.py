"""Singular values of a convolution as a linear map, on a torus (Sedghi, Gupta & Long 2019, arXiv 1805.10408).

In the Fourier basis a circular convolution is block diagonal: one matrix outputs × inputs a frequency, the transform of
the kernel, and its singular values are those of all blocks. A stride of s keeps every s-th output, so that s
frequencies fall on one: their blocks side by side, over √s, are the block of the strided map.

Circular means that the kernel reaches round the edge; zero padding differs by the rows at the edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Of the transforms of one chunk of frequencies, complex128.
CHUNK_BYTES = 2**26


def circular_singular_values(
    kernel: Array,
    size: Sequence[int],
    *,
    stride: Sequence[int] = (),
    dilation: Sequence[int] = (),
    groups: int = 1,
) -> Array:
    """All singular values, unsorted, of the convolution of `kernel` (out, in/groups, *k) with an input of `size`.

    A side that the stride does not divide is taken as the next multiple of it. A kernel wider than the input wraps.
    Cost: prod(size)·out·in·(taps + min(out, in)) flops; memory 64 MiB.

    >>> np.round(np.sort(circular_singular_values(np.array([[[1.0, -1.0]]]), (4,))), 6)
    array([0.      , 1.414214, 1.414214, 2.      ])
    """
    return np.concatenate(list(_blocks(kernel, size, stride, dilation, groups)))


def circular_norm(
    kernel: Array,
    size: Sequence[int],
    *,
    stride: Sequence[int] = (),
    dilation: Sequence[int] = (),
    groups: int = 1,
) -> float:
    """The largest of `circular_singular_values`; the same cost, nothing kept."""
    return max(float(np.max(part)) for part in _blocks(kernel, size, stride, dilation, groups))


def _blocks(
    kernel: Array, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int], groups: int
) -> Iterator[Array]:
    outputs, inputs, *taps = kernel.shape
    steps = tuple(stride) or (1,) * len(taps)
    spread = tuple(dilation) or (1,) * len(taps)
    coarse = tuple(max(1, -(-side // step)) for side, step in zip(size, steps, strict=True))
    places = np.array(list(product(*(range(k) for k in taps)))) * np.array(spread)
    weights = np.asarray(kernel, np.float64).reshape(outputs, inputs, -1)
    per_group = outputs // groups
    aliases = np.array(list(product(*(range(step) for step in steps))))
    chunk = max(1, CHUNK_BYTES // (16 * per_group * inputs * len(aliases)))
    frequencies = np.array(list(product(*(range(side) for side in coarse))))
    whole = np.array([side * step for side, step in zip(coarse, steps, strict=True)])
    for begin in range(0, len(frequencies), chunk):
        base = frequencies[begin : begin + chunk]
        # (F, A, d): the frequencies of the input that fall on one frequency of the output.
        folded = base[:, None, :] + aliases[None, :, :] * np.array(coarse)
        phases = np.exp(-2j * math.pi * ((folded / whole) @ places.T))
        for group in range(groups):
            part = weights[group * per_group : (group + 1) * per_group]
            blocks = np.tensordot(phases, part, axes=(2, 2))  # (F, A, out, in)
            blocks = np.moveaxis(blocks, 1, 2).reshape(len(base), per_group, -1) / math.sqrt(len(aliases))
            yield np.linalg.svd(blocks, compute_uv=False).ravel()
