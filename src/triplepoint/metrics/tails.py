"""The other laws of the tail, number by number."""

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import Clipped, TailFit, TailFits

CLAUSET = "Clauset, Shalizi & Newman 2009, arXiv 0706.1062, table 2.1"
NLP = "Yang et al. 2022, arXiv 2202.02842"
HANEL = "Hanel, Corominas-Murtra, Liu & Thurner 2017, arXiv 1609.00889"

TAILS = TailFits(
    exponential=TailFit(2.0, 50, 0.1, -110.0, rate=0.25),
    lognormal=TailFit(2.0, 50, 0.06, -100.0, log_mean=0.5, log_std=0.75),
    truncated=TailFit(2.0, 50, 0.05, -99.0, alpha=2.5, rate=0.01),
    bounded=TailFit(2.0, 50, 0.055, -99.5, alpha=2.25),
    tpl=TailFit(1.0, 120, 0.03, -200.0, alpha=1.5, rate=0.05),
    e_tpl=TailFit(0.5, 200, 0.04, -300.0, alpha=1.25, rate=0.08),
    exp=TailFit(0.6, 180, 0.125, -280.0, rate=0.3),
)
CLIPPED = Clipped(alpha=3.5, num_fingers=2)


def tpl_alpha(tails: TailFits) -> float | None:
    """Exponent α of the truncated power law λ^(−α)·e^(−Λλ), with the xmin of smallest D among all.

    Below 1, and even below 0, where the tail is not heavy. With the other laws of --tails 0.1 s for 384 eigenvalues,
    up to 1 s for 4096.
    """
    return None if tails.tpl is None else tails.tpl.alpha


def tpl_lambda(tails: TailFits) -> float | None:
    """Rate Λ ≥ 0 of the cut-off in the truncated power law λ^(−α)·e^(−Λλ), with the xmin of smallest D among all.

    0 where the power law itself is the most likely.
    """
    return None if tails.tpl is None else tails.tpl.rate


def tpl_ks_distance(tails: TailFits) -> float | None:
    """D = max over the tail of |F(λ_j) − j/n|, j = 0 … n−1, of the truncated power law at its own xmin."""
    return None if tails.tpl is None else tails.tpl.ks_distance


def tpl_num_tail(tails: TailFits) -> float | None:
    """Number of eigenvalues from the truncated power law's own xmin on."""
    return None if tails.tpl is None else float(tails.tpl.num_tail)


def e_tpl_beta(tails: TailFits) -> float | None:
    """Exponent of the truncated power law with the xmin of smallest D in the window around the histogram's peak.

    The window is [0.95, 1.5] times the left edge of the fullest of 100 bins of log10 λ, or WeightWatcher's own with
    `--window legacy`.
    """
    return None if tails.e_tpl is None else tails.e_tpl.alpha


def e_tpl_lambda(tails: TailFits) -> float | None:
    """Rate Λ of the truncated power law with the xmin of smallest D in the window around the histogram's peak."""
    return None if tails.e_tpl is None else tails.e_tpl.rate


def e_tpl_ks_distance(tails: TailFits) -> float | None:
    """D of the truncated power law with the xmin of smallest D in the window around the histogram's peak."""
    return None if tails.e_tpl is None else tails.e_tpl.ks_distance


def e_tpl_num_tail(tails: TailFits) -> float | None:
    """Number of eigenvalues from the xmin of e_tpl_beta on."""
    return None if tails.e_tpl is None else float(tails.e_tpl.num_tail)


def exp_lambda(tails: TailFits) -> float | None:
    """Rate Λ = 1/(mean λ − xmin) of the exponential law, with the xmin of smallest D in the window around the peak."""
    return None if tails.exp is None else tails.exp.rate


def exp_ks_distance(tails: TailFits) -> float | None:
    """D of the exponential law with the xmin of smallest D in the window around the histogram's peak."""
    return None if tails.exp is None else tails.exp.ks_distance


def bounded_alpha(tails: TailFits) -> float | None:
    """Exponent of the power law on [xmin, λmax], at the power law's xmin: any real number, and always below alpha.

    Close to alpha where the tail looks endless; far below where it ends while it is still dense.
    """
    return None if tails.bounded is None else tails.bounded.alpha


def lognormal_mu(tails: TailFits) -> float | None:
    """Mean μ of ln λ in the lognormal law cut off at the power law's xmin.

    Undefined where the likelihood grows towards μ → −∞, that is towards the power law.
    """
    return None if tails.lognormal is None else tails.lognormal.log_mean


def lognormal_sigma(tails: TailFits) -> float | None:
    """Standard deviation of ln λ in the lognormal law cut off at the power law's xmin."""
    return None if tails.lognormal is None else tails.lognormal.log_std


