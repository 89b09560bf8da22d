"""One Chromium for the folder; every page that a test opens is held to what must not happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.page import chromium
from tests.page.chromium import Opener, Watched
from tests.page.modules import expose
from tests.page.served import Served
from tests.single_thread import one_blas_thread

__all__ = ["one_blas_thread"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    yield from chromium.launched()


@pytest.fixture(scope="package")
def js(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An empty page with the browser's modules in `modules`; what is evaluated runs in it."""
    empty = tmp_path_factory.mktemp("empty") / "empty.html"
    empty.write_text("<!doctype html><title>empty</title>", encoding="utf-8")
    context = chromium.context(browser)
    watched = Watched(context.new_page(), empty.as_uri())
    watched.page.goto(watched.own)
    expose(
        watched.page,
        "columns",
        "format",
        "state",
        "dom",
        "phases",
        "subject",
        "playing",
        "heat",
        "layer_words",
    )
    yield watched.page
    faults = watched.faults()
    context.close()
    assert not faults


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], Served]]:
    """`serve(folder)` begins a server that ends after the pages of the test are closed."""
    with ExitStack() as stack:
        yield lambda folder: stack.enter_context(Served(folder, tmp_path / "keep"))


@pytest.fixture
def look(browser: Any, serve: object, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opener]:
    """`look(address, **options of the context)` opens a page and waits until it is ready; faults fail the test."""
    opened: list[tuple[Any, Watched]] = []

    def opener(address: str, *, wait: bool = True, **options: Any) -> Watched:
        opened.append(_opened(browser, address, options))
        watched = opened[-1][1]
        return watched.ready() if wait else watched

    with _pictures_of_failure(request, tmp_path, opened):
        yield opener
    faults = [fault for _, watched in opened for fault in watched.faults()]
    for context, _ in opened:
        context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="package")
def left_open(browser: Any) -> Iterator[dict[str, tuple[Any, Watched]]]:
    """Pages by the address of their file."""
    pages: dict[str, tuple[Any, Watched]] = {}
    yield pages
    for context, _ in pages.values():
        context.close()


@pytest.fixture
def revisit(
    browser: Any, left_open: dict[str, tuple[Any, Watched]], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Opener]:
    """As `look`, on a page that another test has left, since what it shows is all in its address; 0.1 s for 0.8."""
    used: list[tuple[Any, Watched]] = []

    def opener(address: str) -> Watched:
        file, _, hash = address.partition("#")
        if file not in left_open:
            left_open[file] = _opened(browser, file, {})
        used.append(left_open[file])
        watched = used[-1][1].ready()
        watched.page.mouse.move(0, 0)
        # What waits to be written into the address is of the test before.
        watched.page.evaluate(
            """(hash) => {
              const { state, player } = window.triplepoint;
              player.stop();
              clearTimeout(state.waiting);
              document.activeElement?.blur();
              window.scrollTo(0, 0);
              location.hash = hash;
            }""",
            hash,
        )
        watched.settle()
        return watched

    with _pictures_of_failure(request, tmp_path, used):
        yield opener
    faults = [fault for _, watched in used for fault in watched.faults()]
    for _, watched in used:
        watched.errors.clear()
    assert not faults, "\n".join(faults)


def _opened(browser: Any, address: str, options: dict[str, Any]) -> tuple[Any, Watched]:
    context = chromium.context(browser, **options)
    if address.startswith("file:"):
        context.set_offline(True)
    watched = Watched(context.new_page(), chromium.origin(address))
    watched.page.goto(address)
    return context, watched


@contextmanager
def _pictures_of_failure(
    request: pytest.FixtureRequest, folder: Path, opened: list[tuple[Any, Watched]]
) -> Iterator[None]:
    """Where the test fails, what its pages showed."""
    before = request.session.testsfailed
    yield
    if request.session.testsfailed == before:
        return
    for number, (_, watched) in enumerate(opened):
        if not watched.page.is_closed():
            watched.page.screenshot(path=folder / f"page-{number}.png")
    print(f"screenshots: {folder}")
