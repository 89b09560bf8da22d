"""The command line. A verb imports what it needs when it runs, so that help costs nothing."""

from __future__ import annotations

import os


def main() -> None:
    """Run `triplepoint`; the console script. Ctrl-C ends it quietly, also while it is still importing."""
    try:
        from triplepoint.cli.interrupts import ignore, repeat_lost

        repeat_lost()
        try:
            from triplepoint.cli.app import app

            app()
        finally:
            # What is left is the interpreter's own clearing up, which would print a traceback of its own.
            ignore()
    except KeyboardInterrupt:
        # Pressed before there was anything to show or to clear up; a second press must not find Python still ending.
        os._exit(130)
