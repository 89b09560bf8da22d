"""Correlation traps: outliers of the shuffled matrix (see `nulls.traps`)."""

from triplepoint.metrics._metric import Metric
from triplepoint.records import Cause, Trap, Traps

SOURCE = (
    "Prakash & Martin 2025, arXiv 2506.04434; Johnstone 2001, Ann. Statist. 29; Baik, Ben Arous & Péché 2005, "
    "Ann. Probab. 33"
)


def num_traps(traps: Traps) -> float:
    """Eigenvalues of the matrix with shuffled entries above the 99 % Tracy–Widom quantile of noise with the same σ.

    A shuffle keeps the multiset of entries and nothing else, so a trap says something about the distribution of the
    entries: a few huge ones, |w| > σ(NM)^¼; a shifted mean, |⟨w⟩|/σ > (NM)^−¼; or heavy tails. It says nothing about
    correlations between entries, in spite of the name. One seeded shuffle; none where five numbers of the entries show
    that it has no outlier.
    """
    return float(traps.num)


def num_traps_centred(traps: Traps) -> float:
    """Traps that are left after the mean of all entries is taken out: num_traps without a shift of the mean."""
    return float(traps.centred)


def max_trap_strength(traps: Traps) -> float:
    """λ/λ₊ of the strongest trap over the edge λ₊ = σ²(√N + √M)² of noise; 1 where there is no trap.

    It may be below 1: the threshold of a trap lies below λ₊ at levels above about 0.15, where the quantile of
    Tracy–Widom is negative, and for entries of a kurtosis below 3.
    """
    return traps.traps[0].strength if traps.traps else 1.0


_MISLEADS = (
    "The rate of false alarms is at most the level: none in matrices that the closed form passes, nearly all with "
    "light tails; of shuffles of every matrix 0.7–1.4 % have a trap at nominal 1 %, and num_traps_mean counts those. "
    "Light tails only: shuffles of Student-t(6) entries have one in 4–9 %, whatever was learned. A shift of the mean "
    "alone makes one: compare num_traps_centred, max_entry_ratio, mean_entry_ratio and entry_kurtosis, which may say "
    "as much. That traps mark overfitting is contested: the papers that claim it (arXiv 2506.04434, 2602.02859, "
    "2605.12394) disagree on their own counts at peak accuracy, call many traps benign, and test no removal that "
    "restores accuracy."
)
_TRAP = Trap(120.0, 1.5, Cause.few_huge_entries, (), 1.0, 1.0, 0.0)
_EXAMPLE = Traps(2, 1, 90.0, 80.0, 0.01, "krylov", (_TRAP,))

METRICS = (
    Metric(
        num_traps,
        unit="count",
        valid=(0, None),
        reference=SOURCE,
        weightwatcher="num_traps, of an unseeded shuffle, beyond the edge of a fit plus √TW",
        polarity="lower",
        misleads=_MISLEADS,
        examples=(((_EXAMPLE,), 2.0),),
    ),
    Metric(
        num_traps_centred,
        unit="count",
        valid=(0, None),
        reference=SOURCE,
        misleads="A mean that differs between rows or columns is shuffled away before and never counted.",
        examples=(((_EXAMPLE,), 1.0),),
    ),
    Metric(
        max_trap_strength,
        unit="1",
        valid=(0, None),
        reference=SOURCE,
        misleads="One entry alone can set it: see max_entry_ratio.",
        examples=(((_EXAMPLE,), 1.5), ((Traps(0, 0, 90.0, 80.0, 0.01, "screen"),), 1.0)),
    ),
)
