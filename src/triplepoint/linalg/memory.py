"""How much memory a decomposition may take.

Linux overcommits: an allocation that is too large does not fail, the kernel kills the process later and the whole
scan is lost. So the need of a matrix is known and compared before anything is allocated.
"""

from __future__ import annotations

from pathlib import Path

# Gram matrix, workspace of the two-stage reduction and panels, over the Gram matrix alone. A whole scan of one BF16
# 4096 x 4096 peaks at 238 MiB, interpreter, libraries and the mapped file included; its Gram matrix takes 128 MiB.
WORKSPACE = 1.3


# Below this nothing is looked up: reading the two files costs 0.1 ms, a tenth of a tiny matrix.
ALWAYS_FITS = 64 << 20


def fits(shape: tuple[int, ...], *, exact: bool, itemsize: int) -> bool:
    """Whether one matrix (rows, columns) can be decomposed in the memory that is left."""
    need = needed_bytes(shape, exact=exact, itemsize=itemsize)
    return need <= ALWAYS_FITS or need <= available_bytes()


def needed_bytes(shape: tuple[int, ...], *, exact: bool, itemsize: int) -> float:
    """Peak bytes of one decomposition of (rows, columns)."""
    small = min(shape)
    if exact:
        # gesdd without vectors works on a copy and needs one more.
        return 16.0 * shape[0] * shape[1]
    return WORKSPACE * itemsize * small * small


def available_bytes() -> float:
    """Memory that can still be taken: the smaller of the machine's and the container's; infinite where unknown."""
    return min(_machine(), _container())


def _machine() -> float:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return float("inf")


def _container() -> float:
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
        return float("inf") if limit == "max" else float(int(limit) - int(used))
    except (OSError, ValueError):
        return float("inf")
