"""The command line. A verb imports what it needs when it runs, so that help costs nothing."""

from __future__ import annotations


def main() -> None:
    """Run `triplepoint`; the console script."""
    from triplepoint.cli.app import app

    app()
