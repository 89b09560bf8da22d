"""LAPACK without the interpreter's lock: SciPy's exported function pointers, called through ctypes.

`scipy.linalg.lapack` (f2py) keeps the GIL, so two Python threads decompose no faster than one. The pointers that
`scipy.linalg.cython_lapack` and `cython_blas` export are documented for use by compiled code; a ctypes call
releases the GIL, and they exist in every SciPy build (OpenBLAS, MKL, Accelerate). The two-stage tridiagonalisation is
not exported; it is looked up by symbol in the BLAS library that is already loaded, and missing there it is simply not
offered.

Arrays are C-ordered here; LAPACK reads them as their transpose, which for symmetric matrices only exchanges
the triangles. Every routine works in place and destroys its input.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_name = ctypes.pythonapi.PyCapsule_GetName
_name.restype, _name.argtypes = ctypes.c_char_p, [ctypes.py_object]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class LapackError(ArithmeticError):
    """A routine reported info ≠ 0: the iteration did not converge, or a NaN came in."""


@cache
def _routine(name: str, arguments: int) -> Callable[..., None]:
    from scipy.linalg import cython_blas, cython_lapack

    for module in (cython_lapack, cython_blas):
        capsule = module.__pyx_capi__.get(name)
        if capsule is not None:
            address = _pointer(capsule, _name(capsule))
            return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)(address)
    raise LookupError(name)


@cache
def _unexported(name: str) -> tuple[Callable[..., None], type[ctypes.c_int]] | None:
    """A routine of a loaded BLAS that SciPy does not export, with its integer type, or None."""
    import threadpoolctl

    for library in threadpoolctl.threadpool_info():
        if library.get("user_api") != "blas":
            continue
        handle = ctypes.CDLL(library["filepath"])
        for symbol, integer in (
            (f"scipy_{name}_", ctypes.c_int32),
            (f"scipy_{name}_64_", ctypes.c_int64),
            (f"{name}_", ctypes.c_int32),
        ):
            if hasattr(handle, symbol):
                return handle[symbol], integer  # type: ignore[return-value]
    return None


def has_two_stage() -> bool:
    """Whether full → band → tridiagonal is available for both precisions."""
    return all(_unexported(f"{letter}sytrd_{stage}") for letter in "ds" for stage in ("sy2sb", "sb2st"))


def probe() -> None:
    """Raise unless every routine of the one-stage path can be called; a 2 x 2 matrix must give 1 and 3."""
    gram = np.array([[2.0, 1.0], [1.0, 2.0]])
    if not np.allclose(eigenvalues_of_tridiagonal(*tridiagonal(gram)), [1.0, 3.0]):
        raise LookupError("LAPACK answers wrongly")
    _routine("dsyrk", 10), _routine("ssyrk", 10)


def _letter(array: Array) -> str:
    return {np.dtype(np.float64): "d", np.dtype(np.float32): "s"}[array.dtype]


def _at(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _int(value: int) -> Any:
    return ctypes.byref(ctypes.c_int32(value))


def _real(value: float, like: Array) -> Any:
    return ctypes.byref((ctypes.c_double if like.dtype == np.float64 else ctypes.c_float)(value))


def _check(info: Any, routine: str) -> None:
    if info.value != 0:
        raise LapackError(f"{routine} returned info = {info.value}")


def syrk(panel: Array, gram: Array, *, tall: bool, beta: float) -> None:
    """Gram ← beta·Gram + PᵀP (`tall`, P (k, n)) or P·Pᵀ (P (n, k)); one triangle is written. n²k flops."""
    n = gram.shape[0]
    depth = panel.shape[0] if tall else panel.shape[1]
    leading = n if tall else depth
    # fmt: off
    _routine(f"{_letter(gram)}syrk", 10)(
        b"L", b"N" if tall else b"T", _int(n), _int(depth), _real(1.0, gram), _at(panel), _int(leading),
        _real(beta, gram), _at(gram), _int(n),
    )
    # fmt: on


def tridiagonal(gram: Array) -> tuple[Array, Array]:
    """Diagonal (n,) and off-diagonal (n−1,) with the eigenvalues of `gram`. 4/3·n³ flops, half of them symv."""
    n = gram.shape[0]
    d, e, tau = (np.empty(n, gram.dtype) for _ in range(3))
    work = np.empty(n * 64, gram.dtype)
    info = ctypes.c_int32(0)
    # fmt: off
    _routine(f"{_letter(gram)}sytrd", 10)(
        b"L", _int(n), _at(gram), _int(n), _at(d), _at(e), _at(tau), _at(work), _int(work.size), ctypes.byref(info),
    )
    # fmt: on
    _check(info, "sytrd")
    return d, e[: n - 1]


def leading_pairs(gram: Array, count: int) -> tuple[Array, Array]:
    """The `count` largest eigenvalues, ascending, and their vectors (n, count), orthogonal to about 1e-12. float64.

    Tridiagonal form, multiple relatively robust representations (stemr, Dhillon and Parlett 2004) and the way back
    (ormtr): 4/3·n³ + 2·n²·count flops. LapackError where an iteration fails.
    """
    n = gram.shape[0]
    d, off, tau, values = (np.empty(n) for _ in range(4))
    vectors = np.empty((count, n))
    work, integers = np.empty(64 * n), np.empty(10 * n, np.int32)
    support, found = np.empty(2 * count, np.int32), ctypes.c_int32(0)
    info = ctypes.c_int32(0)
    # fmt: off
    _routine("dsytrd", 10)(
        b"L", _int(n), _at(gram), _int(n), _at(d), _at(off), _at(tau), _at(work), _int(work.size), ctypes.byref(info),
    )
    _check(info, "sytrd")
    _routine("dstemr", 21)(
        b"V", b"I", _int(n), _at(d), _at(off), _real(0.0, d), _real(0.0, d), _int(n - count + 1), _int(n),
        ctypes.byref(found), _at(values), _at(vectors), _int(n), _int(count), _at(support), _int(1),
        _at(work), _int(work.size), _at(integers), _int(integers.size), ctypes.byref(info),
    )
    _check(info, "stemr")
    if found.value != count:
        raise LapackError(f"stemr found {found.value} of {count}")
    _routine("dormtr", 13)(
        b"L", b"L", b"N", _int(n), _int(count), _at(gram), _int(n), _at(tau), _at(vectors), _int(n),
        _at(work), _int(work.size), ctypes.byref(info),
    )
    # fmt: on
    _check(info, "ormtr")
    return values[:count], vectors.T


def _stage(name: str, like: Array) -> tuple[Callable[..., None], type[ctypes.c_int]]:
    found = _unexported(f"{_letter(like)}sytrd_{name}")
    if found is None:
        raise LookupError(f"sytrd_{name}")
    return found


def band(gram: Array, bandwidth: int) -> Array:
    """Band matrix (n, bandwidth + 1), LAPACK lower storage, with the eigenvalues of `gram`. All matrix–matrix work."""
    routine, integer = _stage("sy2sb", gram)
    n = gram.shape[0]
    packed = np.zeros((n, bandwidth + 1), gram.dtype)
    tau = np.empty(n, gram.dtype)
    info = integer(0)

    def call(work: Array, size: int) -> None:
        # fmt: off
        routine(
            b"L", ctypes.byref(integer(n)), ctypes.byref(integer(bandwidth)), _at(gram), ctypes.byref(integer(n)),
            _at(packed), ctypes.byref(integer(bandwidth + 1)), _at(tau), _at(work), ctypes.byref(integer(size)),
            ctypes.byref(info), ctypes.c_size_t(1),
        )
        # fmt: on
        _check(info, "sytrd_sy2sb")

    query = np.empty(1, gram.dtype)
    call(query, -1)
    work = np.empty(int(query[0]), gram.dtype)
    call(work, work.size)
    return packed


def tridiagonal_from_band(packed: Array) -> tuple[Array, Array]:
    """Second stage: band (n, bandwidth + 1) → diagonal and off-diagonal, by bulge chasing. One thread.

    `sytrd_sb2st` chases with Householder vectors; the older `sbtrd` rotates and takes 1.39 s instead of 1.12 s at
    n = 4096 and bandwidth 48.
    """
    routine, integer = _stage("sb2st", packed)
    n, rows = packed.shape
    d, e = np.empty(n, packed.dtype), np.empty(n, packed.dtype)
    info, one = integer(0), ctypes.c_size_t(1)

    def call(vectors: Array, vectors_size: int, work: Array, work_size: int) -> None:
        # fmt: off
        routine(
            b"Y", b"N", b"L", ctypes.byref(integer(n)), ctypes.byref(integer(rows - 1)), _at(packed),
            ctypes.byref(integer(rows)), _at(d), _at(e), _at(vectors), ctypes.byref(integer(vectors_size)), _at(work),
            ctypes.byref(integer(work_size)), ctypes.byref(info), one, one, one,
        )
        # fmt: on
        _check(info, "sytrd_sb2st")

    sizes = np.empty(1, packed.dtype), np.empty(1, packed.dtype)
    call(sizes[0], -1, sizes[1], -1)
    vectors, work = (np.empty(int(size[0]), packed.dtype) for size in sizes)
    call(vectors, vectors.size, work, work.size)
    return d, e[: n - 1]


def eigenvalues_of_tridiagonal(d: Array, e: Array) -> Array:
    """All eigenvalues, ascending, by the square-root-free QR iteration (sterf). O(n²)."""
    off = np.empty(d.size, d.dtype)
    off[: e.size] = e
    info = ctypes.c_int32(0)
    _routine(f"{_letter(d)}sterf", 4)(_int(d.size), _at(d), _at(off), ctypes.byref(info))
    _check(info, "sterf")
    return d


def is_positive_definite(matrix: Array) -> bool:
    """Whether the Cholesky factorisation of a symmetric matrix exists (potrf). n³/3 flops, a quarter of the time of
    `numpy.linalg.cholesky` at n = 4096, which copies to the other order and back.
    """
    n = matrix.shape[0]
    info = ctypes.c_int32(0)
    _routine(f"{_letter(matrix)}potrf", 5)(b"L", _int(n), _at(matrix), _int(n), ctypes.byref(info))
    if info.value < 0:
        raise LapackError(f"potrf returned info = {info.value}")
    return info.value == 0
