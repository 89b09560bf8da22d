"""`scan.plot` and `run.plot`: every figure as a method; each is a function in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.errors import UsageError
from triplepoint.figures.alpha import alpha
from triplepoint.figures.canvas import name
from triplepoint.figures.compare import compare, dumbbells
from triplepoint.figures.esd import esd
from triplepoint.figures.heatmap import heatmap
from triplepoint.figures.metric import metric
from triplepoint.figures.phase_history import phase_history
from triplepoint.figures.phases import phases
from triplepoint.figures.rank import rank
from triplepoint.figures.scalars import scalars
from triplepoint.figures.spectra import spectra
from triplepoint.figures.strip import strip
from triplepoint.figures.trajectory import trajectory
from triplepoint.figures.traps import traps
from triplepoint.page import spectral_picture
from triplepoint.records import ChangePoints, MatrixRow, Scan
from triplepoint.store import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class _Plots:
    """What both have."""

    def __repr__(self) -> str:
        names = ", ".join(name for name in dir(self) if not name.startswith("_"))
        return f"<{type(self).__name__}: {names}>"


class ScanPlots(_Plots):
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

    def metric(self, metric_name: str, *, log: bool | None = None, ax: Axes | None = None) -> Axes:
        """Any metric by layer."""
        return metric(self._scan, metric_name, log=log, ax=ax)

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
        most: int = 60,
        ax: Axes | None = None,
    ) -> Axes:
        """Matched layers of two scans, one line each from this to the other."""
        return dumbbells(self._scan, other, metric, names=names, most=most, ax=ax)

    def _row(self, layer: str) -> MatrixRow:
        try:
            return self._scan[layer]
        except KeyError as error:
            raise UsageError(
                f"draw layer {layer!r}", error.args[0], "See scan.matrices for all ids"
            ) from None


class RunPlots(_Plots):
    """Figures of a run. Each returns matplotlib's `Axes`, those given as `ax` or new ones of pyplot."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def scalars(self, *names: str, log: bool | None = None, ax: Axes | None = None) -> Axes:
        """Scalars over steps; by default the losses."""
        return scalars(self._run, *names, log=log, ax=ax)

    def trajectory(
        self,
        metric: str,
        layer: str | None = None,
        *,
        changes: ChangePoints | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """A metric of one layer, or a scalar, with its interval, its alerts, and change points where they are given."""
        found = self._run.trajectory(metric, layer)
        alerts = [alert for alert in self._run.alerts if alert.matrix == layer]
        return trajectory(found, alerts, changes=changes, ax=ax)

    def heatmap(self, metric: str = "alpha", *, log: bool | None = None, ax: Axes | None = None) -> Axes:
        """One metric of every layer over training."""
        return heatmap(self._run, metric, log=log, ax=ax)

    def phases(self, *, ax: Axes | None = None) -> Axes:
        """The phase of every layer over training."""
        return phase_history(self._run, ax=ax)

    def spectra(self, layer: str, *, ax: Axes | None = None) -> Axes:
        """The spectrum of one layer over training, with xmin and bulk edge."""
        return spectra(self._run, layer, ax=ax)

    def esd(self, layer: str, *, step: int | None = None, ax: Axes | None = None) -> Axes:
        """The spectrum of one layer at its last whole look at or before `step`, as `scan.plot.esd` shows it."""
        with self._run.moment():
            sketch, row = self._run.spectrum(layer, step), self._run.row(layer, step)
        if sketch is None or row is None:
            when = "" if step is None else f" at or before step {step}"
            raise UsageError(f"spectrum of {layer!r}{when}", "no whole look yet", "See run.spectra(layer)")
        picture = spectral_picture.of_sketch(sketch, row)
        return esd(picture, title=f"{name(picture.label)}, step {sketch.step}", ax=ax)
