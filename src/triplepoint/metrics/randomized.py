"""W against shuffles of its own entries, full spectra (`--randomize`)."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import Randomized

WEIGHTWATCHER = "Martin & Mahoney 2021, JMLR 22(165); WeightWatcher 0.7.7"


def rand_distance(randomized: Randomized) -> float:
    """√ of the Jensen–Shannon divergence, in nats, of the eigenvalues of W and of a shuffle, as probabilities.

    Both vectors sorted and divided by their sum; between 0 and √ln 2 = 0.83. Large: the places of the entries matter.
    """
    return randomized.rand_distance


def rand_distance_sd(randomized: Randomized) -> float | None:
    """Standard deviation of rand_distance over the shuffles: how much one draw can be trusted."""
    return randomized.rand_distance_sd


def rand_log_distance(randomized: Randomized) -> float:
    """Wasserstein-1 distance of log10 λ between W and a shuffle: mean distance of the sorted values, in decades."""
    return randomized.rand_log_distance


def max_rand_eval(randomized: Randomized) -> float:
    """Largest eigenvalue of the shuffled matrix."""
    return randomized.max_rand_eval


def ww_softrank(randomized: Randomized) -> float:
    """Largest eigenvalue of the shuffled matrix over that of W: 1 if λmax owes nothing to the places of the entries."""
    return randomized.max_rand_eval / randomized.lambda_max


def ww_maxdist(randomized: Randomized) -> float:
    """Largest eigenvalue of W less that of the shuffled matrix."""
    return randomized.lambda_max - randomized.max_rand_eval


def num_traps_mean(randomized: Randomized) -> float:
    """Mean number of traps over the shuffles, of matrices too that the closed form of num_traps passes."""
    return randomized.num_traps_mean


def num_traps_sd(randomized: Randomized) -> float | None:
    """Standard deviation of the number of traps over the shuffles."""
    return randomized.num_traps_sd


_EXAMPLE = Randomized(0.2, 0.01, 0.5, 30.0, 40.0, 1.5, 0.5, 4)
_SHAPE = "It depends on the shape: compare equal shapes, or with the same metric of an untrained layer."
_ONE = "It needs two shuffles at least: --randomize 2 or more."
_SHUFFLE = (
    "Uneven variance of rows or columns is shuffled away too and counts as structure; see --null signflip."
)

METRICS = (
    Metric(
        rand_distance,
        "1",
        (0, 0.8325546111576978),
        WEIGHTWATCHER,
        misleads=f"The largest eigenvalues weigh most. {_SHAPE}",
        group="randomize",
        polarity="higher",
        examples=(((_EXAMPLE,), 0.2),),
    ),
    Metric(
        rand_distance_sd,
        "1",
        (0, None),
        WEIGHTWATCHER,
        misleads=_ONE,
        group="randomize",
        examples=(((_EXAMPLE,), 0.01),),
    ),
    Metric(
        rand_log_distance,
        "log10 λ",
        (0, None),
        "Villani 2009, Optimal Transport",
        misleads=f"{_SHUFFLE} Eigenvalues below the fit's cut-off are raised to it.",
        group="randomize",
        examples=(((_EXAMPLE,), 0.5),),
    ),
    Metric(
        max_rand_eval,
        "λ",
        (0, None),
        WEIGHTWATCHER,
        scale=2.0,
        group="randomize",
        examples=(((_EXAMPLE,), 30.0),),
    ),
    Metric(
        ww_softrank,
        "1",
        (0, None),
        WEIGHTWATCHER,
        misleads=_SHUFFLE,
        group="randomize",
        examples=(((_EXAMPLE,), 0.75),),
    ),
    Metric(
        ww_maxdist,
        "λ",
        (None, None),
        f"{WEIGHTWATCHER}, which takes the two eigenvalues from different shuffles",
        scale=2.0,
        misleads=_SHUFFLE,
        group="randomize",
        examples=(((_EXAMPLE,), 10.0),),
    ),
    Metric(
        num_traps_mean,
        "count",
        (0, None),
        WEIGHTWATCHER,
        misleads="Noise of light tails has one in 0.7–1.4 % of shuffles at nominal 1 %, where num_traps has none.",
        group="randomize",
        examples=(((_EXAMPLE,), 1.5),),
    ),
    Metric(
        num_traps_sd,
        "count",
        (0, None),
        WEIGHTWATCHER,
        misleads=_ONE,
        group="randomize",
        examples=(((_EXAMPLE,), 0.5),),
    ),
)
