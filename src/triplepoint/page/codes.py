"""Small whole numbers for the words of a visit: part of the schema, so never renumbered."""

from __future__ import annotations

from collections.abc import Mapping

from triplepoint.records import Phase, VisitKind

PHASES: Mapping[str | None, int] = {
    None: 0,
    Phase.under_trained: 1,
    Phase.well_trained: 2,
    Phase.over_trained: 3,
    Phase.undecided: 4,
    Phase.not_assessable: 5,
}
"""None: no phase, as of a matrix that failed."""
UNSEEN = 6
"""The phase of a visit before the first full one: its matrix has not been judged yet."""
KINDS: Mapping[str, int] = {VisitKind.full: 0, VisitKind.leading: 1, VisitKind.unchanged: 2}
