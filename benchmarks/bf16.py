"""BF16 matrices of any size for a file, made in chunks of rows, so that making them needs little memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.safetensors_writer import Entry

CHUNK_ROWS = 512


def matrix(shape: tuple[int, int], seed: list[int]) -> Entry:
    """Gaussian rows of lognormal size (spread 0.5): a heavier tail than noise, cheap enough for gigabytes."""

    def blocks() -> Iterator[bytes]:
        generator = np.random.default_rng(seed)
        rows, columns = shape
        for start in range(0, rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, rows - start)
            size = np.exp(0.5 * generator.standard_normal((count, 1), dtype=np.float32)) * np.float32(0.02)
            values = generator.standard_normal((count, columns), dtype=np.float32) * size
            # BF16 is the upper half of a float32; cut off, not rounded, which does not matter here.
            yield (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()

    return Entry("BF16", shape, blocks)
