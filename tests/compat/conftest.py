"""What holds for every test here."""

import pytest

from tests.single_thread import one_blas_thread

pytest.importorskip("pandas", reason="the extra `frames` is not installed")

__all__ = ["one_blas_thread"]
