"""The page document as a whole: its schema, and how it becomes text."""

from __future__ import annotations

import json
from typing import Any

from triplepoint.records import encoding

SCHEMA = "triplepoint.page/1"


def finished(document: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON types throughout: a number that is not finite is null."""
    return encoding.plain(document)  # type: ignore[no-any-return]  # a dict of str, as it went in


def dumps(document: Any) -> str:
    r"""Short plain ASCII: a lone surrogate in a name is escaped, NaN cannot occur, and `<` is `\u003c`, so that no text
    ends the element of a page that it stands in."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
