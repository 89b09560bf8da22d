"""All metrics as a page: `triplepoint explain --format md`, which is docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterator

from triplepoint.metrics import METRICS, MODEL_METRICS, STUDY, TRAJECTORY_METRICS, Metric

_INTRODUCTION = """# The metrics

Made by `triplepoint explain --format md`. One metric in full, with its formula, range, source and when it misleads:
`triplepoint explain NAME`.

*Kind*: **shape** does not depend on the size of the weights, **scale** does, **hybrid** mixes both on purpose. *Better*
is the claim of the publication that proposed the metric as a measure of quality; where none did, there is none. *Asked
by*: the option of `scan` that adds the metric; without one it is in every scan.
"""
_STUDY = """## The 28 generalisation metrics of the NLP study

Yang et al. 2023, arXiv 2202.02842. All are oriented there so that less is better. *Seen* are its median rank
correlations along the epochs of one training, of less with better: with the quality on test data, and with the gap
between training and test (read off a figure, ± .02). Along that training metrics of scale followed the gap and pointed
the wrong way for quality.
"""
_MODEL = """## Of a whole model

From `triplepoint.generalization_metrics(model, data, init=…)`, which needs `pip install 'triplepoint[torch]'`.
"""
_TRAJECTORY = """## Along a run

From `triplepoint.trajectories.describe(trajectory, level=…)`: of one metric of a matrix, or of one scalar such as a
loss, over the steps of a run. *y* is the unit of that number.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join(
        [
            _INTRODUCTION,
            "## Of a matrix\n",
            *_table(
                ("metric", "what it is", "unit", "kind", "better", "asked by", "in WeightWatcher"), _rows()
            ),
            "",
            _STUDY,
            *_table(
                ("", "name there", "here", "of a model", "kind", "needs", "seen: quality", "gap"), _study()
            ),
            "",
            _MODEL,
            *_table(("metric", "what it is", "unit", "kind", "better", "needs"), _of_models()),
            "",
            _TRAJECTORY,
            *_table(("metric", "what it is", "unit"), _of_trajectories()),
            "",
        ]
    )


def _table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|" + "---|" * len(titles)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '∣') for cell in row)} |"


def _rows() -> Iterator[tuple[str, ...]]:
    for metric in sorted(METRICS.values(), key=lambda m: (m.group, m.name)):
        option = f"`--{metric.group}`" if metric.group else ""
        yield *_common(metric), option, metric.weightwatcher or ""


def _of_models() -> Iterator[tuple[str, ...]]:
    for metric in MODEL_METRICS.values():
        yield *_common(metric), _needs(metric)


def _of_trajectories() -> Iterator[tuple[str, ...]]:
    for metric in TRAJECTORY_METRICS.values():
        yield _common(metric)[:3]


def _common(metric: Metric) -> tuple[str, ...]:
    first = " ".join(metric.definition.split()).split(". ")[0].rstrip(".")
    return f"`{metric.name}`", first, metric.unit, metric.kind or "", metric.polarity or ""


def _study() -> Iterator[tuple[str, ...]]:
    for name, metric in STUDY.items():
        assert metric.study is not None
        of_model = "" if metric.level == "model" else "sum" if metric.total else "mean"
        here, kind = f"`{metric.name}`", metric.kind or ""
        seen = (f"{metric.study.quality:+.2f}", f"{metric.study.gap:+.2f}")
        yield str(metric.study.number), f"`{name}`", here, of_model, kind, _needs(metric), *seen


def _needs(metric: Metric) -> str:
    return ", ".join(metric.needs) or "weights"
