"""The machine a figure was measured on; no figure means anything without it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from triplepoint import __version__
from triplepoint.environment import BLAS_VARIABLES, environment


def describe() -> dict[str, str]:
    """Processor, memory, load, versions and the variables that change BLAS."""
    found = {
        "processor": _processor(),
        "memory": _memory(),
        "load average": load(),
        "triplepoint": __version__,
    }
    found.update(environment())
    found.update({name: os.environ.get(name, "unset") for name in BLAS_VARIABLES})
    return found


def load() -> str:
    """Over 1, 5 and 15 minutes. Above 0.5 before the start, something else is running."""
    try:
        return " ".join(f"{value:.2f}" for value in os.getloadavg())
    except OSError:
        return "unknown"


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 2**20:.1f} GiB"
    return "unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
