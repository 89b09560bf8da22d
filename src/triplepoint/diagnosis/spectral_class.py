"""The spectral class of a layer: random-like, bleeding-out, bulk+spikes, bulk-decay, heavy-tailed or rank collapse.

Definitions after Martin and Mahoney 2021 (JMLR 22(165)), whose borders were drawn by eye. Here they are four questions,
each answered with a probability:

    signal   does it differ from noise at all?               no: random-like
    spread   is the bulk no longer Marchenko–Pastur?         no: bleeding-out or bulk+spikes
    far      if not: a spike beyond about 1.25 times the edge?    bleeding-out | bulk+spikes
    heavy    if so: a power law rather than an exponential?       bulk-decay | heavy-tailed

Before them stands rank collapse, a definition: more than 5 % of the eigenvalues below 10⁻⁶ of their mean. Every answer
is a logistic function of one to three numbers (`spectral_features`); coefficients are fitted by
`benchmarks/calibrate_classes.py` to generated matrices whose class is known (`tests/spectral_worlds.py`), never to
trained ones. The probability of a class is the product along its branch, the class is the likeliest, and below
`CONFIDENT` there is none: `undecided`. What differs from noise is decided by p-values alone: random-like needs a null
that is not rejected, bulk-decay and heavy tails one that is. α takes no part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from triplepoint.diagnosis.phase import NULL_LEVEL
from triplepoint.diagnosis.spectral_features import NOTHING, Features, features, share_of_nothing
from triplepoint.records import BulkFit, BulkNull, Classified, PowerLawFit, Reason, SpectralClass, Spectrum

# Measured: between 0.65 and 0.75 68 % of the classes are right (standard error 7 %).
CONFIDENT = 0.65
COLLAPSED_SHARE = 0.05
# The worlds begin here. Of matrices with 32 … 64 eigenvalues only 81 % of the classes given would be right.
MIN_EIGENVALUES = 64
# No world can show that nothing lies outside the worlds.
MOST_CONFIDENT = 0.99

Node = tuple[tuple[str, ...], tuple[float, ...]]
# (features, (intercept, one coefficient a feature)).
NODES: Mapping[str, Node] = {
    "signal": (("log_null_p", "margin"), (-0.7035, -1.222, 2.438)),
    "spread": (("log_ks_p", "log_share", "log_distance"), (17.5, -2.215, 4.313, 1.817)),
    "heavy": (("vuong", "log_xmin"), (1.228, 1.814, -0.5538)),
    "far": (("reach",), (-3.064, 73.43)),
}


def classify_spectrum(
    spectrum: Spectrum,
    fit: PowerLawFit | Reason,
    bulk_null: BulkNull | Reason,
    bulk: BulkFit | Reason,
) -> Classified | Reason:
    """Class, confidence and the sentence with the numbers that decided; or why there is none. Cost O(M).

    The confidence c is calibrated: over generated worlds, all classes equally likely, about a share c of the classes
    given with confidence c is right. It knows nothing of worlds that were not generated. Pooled slices of a
    convolution are `undecided`, since slices of unequal scale together imitate a heavy tail: each slice has a class.
    """
    if bulk_null is Reason.low_rank or bulk is Reason.low_rank:
        return Reason.low_rank  # a product of two factors has no rank to lose and another noise
    if spectrum.slices > 1:
        return _abstain(f"{spectrum.slices} slices are pooled here; every slice has a class of its own")
    if spectrum.singular_values.size < MIN_EIGENVALUES:
        return _abstain(
            f"{spectrum.singular_values.size} eigenvalues are too few for a class ({MIN_EIGENVALUES})"
        )
    collapse = _collapse(spectrum)
    if collapse is not None:
        return collapse
    for record in (fit, bulk_null, bulk):
        if isinstance(record, Reason):
            return record
    assert isinstance(fit, PowerLawFit)
    assert isinstance(bulk_null, BulkNull)
    assert isinstance(bulk, BulkFit)
    return _by_tree(spectrum, fit, bulk_null, bulk)


def probabilities(found: Features, nodes: Mapping[str, Node] = NODES) -> dict[SpectralClass, float]:
    """Probability of every class but rank collapse; they sum to 1."""
    signal, spread, heavy, far = (
        _answer(nodes[name], found) for name in ("signal", "spread", "heavy", "far")
    )
    return {
        SpectralClass.random_like: 1 - signal,
        SpectralClass.bleeding_out: signal * (1 - spread) * (1 - far),
        SpectralClass.bulk_spikes: signal * (1 - spread) * far,
        SpectralClass.bulk_decay: signal * spread * (1 - heavy),
        SpectralClass.heavy_tailed: signal * spread * heavy,
    }


def _answer(node: Node, found: Features) -> float:
    names, (intercept, *slopes) = node
    total = intercept + math.fsum(b * getattr(found, n) for n, b in zip(names, slopes, strict=True))
    return 1 / (1 + math.exp(-min(max(total, -30.0), 30.0)))


def _by_tree(spectrum: Spectrum, fit: PowerLawFit, bulk_null: BulkNull, bulk: BulkFit) -> Classified:
    found = features(spectrum, fit, bulk_null, bulk)
    chances = probabilities(found)
    first, second = sorted(chances, key=lambda name: -chances[name])[:2]
    numbers = _numbers(spectrum, fit, bulk_null, bulk, found)
    forbidden = _forbidden(first, bulk_null, bulk)
    if forbidden:
        return _abstain(f"{forbidden}: {numbers[first]}")
    if chances[first] < CONFIDENT:
        sides = " or ".join(
            f"{name.value.replace('_', '-')} ({chances[name]:.0%})" for name in (first, second)
        )
        return _abstain(f"{sides}: {numbers[first]}")
    return Classified(first, min(chances[first], MOST_CONFIDENT), numbers[first])


def _forbidden(name: SpectralClass, bulk_null: BulkNull, bulk: BulkFit) -> str:
    """What the null forbids, whatever the probabilities say."""
    differs = bulk_null.p_value <= NULL_LEVEL
    if name is SpectralClass.random_like:
        return "nearest to noise, from which it differs" if differs or bulk.num_spikes else ""
    if bulk.num_spikes == 0:
        return "differs from noise, yet nothing stands above the edge"
    if name in (SpectralClass.bulk_decay, SpectralClass.heavy_tailed) and not differs:
        return "the whole spectrum cannot be told from noise"
    return ""


def _numbers(
    spectrum: Spectrum, fit: PowerLawFit, bulk_null: BulkNull, bulk: BulkFit, found: Features
) -> dict[SpectralClass, str]:
    """The deciding numbers of each class, as part of a sentence."""
    count = bulk.num_spikes
    eigenvalues = spectrum.eigenvalues / bulk.edge
    if count == 0:
        above = f"no eigenvalue stands out (largest {eigenvalues[0]:.3g} times the edge)"
    elif count == 1:
        above = f"1 eigenvalue above the edge, {eigenvalues[0]:.3g} times it"
    else:
        above = (
            f"{count} eigenvalues above the edge, {eigenvalues[count - 1]:.3g}–{eigenvalues[0]:.3g} times it"
        )
    whole = "Marchenko–Pastur" if bulk_null.p_value > NULL_LEVEL else "not Marchenko–Pastur"
    rest = "is Marchenko–Pastur" if bulk.ks_p > NULL_LEVEL else "is not Marchenko–Pastur"
    bulk_words = f"the rest {rest} (D = {bulk.ks_distance:.2g}, p = {bulk.ks_p:.2g})"
    border = -(NODES["heavy"][1][0] + NODES["heavy"][1][2] * found.log_xmin) / NODES["heavy"][1][1]
    tail = (
        f"power law over exponential z = {found.vuong:+.1f} (even at {border:+.1f}), α = {fit.alpha:.2f} "
        f"from {fit.xmin / bulk.edge:.2g} times the edge"
    )
    spiked = f"{above}; {bulk_words}"
    return {
        SpectralClass.random_like: f"{whole} (p = {bulk_null.p_value:.2g}); {above}",
        SpectralClass.bleeding_out: spiked,
        SpectralClass.bulk_spikes: spiked,
        SpectralClass.bulk_decay: f"{spiked}; {tail}",
        SpectralClass.heavy_tailed: f"{spiked}; {tail}",
    }


def _collapse(spectrum: Spectrum) -> Classified | None:
    """Rank collapse, or that it cannot be judged, or None where there is none."""
    if float(np.mean(spectrum.eigenvalues)) * NOTHING < spectrum.resolved_from:
        unresolved = float(np.mean(spectrum.eigenvalues < spectrum.resolved_from))
        if unresolved <= COLLAPSED_SHARE:
            return None
        return _abstain(
            f"{unresolved:.1%} of the eigenvalues are lost in rounding; double precision would tell"
        )
    fewer, share, more = (
        share_of_nothing(spectrum, below) for below in (NOTHING / 10, NOTHING, NOTHING * 10)
    )
    if more <= COLLAPSED_SHARE:
        return None
    words = f"{share:.1%} of the eigenvalues lie below 1e-6 of their mean"
    if fewer > COLLAPSED_SHARE:
        return Classified(SpectralClass.rank_collapse, MOST_CONFIDENT, words)
    return _abstain(f"hangs on what counts as zero: {words}, {fewer:.1%} below 1e-7, {more:.1%} below 1e-5")


def _abstain(sentence: str) -> Classified:
    return Classified(SpectralClass.undecided, None, sentence)
