"""What holds for every test here."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.single_thread import one_blas_thread

__all__ = ["one_blas_thread"]
_MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: on disk the `fsync`s of a run that begins and ends took 60 ms, and what
    these tests kill is processes, not machines."""
    path = Path(tempfile.mkdtemp(prefix="triplepoint-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None))
    yield path
    shutil.rmtree(path)
