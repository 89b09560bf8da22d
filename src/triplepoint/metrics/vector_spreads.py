"""Singular vectors of tail and bulk against vectors of random direction, by rows and by columns (`--vectors`).

Rows are outputs, and the tokens of an embedding.
"""

from collections.abc import Callable
from typing import TypeAlias

from triplepoint.metrics._metric import Metric
from triplepoint.records import MeanVariance, VectorPart, VectorSide, VectorStatistics

Measure: TypeAlias = Callable[[VectorStatistics], float | None]

SOURCE = "Wolpert & Wolf 1995, Phys. Rev. E 52; Martin & Mahoney 2021, JMLR 22(165)"


def tail_spread_rows(vectors: VectorStatistics) -> float | None:
    """exp(⟨H⟩ − E H) of the left vectors of the tail, H = −Σ v² ln v²: 1 if they spread over the rows as random ones.

    0.7: they live on 30 % fewer rows. E H is that of a random direction, so the length does not matter.
    """
    return None if vectors.tail is None else vectors.tail.rows.spread


def tail_spread_columns(vectors: VectorStatistics) -> float | None:
    """exp(⟨H⟩ − E H) of the right vectors of the tail: 1 if they spread over the columns as random ones."""
    return None if vectors.tail is None else vectors.tail.columns.spread


def bulk_spread_rows(vectors: VectorStatistics) -> float | None:
    """exp(⟨H⟩ − E H) of the left vectors of the bulk: 1 if they spread over the rows as random ones."""
    return None if vectors.bulk is None else vectors.bulk.rows.spread


def bulk_spread_columns(vectors: VectorStatistics) -> float | None:
    """exp(⟨H⟩ − E H) of the right vectors of the bulk: 1 if they spread over the columns as random ones."""
    return None if vectors.bulk is None else vectors.bulk.columns.spread


def tail_z_rows(vectors: VectorStatistics) -> float | None:
    """(⟨H⟩ − E H)·√k/sd H of the k left vectors of the tail: standard normal for noise, far below 0 if localised.

    E and sd are those of a random direction, exact; noise is any matrix of independent normal entries of one variance.
    """
    return None if vectors.tail is None else vectors.tail.rows.z


def tail_z_columns(vectors: VectorStatistics) -> float | None:
    """(⟨H⟩ − E H)·√k/sd H of the k right vectors of the tail; read as tail_z_rows."""
    return None if vectors.tail is None else vectors.tail.columns.z


def bulk_z_rows(vectors: VectorStatistics) -> float | None:
    """(⟨H⟩ − E H)·√k/sd H of the k left vectors of the bulk; read as tail_z_rows."""
    return None if vectors.bulk is None else vectors.bulk.rows.z


def bulk_z_columns(vectors: VectorStatistics) -> float | None:
    """(⟨H⟩ − E H)·√k/sd H of the k right vectors of the bulk; read as tail_z_rows."""
    return None if vectors.bulk is None else vectors.bulk.columns.z


_ROWS = VectorSide(8, MeanVariance(0.75, 0.01), MeanVariance(4.0, 0.5), MeanVariance(1.5, 0.02), 0.875, -1.5)
_COLUMNS = VectorSide(
    12, MeanVariance(0.5, 0.04), MeanVariance(6.0, 0.25), MeanVariance(1.25, 0.03), 0.625, -4.0
)
_EXAMPLE = VectorStatistics(VectorPart(3, _ROWS, _COLUMNS), VectorPart(5, _COLUMNS, _ROWS), 0, "rows")
_UNEVEN = (
    "Rows or columns of uneven variance localise vectors without any learning: compare an untrained layer, and the "
    "bulk beside the tail."
)
_MANY = f"It grows with the number of vectors: the size of the effect is the spread. {_UNEVEN}"


def _spread(function: Measure, example: float) -> Metric:
    return Metric(
        function,
        unit="1",
        valid=(0, None),
        reference=SOURCE,
        misleads=_UNEVEN,
        group="vectors",
        examples=(((_EXAMPLE,), example),),
    )


def _z(function: Measure, example: float) -> Metric:
    return Metric(
        function,
        unit="1",
        valid=(None, None),
        reference=SOURCE,
        misleads=_MANY,
        group="vectors",
        examples=(((_EXAMPLE,), example),),
    )


METRICS = (
    _spread(tail_spread_rows, 0.875),
    _spread(tail_spread_columns, 0.625),
    _spread(bulk_spread_rows, 0.625),
    _spread(bulk_spread_columns, 0.875),
    _z(tail_z_rows, -1.5),
    _z(tail_z_columns, -4.0),
    _z(bulk_z_rows, -4.0),
    _z(bulk_z_columns, -1.5),
)
