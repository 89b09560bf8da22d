"""What a written file says of itself, under `triplepoint` in its metadata: JSON, of bounded length."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triplepoint import __version__
from triplepoint.checkpoints import Reader
from triplepoint.checkpoints.safetensors import SafetensorsFile
from triplepoint.checkpoints.stored import FileReader

KEY = "triplepoint"
SCHEMA = "triplepoint.edit/1"
MOST_NAMES = 1000
"""Tensors whose changes are listed; of more only the number is told."""
MOST_BEFORE = 16384
"""Characters of what an earlier edit said, which is kept inside."""
# What loaders of these formats look for in a file of theirs.
_FOR_TORCH = ("torch", "torch-sharded", "module", "state_dict")


def inherited(reader: Reader) -> dict[str, str]:
    """The metadata of the source, of several files all of theirs; for torch's formats what its loaders ask for."""
    if isinstance(reader, FileReader) and reader.format.startswith("safetensors"):
        paths = {place[0] for info in reader.tensors() if (place := reader.place(info.name)) is not None}
        found: dict[str, str] = {}
        for path in sorted(paths):
            found.update(SafetensorsFile(path).metadata())
        return found
    return {"format": "pt"} if reader.format in _FOR_TORCH else {}


def metadata(
    before: Mapping[str, str], fields: Mapping[str, Any], changed: Sequence[str], among: Sequence[str]
) -> dict[str, str]:
    """The metadata of the source and what was done; `changed` names the tensor of every changed matrix.

    Counts are listed for the first thousand tensors of `among`, those that were to change. So the text for all of
    `among` is at least as long as that for any part of them.
    """
    listable = set(list(dict.fromkeys(among))[:MOST_NAMES])
    counts = Counter(changed)
    said: dict[str, Any] = {
        **fields,
        "changed": {name: count for name, count in counts.items() if name in listable},
        "changed_tensors": len(counts),
    }
    if (earlier := before.get(KEY)) is not None and len(earlier) <= MOST_BEFORE:
        said["before"] = earlier
    return {**before, KEY: json.dumps(said)}


def fields(
    reader: Reader, source: object, digest: str, edit: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Who, what and how; of a path the name alone."""
    name = Path(os.path.abspath(source)).name if isinstance(source, str | os.PathLike) else reader.source
    return {
        "schema": SCHEMA,
        "version": __version__,
        "source": name,
        "format": reader.format,
        "digest": digest,
        "edit": edit,
        "settings": dict(settings),
    }
