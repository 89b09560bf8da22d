"""What a rule over a trajectory is: when it is asked, what it answers, and what must be known to weigh its word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triplepoint.alerts.matrix_history import MatrixHistory
from triplepoint.alerts.run_history import RunHistory
from triplepoint.alerts.series import Thinned
from triplepoint.records import Alert, Severity


class Clock(StrEnum):
    """What makes the driver ask a rule, which is when it can have something new to say."""

    points = "points"
    """Every step that brings a scalar; of the run."""
    bins = "bins"
    """Every finished stretch of the training loss, 32 to 64 of them over the run; of the run."""
    tests = "tests"
    """Every test loss or accuracy; of the run."""
    norms = "norms"
    """Every visit to any matrix; of the run."""
    visits = "visits"
    """Every visit to the matrix; of that matrix."""

    @property
    def of_matrix(self) -> bool:
        """Whether the rule speaks of one matrix."""
        return self is Clock.visits


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """All that a rule may look at, of the run and, for a rule of matrices, of the one that is judged."""

    run: RunHistory
    of: MatrixHistory | None = None

    @property
    def matrix(self) -> MatrixHistory:
        """The matrix that is judged."""
        assert self.of is not None, "a rule of the run asked for a matrix"
        return self.of

    @property
    def norms(self) -> Thinned:
        """‖W‖_F of the matrix, or √Σ‖W‖_F² of the run."""
        return self.run.norms if self.of is None else self.of.norms


@dataclass(frozen=True, slots=True)
class Words:
    """How an alert is put."""

    severity: Severity
    statement: str
    evidence: Mapping[str, float | int | str | None] = field(default_factory=dict)


Judge = Callable[[History, Alert | None], bool | None]
"""(history, the alert where it is up) → whether it holds; None where nothing can be said. A pure function."""
Tell = Callable[[History, Alert | None], Words]
"""(history, the alert where it is to be cleared) → words. A pure function."""


@dataclass(frozen=True, slots=True)
class RunRule:
    """A rule over the trajectory; `triplepoint explain NAME` prints it."""

    name: str
    definition: str
    source: str
    evidence: str
    """Which scalars and metrics it looks at."""
    misleads: str
    refuted_by: str
    """What would refute it: the observation after which it should be dropped or changed."""
    judge: Judge
    tell: Tell
    clocks: tuple[Clock, ...]
    confirm: int = 2
    """Positive judgements in a row until it is raised; those without a verdict between them do not count."""
    release: int = 2
    """Negative judgements in a row until it is cleared."""
    disputed: bool = False
    """Whether publications contradict each other on it; its statements then say so."""
