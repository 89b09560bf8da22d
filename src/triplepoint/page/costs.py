"""What a part of a document takes in a file: gzip in base64, as the page packs it."""

from __future__ import annotations

import gzip
from typing import Any

from triplepoint.page.document import dumps


def cost(part: Any) -> int:
    """Bytes. A column is base64 already, which gzip undoes but for the alignment, so nothing is counted twice."""
    return len(gzip.compress(dumps(part).encode("ascii"), compresslevel=6)) * 4 // 3
