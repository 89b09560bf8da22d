"""The tables of `retrieval`, from its kept cells alone; every metric that was measured is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import association, ranking, section
from benchmarks.association import Association
from benchmarks.retrieval_edits import EQUAL, SEED
from triplepoint.metrics import METRICS

State = Mapping[str, Any]
CHANGE = "(‖ΔW‖/‖W‖)"
"""What an edit changed: no metric of the weights alone, but what every one of them has to beat."""
SHOWN = ("alpha", "stable_rank", "log_norm", "e_tpl_lambda", "num_spikes")


def show(state: State) -> None:
    """All of them."""
    identity = state["identity"]
    print(
        f"{identity['pairs']} pairs from the docstrings of Python {identity['python']}, task {identity['task']}, "
        f"model {identity['model']}; MRR@10 of a random order {ranking.chance(identity['pairs']):.4f}"
    )
    variants = {name: {**cell, **state["scans"].get(name, {})} for name, cell in state["variants"].items()}
    _variants(variants)
    _across(variants)
    _one_at_a_time(state["rows"]["original"], state["matrices"])


def _variants(variants: Mapping[str, State]) -> None:
    section.heading(
        "retrieval after edits of all 36 matrices; Δ against the unedited model, paired over queries"
    )
    plain = ranking.reciprocal(np.array(variants["original"]["ranks"]))
    rows = []
    for name, cell in sorted(variants.items(), key=lambda item: -_mrr(item[1])):
        found = np.array(cell["ranks"])
        scores, values = ranking.scores(found), ranking.reciprocal(found)
        low, high = ranking.interval(values, SEED)
        worse, better = ranking.interval(values - plain, SEED)
        means = cell.get("metrics", {})
        rows.append(
            (
                name,
                "" if cell["change"] is None else f"{cell['change']:.3f}",
                f"{scores['mrr']:.3f} [{low:.3f}, {high:.3f}]",
                f"{scores['mrr'] - plain.mean():+.3f} [{worse:+.3f}, {better:+.3f}]",
                *(f"{scores[key]:.3f}" for key in ("recall_1", "recall_10", "ndcg")),
                f"{ranking.scores(np.array(cell['ranks_of_names']))['mrr']:.3f}",
                *(_number(means.get(metric, (None, 0))[0]) for metric in SHOWN),
                cell["phases"]["well_trained"] if means else "",
            )
        )
    headers = ("", "‖ΔW‖/‖W‖", "MRR@10", "Δ", "R@1", "R@10", "nDCG@10", "MRR by name", *SHOWN, "well trained")
    section.table(headers, rows)


def _across(variants: Mapping[str, State]) -> None:
    """Every metric against MRR: over all variants, along the strengths of smoothing, and at equal change."""
    scanned = {name: cell for name, cell in variants.items() if "metrics" in cell}
    smoothed = [name for name, cell in scanned.items() if cell["family"] in ("original", "keep")]
    strengths = {name: cell["strength"] for name, cell in scanned.items() if cell["family"] in EQUAL}
    counts = Counter(strengths.values())
    equal = [name for name, strength in strengths.items() if counts[strength] == len(EQUAL)]
    section.heading(
        f"metrics against MRR@10: ρ over {len(scanned)} variants and over {len(smoothed)} of smoothing, "
        f"τ over {len(equal)} at equal change ({', '.join(EQUAL)})"
    )
    columns = {m: {name: cell["metrics"][m][0] for name, cell in scanned.items()} for m in _metrics(scanned)}
    columns[CHANGE] = {name: cell["change"] for name, cell in scanned.items()}
    outcome = {name: _mrr(cell) for name, cell in scanned.items()}

    def over(names: Sequence[str], metric: str) -> tuple[list[float], list[float], list[Any]]:
        there = [name for name in names if columns[metric][name] is not None]
        return (
            [columns[metric][name] for name in there],
            [outcome[name] for name in there],
            [scanned[name]["strength"] for name in there],
        )

    _associations(
        list(columns),
        {
            "ρ all": lambda metric: association.spearman(*over(list(scanned), metric)[:2]),
            "ρ smoothing": lambda metric: association.spearman(*over(smoothed, metric)[:2]),
            "τ equal change": lambda metric: association.stratified_tau(*over(equal, metric)),
        },
    )


def _one_at_a_time(rows: Mapping[str, State], cells: Mapping[str, State]) -> None:
    """What the unedited model's scan says of a matrix against what smoothing it alone does."""
    whole = {name: dict(row) for name, row in rows.items() if name in cells}
    names = list(whole)
    for name in names:
        whole[name][CHANGE] = cells[name]["change"]
    kinds = [name.split(".", 3)[3] for name in names]
    shift = [cells[name]["shift"] for name in names]
    mrr = [_mrr(cells[name]) for name in names]
    section.heading(
        f"one of {len(names)} matrices smoothed to a quarter: shift 1 − cos of the embeddings, and MRR@10"
    )
    order = sorted(names, key=lambda name: -cells[name]["shift"])
    section.table(
        ("", "‖ΔW‖/‖W‖", "1 − cos", "MRR@10", *SHOWN),
        [
            (
                name.removesuffix(".weight"),
                f"{cells[name]['change']:.3f}",
                f"{cells[name]['shift']:.5f}",
                f"{_mrr(cells[name]):.4f}",
                *(_number(whole[name].get(metric)) for metric in SHOWN),
            )
            for name in order
        ],
    )
    agreement = association.spearman(shift, mrr)
    if agreement:
        print(f"shift against MRR@10: ρ = {agreement.value:+.2f} (p = {agreement.p:.2g})")

    def over(metric: str, outcome: Sequence[float]) -> tuple[list[float], list[float], list[str]]:
        there = [i for i, name in enumerate(names) if whole[name].get(metric) is not None]
        return (
            [whole[names[i]][metric] for i in there],
            [outcome[i] for i in there],
            [kinds[i] for i in there],
        )

    section.heading(
        "metrics of the unedited matrix against the damage: positive where more means more damage"
    )
    lost = [-value for value in mrr]
    _associations(
        list(dict.fromkeys(metric for row in whole.values() for metric in row)),
        {
            "ρ shift": lambda metric: association.spearman(*over(metric, shift)[:2]),
            "τ shift, within a kind": lambda metric: association.stratified_tau(*over(metric, shift)),
            "ρ MRR lost": lambda metric: association.spearman(*over(metric, lost)[:2]),
        },
    )


