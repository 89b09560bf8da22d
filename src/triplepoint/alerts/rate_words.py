"""What the measured rates say of a rule, in sentences."""

from __future__ import annotations

from triplepoint.alerts.rate_table import FAULTS, FOUND, HOW, RATES, RATES_OF_LOSSES
from triplepoint.alerts.rates import Rate, at_least

# A rule that warned in a larger share of the healthy runs says little about a run by its warning.
USEFUL = 0.1


def false_alarms(name: str) -> str:
    """How often it was raised in healthy runs, with the bound; or that this was not measured.

    >>> false_alarms("loss_not_finite").startswith("No warning in ")
    True
    """
    rate = RATES.get(name)
    if rate is None:
        return "not measured"
    parts = [_counted(rate)]
    quiet = rate.raised - rate.warnings
    if quiet:
        parts.append(f"Raised as info {quiet} {'time' if quiet == 1 else 'times'}.")
    if rate.runs_warned > USEFUL * rate.runs:
        parts.append(
            f"It warned in {rate.runs_warned} of {rate.runs} healthy runs: its warning alone does not tell a sick run."
        )
    losses = RATES_OF_LOSSES.get(name)
    if losses is not None and (losses.raised, losses.warnings) != (rate.raised, rate.warnings):
        parts.append(
            f"Where only losses are given it is raised {losses.raised} times, {losses.warnings} as a warning."
        )
    parts.append(f"Measured on {HOW}.")
    return " ".join(parts)


def _counted(rate: Rate) -> str:
    count = f"{rate.warnings}" if rate.warnings else "No"
    noun = "warning" if rate.warnings <= 1 else "warnings"
    where = f"{rate.steps:,} steps and {rate.visits:,} visits of {rate.runs} healthy runs"
    bound = _round(at_least(rate.warnings, rate.steps))
    return f"{count} {noun} in {where}: at least {bound:,} steps between two (95 %)."


def _round(number: float) -> int:
    """Down to two digits: a bound must not be rounded up."""
    digits = len(str(int(number))) - 2
    return int(number) // 10**digits * 10**digits if digits > 0 else int(number)


def detections(name: str) -> str:
    """In which sick runs it was raised, and how soon; empty where in none of them."""
    found = [
        f"{FAULTS[one.fault]}: {one.raised} of {one.runs}, after {one.delay:,}" for one in FOUND.get(name, ())
    ]
    return (
        f"Runs in which it was raised, info included, and median steps after the onset: {'; '.join(found)}."
        if found
        else ""
    )
