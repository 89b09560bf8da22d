"""One HTML string: the page with its documents inside (a report), or the page that asks its server (live).

Nothing in it is asked from a network. A content security policy lets run what is written here and nothing else: in a
report by the hashes of the scripts, live by the nonce of the answer. Documents are gzip in base64, so no name in them
is ever read as markup.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from typing import Any

from triplepoint import __version__
from triplepoint.page import bundle
from triplepoint.report.text import safe_text

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='4.4' r='3' fill='%23d38100'/%3E%3Ccircle cx='4.2' cy='11' r='3' fill='%231f77c9'/%3E"
    "%3Ccircle cx='11.8' cy='11' r='3' fill='%23c22f6d'/%3E%3C/svg%3E"
)


def assemble(payload: dict[str, Any] | None = None, *, title: str, nonce: str | None = None) -> str:
    """The page.

    `payload` is `{"documents": [...]}` of a report, None where the page is live. `nonce` is that of the answer's own
    content security policy; without one the page carries a policy by hashes itself. Cost: about 10 ms and 10 ms a MB.
    """
    scripts = [bundle.library(), bundle.script()]
    style = bundle.style()
    mark = "" if nonce is None else f' nonce="{html.escape(nonce)}"'
    policy = (
        ""
        if nonce is not None
        else f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts, style)}">\n'
    )
    data = "" if payload is None else f'<script type="application/gzip" id="data">{pack(payload)}</script>\n'
    code = "\n".join(f"<script{mark}>{text}</script>" for text in scripts)
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{policy}"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="triplepoint {__version__}">\n'
        f"<title>{html.escape(safe_text(title))}</title>\n"
        f'<link rel="icon" href="{_ICON}">\n'
        f"<style{mark}>{style}</style>\n</head>\n<body>\n"
        f'<div id="app"><p class="waiting">Reading …</p></div>\n<noscript>{_static(payload)}</noscript>\n'
        f"{data}{code}\n</body>\n</html>\n"
    )


def pack(payload: dict[str, Any]) -> str:
    """JSON, gzip, base64; the same bytes for the same documents."""
    text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0)).decode("ascii")


def _policy(scripts: list[str], style: str) -> str:
    allowed = " ".join(_hash(text) for text in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _static(payload: dict[str, Any] | None) -> str:
    """What a reader without scripts gets: the verdicts."""
    told = [] if payload is None else [f"{one['name']}: {one['verdict']}" for one in payload["documents"]]
    lines = [*told, "The pictures need JavaScript; nothing is asked from a network."]
    return "".join(f"<p>{html.escape(safe_text(line))}</p>" for line in lines)
