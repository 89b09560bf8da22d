"""What holds for every test here."""

from tests.single_thread import one_blas_thread

__all__ = ["one_blas_thread"]
