"""A real scan whose rows are of many kinds."""

from __future__ import annotations

from functools import cache

import numpy as np

from tests.worlds import gaussian, heavy_tailed
from triplepoint.records import Scan
from triplepoint.request import ScanRequest
from triplepoint.scanning import run


@cache
def scan() -> Scan:
    """Convolutions, a trap, a heavy tail, a failure, a vector; with the metrics of the tails and of shuffles."""
    trapped = gaussian((80, 60), seed=5)
    trapped[3, 4] = 60.0
    source = {
        "conv.weight": gaussian((12, 10, 3, 3), seed=1),
        "fc.weight": heavy_tailed((90, 60), 3.0),
        "trap.weight": trapped,
        "nan.weight": np.full((20, 20), np.nan),
        "bias": np.zeros(20),
    }
    return run(ScanRequest(source=source, spectra=True, tails=True, randomize=1, workers=1))
