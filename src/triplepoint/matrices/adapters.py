"""Low-rank adapters: pairs of factors that are one weight update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triplepoint.matrices.sources import Read, Source
from triplepoint.records import TensorInfo


def group(tensors: Sequence[TensorInfo], config: Mapping[str, Any], read: Read) -> list[Source]:
    """Every pair of factors as one source."""
    return []
