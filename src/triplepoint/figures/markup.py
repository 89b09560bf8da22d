"""Small static HTML for notebooks: all escaped, no script, no class, nothing fetched, readable on any background.

Text and lines take the colour that is around them (`currentColor`), phases fade by opacity instead of towards white.
"""

from __future__ import annotations

import html
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from triplepoint.figures.palette import PHASES, strength
from triplepoint.records import Phase
from triplepoint.report.text import plural, safe_text, shorten
from triplepoint.report.verdict import phase_words

_TITLED = 200
"""Cells up to which each says its name when pointed at; more of them share one path a shade."""
_SHADES = 10
_WIDTH = 640


@dataclass(frozen=True, slots=True)
class Cell:
    """One layer in a strip."""

    name: str
    phase: Phase | None
    confidence: float | None


def text(words: str, most: int = 300) -> str:
    """Harmless and short: control characters spelled out, markup escaped, the middle cut.

    >>> text("<img src=x>")
    '&lt;img src=x&gt;'
    """
    shown = safe_text(words[: 4 * most])
    return html.escape(shown if len(shown) <= most else f"{shown[: most - 1]}…")


def name(label: str) -> str:
    """A layer's name in at most 64 characters."""
    return html.escape(shorten(safe_text(label[:400]), 64))


def strip(cells: Sequence[Cell]) -> str:
    """One cell a layer in the colour of its phase, the paler the less sure."""
    if not cells:
        return ""
    gap = 0.12 if len(cells) <= _TITLED else 0.0
    body = "".join(_titled(cells, gap) if len(cells) <= _TITLED else _merged(cells))
    return (
        f'<svg role="img" aria-label="{plural(len(cells), "layer")}, coloured by phase" viewBox="0 0 {len(cells)} 1" '
        f'preserveAspectRatio="none" style="display:block;width:100%;max-width:{_WIDTH}px;height:26px">{body}</svg>'
    )


def legend(phases: Iterable[Phase | None]) -> str:
    """Colour, word and count of each phase that occurs."""
    counts: dict[Phase | None, int] = defaultdict(int)
    for phase in phases:
        counts[phase] += 1
    style = "white-space:nowrap;margin-right:1.2em"
    entries = (
        f'<span style="{style}">{swatch(phase)} {phase_words(phase)} {counts[phase]}</span>'
        for phase in PHASES
        if counts[phase]
    )
    return f'<div style="margin:4px 0 8px">{"".join(entries)}</div>'


def swatch(phase: Phase | None) -> str:
    """A square in the colour of a phase."""
    return (
        '<svg width="10" height="10" aria-hidden="true" style="vertical-align:-1px">'
        f'<rect width="10" height="10" rx="2" fill="{PHASES[phase]}"/></svg>'
    )


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """Cells are markup already; the last `numbers` columns are numbers, the others words."""
    sides = ["right" if at >= len(heads) - numbers else "left" for at in range(len(heads))]
    cell = "padding:2px 10px 2px 0;border:0;background:none;vertical-align:top;color:inherit"
    head = "".join(
        f'<th scope="col" style="text-align:{side};font-weight:600;opacity:.7;{cell}">{word}</th>'
        for side, word in zip(sides, heads, strict=True)
    )
    body = "".join(
        "<tr style='background:none'>"
        + "".join(
            f'<td style="text-align:{side};{cell}">{value}</td>'
            for side, value in zip(sides, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table style="border-collapse:collapse;margin:2px 0;font-size:inherit"><tr>{head}</tr>{body}</table>'


def spark(values: Sequence[float | None], points: int = 120) -> str:
    """A line without axes through at most `points` blocks of values; logarithmic from two decades on."""
    known = [(at, value) for at, value in enumerate(values) if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return ""
    step = -(-len(known) // points)
    known = [*known[:-1:step], known[-1]]
    heights = [value for _, value in known]
    if min(heights) > 0 and max(heights) / min(heights) > 100:
        heights = [math.log10(value) for value in heights]
    low, high = min(heights), max(heights)
    first, last = known[0][0], known[-1][0]
    up = 20 / (high - low) if high > low else 0.0
    placed = (
        f"{120 * (at - first) / (last - first):.1f},{22 - up * (value - low):.1f}"
        for (at, _), value in zip(known, heights, strict=True)
    )
    return (
        '<svg width="120" height="24" viewBox="0 0 120 24" aria-hidden="true" style="vertical-align:middle">'
        f'<polyline points="{" ".join(placed)}" fill="none" stroke="currentColor" stroke-width="1.2"/></svg>'
    )


def card(title: str, parts: Iterable[str]) -> str:
    """The whole, under its title (markup already)."""
    return (
        '<div style="font-size:13px;line-height:1.45;max-width:60em;color:inherit;background:transparent">'
        f'<div style="font-weight:600;overflow-wrap:anywhere">{title}</div>{"".join(parts)}</div>'
    )


def line(words: str, faint: bool = False) -> str:
    """A paragraph of text that is not yet escaped."""
    return f'<div style="margin:4px 0{";opacity:.7" if faint else ""}">{text(words, 1200)}</div>'


def _titled(cells: Sequence[Cell], gap: float) -> Iterable[str]:
    for at, cell in enumerate(cells):
        sure = "" if cell.confidence is None else f", {cell.confidence:.0%}"
        yield (
            f'<rect x="{at}" width="{1 - gap:g}" height="1" fill="{PHASES[cell.phase]}" '
            f'fill-opacity="{strength(cell.confidence):.2f}">'
            f"<title>{name(cell.name)}: {phase_words(cell.phase)}{sure}</title></rect>"
        )


def _merged(cells: Sequence[Cell]) -> Iterable[str]:
    """A path for each phase and shade: 2,000 cells are 20 kB."""
    paths: dict[tuple[Phase | None, int], list[str]] = defaultdict(list)
    for at, cell in enumerate(cells):
        paths[cell.phase, round(_SHADES * strength(cell.confidence))].append(f"M{at} 0h1v1h-1z")
    for (phase, shade), path in paths.items():
        yield f'<path d="{"".join(path)}" fill="{PHASES[phase]}" fill-opacity="{shade / _SHADES:g}"/>'
