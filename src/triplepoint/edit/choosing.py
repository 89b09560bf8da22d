"""How many leading components of every slice an edit means: what the scan says of the matrix, as counts.

| what | components |
|---|---|
| ecs | the effective correlation space (`ecs_num`, see `fits.trace_log`) |
| tail | eigenvalues ≥ xmin of the power law (`num_tail`) |
| spikes | eigenvalues above the edge of the noise (`num_spikes`), of each slice its own |
| K | K, or all where there are fewer |
| P% | that share of all there are, rounded up: min(rows, columns) times the slices, or the rank of an adapter |

The first two and the last two count over all slices together, largest first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triplepoint.edit.wish import Wish
from triplepoint.facts import Facts
from triplepoint.linalg import Decomposition
from triplepoint.records import MatrixPlan, MatrixRow, Noises, PowerLawFit, Reason, TraceLog


@dataclass(frozen=True, slots=True)
class Left:
    """A matrix that stays as it is."""

    reason: Reason
    detail: str | None = None


def chosen_counts(wish: Wish, facts: Facts) -> Sequence[int] | Left:
    """Leading components of each slice; `Left` where the number cannot be had, is zero, or changes nothing."""
    counts = _spikes(facts) if wish.what == "spikes" else _pooled(wish, facts)
    return counts if isinstance(counts, Left) else _checked(wish, counts, components(facts))


def scanned_counts(wish: Wish, plan: MatrixPlan, row: MatrixRow) -> Sequence[int] | Left | None:
    """The same of a matrix of one slice, from what its scan has measured; None where that does not say it.

    A third decomposition of every matrix would cost as much as a scan. Numbers of a spectrum in single precision are
    not taken: which components are kept must not depend on the mode.
    """
    total = row.num_eigenvalues
    if plan.slices > 1 or total is None or row.method is None or row.method.startswith("gram32"):
        return None
    if wish.what in _METRICS:
        value = row.metrics.get(_METRICS[wish.what])
        return None if value is None else _checked(wish, [round(value)], total)
    return _checked(wish, [_share(wish, total)], total)


_METRICS = {"ecs": "ecs_num", "tail": "num_tail", "spikes": "num_spikes"}


def _checked(wish: Wish, counts: Sequence[int], total: int) -> Sequence[int] | Left:
    if sum(counts) == 0:
        return Left(Reason.nothing_to_edit, _NONE[wish.what])
    if sum(counts) >= total:
        return Left(Reason.nothing_to_edit, f"all {total} components are meant")
    return counts


def components(facts: Facts) -> int:
    """All singular values of a matrix, or of all its slices."""
    return int(_decomposition(facts).singular_values.size)


def _decomposition(facts: Facts) -> Decomposition:
    found = facts.get(Decomposition)
    assert isinstance(found, Decomposition), "facts begin with it"
    return found


_NONE = {"spikes": "no spikes above the noise", "ecs": "no ECS", "tail": "no tail"}


def _spikes(facts: Facts) -> list[int] | Left:
    noises = facts.get(Noises)
    if isinstance(noises, Reason):
        return Left(noises)
    return [noise.spikes if noise else 0 for noise in noises.slices]


def _pooled(wish: Wish, facts: Facts) -> list[int] | Left:
    """The largest of all slices; of equal ones those of the earlier slice."""
    count = _count(wish, facts, components(facts))
    if isinstance(count, Reason):
        return Left(count)
    values = _decomposition(facts).singular_values
    order = np.argsort(-values, axis=None, kind="stable")[:count]
    return [int(number) for number in np.bincount(order // values.shape[1], minlength=len(values))]


def _count(wish: Wish, facts: Facts, total: int) -> int | Reason:
    if wish.what == "ecs":
        space = facts.get(TraceLog)
        return space if isinstance(space, Reason) else space.num
    if wish.what == "tail":
        fit = facts.get(PowerLawFit)
        return fit if isinstance(fit, Reason) else fit.num_tail
    return _share(wish, total)


def _share(wish: Wish, total: int) -> int:
    if wish.what == "components":
        return min(int(wish.amount), total)
    # 10 % of 30 are 3, whatever 0.1 · 30 is in floating point.
    return max(1, math.ceil(round(wish.amount * total / 100, 9)))
