"""How many threads BLAS uses, for the length of a block.

On a busy machine two BLAS threads on small matrices collapse (64 matrices of 128 x 512: 46 ms with one thread,
2.0 s with two), so small matrices are spread over workers with one BLAS thread each and only wide ones get all.

The limit belongs to the process, and scans may overlap in several threads. What was found at the first entry is what
every exit restores, in its own thread: OpenBLAS ignores a limit that is raised by another thread than the one that
lowered it. A scan that outlives another may so run with more BLAS threads than it asked for, which costs time only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_active: list[Any] = []


def found_libraries() -> Any:
    """The libraries as they are loaded now, for `blas_threads` to come back to: finding them takes 1–9 ms beside torch,
    limiting those found before 0.02 ms."""
    # Imported late with SciPy's BLAS, or threadpoolctl would not see that library.
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def blas_threads(count: int, libraries: Any = None) -> Iterator[None]:
    """Limit every loaded BLAS to `count` threads; the limits found before any scan began come back afterwards.

    `libraries`: what `found_libraries` returned earlier; looked for anew by default.
    """
    with _lock:
        limits = (libraries or found_libraries()).limit(limits=count, user_api="blas")
        _active.append(_active[0] if _active else limits)
    try:
        yield
    finally:
        with _lock:
            _active.pop().restore_original_limits()


def current_threads() -> int:
    """The largest number of threads a loaded BLAS may use now. Costs a millisecond."""
    from threadpoolctl import threadpool_info

    return max((info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"), default=1)
