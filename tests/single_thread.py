"""One BLAS thread, as in a scan: two threads on matrices this small took up to 28 times as long on a busy machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from triplepoint.linalg import blas_threads


@pytest.fixture(autouse=True, scope="module")
def one_blas_thread() -> Iterator[None]:
    """For every test of the folder whose `conftest.py` imports it."""
    with blas_threads(1):
        yield
