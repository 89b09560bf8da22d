"""A scan as a GitHub-flavoured Markdown page: for a job summary or a pull request."""

from __future__ import annotations

import re

from triplepoint.records import Scan
from triplepoint.report import notes, order
from triplepoint.report.columns import columns_of
from triplepoint.report.text import safe_text
from triplepoint.report.verdict import CAVEAT, verdict

_ORDINARY = re.compile(r"[\w./:+,= -]+")
_STRUCTURAL = re.compile(r"[&<>|`*\[\]\\~@]")


def markdown(scan: Scan, *, top: int | None = None) -> str:
    """Verdict, table with the worst first, notes."""
    rows = order.matrices(scan)
    lines = [prose(verdict(scan)), ""]
    if rows:
        columns = columns_of(rows)
        lines += [
            "| " + " | ".join(["layer", *(column.title for column in columns)]) + " |",
            "|" + "|".join([" :-- ", *(" --: " if column.right else " :-- " for column in columns)]) + "|",
        ]
        lines += [
            "| "
            + " | ".join([code(order.label(row)), *(prose(column.cell(row)) for column in columns)])
            + " |"
            for row in rows[: top or notes.MOST_ROWS]
        ]
        lines += ["", *(f"{line}\n" for line in notes.hidden(len(rows), top))]
    for section in notes.sections(scan, name=code, prose=prose):
        lines += [f"**{section.title}**", "", *(f"- {point}" for point in section.points), ""]
    lines += [f"{prose(line)}  " for line in (*notes.footer(scan), CAVEAT) if line]
    return "\n".join(lines) + "\n"


def code(name: str) -> str:
    """A name from the file as code.

    Within backticks an escaped pipe is read differently by different renderers, so an unusual name goes into
    `<code>` with every structural character as an entity: those are decoded after the structure is known.
    """
    name = safe_text(name)
    if _ORDINARY.fullmatch(name) and name == name.strip():
        return f"`{name}`"
    return f"<code>{''.join(c if c.isalnum() or c in '._ ' else f'&#{ord(c)};' for c in name)}</code>"


def prose(text: str) -> str:
    """A sentence in which no character starts a link, a mention, a tag or a new cell."""
    return _STRUCTURAL.sub(lambda match: f"&#{ord(match.group())};", safe_text(text))
