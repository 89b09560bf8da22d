"""When to look: a schedule is a function of the step that writes its own description."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from triplepoint import asked
from triplepoint.errors import UsageError

Schedule: TypeAlias = Callable[[int], bool]

LAST_STEP = 1 << 62
"""SQLite counts to twice that; some steps are added to."""


@dataclass(frozen=True, slots=True)
class Every:
    """Steps 0, k, 2k …

    >>> [step for step in range(10) if Every(4)(step)]
    [0, 4, 8]
    """

    steps: int

    def __post_init__(self) -> None:
        asked.whole("every", self.steps, 1)

    def __call__(self, step: int) -> bool:
        """Whether a pass begins."""
        return step % self.steps == 0

    def __str__(self) -> str:
        return f"every {self.steps} steps"


@dataclass(frozen=True, slots=True)
class LogSpaced:
    """Step 0 and about `per_decade` steps a factor of ten: what grokking and its loss need, over 10⁷ steps.

    The steps are round(10^(i/per_decade)); where these fall together each stands once.

    >>> [step for step in range(101) if LogSpaced(4)(step)]
    [0, 1, 2, 3, 6, 10, 18, 32, 56, 100]
    """

    per_decade: int

    def __post_init__(self) -> None:
        asked.whole("log_spaced", self.per_decade, 1)

    def __call__(self, step: int) -> bool:
        """Whether a pass begins."""
        if step < 1:
            return step == 0
        # Rounding moves a step by at most half, so only the nearest place in the series can be it.
        place = round(math.log10(step) * self.per_decade)
        return any(round(10 ** (i / self.per_decade)) == step for i in (place - 1, place, place + 1))

    def __str__(self) -> str:
        return f"log-spaced, {self.per_decade} steps a decade"


@dataclass(frozen=True, slots=True)
class Always:
    """Every step is allowed: the budget alone decides, round robin over the matrices."""

    def __call__(self, _step: int) -> bool:
        """Yes."""
        return True

    def __str__(self) -> str:
        return "round robin, as the budget allows"


def counted(step: Any) -> int:
    """A step as the store can hold it; ValueError or its kin for anything else.

    >>> counted(7.0), counted("12")
    (7, 12)
    """
    number = int(step)
    if not -LAST_STEP <= number <= LAST_STEP:
        raise ValueError(f"the step {str(number)[:40]} is beyond 2**62")
    return number


def schedule_of(value: Schedule | int | str | None) -> Schedule:
    """A schedule as it was given: a function, a number of steps, `log` or `log:PER_DECADE`; by default the budget's.

    >>> str(schedule_of(500)), str(schedule_of("log:8"))
    ('every 500 steps', 'log-spaced, 8 steps a decade')
    """
    if value is None:
        return Always()
    if isinstance(value, int) and not isinstance(value, bool):
        return Every(value)
    if isinstance(value, str):
        kind, count = asked.kind_and_count("schedule", value, "a number of steps, log or log:PER_DECADE")
        if kind == "log":
            return LogSpaced(10 if count is None else count)
    elif callable(value):
        return value
    raise UsageError(
        f"schedule {value!r}"[:120],
        "it is no schedule",
        "Use a number of steps, 'log', 'log:PER_DECADE' or a function of the step",
    )
