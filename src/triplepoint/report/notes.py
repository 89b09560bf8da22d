"""What stands under a table: failures, tensors left out, findings, and how the numbers were made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from triplepoint.records import Finding, MatrixRow, Scan, Severity
from triplepoint.report import order
from triplepoint.report.text import fixed, plural, safe_text
from triplepoint.report.verdict import class_words

Write = Callable[[str], str]
_EXAMPLES = 3
_MOST_RULES = 8
_INTERVALS = {
    "closed:iid-pareto": "closed form, independent Pareto tail",
    "bootstrap:iid-eigenvalues": "bootstrap, independent eigenvalues",
}
MOST_ROWS = 400
"""Rows shown unless `--top` asks for more: beyond some screens nobody reads, and the verdict has scrolled away."""
_MEANS = ("alpha", "alpha_weighted", "log_norm", "stable_rank", "relative_dist_init")


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


def footer(scan: Scan) -> tuple[str, ...]:
    """The model in four means, its spectral classes and traps, what is needed to get the same numbers again, and what
    the intervals assume."""
    provenance = scan.provenance
    means = (
        f"{name} {fixed(mean)} (n {n})"
        for name in _MEANS
        for mean, n in [scan.summary.metrics.get(name, (None, 0))]
        if mean is not None
    )
    model = provenance.settings.get("interval_model")
    made = (
        f"mode {safe_text(str(provenance.settings.get('mode', '?')))}",
        f"seed {provenance.seed}",
        f"{fixed(provenance.seconds)} s",
        f"triplepoint {safe_text(provenance.version)}",
    )
    return (
        ("Means: " + ", ".join(means)).removesuffix("Means: "),
        _classes(scan),
        " · ".join(made),
        "" if model is None else f"95 % intervals: {_interval(str(model))}",
    )


def _classes(scan: Scan) -> str:
    counts = [f"{count} {class_words(name)}" for name, count in scan.summary.classes.items() if count]
    counted = [row.metrics.get("num_traps") for row in scan.matrices if row.counted]
    trapped = sum(count is not None and count > 0 for count in counted)
    traps = f"traps in {plural(trapped, 'matrix', 'matrices')}" if trapped else ""
    return " · ".join(
        part for part in (f"Spectral classes: {', '.join(counts)}" if counts else "", traps) if part
    )


def _interval(model: str) -> str:
    """`closed:iid-pareto` in words; a model that is not known here as it is called."""
    name, _, replicates = model.rpartition(":")
    if model in _INTERVALS:
        return _INTERVALS[model]
    if name in _INTERVALS and replicates.isdecimal():
        return f"{_INTERVALS[name]}, {replicates} refits"
    return safe_text(model)


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
    """What is kept back, in words: by `--top`, or because there is too much to read."""
    if top is None and total > MOST_ROWS:
        kept = f"{total - MOST_ROWS} more rows; the {MOST_ROWS} worst are shown"
        yield f"{kept} (--top N shows more, --format csv has all)."
    if top is not None and total > top:
        yield f"{total - top} more rows; the {top} worst are shown (--top)."
