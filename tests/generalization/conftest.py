"""What holds for every test here: torch is there, and runs on one thread as everything else does."""

from __future__ import annotations

import pytest

from tests.single_thread import one_blas_thread

torch = pytest.importorskip("torch")

__all__ = ["one_blas_thread"]


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
