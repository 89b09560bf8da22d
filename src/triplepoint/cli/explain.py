"""`triplepoint explain NAME`: what a name means, where it comes from, when it misleads."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import click

from triplepoint.cli.output import emit
from triplepoint.errors import UsageError

if TYPE_CHECKING:
    from triplepoint.cli.glossary import Entry

_WIDTH = 96


@click.command(name="explain", short_help="What a metric, rule, phase or class means and when it misleads.")
@click.argument("name", required=False)
@click.option(
    "--format",
    type=click.Choice(["text", "json", "md"]),
    default="text",
    show_default=True,
    help="md: a page of all metrics.",
)
def command(*, name: str | None, format: str) -> None:
    """Explain a metric, a rule, a phase or a spectral class; without NAME, list them all."""
    if format == "md":
        if name is not None:
            raise UsageError(
                f"explain {name} as a page",
                "md is the page of all metrics",
                "Leave NAME out, or use --format text",
            )
        from triplepoint.cli.metric_page import page

        emit(page())
        return
    from triplepoint.cli import glossary

    found = glossary.entries() if name is None else glossary.find(name)
    if format == "json":
        emit(json.dumps({"schema": "triplepoint.explain/1", "entries": list(map(_as_dict, found))}) + "\n")
    else:
        emit(_listing(found) if name is None else "\n".join(map(_page, found)))


def _as_dict(entry: Entry) -> dict[str, object]:
    return {
        "group": entry.group,
        "name": entry.name,
        "definition": entry.definition,
        "details": dict(entry.details),
    }


def _page(entry: Entry) -> str:
    parts = [f"{entry.name} ({entry.group})\n", _block(entry.definition, "  ")]
    parts += [f"\n{title}\n{_block(text, '  ')}" for title, text in entry.details]
    return "".join(parts)


def _listing(found: tuple[Entry, ...]) -> str:
    width = max((len(entry.name) for entry in found), default=0)
    lines: list[str] = []
    group = ""
    for entry in found:
        if entry.group != group:
            group = entry.group
            plural = f"{group.capitalize()}{'es' if group.endswith('s') else 's'}"
            lines += ["", plural] if lines else [plural]
        first = " ".join(entry.definition.split()).split(". ")[0].rstrip(".")
        room = _WIDTH - width - 4
        lines.append(f"  {entry.name:<{width}}  {textwrap.shorten(first, room, placeholder=' …')}")
    return "\n".join([*lines, "", "Run: triplepoint explain NAME", ""])


def _block(text: str, indent: str) -> str:
    """Paragraphs wrapped; lines that are indented, such as formulas, kept as they are."""
    out = []
    for paragraph in text.split("\n\n"):
        kept = any(line.startswith((" ", "-", "*", "|")) for line in paragraph.splitlines())
        if kept:
            out.append(textwrap.indent(paragraph, indent))
        else:
            flat = " ".join(paragraph.split())
            # Model names are full of hyphens and are searched for as they are written.
            lines = textwrap.wrap(flat, _WIDTH - len(indent), break_on_hyphens=False)
            out.append(textwrap.indent("\n".join(lines), indent))
    return "\n\n".join(out) + "\n"
