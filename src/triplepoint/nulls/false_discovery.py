"""Many layers, one claim: how many differ from noise when the share of false claims is controlled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triplepoint.records.scans import FALSE_DISCOVERY_RATE


def discoveries(p_values: Sequence[float], rate: float = FALSE_DISCOVERY_RATE) -> int:
    """Rejections of the Benjamini–Hochberg procedure (1995): the largest k with p₍k₎ ≤ rate·k/m.

    >>> discoveries([0.001, 0.02, 0.03, 0.9], rate=0.05)
    3
    """
    ordered = np.sort(np.asarray(p_values, dtype=np.float64))
    passed = np.flatnonzero(ordered <= rate * np.arange(1, ordered.size + 1) / max(ordered.size, 1))
    return int(passed[-1] + 1) if passed.size else 0
