"""Chromium for pictures and timings of the page: the same as the tests use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.page import chromium


class NoBrowser(Exception):
    """There is no Chromium or no playwright; the message says so in one line."""


@contextlib.contextmanager
def started() -> Iterator[Any]:
    """Chromium, headless."""
    path = chromium.found()
    if path is None:
        raise NoBrowser(f"no Chromium: install one, or name it in {chromium.VARIABLE}")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowser("playwright is not installed") from error
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        try:
            yield made
        finally:
            made.close()


@contextlib.contextmanager
def page(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    """A page that is ready, in a context of its own; what must not happen is printed."""
    context = chromium.context(browser, **options)
    try:
        watched = chromium.Watched(context.new_page(), chromium.origin(address))
        watched.page.set_default_timeout(120_000)
        watched.page.goto(address)
        yield watched.ready()
        for fault in watched.faults():
            print(fault)
    finally:
        context.close()
