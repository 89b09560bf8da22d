"""Answers: JSON for the page's scripts, one plain sentence for people, and what goes along with every one of them."""

from __future__ import annotations

import gzip
import html
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from triplepoint.errors import TriplepointError, UnreadableCheckpoint, UnreadableRun
from triplepoint.page.document import dumps
from triplepoint.report.text import safe_text

API = "/api/"
NOT_FOUND = 404
UNREADABLE = 422
FAULT = 500
_WORTH_PACKING = 16_384
"""Bytes from which on compression is worth its time."""


class Refused(TriplepointError):
    """A request that gets no other answer than an error."""

    def __init__(self, status: int, asked: str, found: str, next: str) -> None:
        super().__init__(asked, found, next)
        self.status = status


def policy(nonce: str) -> str:
    """The content security policy of an answer: what carries its nonce runs, and nothing is fetched from elsewhere."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def guards(nonce: str) -> dict[str, str]:
    """The headers of every answer."""
    return {
        "content-security-policy": policy(nonce),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }


def encoded(document: Any) -> bytes:
    """Plain ASCII JSON without NaN or Infinity."""
    return dumps(document).encode("ascii")


def packed(body: bytes, accepted: str, media_type: str, status: int = 200) -> Response:
    """The body, as gzip where it is long and `accepted` (of the header `Accept-Encoding`) has that."""
    headers = {"vary": "accept-encoding"}
    if len(body) >= _WORTH_PACKING and _takes_gzip(accepted):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(body, status, headers, media_type)


def refusal(path: str, error: TriplepointError, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the form that the path calls for."""
    status = status_of(error)
    if path.startswith(API):
        found = {
            "schema": "triplepoint.error/1",
            "asked": error.asked,
            "found": error.found,
            "next": error.next,
        }
        return Response(encoded(found), status, dict(headers or {}), "application/json")
    return plain(sentence(error), status, headers)


def sentence(error: TriplepointError) -> str:
    """On one line, fit for a terminal and a page."""
    end = "" if error.next.endswith((".", "?", "!")) else "."
    return safe_text(f"{error.asked}: {error.found.rstrip('.')}. {error.next}{end}")


def plain(text: str, status: int, headers: Mapping[str, str] | None = None, more: str = "") -> Response:
    """A page of one sentence; `more` is markup of ours."""
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>triplepoint</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"></head><body><p>{html.escape(text)}</p>{more}</body></html>\n'
    )
    return Response(page.encode("utf-8", "backslashreplace"), status, dict(headers or {}), "text/html")


def status_of(error: TriplepointError) -> int:
    """What is not there is 404, what is there and cannot be read 422."""
    if isinstance(error, Refused):
        return error.status
    return UNREADABLE if isinstance(error, UnreadableRun | UnreadableCheckpoint) else NOT_FOUND


def _takes_gzip(accepted: str) -> bool:
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
