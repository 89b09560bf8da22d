"""What is kept of one matrix: the last look, the phases it stayed in, and its own past; some kilobytes however long."""

from __future__ import annotations

import math
from dataclasses import dataclass

from triplepoint.alerts.series import Thinned
from triplepoint.records import MatrixRow, Phase, Reason, SpectralClass, Trap, Visit, VisitKind

# A matrix is settled in a phase, or clean of traps, after this many full visits in a row that say so: a single look
# may be one of the few per cent in which the interval errs.
SETTLED = 3
# Below this share of ‖W₀‖₂ nothing has moved: float32 rounds single entries at 6·10⁻⁸ of their size.
STILL_BELOW = 1e-7

# A p-value of the null between the level of the phase (0.01) and this is no verdict along a run: in a healthy
# transformer an output projection wandered about the level and was well-trained and like noise by turns.
LIKE_NOISE = 0.1

PHASES = (Phase.under_trained, Phase.well_trained, Phase.over_trained)
"""Those that are phases; `undecided` and `not_assessable` are none."""


@dataclass(frozen=True, slots=True)
class Look:
    """The numbers of one full visit that rules read."""

    step: int
    phase: Phase | None
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    null_p: float | None
    traps: float | None
    trap: Trap | None
    """The strongest."""
    norm: float | None
    """‖W‖_F."""
    effective_rank: float | None
    stable_rank: float | None
    matrix_rank: float | None
    collapsed: bool
    """By the spectral class."""
    reason: Reason | None
    """Why there is no spectrum."""

    @property
    def interval(self) -> str:
        """α with its 95 % interval, or that there is none."""
        if self.alpha is None or self.alpha_low is None or self.alpha_high is None:
            return "no exponent"
        text = f"α = {self.alpha:.2f} [{self.alpha_low:.2f}, {self.alpha_high:.2f}]"
        return f"{text}, like noise (null_p = {self.null_p:.2g})" if self._by_null else text

    @property
    def decided(self) -> Phase | None:
        """The phase where it is one, and by a margin where only the null speaks for it."""
        if self.phase is None or self.phase not in PHASES:
            return None
        return None if self._by_null and (self.null_p or 0.0) <= LIKE_NOISE else self.phase

    @property
    def _by_null(self) -> bool:
        """Under-trained though the exponent does not say so: the null is not rejected."""
        if self.phase is not Phase.under_trained or self.null_p is None:
            return False
        return self.alpha_low is None or self.alpha_low <= 6


class MatrixHistory:
    """One matrix as its visits showed it. `add` is the only thing that changes it."""

    __slots__ = (
        "_change",
        "clean",
        "clean_run",
        "counted",
        "first",
        "id",
        "last",
        "moved_at",
        "norms",
        "phase",
        "phase_run",
        "phase_since",
        "settled",
        "settled_at",
        "side",
        "step",
        "still",
        "still_since",
        "visits",
        "widest",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        self.visits = 0
        self.step = 0
        """Of the last visit of any kind."""
        self.counted = True
        self.side: int | None = None
        """M, the smaller side; None before a full visit."""
        self.first: Look | None = None
        self.last: Look | None = None
        self.phase: Phase | None = None
        """The last of the three that was seen."""
        self.phase_run = 0
        """Full visits in a row that say so, undecided ones not counted."""
        self.phase_since = 0
        """Step of the first of them."""
        self.settled: dict[Phase, Look] = {}
        """Phases that it has settled in, with the last look of each."""
        self.settled_at: dict[Phase, int] = {}
        """Step at which it first settled in each."""
        self.clean_run = 0
        """Full visits in a row without a trap; 0 while there is one."""
        self.clean: Look | None = None
        """The last look without a trap after which the matrix counts as clean."""
        self.norms = Thinned(24)
        """‖W‖_F of full and leading visits."""
        self.widest: Look | None = None
        """The look with the largest effective rank."""
        self.moved_at: int | None = None
        """Step of the last visit at which the matrix had moved since the visit before; None where it never has."""
        self.still = 0
        """Visits since then, the first ever not counted."""
        self.still_since: int | None = None
        """Step from which on it has been seen without moving."""
        self._change: float | None = None
        """Distance from the last full visit at the visit before; 0 right after one."""

    @property
    def look(self) -> Look | None:
        """The full look of the last visit; None where that was none: what it repeats is no new evidence."""
        return self.last if self.last is not None and self.last.step == self.step else None

    @property
    def norm(self) -> float | None:
        """‖W‖_F at the last visit that gave it."""
        points = self.norms.points
        return points[-1][1] if points else None

    def add(self, visit: Visit) -> None:
        """One more visit, later than all before."""
        previous = self.norm
        norm = _norm(visit)
        self._motion(visit, previous, norm)
        self.visits += 1
        self.step = visit.step
        if norm is not None:
            self.norms.add(visit.step, norm)
        if visit.kind is VisitKind.full and visit.row is not None:
            self._look(visit, visit.row, norm)

    def _motion(self, visit: Visit, previous: float | None, norm: float | None) -> None:
        before = self._change
        self._change = 0.0 if visit.kind is VisitKind.full else visit.change
        if self.still_since is None:
            self.still_since = visit.step
            return
        if visit.change is not None and before is not None:
            moved = abs(visit.change - before) > STILL_BELOW
        elif previous is not None and norm is not None:
            moved = abs(norm - previous) > STILL_BELOW * previous
        elif visit.row is not None and visit.row.reason is Reason.all_zero:
            moved = False
        else:
            return
        if moved:
            self.moved_at, self.still_since, self.still = visit.step, visit.step, 0
        else:
            self.still += 1

    def _look(self, visit: Visit, row: MatrixRow, norm: float | None) -> None:
        get = visit.metrics.get
        traps = get("num_traps")
        look = Look(
            step=visit.step,
            phase=row.phase,
            alpha=get("alpha"),
            alpha_low=get("alpha_low"),
            alpha_high=get("alpha_high"),
            null_p=get("null_p"),
            traps=traps,
            trap=row.traps[0] if row.traps else None,
            norm=norm,
            effective_rank=get("effective_rank"),
            stable_rank=get("stable_rank"),
            matrix_rank=get("matrix_rank"),
            collapsed=row.spectral_class is not None
            and row.spectral_class.spectral_class is SpectralClass.rank_collapse,
            reason=row.reason,
        )
        if row.status == "ok":
            self.counted = row.counted
        if row.shape is not None:
            self.side = min(row.shape)
        self.first = self.first or look
        self.last = look
        self._stay(look)
        if traps is not None:
            self.clean_run = self.clean_run + 1 if traps == 0 else 0
            if self.clean_run >= SETTLED:
                self.clean = look
        rank = look.effective_rank
        if rank is not None and (self.widest is None or rank > (self.widest.effective_rank or 0.0)):
            self.widest = look

    def _stay(self, look: Look) -> None:
        phase = look.decided
        if phase is None:
            return
        if phase is not self.phase:
            self.phase, self.phase_run, self.phase_since = phase, 0, look.step
        self.phase_run += 1
        if self.phase_run >= SETTLED:
            self.settled[phase] = look
            self.settled_at.setdefault(phase, look.step)


def _norm(visit: Visit) -> float | None:
    """‖W‖_F: the metric is its square."""
    squared = visit.metrics.get("param_norm")
    return None if squared is None else math.sqrt(max(squared, 0.0))
