"""What holds for every test here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serve.served import Served
from tests.single_thread import one_blas_thread
from tests.store.conftest import tmp_path
from triplepoint.serve import tails

__all__ = ["one_blas_thread", "tmp_path"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of runs."""
    path = tmp_path / "runs"
    path.mkdir()
    return path


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Served]]:
    """`serve(folder)`: a real server on a real socket, in a thread, that looks fifty times a second."""
    monkeypatch.setattr(tails, "SECONDS", 0.02)
    made: list[Served] = []

    def begin(folder: Path) -> Served:
        made.append(Served(folder))
        return made[-1]

    yield begin
    for one in made:
        one.close()
