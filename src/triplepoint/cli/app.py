"""`triplepoint`: the verbs, and the one place where a run ends."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from triplepoint import __version__
from triplepoint.cli import failures

VERBS = {
    "scan": "triplepoint.cli.scan",
    "report": "triplepoint.cli.report",
    "edit": "triplepoint.cli.edit",
    "watch": "triplepoint.cli.watch",
    "serve": "triplepoint.cli.serve",
    "runs": "triplepoint.cli.runs",
    "export": "triplepoint.cli.export",
    "explain": "triplepoint.cli.explain",
    "doctor": "triplepoint.cli.doctor",
}


class Verbs(click.Group):
    """A group whose verbs are modules with a `command`; at their top these import nothing but click."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        return list(VERBS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The verb, imported now."""
        if name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A word that is no verb gets the nearest verb, or the verb that a file name lacks."""
        if args[0] in VERBS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(args[0], VERBS, n=1)
        meant = [f"scan {args[0]}"] if os.path.exists(args[0]) else near
        hint = f" Did you mean: triplepoint {meant[0]}?" if meant else ""
        raise click.UsageError(f"no verb {args[0]!r}.{hint}", ctx)

    def main(  # type: ignore[override]  # click's overloads describe `standalone_mode`, which is fixed here
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **_: Any
    ) -> NoReturn:
        """Run and exit: 0 fine, 1 findings, 2 bad usage or input, 130 interrupted."""
        given = list(sys.argv[1:] if args is None else args)
        run = super().main
        sys.exit(
            failures.guarded(
                lambda: run(given, prog_name=prog_name or "triplepoint", standalone_mode=False), given
            )
        )


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="triplepoint")
def app() -> None:
    """Which layers of a network have learned too little, which are right, which have memorised.

    Begin with: triplepoint scan model.safetensors
    """
