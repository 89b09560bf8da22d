"""The 5+1 spectral classes of a weight matrix (Martin and Mahoney 2021, JMLR 22(165))."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SpectralClass(StrEnum):
    """From noise to heavy tails, and the one apart; `undecided` is the right to abstain."""

    random_like = "random_like"
    bleeding_out = "bleeding_out"
    bulk_spikes = "bulk_spikes"
    bulk_decay = "bulk_decay"
    heavy_tailed = "heavy_tailed"
    rank_collapse = "rank_collapse"
    undecided = "undecided"


@dataclass(frozen=True, slots=True)
class Classified:
    """A spectral class with what speaks for it."""

    spectral_class: SpectralClass
    confidence: float | None
    """Between 0 and 1, calibrated on generated worlds; None where the class abstains."""
    evidence: str
    """One sentence with the numbers that decided."""
