"""What is kept of the run as a whole: its scalars, its gaps, the sum of its norms, and which matrices move."""

from __future__ import annotations

from collections.abc import Sequence

from triplepoint.alerts.gap_history import GapHistory
from triplepoint.alerts.matrix_history import MatrixHistory
from triplepoint.alerts.scalar_history import ScalarHistory
from triplepoint.alerts.series import Thinned
from triplepoint.records import RESERVED_SCALARS, Event, ScalarPoint, Visit


class RunHistory:
    """All that rules may look at. `scalars`, `visit` and `event` are the only things that change it."""

    def __init__(self) -> None:
        self.step = 0
        self.series = {name: ScalarHistory() for name in RESERVED_SCALARS}
        self.gaps = {kind: GapHistory(kind) for kind in ("accuracy", "loss")}
        self.points: Sequence[ScalarPoint] = ()
        """Scalars of the step that is judged, of any name."""
        self.matrices: dict[str, MatrixHistory] = {}
        self.frozen: frozenset[str] = frozenset()
        """Matrices that an event declared frozen: its data has `frozen`, a list of ids."""
        self.norms = Thinned()
        """√Σ‖W‖_F² over the counted matrices; begun again when a new one appears."""
        self.moved_at: int | None = None
        """Step of the last visit at which any matrix had moved."""
        self._squares = 0.0
        self._known = 0
        self._visits = 0

    @property
    def train_loss(self) -> ScalarHistory:
        """The scalar that most rules read."""
        return self.series["train_loss"]

    def event(self, event: Event) -> None:
        """What the run says of itself."""
        frozen = event.data.get("frozen")
        if isinstance(frozen, list | tuple):
            self.frozen = frozenset(str(id) for id in frozen)

    def scalars(self, step: int, points: Sequence[ScalarPoint]) -> tuple[bool, bool]:
        """All points of one step; whether a stretch of the training loss was finished, and whether a test was made."""
        self.step, self.points = step, points
        finished = tested = False
        for point in points:
            if point.name not in self.series:
                continue
            closed = self.series[point.name].add(point)
            side, _, kind = point.name.partition("_")
            if point.value is None:
                continue
            if side == "train":
                finished = finished or (closed and kind == "loss")
                self.gaps[kind].train(point.value, point.count)
        for point in points:
            if point.name in ("test_loss", "test_accuracy") and point.value is not None:
                tested = self.gaps[point.name.removeprefix("test_")].test(step, point.value) or tested
        return finished, tested

    def visit(self, visit: Visit) -> MatrixHistory:
        """One look at one matrix."""
        self.step = visit.step
        matrix = self.matrices.get(visit.matrix)
        if matrix is None:
            matrix = self.matrices[visit.matrix] = MatrixHistory(visit.matrix)
        before = _square(matrix)
        matrix.add(visit)
        if matrix.moved_at == visit.step:
            self.moved_at = visit.step
        self._visits += 1
        if len(self.matrices) != self._known:
            self._known = len(self.matrices)
            self.norms.clear()
        if self._visits % self._known:
            self._squares += _square(matrix) - before
        else:  # A norm of 1e20 that came and went would leave its rounding behind.
            self._squares = sum(map(_square, self.matrices.values()))
        self.norms.add(visit.step, max(self._squares, 0.0) ** 0.5)
        return matrix


def _square(matrix: MatrixHistory) -> float:
    return (matrix.norm or 0.0) ** 2 if matrix.counted else 0.0
