"""What `explain` can explain: every phase, class, metric and rule, each as titled texts from its own record."""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass

from triplepoint import alerts, edit
from triplepoint.alerts import rate_words
from triplepoint.diagnosis import CLASSES, PHASES, RULES
from triplepoint.diagnosis._rule import Rule
from triplepoint.edit import choosing, components, shrinking, traps
from triplepoint.errors import UsageError
from triplepoint.fits import goodness, windows
from triplepoint.matrices import heads, layouts
from triplepoint.metrics import METRICS, MODEL_METRICS, TRAJECTORY_METRICS
from triplepoint.metrics._metric import Metric
from triplepoint.nulls import bulk_fit, localization, randomized, replicas
from triplepoint.nulls.settings import BULKS, KINDS
from triplepoint.records import Reason

_UNITS = {
    "1": "none, a pure number",
    "λ": "λ, an eigenvalue",
    "1/λ": "1/λ, one over an eigenvalue",
    "ln λ": "ln λ, a natural logarithm of eigenvalues",
    "log10 λ": "log10 λ, a decimal logarithm of eigenvalues",
    "σ": "σ, a singular value",
    "w": "w, an entry of the matrix",
    "count": "a count",
    "y": "y, that of the trajectory",
    "y/step": "y/step, that of the trajectory a step",
    "step": "a step",
}


