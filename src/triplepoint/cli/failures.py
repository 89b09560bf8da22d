"""Every way a run can end badly, each as one line on stderr and one exit code; never a traceback."""

from __future__ import annotations

import itertools
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import click

from triplepoint.errors import TriplepointError
from triplepoint.report.text import safe_text

BAD_INPUT = 2
INTERRUPTED = 130


def guarded(run: Callable[[], Any], args: Sequence[str]) -> int:
    """The exit code of `run`, whatever happens in it."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show `α` gets `\\u03b1`, not a UnicodeEncodeError in place of the result.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(run() or 0)
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except click.ClickException as error:
        error.show()
        _as_json(args, "read the command line", error.format_message(), "Run: triplepoint --help")
    except TriplepointError as error:
        _tell(args, error.asked, error.found, error.next)
    except MemoryError:
        _tell(args, _command(args), "memory ran out", "Lower --workers, or scan fewer --layers at a time")
    except OSError as error:
        asked = f"open {error.filename}" if error.filename is not None else _command(args)
        _tell(args, asked, error.strerror or type(error).__name__, "Check the path and its permissions")
    except Exception as error:
        if _is_interrupt(error):
            return _interrupted()
        if os.environ.get("TRIPLEPOINT_DEBUG"):
            traceback.print_exc()
        found = f"a bug in triplepoint, {type(error).__name__}: {error}"
        _tell(args, _command(args), found, "Set TRIPLEPOINT_DEBUG=1 for the traceback and report it")
    return BAD_INPUT


def _interrupted() -> int:
    click.echo("triplepoint: interrupted", err=True)
    return INTERRUPTED


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it: Python wraps one in a RuntimeError where it falls into `__set_name__`."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _tell(args: Sequence[str], asked: str, found: str, next: str) -> None:
    end = "" if next.endswith(("?", ".", "!")) else "."
    line = safe_text(f"triplepoint: {asked}: {found.rstrip('.')}. {next}{end}")
    click.echo(line, err=True)
    _as_json(args, asked, found, next)


def _as_json(args: Sequence[str], asked: str, found: str, next: str) -> None:
    """A program that asked for JSON gets JSON, also when its own arguments are wrong."""
    if _wants_json(args):
        error = {"schema": "triplepoint.error/1", "asked": asked, "found": found, "next": next}
        click.echo(json.dumps(error))


def _wants_json(args: Sequence[str]) -> bool:
    # Read from the raw arguments: when parsing them failed there is nothing else to go by.
    formats = [arg.partition("=")[2] for arg in args if arg.startswith("--format=")]
    formats += [value for flag, value in itertools.pairwise(args) if flag == "--format"]
    return bool(formats) and formats[-1] in ("json", "jsonl")


def _command(args: Sequence[str]) -> str:
    return " ".join(args) or "triplepoint"
