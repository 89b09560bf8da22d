"""How far each kernel is from what the machine can do: GFLOP/s, share of the GEMM peak, distance from the flop floor.

    python -m benchmarks.kernels [--quick]

The peak is measured, not looked up: the better of NumPy's and SciPy's GEMM at n = 2048. The floor of a spectrum is
n²m + 4/3·n³ flops (Gram matrix and tridiagonalisation, all at GEMM speed). Each shape is measured with the BLAS threads
a scan gives it, and against the peak of as many: one below `WIDE_FROM`, where a scan runs one matrix a core, else all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.linalg

from benchmarks import section
from benchmarks.choices import BANDS
from benchmarks.timing import Timing, once, repeated
from benchmarks.worlds import SEED, heavy_tailed
from triplepoint.engines.threads import WIDE_FROM
from triplepoint.linalg import MODES, Decomposition, Mode, blas_threads, choose_backend, decompose, lapack
from triplepoint.linalg.gram import gram_pass
from triplepoint.records import Reason

Array = np.ndarray[Any, Any]
Peaks = dict[tuple[str, int], float]
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
SHAPES = ((768, 768), (1024, 4096), (2048, 2048), (4096, 4096))
QUICK_SHAPES = ((256, 256), (256, 1024))
HEADERS = ("", "ms", "GFLOP/s", "of the peak", "times the floor")


def kernels(quick: bool) -> section.Result:
    """Peaks first, then every shape."""
    cores = os.cpu_count() or 1
    peaks = _peaks(512 if quick else 2048, sorted({1, cores}))
    found: list[section.Result] = []
    for n, m in QUICK_SHAPES if quick else SHAPES:
        threads = cores if n >= WIDE_FROM else 1
        section.heading(f"{n} x {m}, {threads} BLAS threads")
        values = heavy_tailed((n, m), [SEED, n, m])
        with blas_threads(threads):
            shape = _shape(values, peaks, threads)
        section.table(HEADERS, [_line(row) for row in shape])
        found += shape
    return {
        "peaks": [{"dtype": d, "threads": t, "gflops": p / 1e9} for (d, t), p in peaks.items()],
        "kernels": found,
    }


def _peaks(n: int, threads: list[int]) -> Peaks:
    section.heading(f"GEMM peak, n = {n}, GFLOP/s")
    found: Peaks = {}
    rows = []
    for dtype in DTYPES:
        a = np.random.default_rng(SEED).standard_normal((n, n)).astype(dtype)
        b = a.T.copy()
        gemm = scipy.linalg.get_blas_funcs("gemm", (a,))
        for count in threads:
            with blas_threads(count):
                speeds = {
                    "numpy": 2 * n**3 / repeated(partial(np.matmul, a, b)).fastest,
                    # Transposed, so that SciPy gets the column order it wants and does not copy.
                    "scipy": 2 * n**3 / repeated(partial(gemm, 1.0, a.T, b.T)).fastest,
                }
            found[dtype.name, count] = max(speeds.values())
            rows.append(
                (f"{dtype.name} {count} threads", *(f"{speed / 1e9:.0f}" for speed in speeds.values()))
            )
    section.table(("", "numpy", "scipy"), rows)
    return found


def _shape(values: Array, peaks: Peaks, threads: int) -> list[section.Result]:
    n, m = values.shape
    backend = choose_backend()
    found = []

    def add(name: str, dtype: str, flops: float | None, timing: Timing, floor: float | None = None) -> None:
        peak = peaks[dtype, threads]
        found.append(
            {
                "shape": [n, m],
                "threads": threads,
                "kernel": name,
                "dtype": dtype,
                "seconds": timing.median,
                "gflops": flops and flops / timing.median / 1e9,
                "of_peak": flops and flops / timing.median / peak,
                "times_floor": floor and timing.median / (floor / peak),
            }
        )

    for dtype in DTYPES:
        gram = np.asarray(gram_pass(values, dtype, backend).gram)
        _parts(gram, dtype.name, add, partial(gram_pass, values, dtype, backend), n * n * m)
    wide = values.astype(np.float64)
    # Bidiagonalisation, with a QR factorisation first where that is cheaper (m > 5/3 n).
    flops = min(4 * n * n * (m - n / 3), 2 * n * n * m + 2 * n**3)
    add(
        "gesdd, no vectors",
        "float64",
        flops,
        repeated(lambda: scipy.linalg.svdvals(wide, check_finite=False)),
    )
    for mode in MODES:
        dtype_name = "float32" if mode == "fast" else "float64"
        total = n * n * m + 4 / 3 * n**3
        outcome: list[Decomposition | Reason] = []

        def call(mode: Mode = mode, outcome: list[Decomposition | Reason] = outcome) -> None:
            outcome.append(decompose(values[None], mode, backend))

        timing = repeated(call)
        # `fast` promotes itself where float32 is not enough; its row then says gram64.
        how = outcome[0].method if isinstance(outcome[0], Decomposition) else outcome[0].value
        add(f"decompose {mode}: {how}", dtype_name, total, timing, total)
    return found


def _parts(
    gram: Array, dtype: str, add: Callable[..., None], form: Callable[[], object], flops: float
) -> None:
    """The steps from W to its eigenvalues, each alone. Those that destroy their input get a copy, made untimed."""
    n = gram.shape[0]
    add("Gram matrix, panels and all", dtype, flops, repeated(form))
    if choose_backend().name != "lapack":
        return
    add("tridiagonal, one stage", dtype, 4 / 3 * n**3, _on_copies(lapack.tridiagonal, gram))
    d, e = lapack.tridiagonal(gram.copy())
    if lapack.has_two_stage():
        for bandwidth in BANDS:
            stage = _on_copies(partial(lapack.band, bandwidth=bandwidth), gram)
            add(f"full to band, b = {bandwidth}", dtype, 4 / 3 * n**3, stage)
            packed = lapack.band(gram.copy(), bandwidth)
            chase = _on_copies(lapack.tridiagonal_from_band, packed)
            add(f"band to tridiagonal, b = {bandwidth}", dtype, 6 * n * n * bandwidth, chase)
    add(
        "eigenvalues of tridiagonal",
        dtype,
        None,
        _on_copies(lambda d: lapack.eigenvalues_of_tridiagonal(d, e), d),
    )


def _on_copies(call: Callable[[Array], object], original: Array) -> Timing:
    """As `timing.repeated`, for a call that destroys its input: the copies are made outside the timed part."""
    seconds: list[float] = []
    while not seconds or (sum(seconds) < 1.0 and len(seconds) <= 5):
        copy = original.copy()
        seconds.append(once(partial(call, copy)))
    return Timing.of(seconds[1:] or seconds)


def _line(row: section.Result) -> tuple[str, ...]:
    return (
        f"f{row['dtype'][-2:]} {row['kernel']}",
        f"{row['seconds'] * 1e3:.1f}",
        "" if row["gflops"] is None else f"{row['gflops']:.1f}",
        "" if row["of_peak"] is None else f"{row['of_peak']:.0%}",
        "" if row["times_floor"] is None else f"{row['times_floor']:.2f}",
    )


if __name__ == "__main__":
    section.main("kernels", kernels)
