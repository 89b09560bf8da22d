"""What stands under a table: failures, tensors left out, findings, and how the numbers were made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from triplepoint.records import Finding, MatrixRow, Scan, Severity
from triplepoint.report import order
from triplepoint.report.text import fixed, plural, safe_text

Write = Callable[[str], str]
_EXAMPLES = 3
_MOST_RULES = 8
_MEANS = ("alpha", "alpha_weighted", "log_norm", "stable_rank")


@dataclass(frozen=True, slots=True)
class Section:
    """A title and its points."""

    title: str
    points: tuple[str, ...]
    severity: Severity


def sections(scan: Scan, *, name: Write, prose: Write) -> tuple[Section, ...]:
    """`name` writes a name from the file, `prose` a statement, in whatever is safe where they are shown."""
    return tuple(
        section
        for section in (
            _groups("Failed", order.failures(scan), Severity.error, name, prose),
            _findings(scan, name, prose),
            _groups("Left out", order.left_out(scan), Severity.info, name, prose),
        )
        if section.points
    )


def footer(scan: Scan) -> tuple[str, str]:
    """The model in four means, and what is needed to get the same numbers again."""
    provenance = scan.provenance
    means = (
        f"{name} {fixed(mean)} (n {n})"
        for name in _MEANS
        for mean, n in [scan.summary.metrics.get(name, (None, 0))]
        if mean is not None
    )
    made = (
        f"mode {safe_text(str(provenance.settings.get('mode', '?')))}",
        f"seed {provenance.seed}",
        f"{fixed(provenance.seconds)} s",
        f"triplepoint {safe_text(provenance.version)}",
    )
    return ("Means: " + ", ".join(means)).removesuffix("Means: "), " · ".join(made)


def _groups(
    title: str, groups: tuple[order.Group, ...], severity: Severity, name: Write, prose: Write
) -> Section:
    points = (
        f"{len(group.rows)} {group.reason.value}: {prose(group.reason.sentence)} "
        f"({_examples([_with_detail(row, name, prose) for row in group.rows])})"
        for group in groups
    )
    return Section(title, tuple(points), severity)


def _findings(scan: Scan, name: Write, prose: Write) -> Section:
    """Warnings and errors, one point a rule: forty layers with one complaint are one complaint."""
    found: dict[tuple[Severity, str], list[tuple[MatrixRow, Finding]]] = {}
    # A failed matrix is told above, with its reason.
    for row in (row for row in order.matrices(scan) if row.status == "ok"):
        for finding in row.findings:
            if finding.severity is not Severity.info:
                found.setdefault((finding.severity, finding.rule), []).append((row, finding))
    ranked = sorted(found.items(), key=lambda item: -item[0][0].rank)
    points = [
        f"{severity.value} {name(safe_text(rule))} ×{len(cases)}: {prose(cases[0][1].statement)} "
        f"({_examples([name(order.label(row)) for row, _ in cases])})"
        for (severity, rule), cases in ranked[:_MOST_RULES]
    ]
    if len(ranked) > _MOST_RULES:
        points.append(f"{plural(len(ranked) - _MOST_RULES, 'more rule')}; --format json has them all")
    return Section("Findings", tuple(points), Severity.warning)


def _with_detail(row: MatrixRow, name: Write, prose: Write) -> str:
    text = name(safe_text(row.id) or order.label(row))
    return f"{text}: {prose(row.detail)}" if row.detail else text


def _examples(names: list[str]) -> str:
    shown = ", ".join(names[:_EXAMPLES])
    return f"{shown}, …" if len(names) > _EXAMPLES else shown


def hidden(total: int, top: int | None) -> Iterator[str]:
    """What `--top` keeps back, in words."""
    if top is not None and total > top:
        yield f"{total - top} more rows; the {top} worst are shown (--top)."
