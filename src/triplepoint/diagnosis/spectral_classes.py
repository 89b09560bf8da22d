"""One rule a spectral class: the words behind `explain bulk_spikes`. They make no finding; the class is on the row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from triplepoint.diagnosis._rule import Rule
from triplepoint.diagnosis.phase import NULL_LEVEL
from triplepoint.diagnosis.spectral_class import COLLAPSED_SHARE, CONFIDENT, MIN_EIGENVALUES
from triplepoint.records import SpectralClass

_PAPER = "Martin & Mahoney 2021, JMLR 22(165)"
_TREE = (
    " The classes were named by eye; here each border is a probability fitted to generated matrices, and a "
    "trained layer may be unlike all of them."
)


def _defined(name: SpectralClass, definition: str, source: str, evidence: str, misleads: str) -> Rule:
    return Rule(name.value, definition, source, evidence, misleads, lambda _evidence: None)


def _rule(name: SpectralClass, definition: str, evidence: str, misleads: str) -> Rule:
    source = f"{_PAPER}; borders calibrated by benchmarks/calibrate_classes.py"
    return _defined(name, definition, source, evidence, misleads + _TREE)


_RULES = (
    _rule(
        SpectralClass.random_like,
        f"The spectrum cannot be told from that of independent entries (null_p > {NULL_LEVEL:g}) and no eigenvalue "
        "stands out: a layer at its initialisation, or one whose learning is too weak to be seen.",
        "null_p, the bulk's threshold",
        "One weak direction in a large matrix stays below the edge and cannot be seen in the spectrum at all.",
    ),
    _rule(
        SpectralClass.bleeding_out,
        "Marchenko–Pastur but for eigenvalues just above the edge, the largest within about a quarter of it: the first "
        "weak correlations.",
        "num_spikes, mp_softrank, the p-value of the bulk without its spikes",
        "A single false spike looks the same; at the default level one noise matrix in a hundred has one, and entries "
        "with moderately heavy tails have more.",
    ),
    _rule(
        SpectralClass.bulk_spikes,
        "A Marchenko–Pastur bulk and one or more eigenvalues clearly apart from it: a few strong directions over "
        "noise.",
        "num_spikes, mp_softrank, the p-value and D of the bulk without its spikes",
        "A shifted mean of the entries, or a few huge ones, makes a spike without any correlation: see the traps.",
    ),
    _rule(
        SpectralClass.bulk_decay,
        "The bulk is no longer Marchenko–Pastur, or many eigenvalues trail off above the edge, and they fall off "
        "rather like an exponential than like a power law.",
        "null_p, num_spikes, D of the bulk, Vuong's z of power law over exponential, xmin relative to the edge",
        "Columns or rows of unequal variance do the same without any learning (a sign-flip null tells them apart).",
    ),
    _rule(
        SpectralClass.heavy_tailed,
        "The spectrum differs from noise, and above the bulk a power law describes the eigenvalues better than an "
        "exponential: correlations of all sizes.",
        "null_p, num_spikes, D of the bulk, Vuong's z of power law over exponential, xmin relative to the edge",
        "Independent entries with heavy tails have such a spectrum too. A power law with a cut-off inside the data "
        "counts as bulk-decay.",
    ),
    _defined(
        SpectralClass.rank_collapse,
        f"More than {COLLAPSED_SHARE:.0%} of the eigenvalues lie below 1e-6 of their mean: the matrix has lost "
        "directions.",
        f"{_PAPER}; the share and the size are definitions, not calibrated",
        "the spectrum alone",
        "Dead inputs or pruned columns do it, and so does a fused or padded weight; strong weight decay is only one "
        "cause.",
    ),
    _rule(
        SpectralClass.undecided,
        f"No class has a probability of {CONFIDENT:g}, the null forbids the likeliest, the row pools the slices of a "
        f"convolution, there are fewer than {MIN_EIGENVALUES} eigenvalues, too many are lost in rounding, or a "
        "collapse of the rank hangs on what counts as zero; the sentence says which.",
        "the probabilities of all classes",
        "The classes are stages of one continuous change: at a border no answer is right.",
    ),
)

CLASSES: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in _RULES})
