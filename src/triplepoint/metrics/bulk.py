"""The noise law fitted to the bulk of the spectrum, number by number."""

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import BulkFit

MP = "Marchenko & Pastur 1967; Martin & Mahoney 2021, JMLR 22(165)"
NULL = "null simulated by benchmarks/make_bulk_table.py"

FIT = BulkFit(0.5, 25.0, 225.0, 240.0, 3, 0.75, 0.02, 0.001, 0.01, "quantiles")


def bulk_sigma(bulk: BulkFit) -> float:
    """Standard deviation of the noise entries, from the eigenvalues in the ranks 10–90 % that are no spikes.

    σ of the entries (mp_sigma) contains the signal, this one does not. Where it is much the smaller, the spikes carry
    most of the energy. Undefined where rounding hides whatever noise there is, as in a merged LoRA delta.
    """
    return bulk.sigma


def bulk_edge(bulk: BulkFit) -> float:
    """λ₊ = σ²(√N' + √M')², upper edge of the fitted noise; N' and M' are N and M less the number of spikes."""
    return bulk.edge


def bulk_ks(bulk: BulkFit) -> float:
    """D = sup |F − F_MP| between the eigenvalues that are no spikes and the fitted Marchenko–Pastur law."""
    return bulk.ks_distance


def bulk_ks_p(bulk: BulkFit) -> float:
    """P that the bulk of a Gaussian matrix of the same shape lies as far from its own fit: n·D against its null.

    Simulated down to 0.002, continued as an exponential down to 1e-9. Small: the bulk is no noise. Spikes do not enter;
    null_p asks for the whole spectrum.
    """
    return bulk.ks_p


def mp_softrank(bulk: BulkFit) -> float:
    """λ₊/λmax: upper edge of the fitted noise over the largest eigenvalue.

    About 1 for noise, small where one direction stands far out.
    """
    return bulk.softrank


def num_spikes(bulk: BulkFit) -> float:
    """Eigenvalues above the Tracy–Widom quantile of the fitted noise, exceeded by noise at the stated level (1 %)."""
    return float(bulk.num_spikes)


_NO_BULK = (
    "Where the bulk is not noise-like (bulk_ks_p small) there is no noise level; the fit is a description."
)

METRICS = (
    Metric(bulk_sigma, "w", (0, None), MP, scale=1.0, misleads=_NO_BULK, examples=(((FIT,), 0.5),)),
    Metric(
        bulk_edge,
        "λ",
        (0, None),
        MP,
        scale=2.0,
        weightwatcher="bulk_max (another fit of σ, which strong spikes bend)",
        misleads=_NO_BULK,
        examples=(((FIT,), 225.0),),
    ),
    Metric(
        bulk_ks,
        "1",
        (0, 1),
        MP,
        misleads="Compare with other shapes only through bulk_ks_p.",
        examples=(((FIT,), 0.02),),
    ),
    Metric(
        bulk_ks_p,
        "1",
        (0, 1),
        f"{MP}; {NULL}",
        misleads="Uneven variance of rows or columns rejects it without learning.",
        examples=(((FIT,), 0.001),),
    ),
    Metric(
        mp_softrank,
        "1",
        (0, None),
        MP,
        weightwatcher="mp_softrank (another fit of σ, which strong spikes bend)",
        misleads=_NO_BULK,
        examples=(((FIT,), 0.75),),
        study=Study(8, "mp_softrank", 0.38, -0.1),
    ),
    Metric(
        num_spikes,
        "count",
        (0, None),
        f"Tracy & Widom 1996; Johnstone 2001; {NULL}",
        weightwatcher="num_spikes (a margin that is no quantile)",
        misleads="Noise with uneven column variance shows spikes too, dozens in large layers; try --null signflip.",
        examples=(((FIT,), 3.0),),
    ),
)
