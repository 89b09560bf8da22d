"""The columns of the readable tables: what a cell says, and which gives way first when room is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triplepoint.records import MatrixRow, Phase
from triplepoint.report.text import MISSING, fixed, p_value, percent, safe_text
from triplepoint.report.verdict import class_words, phase_words

_SHORT_KINDS = {"embedding": "embed"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column beside the layer's name; every cell is short whatever the record holds."""

    title: str
    cell: Callable[[MatrixRow], str]
    rank: int
    """0 stays always; of the others the highest rank gives way first."""
    right: bool = True


def _kind(row: MatrixRow) -> str:
    return safe_text(_SHORT_KINDS.get(row.kind or "", row.kind or MISSING))[:9]


def _shape(row: MatrixRow) -> str:
    if row.shape is None:
        return MISSING
    return "×".join(str(side) if side < 1_000_000 else fixed(side) for side in row.shape)


def _alpha(row: MatrixRow) -> str:
    return fixed(row.metrics.get("alpha"))


def _interval(row: MatrixRow) -> str:
    low, high = row.metrics.get("alpha_low"), row.metrics.get("alpha_high")
    return MISSING if low is None or high is None else f"{fixed(low)}–{fixed(high)}"


def _tail(row: MatrixRow) -> str:
    tail = row.metrics.get("num_tail")
    return MISSING if tail is None else str(round(tail)) if 0 <= tail < 1e6 else fixed(tail)


def _distance(row: MatrixRow) -> str:
    distance = row.metrics.get("ks_distance")
    return f"{distance:.3f}" if distance is not None and 0 <= distance < 10 else fixed(distance)


def _largest(row: MatrixRow) -> str:
    largest, logarithm = row.metrics.get("xmax"), row.metrics.get("log_spectral_norm")
    # Without a fit there is no xmax, but λmax is known all the same; beyond 1e308 it is no float.
    if largest is None and logarithm is not None and abs(logarithm) < 300:
        largest = 10**logarithm
    return fixed(largest)


def _phase(row: MatrixRow) -> str:
    if row.phase is Phase.undecided:
        # Its confidence is that of the likelier side: "undecided 97%" would say the opposite.
        return phase_words(row.phase)
    return f"{phase_words(row.phase)} {percent(row.phase_confidence)}".rstrip()


def _class(row: MatrixRow) -> str:
    return MISSING if row.spectral_class is None else class_words(row.spectral_class.spectral_class)


def _traps(row: MatrixRow) -> str:
    count = row.metrics.get("num_traps")
    return MISSING if count is None else str(round(count)) if 0 <= count < 1e6 else fixed(count)


def _spread(row: MatrixRow) -> str:
    sides = [row.metrics.get(f"tail_spread_{side}") for side in ("rows", "columns")]
    return MISSING if None in sides else " ".join(fixed(side, 5) for side in sides)


_ALWAYS = (
    Column("kind", _kind, 8, right=False),
    Column("shape", _shape, 3),
    Column("α", _alpha, 0),
    Column("95 %", _interval, 1),
    Column("tail", _tail, 4),
    Column("KS D", _distance, 5),
    Column("null p", lambda row: p_value(row.metrics.get("null_p")), 2),
    Column("stable", lambda row: fixed(row.metrics.get("stable_rank")), 9),
    Column("λmax", _largest, 10),
    Column("traps", _traps, 6),
    Column("class", _class, 7, right=False),
)
# Shown where their metric was measured: somebody asked for it by its option.
_ASKED = {
    "tpl_alpha": Column("TPL α", lambda row: fixed(row.metrics.get("tpl_alpha")), 3),
    "tail_spread_rows": Column("tail spread", _spread, 3),
    "gof_p": Column("gof p", lambda row: p_value(row.metrics.get("gof_p")), 3),
    "replica_p": Column("replica p", lambda row: p_value(row.metrics.get("replica_p")), 3),
    "relative_dist_init": Column("moved", lambda row: fixed(row.metrics.get("relative_dist_init")), 3),
    "rand_distance": Column("rand dist", lambda row: fixed(row.metrics.get("rand_distance")), 3),
}
_LAST = Column("phase", _phase, 0, right=False)


def columns_of(rows: Sequence[MatrixRow]) -> tuple[Column, ...]:
    """Those of every table and those that were asked for; the phase comes last."""
    measured = {name for row in rows for name in row.metrics.keys() & _ASKED.keys()}
    return (*_ALWAYS, *(column for name, column in _ASKED.items() if name in measured), _LAST)
