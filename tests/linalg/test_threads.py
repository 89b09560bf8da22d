"""Claim: LAPACK is entered without the interpreter's lock; the witness is a Python thread that counts meanwhile."""

from __future__ import annotations

import threading

import numpy as np

from tests.worlds import gaussian
from triplepoint.linalg import blas_threads, lapack


def test_another_thread_runs_python_while_a_matrix_is_decomposed():
    gram = gaussian((700, 700))
    gram = gram @ gram.T
    ticks, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            ticks[0] += 1

    counter = threading.Thread(target=count)
    with blas_threads(1):
        counter.start()
        before = ticks[0]
        lapack.tridiagonal(gram)
        during = ticks[0] - before
        stop.set()
        counter.join()
    # With the lock held the counter could not have moved once.
    assert during > 100


def test_thread_limits_come_back():
    from threadpoolctl import threadpool_info

    def limits() -> list[int]:
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    np.linalg.eigvalsh(np.eye(2))
    with blas_threads(2):
        before = limits()
        with blas_threads(1):
            assert set(limits()) == {1}
        assert limits() == before
