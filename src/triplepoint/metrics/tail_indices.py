"""Exponents from a fixed share of the spectrum, with their scores against the same-shape null."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import TailIndices, TiledIndex

HILL = "Hill 1975, Ann. Statist. 3(5)"
BALANCE = "Zhou et al. 2023 (TempBalance), arXiv 2312.00359"
FARMS = "Hu et al. 2025 (FARMS), arXiv 2506.06280"
NULL = "null simulated by benchmarks/make_bulk_table.py"

INDICES = TailIndices(hill=6.0, hill_z=-1.5, hill_median=2.5, hill_median_z=0.5)
TILED = TiledIndex(alpha=2.1, sd=0.05, z=-3.0, tiles=16, side=256)


def alpha_hill(indices: TailIndices) -> float:
    """Hill's exponent of the top decile of the eigenvalues (at least four of them)."""
    return indices.hill


def alpha_hill_z(indices: TailIndices) -> float | None:
    """Score of alpha_hill among Gaussian matrices of the same shape: ln(α − 1) less its mean, over its deviation."""
    return indices.hill_z


def alpha_hill_median(indices: TailIndices) -> float:
    """Hill's exponent of the upper half of the eigenvalues, `PL_Alpha_Hill` of TempBalance and AlphaPruning."""
    return indices.hill_median


def alpha_hill_median_z(indices: TailIndices) -> float | None:
    """Score of alpha_hill_median among Gaussian matrices of the same shape; negative: heavier-tailed than noise."""
    return indices.hill_median_z


def alpha_farms(tiled: TiledIndex) -> float:
    """Hill's exponent of the upper half of the pooled eigenvalues of square tiles, which takes the aspect ratio out.

    Up to 16 tiles, cells of a grid with a seeded random offset; side M/2, or M in equal parts of at most 256.
    """
    return tiled.alpha


def alpha_farms_sd(tiled: TiledIndex) -> float | None:
    """Standard deviation of the exponent between single tiles; none for one tile."""
    return tiled.sd


def alpha_farms_z(tiled: TiledIndex) -> float | None:
    """Score of alpha_farms among as many Gaussian tiles of the same side; negative: heavier-tailed than noise."""
    return tiled.z


_SHAPE = "It reads the aspect ratio first: Gaussian noise of 256 columns has 2.14 at Q = 1 and 4.53 at Q = 8."
_SCALE = "Never compare it with alpha: Gaussian noise has 2.1 here, which looks ideal on the other scale."
_LIKE = "Any departure from Gaussian noise moves it: uneven rows or columns as well as learning."

METRICS = (
    Metric(alpha_hill, "1", (1, None), HILL, misleads=_SHAPE, group="tails", examples=(((INDICES,), 6.0),)),
    Metric(
        alpha_hill_z,
        "1",
        (-10, 10),
        f"{HILL}; {NULL}",
        misleads=_LIKE,
        group="tails",
        examples=(((INDICES,), -1.5),),
    ),
    Metric(
        alpha_hill_median,
        "1",
        (1, None),
        BALANCE,
        misleads=_SHAPE,
        group="tails",
        examples=(((INDICES,), 2.5),),
    ),
    Metric(
        alpha_hill_median_z,
        "1",
        (-10, 10),
        f"{BALANCE}; {NULL}",
        misleads=_LIKE,
        group="tails",
        examples=(((INDICES,), 0.5),),
    ),
    Metric(alpha_farms, "1", (1, None), FARMS, misleads=_SCALE, group="tails", examples=(((TILED,), 2.1),)),
    Metric(
        alpha_farms_sd,
        "1",
        (0, None),
        FARMS,
        misleads="Of single tiles, so larger than the error of the pooled exponent.",
        group="tails",
        examples=(((TILED,), 0.05),),
    ),
    Metric(
        alpha_farms_z,
        "1",
        (-10, 10),
        f"{FARMS}; {NULL}",
        misleads=_LIKE,
        group="tails",
        examples=(((TILED,), -3.0),),
    ),
)
