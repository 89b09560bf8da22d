"""How well a ranking finds the one right answer: ranks, four scores of them, and a bootstrap over the queries.

`bm25` is the lexical baseline (Robertson and Zaragoza 2009), without stemming or stop words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
CUT = 10
RESAMPLES = 2000
# Saturation and length normalisation, the customary values.
K1, B = 1.2, 0.75


def ranks(scores: Array) -> Array:
    """(n,) rank of answer i for query i in `scores` (n, n), larger is better, 1 the best. A tie counts against it.

    >>> ranks(np.array([[0.9, 0.1], [0.5, 0.5]]))
    array([1, 2])
    """
    return np.asarray((scores >= np.diag(scores)[:, None]).sum(axis=1))


def reciprocal(found: Array) -> Array:
    """(n,) 1/rank, 0 beyond the cut: their mean is MRR@10.

    >>> reciprocal(np.array([1, 4, 11]))
    array([1.  , 0.25, 0.  ])
    """
    return np.where(found <= CUT, 1 / found, 0.0)


def scores(found: Array) -> dict[str, float]:
    """MRR@10, recall@1, recall@10 and nDCG@10 (one answer: 1/log₂(1 + rank), 0 beyond the cut)."""
    return {
        "mrr": float(reciprocal(found).mean()),
        "recall_1": float((found == 1).mean()),
        "recall_10": float((found <= CUT).mean()),
        "ndcg": float(np.where(found <= CUT, 1 / np.log2(1 + found), 0.0).mean()),
    }


def interval(values: Array, seed: int) -> tuple[float, float]:
    """95 % percentile interval of the mean over queries, `RESAMPLES` seeded resamples.

    Two rankings of one task with one seed are resampled alike, so the interval of a difference is a paired one.
    """
    generator = np.random.default_rng(seed)
    means = [values[generator.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def chance(answers: int) -> float:
    """MRR@10 of a random order of `answers`: every rank is as likely.

    >>> round(chance(10), 4)
    0.2929
    """
    return sum(1 / rank for rank in range(1, min(CUT, answers) + 1)) / answers


def bm25(queries: Sequence[str], passages: Sequence[str]) -> Array:
    """(queries, passages) scores: Σ idf · tf(k₁+1)/(tf + k₁(1 − b + b·length/mean length)) over the query's terms."""
    counts = [Counter(_terms(passage)) for passage in passages]
    lengths = np.array([count.total() for count in counts], dtype=float)
    damping = K1 * (1 - B + B * lengths / lengths.mean())
    columns: dict[str, list[tuple[int, int]]] = {}
    for place, count in enumerate(counts):
        for term, times in count.items():
            columns.setdefault(term, []).append((place, times))
    found = np.zeros((len(queries), len(passages)))
    for row, query in enumerate(queries):
        for term in set(_terms(query)) & columns.keys():
            at, often = np.array(columns[term]).T
            rarity = np.log(1 + (len(passages) - len(at) + 0.5) / (len(at) + 0.5))
            found[row, at] += rarity * often * (K1 + 1) / (often + damping[at])
    return found


def _terms(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
