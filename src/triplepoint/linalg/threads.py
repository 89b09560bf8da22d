"""How many threads BLAS uses, for the length of a block.

On a busy machine two BLAS threads on small matrices collapse (64 matrices of 128 x 512: 46 ms with one thread,
2.0 s with two), so small matrices are spread over workers with one BLAS thread each and only wide ones get all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Limit every loaded BLAS to `count` threads; the former limits come back afterwards."""
    # Imported late with SciPy's BLAS, or threadpoolctl would not see that library.
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=count, user_api="blas"):
        yield
