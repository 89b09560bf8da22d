"""`triplepoint doctor`: what is installed, what would do the work, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from triplepoint.cli.output import emit

UNUSABLE = 1


@click.command(name="doctor", short_help="What is installed here, and whether it works.")
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def command(ctx: click.Context, *, format: str) -> None:
    """Describe this installation and test it for a second; exit 0 if it can be used, else 1."""
    from triplepoint.cli import checkup

    found = checkup.examine()
    if format == "json":
        emit(json.dumps({"schema": "triplepoint.doctor/1", **found}) + "\n")
    else:
        emit("\n".join(_lines(found)) + "\n")
    ctx.exit(0 if found["usable"] else UNUSABLE)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    for title, content in found.items():
        if title == "usable":
            continue
        yield title.replace("_", " ").capitalize()
        if isinstance(content, dict):
            yield from _pairs(content)
        else:
            yield from (
                f"  {', '.join(f'{key} {value}' for key, value in entry.items())}" for entry in content
            )
        yield ""
    yield "Ready." if found["usable"] else "Not usable: the self-test failed."


def _pairs(content: Mapping[str, Any]) -> Iterator[str]:
    if not content:
        yield "  none"
    width = max(map(len, content), default=0)
    yield from (f"  {key:<{width}}  {value}" for key, value in content.items())