def alpha_clipped(clipped: Clipped) -> float:
    """Exponent α once the fingers, the few largest eigenvalues that bend the fit, are left out; alpha without any."""
    return clipped.alpha


def num_fingers(clipped: Clipped) -> float:
    """How many of the largest eigenvalues bend the power law: leaving one more out lowers α by more than 1."""
    return float(clipped.num_fingers)


_WEAK = (
    "α and Λ trade off against each other: on short tails both are poorly known though the curve is not. Tails of "
    "fewer than 8 points are not tried."
)
_PEAK = "The peak of a histogram moves by jumps; on spectra of few eigenvalues its fullest bin is chance. "
_LOGNORMAL = "With few points in the tail μ and σ run far along a ridge on which the curve hardly changes."
_FINGERS = (
    "A Gaussian matrix has fingers too: its α is large and falls when points go. The count is WeightWatcher's, one "
    "less than it leaves out, so never exactly 1 left out."
)

METRICS = (
    Metric(
        tpl_alpha,
        "1",
        (None, None),
        CLAUSET,
        weightwatcher="alpha with fit='TPL'",
        misleads=_WEAK,
        group="tails",
        examples=(((TAILS,), 1.5),),
    ),
    Metric(
        tpl_lambda,
        "1/λ",
        (0, None),
        CLAUSET,
        weightwatcher="Lambda with fit='TPL'",
        scale=-2.0,
        misleads=_WEAK,
        group="tails",
        examples=(((TAILS,), 0.05),),
        kind="shape",
    ),
    Metric(tpl_ks_distance, "1", (0, 1), CLAUSET, group="tails", examples=(((TAILS,), 0.03),)),
    Metric(tpl_num_tail, "count", (8, None), CLAUSET, group="tails", examples=(((TAILS,), 120.0),)),
    Metric(
        e_tpl_beta,
        "1",
        (None, None),
        NLP,
        weightwatcher="alpha with fit='E_TPL'",
        misleads=_PEAK + _WEAK,
        group="tails",
        examples=(((TAILS,), 1.25),),
        study=Study(2, "e_tpl_beta", 0.5, -0.4),
    ),
    Metric(
        e_tpl_lambda,
        "1/λ",
        (0, None),
        NLP,
        weightwatcher="Lambda with fit='E_TPL'",
        scale=-2.0,
        misleads=_PEAK + _WEAK,
        group="tails",
        examples=(((TAILS,), 0.08),),
        kind="shape",
        study=Study(3, "e_tpl_lambda", 0.81, -0.7),
    ),
    Metric(
        e_tpl_ks_distance,
        "1",
        (0, 1),
        NLP,
        misleads=_PEAK,
        group="tails",
        examples=(((TAILS,), 0.04),),
        study=Study(6, "e_tpl_ks_distance", 0.81, -0.7),
    ),
    Metric(
        e_tpl_num_tail, "count", (8, None), NLP, misleads=_PEAK, group="tails", examples=(((TAILS,), 200.0),)
    ),
    Metric(
        exp_lambda,
        "1/λ",
        (0, None),
        NLP,
        scale=-2.0,
        misleads=_PEAK + "The published notebook prints the truncated power law's Λ under this name.",
        group="tails",
        examples=(((TAILS,), 0.3),),
        kind="shape",
        study=Study(4, "exp_lambda", 0.93, -0.9),
    ),
    Metric(exp_ks_distance, "1", (0, 1), NLP, misleads=_PEAK, group="tails", examples=(((TAILS,), 0.125),)),
    Metric(
        bounded_alpha,
        "1",
        (None, None),
        HANEL,
        misleads="λmax is itself the largest of the sample, so that the bound is a little too low.",
        group="tails",
        examples=(((TAILS,), 2.25),),
    ),
    Metric(
        lognormal_mu,
        "ln λ",
        (None, None),
        CLAUSET,
        scale="other",
        misleads=_LOGNORMAL,
        group="tails",
        examples=(((TAILS,), 0.5),),
    ),
    Metric(
        lognormal_sigma,
        "1",
        (0, None),
        CLAUSET,
        misleads=_LOGNORMAL,
        group="tails",
        examples=(((TAILS,), 0.75),),
    ),
    Metric(
        alpha_clipped,
        "1",
        (1, None),
        "WeightWatcher 0.7.7, fix_fingers='clip_xmax'",
        weightwatcher="alpha with fix_fingers='clip_xmax'",
        misleads=_FINGERS,
        group="tails",
        examples=(((CLIPPED,), 3.5),),
    ),
    Metric(
        num_fingers,
        "count",
        (0, 8),
        "WeightWatcher 0.7.7, fix_fingers='clip_xmax'",
        misleads=_FINGERS,
        group="tails",
        examples=(((CLIPPED,), 2.0),),
    ),
)
