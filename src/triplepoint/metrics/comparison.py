"""The power law against other laws from its own xmin on: likelihood ratios (Vuong 1989; arXiv 0706.1062, section 5)."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import TailComparison

VUONG = "Vuong 1989, Econometrica 57(2); Clauset, Shalizi & Newman 2009, arXiv 0706.1062"

COMPARISON = TailComparison(
    exponential_z=3.0,
    exponential_p=0.0026997960632601866,
    lognormal_z=-1.0,
    lognormal_p=0.31731050786291415,
    truncated_ratio=4.0,
    truncated_p=0.022750131948179209,
)


def vuong_exponential_z(comparison: TailComparison) -> float | None:
    """Vuong's normalised log-likelihood ratio of the power law to the exponential; positive favours the power law."""
    return comparison.exponential_z


def vuong_exponential_p(comparison: TailComparison) -> float | None:
    """Two-sided p of vuong_exponential_z: small where the data tell the two laws apart."""
    return comparison.exponential_p


def vuong_lognormal_z(comparison: TailComparison) -> float | None:
    """Vuong's normalised log-likelihood ratio of the power law to the lognormal; positive favours the power law."""
    return comparison.lognormal_z


def vuong_lognormal_p(comparison: TailComparison) -> float | None:
    """Two-sided p of vuong_lognormal_z: small where the data tell the two laws apart."""
    return comparison.lognormal_p


def tpl_ratio(comparison: TailComparison) -> float | None:
    """2·(ℓ_TPL − ℓ_PL) ≥ 0: how much better the power law with an exponential cut-off fits the same tail."""
    return comparison.truncated_ratio


def tpl_ratio_p(comparison: TailComparison) -> float | None:
    """½·P(χ²₁ ≥ tpl_ratio): P of the ratio under the power law if xmin had been known."""
    return comparison.truncated_p


_CHOSEN = "xmin was chosen for the power law, which favours it. "
_LOGNORMAL = (
    "The power law is a limit of the lognormal cut off at xmin, so that its likelihood is never the larger; close "
    "to the limit z is not normal."
)

METRICS = (
    Metric(
        vuong_exponential_z,
        "1",
        (None, None),
        VUONG,
        misleads=_CHOSEN + "Short tails tell nothing apart.",
        group="tails",
        examples=(((COMPARISON,), 3.0),),
    ),
    Metric(
        vuong_exponential_p,
        "1",
        (0, 1),
        VUONG,
        misleads=_CHOSEN,
        group="tails",
        examples=(((COMPARISON,), 0.0026997960632601866),),
    ),
    Metric(
        vuong_lognormal_z,
        "1",
        (None, None),
        VUONG,
        misleads=_LOGNORMAL,
        group="tails",
        examples=(((COMPARISON,), -1.0),),
    ),
    Metric(
        vuong_lognormal_p,
        "1",
        (0, 1),
        VUONG,
        misleads=_LOGNORMAL,
        group="tails",
        examples=(((COMPARISON,), 0.31731050786291415),),
    ),
    Metric(
        tpl_ratio,
        "1",
        (0, None),
        VUONG,
        misleads=_CHOSEN,
        group="tails",
        examples=(((COMPARISON,), 4.0),),
    ),
    Metric(
        tpl_ratio_p,
        "1",
        (0, 1),
        VUONG,
        misleads=_CHOSEN
        + "True power laws of 64 points are below 0.1 in 6 % instead of 10; tpl_gof_p (--gof) in 10 %.",
        group="tails",
        examples=(((COMPARISON,), 0.022750131948179209),),
    ),
)
