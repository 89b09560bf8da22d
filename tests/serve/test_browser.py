"""Claim: a real browser gives the page to its owner by every way of opening it, and nothing of it to other pages, those
of another port of this machine included, which are the same site."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.page import chromium
from tests.serve.served import TOKEN, Served
from tests.store.frames import lawful
from triplepoint.store import RunWriter

LINK, PERMALINK = f"?token={TOKEN}#run=first", "#run=first"
ATTACKS = """async (own) => {
  const found = {};
  const event = (target, good) => new Promise((done) => {
    target[good] = () => done("open");
    target.onerror = () => done("refused");
  });
  const read = (mode) => fetch(own + "api/runs", { credentials: "include", mode }).then(() => "open", () => "refused");
  found.fetch = await read("cors");
  found.blind = await read("no-cors");
  for (const [tag, place] of [["script", "api/runs"], ["img", "api/runs"], ["script", ""]]) {
    const made = document.createElement(tag);
    const waiting = event(made, "onload");
    made.src = own + place;
    document.body.append(made);
    found[`${tag} ${place}`] = await waiting;
  }
  const stream = new EventSource(own + "api/stream?name=first", { withCredentials: true });
  found.stream = await event(stream, "onopen");
  stream.close();
  const frame = document.createElement("iframe");
  frame.src = own;
  const loaded = event(frame, "onload");
  document.body.append(frame);
  await loaded;
  found.frame = frame.contentDocument === null ? "refused" : "open";
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    yield from chromium.launched()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a browser that was never here."""
    context = chromium.context(browser)
    yield context.new_page()
    context.close()


@pytest.fixture
def served(serve: Callable[[Path], Served], folder: Path) -> Served:
    """A run that is served."""
    with RunWriter(folder / "first" / "run.db") as writer:
        writer.write([lawful(step) for step in range(3)])
    return serve(folder)


@pytest.fixture
def elsewhere(served: Served) -> Iterator[int]:
    """The port of another server of this machine, whose page links to ours."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            links = [f'<a href="{served.address.url}{end}">{end[1:4]}</a>' for end in (LINK, PERMALINK)]
            self.wfile.write("".join(links).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def is_shown(page: Any) -> bool:
    page.locator("body[data-ready=true]").wait_for()
    return bool(page.locator("body").inner_text())


def test_the_printed_link_opens_the_page_and_leaves_no_token(page: Any, served: Served) -> None:
    page.goto(served.address.url + LINK)
    assert is_shown(page)
    assert page.url.startswith(f"{served.address.url}#run=first")
    assert page.evaluate("document.cookie") == ""  # not for scripts
    assert TOKEN not in page.content()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_links_of_other_pages_open_it(page: Any, served: Served, elsewhere: int, host: str) -> None:
    """`localhost` is another site than 127.0.0.1, from which no strict cookie comes along."""
    page.goto(f"http://{host}:{elsewhere}/")
    page.click("text=tok")
    assert is_shown(page)
    assert TOKEN not in page.url
    page.goto(f"http://{host}:{elsewhere}/")
    page.click("text=run")
    assert is_shown(page)
    assert page.url.startswith(served.address.url)
    assert "#run=first" in page.url


def test_without_the_token_a_link_ends_in_a_sentence(page: Any, elsewhere: int) -> None:
    page.goto(f"http://localhost:{elsewhere}/")
    page.click("text=run")
    page.wait_for_url("**/?from=elsewhere#run=first")
    assert "Open the link that the command printed" in page.locator("body").inner_text()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_other_pages_get_nothing(page: Any, served: Served, elsewhere: int, host: str) -> None:
    page.goto(served.address.url + LINK)
    page.goto(f"http://{host}:{elsewhere}/")
    found = page.evaluate(ATTACKS, served.address.url)
    assert {*found.values()} == {"refused"}, found
    page.goto(served.address.url)
    assert is_shown(page)
