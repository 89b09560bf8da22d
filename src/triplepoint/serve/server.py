"""The server as a whole: the application behind its gate, and uvicorn around both."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn

from triplepoint.serve.addresses import Address
from triplepoint.serve.catalogue import Catalogue
from triplepoint.serve.endpoints import Endpoints
from triplepoint.serve.gate import Gate
from triplepoint.serve.tails import Tails

_MOST_CONNECTIONS = 512
_MOST_HEAD = 32_768
"""Bytes of the head of a request."""
_PATIENCE = 2
"""Seconds that answers have when the server stops; streams end at once."""


class LivePage:
    """A folder of runs, read-only, at one address."""

    def __init__(self, catalogue: Catalogue, address: Address, token: str, *, shown: str) -> None:
        """`shown`: the folder as the user named it."""
        self._tails = Tails(catalogue)
        self.gate = Gate(Endpoints(catalogue, self._tails, shown).router(), address, token)
        """The ASGI application."""

    def run(self, listening: socket.socket, *, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until Ctrl-C, SIGTERM or a closed terminal; `ready` is called once requests are answered."""
        asyncio.run(self.serve(listening, ready=ready))

    async def serve(
        self,
        listening: socket.socket,
        *,
        ready: Callable[[], None] = lambda: None,
        stop: threading.Event | None = None,
    ) -> None:
        """The same on a running loop; `stop` ends it from another thread."""
        server = _Server(_configuration(self.gate), self._tails, ready, stop)
        await server.serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends streams when it stops, and ends as asked on a signal."""

    def __init__(
        self, config: uvicorn.Config, tails: Tails, ready: Callable[[], None], stop: threading.Event | None
    ) -> None:
        super().__init__(config)
        self._tails = tails
        self._ready = ready
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        if self._stop is not None and self._stop.is_set():
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._tails.stop()
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn raises the signal again at the end, and the process would die of it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")]
        # What is ignored already (a job of `nohup` or `&`) stays so.
        known = [n for n in numbers if n is not None and signal.getsignal(n) not in (signal.SIG_IGN, None)]
        before = {number: signal.signal(number, self._asked) for number in known}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # asked twice: what is not done is given up
        self.should_exit = True


def _configuration(app: Gate) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,  # it would hold the token
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_PATIENCE,
        h11_max_incomplete_event_size=_MOST_HEAD,
    )
