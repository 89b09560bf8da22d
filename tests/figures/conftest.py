"""What holds for every test here: no display, and no figure of pyplot is left behind."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import pytest

from tests.single_thread import one_blas_thread
from triplepoint.records import Scan
from triplepoint.store import Run

mpl.use("Agg")

from matplotlib import pyplot

from tests.figures import worlds

__all__ = ["one_blas_thread"]


@pytest.fixture(autouse=True)
def no_figure_is_left() -> Iterator[None]:
    yield
    pyplot.close("all")


@pytest.fixture(scope="session")
def scan() -> Scan:
    return worlds.scan()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with worlds.run(tmp_path_factory.mktemp("runs") / "run.db") as run:
        yield run
