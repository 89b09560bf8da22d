"""A run as a notebook shows it: how far it is, its scalars, the phases at the last step, what holds now."""

from __future__ import annotations

from collections.abc import Iterator

from triplepoint.errors import TriplepointError
from triplepoint.figures import markup, scan_html
from triplepoint.page.rows_of_run import order, verdict_of
from triplepoint.records import RESERVED_SCALARS, MatrixRow, primary
from triplepoint.report.order import worst_first
from triplepoint.report.text import MISSING, plural
from triplepoint.store import Run

SCALARS = 6
ROWS = 6
ALERTS = 8


def run_html(run: Run) -> str | None:
    """Static HTML, under 100 kB; None where the run is closed or its file cannot be read, so that its text is shown.

    Cost: one row a matrix is read.
    """
    try:
        with run.moment():
            return markup.card(markup.text(f"Run {run.name}", 160), [*_parts(run)])
    except TriplepointError:
        return None


def _parts(run: Run) -> Iterator[str]:
    last = run.rows()
    found = [last[id] for id in order(run, [*last])]
    rows = [row for row in primary(found) if row.status != "skipped"]
    step = "no step yet" if run.last_step is None else f"step {run.last_step:,}"
    yield markup.line(f"{run.status}, {step}, {plural(len(rows), 'matrix', 'matrices')} looked at.")
    yield _scalars(run)
    yield markup.line(verdict_of(found, run))
    yield markup.strip(scan_html.cells(rows))
    yield markup.legend(row.phase for row in rows)
    yield from _lowest(rows)
    yield from _alerts(run)


def _scalars(run: Run) -> str:
    """Reserved ones first; a line, and the last value that was finite."""
    names = run.scalar_names
    names = (
        *(name for name in RESERVED_SCALARS if name in names),
        *(n for n in names if n not in RESERVED_SCALARS),
    )
    shown = []
    for name in names[:SCALARS]:
        values = [point.value for point in run.scalar(name)]
        last = next((value for value in reversed(values) if value is not None), None)
        shown.append(
            (markup.text(name, 60), markup.spark(values), MISSING if last is None else f"{last:.4g}")
        )
    more = f" ({len(names) - SCALARS} more in run.scalar_names)" if len(names) > SCALARS else ""
    return markup.table((f"scalar{more}", "", "last"), shown, numbers=1) if shown else ""


def _lowest(rows: list[MatrixRow]) -> Iterator[str]:
    """The rows whose phase calls for a look: worst first, as in a scan."""
    if rows:
        yield scan_html.rows_table(worst_first(rows)[:ROWS])
    if len(rows) > ROWS:
        yield markup.line(
            f"{plural(len(rows) - ROWS, 'row')} left out, the worst are above: run.row(id) has each.",
            faint=True,
        )


def _alerts(run: Run) -> Iterator[str]:
    raised = sorted(run.raised, key=lambda alert: (-alert.severity.rank, -alert.step))
    if not raised:
        yield markup.line("No alert holds.", faint=True)
        return
    rows = [
        (
            alert.severity.value,
            markup.text(alert.title, 90),
            str(alert.step),
            markup.text(alert.statement, 240),
        )
        for alert in raised[:ALERTS]
    ]
    yield markup.table(("alert", "rule", "step", "statement"), rows)
    if len(raised) > ALERTS:
        yield markup.line(f"{plural(len(raised) - ALERTS, 'more alert')}: run.raised has all.", faint=True)
