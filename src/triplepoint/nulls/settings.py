"""What the user asks of the nulls of one matrix."""

from __future__ import annotations

from dataclasses import dataclass

LEVEL = 0.01
KINDS = ("gaussian", "shuffle", "signflip", "product")
BULKS = ("quantiles", "kde")


@dataclass(frozen=True, slots=True)
class NullSettings:
    """How noise is imitated; `name` and `seed` alone decide the random stream of a matrix."""

    name: str = ""
    seed: int = 0
    level: float = LEVEL
    """False-alarm rate of spikes and traps."""
    bulk: str = "quantiles"
    """How the noise level of the bulk is fitted: `quantiles` or `kde`."""
    randomize: int = 0
    """Shuffles whose full spectra are computed; 0 for the cheap search for traps."""
    spectra: bool = False
    """Whether the eigenvalues of the first shuffle are kept."""
    null: str = "signflip"
    """Kind of the replicas of `--null`."""
    replicas: int = 199
