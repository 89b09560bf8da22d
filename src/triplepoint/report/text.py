"""Small writing helpers: names made harmless, names made short, numbers made narrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from itertools import zip_longest

MISSING = "–"


def safe_text(text: str) -> str:
    r"""The text with everything that does not print spelled out: a name cannot drive a terminal.

    Tensor names come from the file. Escape sequences, line ends, right-to-left overrides and lone surrogates
    become `\x1b`, `\n`, `\u202e`, `\ud800`. Markup is kept away by never being parsed: the table is made of
    `rich.text.Text`, whose characters stand for themselves.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def shorten_all(names: Sequence[str], width: int, measure: Callable[[str], int] = len) -> list[str]:
    """Each name by `shorten`; where two become one, the components that tell them apart stay whole.

    A file of two models has `_model.decoder.rnn` and `_model_8k.decoder.rnn`: both begin with `_`.
    """
    alike: dict[str, set[str]] = {}
    for name in names:
        alike.setdefault(shorten(name, width, measure), set()).add(name)
    keep = {
        name: {
            at for at, parts in enumerate(zip_longest(*(n.split(".") for n in group))) if len(set(parts)) > 1
        }
        for group in alike.values()
        if len(group) > 1
        for name in group
    }
    return [shorten(name, width, measure, keep.get(name, set())) for name in names]


def shorten(
    name: str, width: int, measure: Callable[[str], int] = len, keep: Collection[int] = frozenset()
) -> str:
    """The name in at most `width` cells: leading components by their initial, then an ellipsis in the middle.

    `encoder.layer.10.attention.output.dense` → `e.l.10.a.output.dense`: unlike a cut, initials keep the block
    number and keep `encoder` apart from `decoder`. `measure` gives the cells of a text, `keep` the components that
    get no initial.
    """
    parts = name.split(".")
    for index in range(len(parts)):
        if measure(".".join(parts)) <= width:
            break
        if index < len(parts) - 1 and index not in keep:
            parts[index] = _initial(parts[index])
    short = ".".join(parts)
    if measure(short) <= width:
        return short
    # Characters may be two cells wide or none, so the cut is found by measuring.
    room = min(len(short) - 1, width - 1)
    while room > 0:
        head = room // 2
        cut = short[:head] + "…" + short[len(short) - (room - head) :]
        if measure(cut) <= width:
            return cut
        room -= 1
    return "…"[:width]


def fixed(value: float | None, width: int = 6) -> str:
    """About three digits in at most `width` characters."""
    if value is None:
        return MISSING
    size = abs(value)
    text = f"{value:.2f}" if size < 10 else f"{value:.1f}" if size < 100 else f"{value:.0f}"
    return text if len(text) <= width else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def percent(share: float | None) -> str:
    """A share as whole per cents, never rounded up to certainty."""
    if share is None:
        return ""
    return f"{min(99, round(100 * share)) if share < 1 else 100}%"


def p_value(p: float | None) -> str:
    """A p-value in at most six characters."""
    if p is None:
        return MISSING
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def plural(count: int, noun: str, several: str | None = None) -> str:
    """`1 tensor`, `2 tensors`, `2 matrices`."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"


def _initial(part: str) -> str:
    """`layer` → `l`, `layer10` → `l10`, `10` → `10`: numbers tell blocks apart."""
    digits = re.search(r"\d+$", part)
    if part.isdigit() or len(part) < 2:
        return part
    return part[0] + (digits.group() if digits else "")
