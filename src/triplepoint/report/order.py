"""Which rows a reader is shown, in which order, under which name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from triplepoint.records import MatrixRow, Phase, Reason, Scan, primary
from triplepoint.report.text import safe_text

_WORST_FIRST = (
    None,
    Phase.over_trained,
    Phase.under_trained,
    Phase.undecided,
    Phase.not_assessable,
    Phase.well_trained,
)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows without a result for the same reason."""

    reason: Reason
    rows: tuple[MatrixRow, ...]


def label(row: MatrixRow) -> str:
    """The stable id without the ending that nearly all share, harmless to print."""
    short = row.id.removesuffix(".weight").replace(".weight/", "/")
    return safe_text(short or row.id) or "(no name)"


def matrices(scan: Scan) -> tuple[MatrixRow, ...]:
    """Analysed and failed matrices, worst first; rows of one phase by how deep they are in it."""
    return worst_first(row for row in primary(scan.matrices) if row.status != "skipped")


def worst_first(rows: Iterable[MatrixRow]) -> tuple[MatrixRow, ...]:
    """Failed rows, then by phase; those of one phase by how deep they are in it."""
    return tuple(sorted(rows, key=lambda row: (_WORST_FIRST.index(row.phase), _depth(row))))


def left_out(scan: Scan) -> tuple[Group, ...]:
    """Tensors that were not analysed, the largest group first."""
    return _groups(row for row in primary(scan.matrices) if row.status == "skipped")


def failures(scan: Scan) -> tuple[Group, ...]:
    """Matrices that could not be analysed, the largest group first."""
    return _groups(row for row in primary(scan.matrices) if row.status == "failed")


def _depth(row: MatrixRow) -> float:
    """Smaller is worse: certain errors by their exponent, all else by how sure its phase is."""
    alpha = row.metrics.get("alpha")
    if row.phase is Phase.over_trained and alpha is not None:
        return alpha
    if row.phase is Phase.under_trained and alpha is not None:
        return -alpha
    return float("-inf") if row.phase_confidence is None else row.phase_confidence


def _groups(rows: Iterable[MatrixRow]) -> tuple[Group, ...]:
    found: dict[Reason, list[MatrixRow]] = {}
    for row in rows:
        # A skipped row without a reason breaks the contract of the records; it must not break the report.
        found.setdefault(row.reason or Reason.undefined, []).append(row)
    groups = (Group(reason, tuple(members)) for reason, members in found.items())
    return tuple(sorted(groups, key=lambda group: -len(group.rows)))
