"""How often a rule spoke in healthy runs, and which sick runs it found: counts with an exact bound.

The counts are measured by benchmarks/healthy_runs.py and stand in `rate_table`.
"""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """Alerts of one rule over healthy runs that no threshold was chosen on."""

    raised: int
    """Of any severity."""
    warnings: int
    """As a warning or an error."""
    runs_warned: int
    """Runs with at least one of those."""
    steps: int
    runs: int
    visits: int
    """Looks at a matrix, of all kinds."""


@dataclass(frozen=True, slots=True)
class Found:
    """One rule on runs with one known fault."""

    fault: str
    raised: int
    """Runs in which the rule was raised after the onset."""
    runs: int
    delay: int
    """Median steps from the onset to the first alert of the runs that had one."""


def at_least(alerts: int, steps: int) -> float:
    """Lower 95 % bound of the mean number of steps between two alerts, where `alerts` were seen in `steps`.

    Exact for a Poisson process: steps/λ with P(X ≤ alerts | λ) = 0.05. None seen in n steps: n/3.0.

    >>> round(at_least(0, 300_000))
    100142
    """
    from scipy.special import gammaincinv

    return steps / float(gammaincinv(alerts + 1, CONFIDENCE))
