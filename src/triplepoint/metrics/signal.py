"""How much of a layer is signal."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import Signal

SHRINKAGE = "Gavish & Donoho 2017, arXiv 1405.7511"


def signal_energy(signal: Signal) -> float:
    """‖Ŵ‖_F²/‖W‖_F² after optimal shrinkage of the singular values at the fitted noise level.

    0 for noise, near 1 where nearly nothing is noise, 1 where rounding hides whatever noise there is.
    """
    return signal.energy


def signal_rank(signal: Signal) -> float:
    """Singular values that survive the optimal shrinkage: the rank of the estimated signal."""
    return float(signal.rank)


_WEAK = (
    "Signal below the noise edge cannot be seen and counts as noise; a heavy-tailed bulk counts as signal where it "
    "passes the edge. Pruned rows or columns, too, are no independent noise: where more than about a fifth of the "
    "eigenvalues is zero, the rest counts as signal."
)

METRICS = (
    Metric(signal_energy, "1", (0, 1), SHRINKAGE, misleads=_WEAK, examples=(((Signal(0.25, 3),), 0.25),)),
    Metric(signal_rank, "count", (0, None), SHRINKAGE, misleads=_WEAK, examples=(((Signal(0.25, 3),), 3.0),)),
)
