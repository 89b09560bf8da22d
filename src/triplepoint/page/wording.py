"""Texts from files made fit to be shown: a statement, a label, a remark of the user."""

from __future__ import annotations

import re
from typing import Any

from triplepoint.report.text import safe_text

MOST = 2000
"""Characters of one text."""


def words(text: Any) -> str:
    r"""On one line, harmless, and at most `MOST` characters long.

    >>> words("a\n\nb\u202e")
    'a b\\u202e'
    """
    found = safe_text(re.sub(r"[\s\x00]*[\r\n\t][\s\x00]*", " ", str(text)[: 4 * MOST]).strip())
    return found if len(found) <= MOST else f"{found[: MOST - 1]}…"
