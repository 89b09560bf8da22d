"""What may be spent: a share of the time that has passed, minus what was spent and what is under way."""

from __future__ import annotations

from dataclasses import dataclass, field

from triplepoint.records import Cost

# A first guess at the speed of one core in a decomposition, and at what a row costs beside it; what the matrix itself
# took replaces both. Measured: 384 x 384 to 1536 x 384 in 12–25 ms.
SECONDS_A_FLOP = 1.2e-10
SECONDS_A_ROW = 5e-3
FULL_SHARE = 0.8
"""Of the budget, for whole spectra; the rest is for looks at the largest eigenvalues."""
RESERVE = 0.1
"""Of the budget, left for what is only known afterwards: looks that take longer than the last. Without
it a perceptron came to 1.02 % at a budget of 1 %."""
LIGHT = 0.2
"""Cost of a look at the top, in whole ones, before one has been measured."""


@dataclass(slots=True)
class Purse:
    """One share of the budget. `None` for no limit."""

    rate: float | None
    """Seconds that may be spent a second."""
    spent: float = 0.0
    """Measured seconds, overheads included."""
    promised: float = 0.0
    """Estimates of what is under way."""

    def can(self, elapsed: float, seconds: float) -> bool:
        """Whether `seconds` more stay within the budget, `elapsed` seconds into the run."""
        return self.rate is None or self.spent + self.promised + seconds <= self.rate * elapsed

    def when(self, seconds: float) -> float:
        """Seconds into the run from which on `seconds` more can be spent."""
        return 0.0 if self.rate is None else (self.spent + self.promised + seconds) / self.rate


@dataclass(slots=True)
class Budget:
    """Two purses, so that cheap looks cannot eat what is being saved for a large matrix."""

    share: float | None
    full: Purse = field(init=False)
    leading: Purse = field(init=False)

    def __post_init__(self) -> None:
        looks = None if self.share is None else (1 - RESERVE) * self.share
        self.full = Purse(None if looks is None else FULL_SHARE * looks)
        self.leading = Purse(None if looks is None else (1 - FULL_SHARE) * looks)

    def overhead(self, seconds: float) -> None:
        """Time that belongs to no matrix, charged to both by their shares."""
        self.full.spent += FULL_SHARE * seconds
        self.leading.spent += (1 - FULL_SHARE) * seconds


def guess(flops: float, rows: int) -> float:
    """Seconds of a first whole look."""
    return SECONDS_A_FLOP * flops + SECONDS_A_ROW * rows


def as_data(cost: Cost) -> dict[str, float]:
    """What it came to: the fields of a cost and its two shares, as plain numbers."""
    names = [name for name in Cost.__dataclass_fields__ if not name.startswith("_")]
    shares = {"of_wall": cost.of_wall, "of_process": cost.of_process}
    return {**{name: getattr(cost, name) for name in names}, **shares}