def _associations(metrics: Sequence[str], columns: Mapping[str, Callable[[str], Association | None]]) -> None:
    """One row a metric, the largest first by the first column; p after Holm over the column's metrics."""
    found = {title: {m: a for m in metrics if (a := make(m)) is not None} for title, make in columns.items()}
    adjusted = {
        title: dict(zip(cells, association.holm(a.p for a in cells.values()), strict=True))
        for title, cells in found.items()
    }
    first = next(iter(found))
    rows = []
    for metric in sorted(metrics, key=lambda m: -abs(found[first][m].value) if m in found[first] else 1.0):
        known = METRICS.get(metric)
        row = [metric, (known and known.kind) or "", (known and known.polarity) or ""]
        for title, cells in found.items():
            has = cells.get(metric)
            row += (
                ["–", "", ""]
                if has is None
                else [f"{has.value:+.2f}", f"{has.p:.2g}", f"{adjusted[title][metric]:.2g}"]
            )
        row.append(str(found[first][metric].n) if metric in found[first] else "")
        rows.append(row)
    titles = [head for title in found for head in (title, "p", "Holm")]
    section.table(("", "kind", "better", *titles, "n"), rows)
    counts = ", ".join(
        f"{title}: {sum(p <= 0.05 for p in cells.values())} of {len(cells)}"
        for title, cells in adjusted.items()
    )
    print(f"beyond chance after Holm at 5 %: {counts}")


def _metrics(scanned: Mapping[str, State]) -> list[str]:
    return list(dict.fromkeys(metric for cell in scanned.values() for metric in cell["metrics"]))


def _mrr(cell: State) -> float:
    return ranking.scores(np.array(cell["ranks"]))["mrr"]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
