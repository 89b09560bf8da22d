"""A scan as a notebook shows it: the verdict, the model as a strip, the worst rows, the findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triplepoint.figures import markup
from triplepoint.figures.markup import Cell
from triplepoint.records import MatrixRow, Scan, Severity, primary
from triplepoint.report import order
from triplepoint.report.text import MISSING, fixed, p_value, percent, plural
from triplepoint.report.verdict import CAVEAT, phase_words, verdict

ROWS = 12
FINDINGS = 8


def scan_html(scan: Scan) -> str:
    """Static HTML, under 100 kB whatever the number and the names of the rows; what is left out is counted."""
    return markup.card(markup.text(f"Scan of {scan.provenance.source}", 160), _parts(scan))


def rows_table(rows: Sequence[MatrixRow]) -> str:
    """Name, shape, α with its interval, phase with its confidence and null_p of each row."""
    heads = ("layer", "phase", "shape", "α", "95 %", "null p")
    return markup.table(heads, [_row(row) for row in rows], numbers=4)


def cells(rows: Sequence[MatrixRow]) -> list[Cell]:
    """What the strip shows of them."""
    return [Cell(order.label(row), row.phase, row.phase_confidence) for row in rows]


def _parts(scan: Scan) -> Iterator[str]:
    yield markup.line(verdict(scan))
    shown = [row for row in primary(scan.matrices) if row.status != "skipped"]
    yield markup.strip(cells(shown))
    yield markup.legend(row.phase for row in shown)
    worst = order.matrices(scan)
    if worst:
        yield rows_table(worst[:ROWS])
    if len(worst) > ROWS:
        yield markup.line(
            f"{plural(len(worst) - ROWS, 'row')} left out, the worst are above: scan.matrices has all.",
            faint=True,
        )
    yield from _findings(scan)
    yield markup.line(CAVEAT, faint=True)


def _row(row: MatrixRow) -> tuple[str, ...]:
    low, high = row.metrics.get("alpha_low"), row.metrics.get("alpha_high")
    sure = f" {percent(row.phase_confidence)}" if row.phase_confidence is not None else ""
    why = f" ({row.reason.value})" if row.reason is not None else ""
    return (
        markup.name(order.label(row)),
        f'<span style="white-space:nowrap">{markup.swatch(row.phase)} {phase_words(row.phase)}{sure}{why}</span>',
        MISSING if row.shape is None else f"{row.shape[0]}×{row.shape[1]}",
        fixed(row.metrics.get("alpha")),
        MISSING if low is None or high is None else f"{fixed(low)}–{fixed(high)}",
        markup.text(p_value(row.null_p if row.null_p is not None else row.metrics.get("null_p"))),
    )


def _findings(scan: Scan) -> Iterator[str]:
    labels = {row.id: order.label(row) for row in scan.matrices}
    loud = [found for found in scan.findings if found[1].severity is not Severity.info]
    loud.sort(key=lambda found: (-found[1].severity.rank, -(found[1].confidence or 0.0)))
    if not loud:
        return
    rows = [
        (
            finding.severity.value,
            markup.text(finding.rule, 40),
            markup.name(labels[id]),
            markup.text(finding.statement, 200),
        )
        for id, finding in loud[:FINDINGS]
    ]
    yield markup.table(("finding", "rule", "layer", "statement"), rows)
    if len(loud) > FINDINGS:
        yield markup.line(
            f"{plural(len(loud) - FINDINGS, 'more finding')}: scan.findings has all.", faint=True
        )
