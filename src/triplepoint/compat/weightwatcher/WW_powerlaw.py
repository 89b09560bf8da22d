"""WeightWatcher's own power-law fit as an object, for programs that fit eigenvalues themselves.

The numbers are WeightWatcher's, its error below 20 values included; `triplepoint.fits` has the corrected fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.legacy import power_law
from triplepoint.errors import UsageError

__all__ = ["Fit", "WWFit", "pl_fit"]

Array = np.ndarray[Any, Any]


class WWFit:
    """The fit of `data`, with every candidate it was chosen from: `alphas`, `Ds`, `sigmas`, `xmins`."""

    def __init__(
        self,
        data: Array,
        xmin: float | None = None,
        xmax: float | None = None,
        distribution: str = c.POWER_LAW,
    ) -> None:
        assert distribution == c.POWER_LAW, f"{distribution!r}: use WeightWatcher.analyze(fit=…)"
        ascending = np.sort(np.asarray(data, dtype=np.float64))
        first = 0 if xmin is None else int(np.argmin(np.abs(ascending - xmin)))
        last = len(ascending) - 1 if xmax is None else int(np.argmin(np.abs(ascending - xmax)))
        found = power_law.fit(ascending[first : last + 1])
        if found is None:
            raise UsageError(
                "a power law", f"{last + 1 - first} usable values", "Pass two different ones at least"
            )
        self.distribution = distribution
        self.alpha, self.xmin, self.xmax = (np.float64(v) for v in (found.alpha, found.xmin, found.xmax))
        self.D, self.sigma = np.float64(found.D), np.float64(found.sigma)
        self.alphas, self.Ds, self.sigmas, self.xmins = found.alphas, found.Ds, found.sigmas, found.xmins
        self.N = last + 1 - first
        self.data = ascending[first : last + 1][ascending[first : last + 1] >= found.xmin]

    def __str__(self) -> str:
        return (
            f"WWFit(alpha: {self.alpha:.4f}, xmin: {self.xmin:.4f}, D: {self.D:.4f}, data: {len(self.data)})"
        )


Fit = WWFit


def pl_fit(  # noqa: PLR0917
    data: Array,
    xmin: float | None = None,
    xmax: float | str | None = None,
    verbose: bool = False,  # noqa: ARG001
    distribution: str = c.POWER_LAW,
    pl_package: str = c.WW_POWERLAW_PACKAGE,  # noqa: ARG001
) -> WWFit:
    """The fit of eigenvalues; `xmax="force"` is the largest of them. One implementation stands for both packages."""
    return WWFit(data, xmin, float(np.max(data)) if isinstance(xmax, str) else xmax, distribution)
