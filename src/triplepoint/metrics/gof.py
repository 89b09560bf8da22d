"""Could the tail be a power law? Bootstrap tests, with xmin chosen anew in every sample (arXiv 0706.1062)."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import GoodnessOfFit

CLAUSET = "Clauset, Shalizi & Newman 2009, arXiv 0706.1062; benchmarks/calibrate_fit.py"

GOF = GoodnessOfFit(p_value=0.25, p_error=0.0137, truncated_p=0.5, replicas=1000)


def gof_p(goodness: GoodnessOfFit) -> float:
    """P that a sample of the fitted power law lies as far (D) from its own refit: (1 + #{D* ≥ D})/(B + 1).

    Below 0.1 the power law is rejected. Cost: B refits.
    """
    return goodness.p_value


def gof_p_error(goodness: GoodnessOfFit) -> float:
    """Monte-Carlo standard error √(p(1−p)/B) of gof_p."""
    return goodness.p_error


def tpl_gof_p(goodness: GoodnessOfFit) -> float | None:
    """P that a sample of the power law favours the truncated one as much: 2·(ℓ_TPL − ℓ_PL) at its own xmin.

    Small: the tail ends too early for a power law. Unlike tpl_ratio_p it knows that xmin was chosen.
    """
    return goodness.truncated_p


_POWER = (
    "A tail that is not rejected may be short and chosen to look right: of 2048 lognormal points 38 % are rejected at "
    "0.1, of Gaussian matrices of 64 columns 41–51 %. True power laws of independent points are rejected in 5–9 % "
    "instead of 10, and of eigenvalues, which repel each other, in 0–3 %."
)
_NOISE = (
    "Eigenvalues are not independent points: of W = ZΣ^½, Σ a sample of a power law, 14–17 % are below 0.1. Any early "
    "end counts, that of noise too."
)

METRICS = (
    Metric(gof_p, "1", (0, 1), CLAUSET, misleads=_POWER, group="gof", examples=(((GOF,), 0.25),)),
    Metric(gof_p_error, "1", (0, 0.5), CLAUSET, group="gof", examples=(((GOF,), 0.0137),)),
    Metric(tpl_gof_p, "1", (0, 1), CLAUSET, misleads=_NOISE, group="gof", examples=(((GOF,), 0.5),)),
)
