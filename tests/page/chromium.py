"""A page in headless Chromium that notes whatever must not happen: errors, dialogs, violations, requests to others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VARIABLE = "TRIPLEPOINT_CHROMIUM"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


def found(environment: Mapping[str, str] = os.environ) -> str | None:
    """Where Chromium is: as `TRIPLEPOINT_CHROMIUM` says, else on the path; None where it is not."""
    given = environment.get(VARIABLE)
    if given:
        return given
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def arguments() -> list[str]:
    """Root has no sandbox; no name of the outer world has an address."""
    resolve = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    quiet = ["--disable-background-networking", "--disable-component-update", "--no-first-run", resolve]
    return quiet + (["--no-sandbox"] if os.geteuid() == 0 else [])


def launched() -> Iterator[Any]:
    """Chromium for a fixture; without one its tests are passed over, but never in CI."""
    path = found()
    if path is None:
        reason = f"no Chromium: install one, or name it in {VARIABLE}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=path, args=arguments())
        yield made
        made.close()


@dataclass(eq=False)
class Watched:
    """One page and what was noted of it."""

    page: Any
    own: str
    """What the page may ask: its own file, or everything that begins with its origin."""
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    """Parts of messages that this test brings about: a server that is killed."""

    def __post_init__(self) -> None:
        self.page.on(
            "console", lambda told: told.type in ("error", "warning") and self.errors.append(told.text)
        )
        self.page.on("pageerror", lambda error: self.errors.append(f"{error}\n{getattr(error, 'stack', '')}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.own, "data:", "blob:")):
            self.foreign.append(request.url)

    def faults(self) -> list[str]:
        """Everything that must not happen and did."""
        errors = [one for one in self.errors if not any(part in one for part in self.excused)]
        violations = [] if self.page.is_closed() else self.page.evaluate("window.violations ?? []")
        return [
            *(f"console: {one}" for one in errors),
            *(f"dialog: {one}" for one in self.dialogs),
            *(f"request: {one}" for one in self.foreign),
            *(f"policy: {one}" for one in violations),
        ]

    # What tests wait for and press.

    def ready(self) -> Watched:
        """Until the page is drawn; one that says it cannot be shown fails at once."""
        self.wait("() => document.body.dataset.ready === 'true' || document.querySelector('#app > .bad')")
        assert self.data("ready") == "true", self.faults()
        return self

    def wait(self, condition: str, argument: Any = None) -> None:
        """Until a JavaScript expression of `argument` holds."""
        self.page.wait_for_function(condition, arg=argument, polling="raf")

    def data(self, name: str) -> str | None:
        """An attribute `data-…` of the body."""
        return self.page.evaluate("(name) => document.body.dataset[name] ?? null", name)  # type: ignore[no-any-return]

    def at(self, **expected: Any) -> None:
        """Wait until `data-…` of the body are these: `at(view="time", step=40)`."""
        for name, value in expected.items():
            self.wait("([name, value]) => document.body.dataset[name] === value", [name, str(value)])

    def key(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def view(self, name: str) -> None:
        """Open a view by its tab."""
        self.page.locator(f"nav.tabs button:has-text('{name.capitalize()}')").click()
        self.at(view=name)

    def settle(self) -> None:
        """Two frames on: what was changed has been drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )


def context(browser: Any, **options: Any) -> Any:
    """A context of its own, with nothing kept and every violation of the policy noted."""
    made = browser.new_context(**({"viewport": WIDE} | options))
    made.set_default_timeout(15_000)
    made.add_init_script(_VIOLATIONS)
    return made


def origin(address: str) -> str:
    """What a page at this address may ask for."""
    parts = urlsplit(address)
    return (
        address.split("#", maxsplit=1)[0] if parts.scheme == "file" else f"{parts.scheme}://{parts.netloc}/"
    )


Opener = Callable[..., Watched]
