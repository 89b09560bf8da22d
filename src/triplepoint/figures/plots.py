"""`scan.plot` and `run.plot`: every figure as a method; each is a function in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.errors import UsageError
from triplepoint.figures.alpha import alpha
from triplepoint.figures.compare import compare, dumbbells
from triplepoint.figures.esd import esd
from triplepoint.figures.metric import metric
from triplepoint.figures.phases import phases
from triplepoint.figures.rank import rank
from triplepoint.figures.strip import strip
from triplepoint.figures.traps import traps
from triplepoint.page import spectral_picture
from triplepoint.records import MatrixRow, Scan
from triplepoint.store import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ScanPlots:
    """Figures of a scan. Each returns matplotlib's `Axes`, those given as `ax` or new ones of pyplot."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan

    def esd(self, layer: str, *, ax: Axes | None = None) -> Axes:
        """Spectrum of one matrix with noise laws, edge, tail and traps; needs `scan(…, spectra=True)`."""
        row = self._row(layer)
        return esd(spectral_picture.of_row(row), ax=ax)

    def rank(self, layer: str, *, ax: Axes | None = None) -> Axes:
        """Share of eigenvalues at or above each λ, on log axes; needs `scan(…, spectra=True)`."""
        return rank(self._row(layer), ax=ax)

    def alpha(self, *, ax: Axes | None = None) -> Axes:
        """α with its 95 % interval by layer, coloured by phase."""
        return alpha(self._scan, ax=ax)

    def strip(self, *, ax: Axes | None = None) -> Axes:
        """The model as one cell a layer, coloured by phase, the paler the less sure."""
        return strip(self._scan, ax=ax)

    def metric(self, name: str, *, log: bool | None = None, ax: Axes | None = None) -> Axes:
        """Any metric by layer."""
        return metric(self._scan, name, log=log, ax=ax)

    def phases(self, *, ax: Axes | None = None) -> Axes:
        """How many layers of each kind are in each phase."""
        return phases(self._scan, ax=ax)

    def traps(self, layer: str, *, ax: Axes | None = None) -> Axes:
        """The correlation traps of one matrix and what carries them."""
        return traps(self._row(layer), ax=ax)

    def compare(
        self,
        other: Scan,
        metric: str = "alpha",
        *,
        names: tuple[str, str] = ("this", "other"),
        ax: Axes | None = None,
    ) -> Axes:
        """Matched layers of two scans, this against the other, with the diagonal."""
        return compare(self._scan, other, metric, names=names, ax=ax)

    def dumbbells(
        self,
        other: Scan,
        metric: str = "alpha",
        *,
        names: tuple[str, str] = ("this", "other"),
        ax: Axes | None = None,
    ) -> Axes:
        """Matched layers of two scans, one line each from this to the other."""
        return dumbbells(self._scan, other, metric, names=names, ax=ax)

    def _row(self, layer: str) -> MatrixRow:
        try:
            return self._scan[layer]
        except KeyError as error:
            raise UsageError(
                f"draw layer {layer!r}", error.args[0], "See scan.matrices for all ids"
            ) from None


class RunPlots:
    """Figures of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
