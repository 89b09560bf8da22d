"""How far singular vectors spread over the shorter side, in the tail and in the bulk (`--vectors`).

The names are those of WeightWatcher; `nulls.localization` says which vectors are left out.
"""

from collections.abc import Callable
from typing import TypeAlias

from triplepoint.metrics._metric import Metric
from triplepoint.records import MeanVariance, VectorPart, VectorSide, VectorStatistics

Measure: TypeAlias = Callable[[VectorStatistics], float | None]

SOURCE = "Martin & Mahoney 2021, JMLR 22(165); WeightWatcher 0.7.7"


def _of(vectors: VectorStatistics, part: VectorPart | None, measure: str) -> MeanVariance | None:
    """A measure over the vectors of a part, along the shorter side; None where the part is empty."""
    if part is None:
        return None
    found: MeanVariance = getattr(part.rows if vectors.shorter == "rows" else part.columns, measure)
    return found


def _mean(found: MeanVariance | None) -> float | None:
    return None if found is None else found.mean


def _variance(found: MeanVariance | None) -> float | None:
    return None if found is None else found.variance


def tail_mean_vec_entropy(vectors: VectorStatistics) -> float | None:
    """Mean of −Σ v² ln v² / ln n over the vectors of the tail.

    Between 0, where a single entry carries a vector, and 1, where all n are alike. A random direction has
    (ψ(n/2 + 1) − ψ(3/2))/ln n: 0.878 at n = 384, 0.912 at n = 4096.
    """
    return _mean(_of(vectors, vectors.tail, "entropy"))


def tail_var_vec_entropy(vectors: VectorStatistics) -> float | None:
    """Variance of −Σ v² ln v² / ln n over the vectors of the tail; 5.9e-5 for random directions at n = 384."""
    return _variance(_of(vectors, vectors.tail, "entropy"))


def bulk_mean_vec_entropy(vectors: VectorStatistics) -> float | None:
    """Mean of −Σ v² ln v² / ln n over the vectors of the bulk; read as tail_mean_vec_entropy."""
    return _mean(_of(vectors, vectors.bulk, "entropy"))


def bulk_var_vec_entropy(vectors: VectorStatistics) -> float | None:
    """Variance of −Σ v² ln v² / ln n over the vectors of the bulk."""
    return _variance(_of(vectors, vectors.bulk, "entropy"))


def tail_mean_loc_ratio(vectors: VectorStatistics) -> float | None:
    """Mean of ‖v‖₁/‖v‖∞ over the vectors of the tail.

    Between 1, where a single entry carries a vector, and n, where all are alike. A random direction has about
    1.1·n/√(π ln n): 98 at n = 384, 864 at n = 4096.
    """
    return _mean(_of(vectors, vectors.tail, "localization"))


def tail_var_loc_ratio(vectors: VectorStatistics) -> float | None:
    """Variance of ‖v‖₁/‖v‖∞ over the vectors of the tail; 109 for random directions at n = 384."""
    return _variance(_of(vectors, vectors.tail, "localization"))


def bulk_mean_loc_ratio(vectors: VectorStatistics) -> float | None:
    """Mean of ‖v‖₁/‖v‖∞ over the vectors of the bulk; read as tail_mean_loc_ratio."""
    return _mean(_of(vectors, vectors.bulk, "localization"))


def bulk_var_loc_ratio(vectors: VectorStatistics) -> float | None:
    """Variance of ‖v‖₁/‖v‖∞ over the vectors of the bulk."""
    return _variance(_of(vectors, vectors.bulk, "localization"))


def tail_mean_part_ratio(vectors: VectorStatistics) -> float | None:
    """Mean of ‖v‖₂/‖v‖₄ over the vectors of the tail.

    Between 1, where a single entry carries a vector, and n^¼, where all are alike; its fourth power 1/Σv⁴ counts the
    entries that do. A random direction has about ((n + 2)/3)^¼: 3.37 at n = 384, 6.08 at n = 4096.
    """
    return _mean(_of(vectors, vectors.tail, "participation"))


def tail_var_part_ratio(vectors: VectorStatistics) -> float | None:
    """Variance of ‖v‖₂/‖v‖₄ over the vectors of the tail; 0.0045 for random directions at n = 384."""
    return _variance(_of(vectors, vectors.tail, "participation"))


def bulk_mean_part_ratio(vectors: VectorStatistics) -> float | None:
    """Mean of ‖v‖₂/‖v‖₄ over the vectors of the bulk; read as tail_mean_part_ratio."""
    return _mean(_of(vectors, vectors.bulk, "participation"))


def bulk_var_part_ratio(vectors: VectorStatistics) -> float | None:
    """Variance of ‖v‖₂/‖v‖₄ over the vectors of the bulk."""
    return _variance(_of(vectors, vectors.bulk, "participation"))


_ROWS = VectorSide(8, MeanVariance(0.75, 0.01), MeanVariance(4.0, 0.5), MeanVariance(1.5, 0.02), 0.9, -1.5)
_COLUMNS = VectorSide(
    12, MeanVariance(0.5, 0.04), MeanVariance(6.0, 0.25), MeanVariance(1.25, 0.03), 0.7, -4.0
)
_BULK = VectorPart(5, _COLUMNS, _ROWS)
_EXAMPLE = VectorStatistics(VectorPart(3, _ROWS, _COLUMNS), _BULK, 0, "rows")
_LENGTH = (
    "It depends on n, the shorter side: compare equal shapes, or read the spreads and z of --vectors. Of a square "
    "it is the rows alone, which may be far from the columns."
)
_TAIL = "Tail and bulk meet at xmin, and an xmin that wanders takes vectors with it."
_HISTOGRAM = ", there the entropy in nats of a histogram of |v| in 100 bins"
_KERNELS = ", of kernels with a tail that is too long: λ is taken there without the scale of the xmin"


def _metric(function: Measure, low: float, high: float | None, example: float, difference: str) -> Metric:
    return Metric(
        function,
        unit="1",
        valid=(low, high),
        reference=SOURCE,
        weightwatcher=f"{function.__name__}{difference}",
        misleads=f"{_LENGTH} {_TAIL}",
        group="vectors",
        examples=(((_EXAMPLE,), example),),
    )


METRICS = (
    _metric(tail_mean_vec_entropy, 0, 1, 0.75, _HISTOGRAM),
    _metric(tail_var_vec_entropy, 0, 0.25, 0.01, _HISTOGRAM),
    _metric(bulk_mean_vec_entropy, 0, 1, 0.5, _HISTOGRAM),
    _metric(bulk_var_vec_entropy, 0, 0.25, 0.04, _HISTOGRAM),
    _metric(tail_mean_loc_ratio, 1, None, 4.0, _KERNELS),
    _metric(tail_var_loc_ratio, 0, None, 0.5, _KERNELS),
    _metric(bulk_mean_loc_ratio, 1, None, 6.0, _KERNELS),
    _metric(bulk_var_loc_ratio, 0, None, 0.25, _KERNELS),
    _metric(tail_mean_part_ratio, 1, None, 1.5, _KERNELS),
    _metric(tail_var_part_ratio, 0, None, 0.02, _KERNELS),
    _metric(bulk_mean_part_ratio, 1, None, 1.25, _KERNELS),
    _metric(bulk_var_part_ratio, 0, None, 0.03, _KERNELS),
)
