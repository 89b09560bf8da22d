"""What each address answers: every one reads, in a thread, and none keeps a run open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from triplepoint.page import live
from triplepoint.page.assemble import assemble
from triplepoint.serve import answers, queries
from triplepoint.serve.answers import NOT_FOUND, Refused
from triplepoint.serve.catalogue import RUN, SCAN, Catalogue
from triplepoint.serve.documents import Documents
from triplepoint.serve.streams import EventStream
from triplepoint.serve.tails import Tails
from triplepoint.store import Run

_READERS = 8
Ask = Callable[[Run, dict[str, str]], Any]


class Endpoints:
    """The addresses of one server."""

    def __init__(self, catalogue: Catalogue, tails: Tails, shown: str) -> None:
        """`shown`: the folder as the user named it."""
        self._catalogue = catalogue
        self._documents = Documents(catalogue)
        self._tails = tails
        self._shown = shown
        self._threads: CapacityLimiter | None = None

    def router(self) -> Router:
        """All of them, as an ASGI application that raises what goes wrong."""
        routes = [
            Route("/", self._page),
            Route("/api/runs", self._runs),
            Route("/api/document", self._document),
            Route("/api/metric", self._asking(_metric)),
            Route("/api/spectra", self._asking(_spectra)),
            Route("/api/row", self._asking(_row)),
            Route("/api/stream", self._stream),
        ]
        return Router(routes, redirect_slashes=False, default=_nothing)

    async def _page(self, request: Request) -> Response:
        nonce = request.scope["triplepoint.nonce"]

        def make() -> bytes:
            return assemble(None, title="triplepoint", nonce=nonce).encode("utf-8")

        return await self._answered(request, make, "text/html")

    async def _runs(self, request: Request) -> Response:
        def make() -> bytes:
            return answers.encoded({"folder": self._shown, "entries": self._catalogue.entries()})

        return await self._answered(request, make)

    async def _document(self, request: Request) -> Response:
        given = queries.fields(request.scope["query_string"])
        kind, name = queries.word(given, "kind", (RUN, SCAN)), queries.text(given, "name")
        if kind == RUN and queries.whole(given, "first", 0):
            return await self._answered(request, lambda: self._documents.first(name))
        return await self._answered(request, lambda: self._documents.read(kind, name))

    def _asking(self, ask: Ask) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            given = dict(queries.fields(request.scope["query_string"]))
            name = queries.text(given, "name")

            def make() -> bytes:
                with Run(self._catalogue.find(RUN, name)) as run:
                    return answers.encoded(ask(run, given))

            return await self._answered(request, make)

        return endpoint

    async def _stream(self, request: Request) -> ASGIApp:
        given = dict(queries.fields(request.scope["query_string"]))
        resumed = request.headers.get("last-event-id")
        if resumed:
            given["after"] = resumed
        name, after = queries.text(given, "name"), queries.whole(given, "after", 0)
        return EventStream(self._tails, name, after, queries.real(given, "started"))

    async def _answered(
        self, request: Request, make: Callable[[], bytes], media_type: str = "application/json"
    ) -> Response:
        """What `make` returns, made and packed in a thread."""
        if self._threads is None:  # made here, since it belongs to the loop that runs
            self._threads = CapacityLimiter(_READERS)
        accepted = ",".join(request.headers.getlist("accept-encoding"))
        return await anyio.to_thread.run_sync(
            lambda: answers.packed(make(), accepted, media_type), limiter=self._threads
        )


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise Refused(NOT_FOUND, "open this address", "there is nothing under it", "The page is at /")


def _metric(run: Run, given: dict[str, str]) -> Any:
    return live.metric_values(run, queries.text(given, "metric"), queries.whole(given, "frame"))


def _spectra(run: Run, given: dict[str, str]) -> Any:
    return live.layer_spectra(run, queries.text(given, "layer"))


def _row(run: Run, given: dict[str, str]) -> Any:
    layer, step = queries.text(given, "layer"), queries.whole(given, "step")
    found = live.row(run, layer, step)
    if found is None:
        raise Refused(
            NOT_FOUND,
            f"read row {layer!r}",
            f"no full visit is at or before step {step}",
            "Ask for a later one",
        )
    return found
