"""Whether the constants that choose a kernel are right on this machine.

    python -m benchmarks.choices [--quick]

Three questions: from which side on two-stage tridiagonalisation wins (`TWO_STAGE_FROM`), with which band (`BANDWIDTH`),
and from which side on one matrix at a time with threaded BLAS beats one matrix a worker (`WIDE_FROM`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from benchmarks import section
from benchmarks.timing import Timing, interleaved
from benchmarks.worlds import SEED
from triplepoint.engines.threads import WIDE_FROM
from triplepoint.linalg import blas_threads, lapack
from triplepoint.linalg.gram import gram_pass
from triplepoint.linalg.lapack_backend import BANDWIDTH, TWO_STAGE_FROM, LapackBackend

Array = np.ndarray[Any, Any]
Kernel = Callable[[Array], Array]
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
BANDS = (32, 48, 64, 96, 128)
# Less than this is noise on a shared machine.
NIL = 0.1


def one_stage(gram: Array) -> Array:
    return lapack.eigenvalues_of_tridiagonal(*lapack.tridiagonal(gram))


def two_stage(bandwidth: int) -> Kernel:
    def kernel(gram: Array) -> Array:
        packed = lapack.band(gram, bandwidth)
        return lapack.eigenvalues_of_tridiagonal(*lapack.tridiagonal_from_band(packed))

    return kernel


def choices(quick: bool) -> section.Result:
    """Each question, its figures, and what they say of the constant."""
    if not lapack.has_two_stage():
        print("this BLAS has no two-stage reduction; nothing is chosen here")
        return {"two_stage": None}
    cores = os.cpu_count() or 1
    return {
        "two_stage_from": _two_stage_from(
            (256, 512) if quick else (1536, 2048, 2560, 3072, 4096), cores, quick
        ),
        "bandwidth": _bandwidth((512,) if quick else (2560, 4096), cores, quick),
        "wide_from": _wide_from((256, 512) if quick else (1024, 2048, 3072, 4096), cores, quick),
    }


def _gram(n: int, dtype: np.dtype[Any], index: int = 0) -> Array:
    values = np.random.default_rng([SEED, n, index]).standard_normal((n, n), dtype=np.float32)
    return np.asarray(gram_pass(values, dtype, LapackBackend()).gram)


def _timed(kernels: Mapping[str, Kernel], gram: Array, rounds: int) -> dict[str, Timing]:
    """Kernels destroy their input; the copy is inside, 3 % at most."""
    return interleaved({name: partial(_on_copy, kernel, gram) for name, kernel in kernels.items()}, rounds)


def _on_copy(kernel: Kernel, gram: Array) -> Array:
    return kernel(gram.copy())


def _rounds(n: int, quick: bool) -> int:
    return 1 if quick or n >= 4096 else 2 if n >= 3072 else 3


def _two_stage_from(sides: Sequence[int], cores: int, quick: bool) -> section.Result:
    section.heading("tridiagonalisation and eigenvalues, seconds: one stage against two")
    kernels: dict[str, Kernel] = {"one": one_stage, "two": two_stage(BANDWIDTH)}
    rows, found = [], list[section.Result]()
    for dtype in DTYPES:
        for threads in sorted({1, cores}):
            for n in sides:
                with blas_threads(threads):
                    timings = _timed(kernels, _gram(n, dtype), _rounds(n, quick))
                one, two = timings["one"].median, timings["two"].median
                found.append({"n": n, "dtype": dtype.name, "threads": threads, "one": one, "two": two})
                rows.append(
                    (
                        f"n = {n} {dtype.name} {threads} BLAS threads",
                        f"{one:.3f}",
                        f"{two:.3f}",
                        f"{one / two:.2f}x",
                    )
                )
    section.table(("", "one stage", "two stages", "one / two"), rows)
    says = []
    for dtype in DTYPES:
        for threads in sorted({1, cores}):
            ours = [f for f in found if f["dtype"] == dtype.name and f["threads"] == threads]
            first = _first_for_good([f["n"] for f in ours], [f["two"] < f["one"] for f in ours])
            says.append(f"{dtype.name}, {threads} BLAS threads: two stages pay {_from(first, sides)}")
    return _conclude(f"TWO_STAGE_FROM = {TWO_STAGE_FROM}", says, found)


def _bandwidth(sides: Sequence[int], cores: int, quick: bool) -> section.Result:
    section.heading(f"two stages with several bands, {cores} BLAS threads, seconds")
    rows, says, found = [], [], []
    for dtype in DTYPES:
        for n in sides:
            with blas_threads(cores):
                timings = _timed({str(b): two_stage(b) for b in BANDS}, _gram(n, dtype), _rounds(n, quick))
            medians = {band: timing.median for band, timing in timings.items()}
            best = min(medians, key=lambda band: medians[band])
            loss = medians[str(BANDWIDTH)] / medians[best] - 1
            found.append(
                {"n": n, "dtype": dtype.name, "threads": cores, "seconds": medians, "best": int(best)}
            )
            rows.append((f"n = {n} {dtype.name}", *(f"{value:.3f}" for value in medians.values())))
            says.append(f"{dtype.name}, n = {n}: best {best}, {BANDWIDTH} costs {loss:.0%} more{_nil(loss)}")
    section.table(("", *(f"b = {b}" for b in BANDS)), rows)
    return _conclude(f"BANDWIDTH = {BANDWIDTH}", says, found)


def _wide_from(sides: Sequence[int], cores: int, quick: bool) -> section.Result:
    section.heading(
        f"sets of four n x n matrices, Gram to eigenvalues, seconds: {cores} workers or {cores} BLAS threads"
    )
    rows, says, found = [], [], []
    for dtype in DTYPES:
        wins = []
        for n in sides:
            matrices = [
                np.random.default_rng([SEED, n, i]).standard_normal((n, n), dtype=np.float32)
                for i in range(4)
            ]
            kernels = {"one": one_stage, "two": two_stage(BANDWIDTH)}
            if n <= 1024:
                del kernels["two"]
            calls: dict[str, Callable[[], object]] = {}
            for stages, kernel in kernels.items():
                calls[f"workers, {stages}"] = _layer_parallel(matrices, dtype, kernel, cores)
                calls[f"threads, {stages}"] = _threaded(matrices, dtype, kernel, cores)
            medians = {name: timing.median for name, timing in interleaved(calls, _rounds(n, quick)).items()}
            best = {
                way: min(v for k, v in medians.items() if k.startswith(way)) for way in ("workers", "threads")
            }
            wins.append(best["threads"] < best["workers"])
            found.append({"n": n, "dtype": dtype.name, "seconds": medians})
            names = ("workers, one", "workers, two", "threads, one", "threads, two")
            shown = (f"{medians[name]:.3f}" if name in medians else "–" for name in names)
            rows.append((f"n = {n} {dtype.name}", *shown, f"{best['workers'] / best['threads']:.2f}x"))
        first = _first_for_good(sides, wins)
        says.append(f"{dtype.name}: threaded BLAS pays {_from(first, sides)}")
    headers = (
        "",
        "workers 1-stage",
        "workers 2-stage",
        "threads 1-stage",
        "threads 2-stage",
        "workers / threads",
    )
    section.table(headers, rows)
    return _conclude(f"WIDE_FROM = {WIDE_FROM}", says, found)


def _spectrum(values: Array, dtype: np.dtype[Any], kernel: Kernel) -> Array:
    return kernel(np.asarray(gram_pass(values, dtype, LapackBackend()).gram))


def _layer_parallel(
    matrices: Sequence[Array], dtype: np.dtype[Any], kernel: Kernel, workers: int
) -> Callable[[], None]:
    def call() -> None:
        with blas_threads(1), ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda values: _spectrum(values, dtype, kernel), matrices))

    return call


def _threaded(
    matrices: Sequence[Array], dtype: np.dtype[Any], kernel: Kernel, threads: int
) -> Callable[[], None]:
    def call() -> None:
        with blas_threads(threads):
            for values in matrices:
                _spectrum(values, dtype, kernel)

    return call


def _first_for_good(sides: Sequence[int], wins: Sequence[bool]) -> int | None:
    """The smallest side from which on every larger one wins."""
    first = None
    for side, win in zip(reversed(sides), reversed(wins), strict=True):
        if not win:
            break
        first = side
    return first


def _from(first: int | None, sides: Sequence[int]) -> str:
    return f"from n = {first} on" if first else f"nowhere for good up to n = {sides[-1]}"


def _nil(loss: float) -> str:
    return ", which is noise" if loss < NIL else ""


def _conclude(constant: str, says: list[str], found: list[section.Result]) -> section.Result:
    print(f"{constant}; measured:")
    for line in says:
        print(f"  {line}")
    return {"constant": constant, "says": says, "figures": found}


if __name__ == "__main__":
    section.main("choices", choices)
