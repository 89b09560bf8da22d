"""Saved scans in a folder: which files are some, told by their first bytes alone."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from triplepoint.store import listing

ENDINGS = (".json", ".jsonl")
LARGEST = 128 << 20
"""Bytes; reading takes seven times as much memory (20,000 rows: 15 and 106 MB), which a training beside it may need."""
_HEAD = 4096
_SCHEMA = re.compile(rb'\A\s*\{\s*"schema"\s*:\s*"triplepoint\.scan/\d+"')
"""`Scan.save` writes the schema first."""


def files(root: Path) -> Iterator[Path]:
    """Every saved scan of the folder, and links by such a name that leave it; OSError where it cannot be read."""
    for found in sorted(os.scandir(root), key=lambda found: found.name):
        path = Path(found.path)
        if path.suffix.lower() in ENDINGS and (not listing.inside(path, root) or is_scan(path)):
            yield path


def is_scan(path: Path) -> bool:
    """Whether a file begins like a saved scan; a device or pipe is not even opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as stream:
            return _SCHEMA.match(stream.read(_HEAD)) is not None
    except OSError:
        return False


def why_not(path: Path, root: Path) -> str | None:
    """Why a saved scan cannot be shown; None where it can be tried."""
    if not listing.inside(path, root):
        return listing.LEAVES
    size = path.stat().st_size
    if size > LARGEST:
        return f"{size >> 20:,} MB, and at most {LARGEST >> 20} MB are read: scan without --spectra"
    return None