# What an option does stands in the module that does it.
_OPTIONS = (
    ("null", replicas, KINDS),
    ("randomize", randomized, ()),
    ("vectors", localization, ()),
    ("gof", goodness, ()),
    ("window", windows, windows.WINDOWS),
    ("bulk", bulk_fit, BULKS),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One explained name."""

    group: str
    """phase · class · metric · model metric · trajectory metric · rule · run rule · reason · option."""
    name: str
    definition: str
    details: tuple[tuple[str, str], ...]
    """(title, text), only where there is a text."""
    aliases: tuple[str, ...] = ()


def entries() -> tuple[Entry, ...]:
    """All of them, phases first."""
    named = {*PHASES, *CLASSES, *METRICS, *MODEL_METRICS, *TRAJECTORY_METRICS, *RULES, *alerts.RULES}
    return (
        *(_rule("phase", str(name), rule) for name, rule in PHASES.items()),
        *(_rule("class", name, rule) for name, rule in CLASSES.items()),
        *(_metric(name, metric) for name, metric in METRICS.items()),
        *(_metric(name, metric) for name, metric in MODEL_METRICS.items()),
        *(_metric(name, metric) for name, metric in TRAJECTORY_METRICS.items()),
        *(_rule("rule", str(name), rule) for name, rule in RULES.items() if name not in PHASES),
        *(_run_rule(name, rule) for name, rule in alerts.RULES.items()),
        *(Entry("reason", code.value, code.sentence, ()) for code in Reason if code.value not in named),
        Entry("option", "layout", inspect.getdoc(layouts) or "", (("Symbols", inspect.getdoc(heads) or ""),)),
        _edit(),
        *(
            Entry("option", name, inspect.getdoc(module) or "", (), aliases)
            for name, module, aliases in _OPTIONS
        ),
    )


def _edit() -> Entry:
    parts = (
        ("Components", choosing),
        ("Keeping and dropping", components),
        ("Shrinking", shrinking),
        ("Traps", traps),
    )
    details = tuple((title, inspect.getdoc(module) or "") for title, module in parts)
    return Entry("option", "edit", inspect.getdoc(edit) or "", details, ("SVDSmoothing", "SVDSharpness"))


def find(name: str) -> tuple[Entry, ...]:
    """The entries of this name, or else of this WeightWatcher name."""
    wanted = name.strip().replace("-", "_").replace(" ", "_").lower()
    known = entries()
    found = [entry for entry in known if entry.name.lower() == wanted]
    found = found or [entry for entry in known if wanted in (alias.lower() for alias in entry.aliases)]
    if found:
        return tuple(found)
    names = {candidate.lower(): entry.name for entry in known for candidate in (entry.name, *entry.aliases)}
    near = dict.fromkeys(names[match] for match in difflib.get_close_matches(wanted, names, n=3, cutoff=0.5))
    raise UsageError(
        f"explain {name}",
        "no metric, rule, phase, class or reason of that name",
        f"Did you mean {', '.join(near)}?" if near else "Run: triplepoint explain, for all names",
    )


def _metric(name: str, metric: Metric) -> Entry:
    text = inspect.cleandoc(metric.function.__doc__ or "")
    renamed = (metric.weightwatcher or "").split(maxsplit=1)
    details = (
        ("Formula and reading", text.removeprefix(metric.definition).strip()),
        ("What it is of", _kind(metric)),
        ("What it needs", _needs(metric)),
        ("Which way is better", _polarity(metric)),
        ("Unit", _UNITS.get(metric.unit, metric.unit)),
        ("Range", _range(metric.valid)),
        ("If all weights are multiplied by c", _scaling(metric)),
        ("Source", metric.reference),
        ("In WeightWatcher", metric.weightwatcher or _same_name(name, metric)),
        ("When it misleads", metric.misleads),
        ("In fast mode", "null: single precision cannot resolve it" if metric.needs_precise else ""),
    )
    aliases = tuple(word.strip(",;:()") for word in renamed[:1])
    aliases += (metric.study.name,) if metric.study is not None else ()
    group = "metric" if metric.level == "matrix" else f"{metric.level} metric"
    return Entry(group, name, metric.definition, _present(details), aliases)


def _kind(metric: Metric) -> str:
    """Shape, scale or hybrid, and what stands for a whole model."""
    if metric.level == "trajectory":
        return "One number along a run: a metric of one matrix, or a scalar such as a loss"
    text = {
        "shape": "Shape: it does not depend on the size of the weights",
        "scale": "Scale: the size of the weights",
        "hybrid": "A hybrid of shape and scale",
        None: "",
    }[metric.kind]
    if metric.level == "matrix":
        of_model = "sum over the matrices (summary.totals)" if metric.total else "mean over the matrices"
        text += f". Of a model: the {of_model}"
    return text


def _needs(metric: Metric) -> str:
    if metric.level == "trajectory":
        return "Its steps and values; see triplepoint.trajectories.describe"
    where = {
        "init": "the weights that training began from",
        "forward": "a network that runs, without data",
        "data": "a network that runs, and data",
    }
    needed = [where[need] for need in metric.needs]
    if metric.level == "matrix":
        option = f" (--{metric.group})" if metric.group else ""
        return f"{' and '.join(['The weights', *needed])}{option}"
    return f"{' and '.join(needed) or 'the weights'}; see triplepoint.generalization_metrics".capitalize()


def _polarity(metric: Metric) -> str:
    """What was claimed, and what was seen."""
    if metric.polarity is None:
        return ""
    text = f"{metric.polarity.capitalize()}, by the publication that proposed it as a measure of quality"
    study = metric.study
    if study is None:
        return text
    return (
        f"{text}. Number {study.number} of the 28 of the NLP study (arXiv 2202.02842), {study.name} there. Seen along "
        f"one training, rank correlation of less with better: {study.quality:+.2f} with test quality, {study.gap:+.2f} "
        "with the gap to training (read off a figure, ± .02)"
    )


def _same_name(name: str, metric: Metric) -> str:
    """It has no tests of fits and no metrics of data, and its other laws have names of their own."""
    known = metric.level == "matrix" and metric.group in {"", "randomize"}
    return f"{name}, if it has this metric" if known else ""


def _rule(group: str, name: str, rule: Rule) -> Entry:
    details = (("Source", rule.source), ("Evidence", rule.evidence), ("When it misleads", rule.misleads))
    return Entry(group, name, rule.definition, _present(details))


def _run_rule(name: str, rule: alerts.RunRule) -> Entry:
    details = (
        ("Source", rule.source),
        ("Evidence", rule.evidence),
        ("When it is raised and cleared", _hysteresis(rule)),
        ("When it misleads", rule.misleads),
        ("What would refute it", rule.refuted_by),
        ("Between false alarms", rate_words.false_alarms(name)),
        ("Sick runs that it found", rate_words.detections(name)),
    )
    return Entry("run rule", name, rule.definition, _present(details))


def _hysteresis(rule: alerts.RunRule) -> str:
    def judgements(count: int) -> str:
        return "at the first judgement" if count == 1 else f"after {count} judgements in a row"

    asked = " and ".join(_CLOCKS[clock] for clock in rule.clocks)
    return (
        f"Judged at {asked}. Raised {judgements(rule.confirm)}, cleared {judgements(rule.release)} against it"
    )


_CLOCKS = {
    alerts.Clock.points: "every step that brings a scalar",
    alerts.Clock.bins: "every finished stretch of the training loss (32 to 64 of them over the run)",
    alerts.Clock.tests: "every test",
    alerts.Clock.norms: "every visit to any matrix, for the run",
    alerts.Clock.visits: "every visit to the matrix",
}


def _present(details: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((title, text) for title, text in details if text)


def _range(valid: tuple[float | None, float | None]) -> str:
    low, high = valid
    if low is None and high is None:
        return "any number"
    if high is None:
        return f"{low:g} or more"
    return f"{high:g} or less" if low is None else f"{low:g} to {high:g}"


def _scaling(metric: Metric) -> str:
    scale = metric.scale
    if metric.level == "trajectory":
        return ""
    if scale == "log":
        return "2·log10 c is added"
    if isinstance(scale, str):
        return "changes in a way of its own"
    return "unchanged" if scale == 0 else f"times c^{scale:g}"
