"""`triplepoint serve [RUNS_DIR]`: the live page over a folder of runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

from triplepoint.cli.output import emit
from triplepoint.errors import MissingDependency

_EXITS = (
    "Exit codes: 0 ended by Ctrl-C, SIGTERM or the closing of the terminal, which is how it ends; 2 wrong usage, or "
    "the port is taken."
)


@click.command(name="serve", short_help="A live page over a folder of runs, read-only.", epilog=_EXITS)
@click.argument("folder", metavar="[RUNS_DIR]", default="runs")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="0: any that is free; default: 8321 or the next that is free.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Let --host be one that other machines can reach. What is sent is not encrypted.",
)
@click.option("--new-token", is_flag=True, help="Make a new token; links that were printed before end.")
@click.option(
    "--token-file",
    metavar="FILE",
    help="Keep the token there; default: under ~/.local/state/triplepoint. Or set TRIPLEPOINT_TOKEN.",
)
@click.option(
    "--open/--no-open",
    "browser",
    default=None,
    help="Open a browser; default: on a terminal with a display.",
)
def command(
    *,
    folder: str,
    host: str,
    port: int | None,
    allow_remote: bool,
    new_token: bool,
    token_file: str | None,
    browser: bool | None,
) -> None:
    """Show the runs and saved scans in RUNS_DIR (default: ./runs) as a page, live while they are written.

    RUNS_DIR may also be one run or one saved scan. Nothing is ever written there. The link that is printed holds a
    token; whoever has it can read what is served, and nobody else can. From another machine:
    ssh -L 8321:127.0.0.1:8321, and the same link.
    """
    _require()
    from triplepoint.report.text import safe_text
    from triplepoint.serve import addresses, tokens
    from triplepoint.serve.catalogue import Catalogue
    from triplepoint.serve.server import LivePage

    catalogue = Catalogue(folder)
    token = tokens.token(token_file, new=new_token)
    listening, address = addresses.listen(host, port, allow_remote=allow_remote)
    with listening:
        page = LivePage(catalogue, address, token.value, shown=os.path.abspath(folder))
        _note(f"serving {safe_text(os.path.abspath(folder))}, read-only; Ctrl-C ends")
        if port is None and address.port != addresses.PORT:
            _note(f"port {addresses.PORT} is taken, so it is {address.port}")
        if not address.loopback:
            _note("other machines can reach this, and what is sent, the token too, is not encrypted")
        if token.note is not None:
            _note(safe_text(token.note))
        emit(f"{address.url}?token={token.value}\n")

        def ready() -> None:
            if _wants_browser(browser, os.environ):
                _open(f"{address.url}?token={page.gate.ticket()}")

        page.run(listening, ready=ready)


def _require() -> None:
    try:
        import starlette
        import uvicorn
    except ImportError as error:
        raise MissingDependency(
            "serve runs",
            f"{error.name or 'a package'} is not installed",
            "Run: pip install 'triplepoint[serve]'",
        ) from error
    del starlette, uvicorn


def _wants_browser(asked: bool | None, environment: Mapping[str, str]) -> bool:
    if asked is not None:
        return asked
    if not sys.stdout.isatty() or "SSH_CONNECTION" in environment:
        return False
    return sys.platform in ("darwin", "win32") or any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def _open(link: str) -> None:
    """In a thread: some browsers return only when they are closed."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()


def _note(text: str) -> None:
    click.echo(f"triplepoint: {text}.", err=True)
