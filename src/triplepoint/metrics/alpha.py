"""The fitted power law, number by number (Clauset, Shalizi and Newman 2009, arXiv 0706.1062)."""

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import PowerLawFit

CLAUSET = "Clauset, Shalizi & Newman 2009, arXiv 0706.1062; Martin & Mahoney 2021, JMLR 22(165)"

FIT = PowerLawFit(3.0, 0.2, 2.6, 3.4, 1.5, 40.0, 0.05, 100, 400, "closed:iid-pareto")


def alpha(fit: PowerLawFit) -> float:
    """Exponent α of the density λ^(−α) fitted to the tail of the eigenvalues.

    2–4 is the ideal band of the theory, 2–6 the published band of well-trained layers. Read it with its interval.
    """
    return fit.alpha


def alpha_sem(fit: PowerLawFit) -> float:
    """(α − 1)/√num_tail, the standard error of α if xmin had been known beforehand."""
    return fit.alpha_sem


def alpha_low(fit: PowerLawFit) -> float:
    """Lower end of the 95 % interval of α."""
    return fit.alpha_low


def alpha_high(fit: PowerLawFit) -> float:
    """Upper end of the 95 % interval of α."""
    return fit.alpha_high


def xmin(fit: PowerLawFit) -> float:
    """Smallest eigenvalue of the fitted tail, chosen among all eigenvalues as the one with the smallest D."""
    return fit.xmin


def xmax(fit: PowerLawFit) -> float:
    """Largest eigenvalue of the fitted tail."""
    return fit.xmax


def ks_distance(fit: PowerLawFit) -> float:
    """D = max over the tail of |F(λ_j) − j/n|, j = 0 … n−1, between the tail and its power law."""
    return fit.ks_distance


def num_tail(fit: PowerLawFit) -> float:
    """Number of eigenvalues from xmin on."""
    return float(fit.num_tail)


_NOISE = (
    "Gaussian matrices also give exponents in 2–6 (62 % of them at 128 x 128), so α alone is no verdict: see null_p. "
    "α does not order models of different architecture, nor modules of different kind."
)
_INTERVAL = "It assumes independent tail points; it is not the spread between training runs."

METRICS = (
    Metric(
        alpha,
        "1",
        (1, None),
        CLAUSET,
        misleads=_NOISE,
        examples=(((FIT,), 3.0),),
        study=Study(1, "pl_alpha", 0.04, 0.0),
    ),
    Metric(
        alpha_sem,
        "1",
        (0, None),
        CLAUSET,
        weightwatcher="sigma",
        misleads="It ignores the choice of xmin, and "
        "±1.96 of it covers 88–93 % instead of 95 %; use alpha_low and alpha_high.",
        examples=(((FIT,), 0.2),),
    ),
    Metric(alpha_low, "1", (1, None), CLAUSET, misleads=_INTERVAL, examples=(((FIT,), 2.6),)),
    Metric(alpha_high, "1", (1, None), CLAUSET, misleads=_INTERVAL, examples=(((FIT,), 3.4),)),
    Metric(
        xmin,
        "λ",
        (0, None),
        CLAUSET,
        scale=2.0,
        misleads="Two tails with nearly equal D can lie far apart.",
        examples=(((FIT,), 1.5),),
    ),
    Metric(xmax, "λ", (0, None), CLAUSET, scale=2.0, examples=(((FIT,), 40.0),)),
    Metric(
        ks_distance,
        "1",
        (0, 1),
        CLAUSET,
        weightwatcher="D",
        misleads="Short tails reach small D by chance; it "
        "is the minimum over all xmin and no test by itself.",
        examples=(((FIT,), 0.05),),
        study=Study(5, "pl_ks_distance", -0.12, 0.1),
    ),
    Metric(num_tail, "count", (2, None), CLAUSET, weightwatcher="num_pl_spikes", examples=(((FIT,), 100.0),)),
)
