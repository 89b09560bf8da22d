"""Spectra of products of consecutive layers: W₂ W₁/(‖W₁‖_F ‖W₂‖_F), what two weights do together.

If the leading outputs of the first are the leading inputs of the second, the product has a heavier tail than either; if
both are noise, it is the product of two Gaussian matrices, whose spectrum is no Marchenko–Pastur law but is known
(`nulls.products`): null_p and the phase compare with that one, so that two layers of noise are not called trained. How
well they are aligned says ‖W₂W₁‖_F²·h/(‖W₁‖_F²‖W₂‖_F²), the `param_norm` of the row times the h hidden units: 1 where
the directions of one are random to the other.

WeightWatcher 0.7.7 pairs the layers as they stand in the file, transposing them until two sides agree, puts a dense
matrix of random zeros and ones between (`sparsify`), of which the mean alone makes a large eigenvalue, reports σ for λ
and takes no more values than the first layer has. Here pairs are those of `pairs`, λ = σ² as everywhere, all of them
are taken, and `sparsify` switches every hidden unit off with probability ½, which is what a ReLU does to one input.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triplepoint import __version__, analysis, asked, matrices
from triplepoint.compare.measuring import frobenius
from triplepoint.compare.opened import Opened
from triplepoint.compare.pairs import fits, pairs
from triplepoint.engines import SerialEngine, Task, ThreadEngine
from triplepoint.environment import environment
from triplepoint.errors import UsageError
from triplepoint.fits.interval import stream
from triplepoint.records import Decoding, LowRank, MatrixPlan, MatrixRow, Provenance, Reason, Scan
from triplepoint.request import MAX_TENSORS, ScanRequest, chosen, recorded, settings_of, workers_of
from triplepoint.summary import summarize

Array = np.ndarray[Any, Any]
ARROW = " → "
# In these a checkpoint stands as the network was written, where a file may have been sorted.
WRITTEN = {"module", "state_dict", "arrays"}


def intra(
    source: Any,
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    sparsify: bool = False,
    mode: str = "precise",
    layers: str | Iterable[str] | None = None,
    metrics: str | Iterable[str] | None = None,
    seed: int = 0,
    workers: int | None = None,
    interval: str = "closed",
    allow_pickle: bool = False,
    layouts: Mapping[str, str] | None = None,
    max_tensors: int = MAX_TENSORS,
    tails: bool = False,
    vectors: bool = False,
    gof: int = 0,
) -> Scan:
    """A scan of the products W₂ W₁ of consecutive matrices, each divided by the norms of both.

    Args:
        source: a checkpoint as for `scan`.
        pairs: ids (first, second) of matrices, the outputs of the first being the inputs of the second; kernel slices
            and fused parts by their own ids. By default those that the ids tell; see `compare.pairs`.
        sparsify: switch every hidden unit off with probability ½, by `seed`.
        layers: glob patterns over the ids of the products, `FIRST → SECOND`.
        mode, metrics, seed, workers, interval, allow_pickle, layouts, max_tensors, tails, vectors, gof: see `scan`.

    Returns:
        A `Scan` with one row a product: id `FIRST → SECOND`, kind `dense`, both stored names as its sources. What needs
        a matrix of independent entries (traps, bulk fit, spectral class) has the reason `low_rank`; null_p and the
        phase come from products of Gaussian matrices, for up to 1024 eigenvalues.

    Raises:
        UsageError: an id that is not there, sides that do not agree, or no pair at all.

    Cost: a QR decomposition of either matrix and an SVD of the smaller side; the null is simulated once a shape, which
    takes 8 s at 384 eigenvalues and 89 s at 1024. Memory: three copies of both matrices in float64.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> layers = {"fc1.weight": rng.standard_normal((96, 24)), "fc2.weight": rng.standard_normal((32, 96))}
    >>> intra(layers)["fc1.weight → fc2.weight"].phase
    <Phase.under_trained: 'under_trained'>
    """
    started = time.perf_counter()
    request = ScanRequest(
        source=source,
        mode=mode,
        layers=asked.names("layers", layers),
        metrics=asked.names("metrics", metrics),
        seed=seed,
        workers=workers,
        interval=interval,
        allow_pickle=allow_pickle,
        layouts=asked.layouts(layouts),
        max_tensors=max_tensors,
        tails=tails,
        vectors=vectors,
        gof=gof,
    )
    asked.flag("sparsify", sparsify)
    settings, threads = settings_of(request), workers_of(workers)
    opened = Opened.of(
        source, matrices.overrides_of(request.layouts), allow_pickle=allow_pickle, max_tensors=max_tensors
    )
    products = _products(opened, pairs, seed if sparsify else None)
    plans = chosen([product.plan for product in products.values()], request.layers)

    def work(task: Task) -> list[MatrixRow]:
        return [products[plan.id].row(plan, opened, settings) for plan in task]

    engine = ThreadEngine(threads) if threads > 1 else SerialEngine()
    done = {row.id: row for rows in engine.run([(plan,) for plan in plans], work) for row in rows}
    rows = [done[plan.id] for plan in plans]
    return Scan(
        Provenance(
            version=__version__,
            source=opened.reader.source,
            format=opened.reader.format,
            digest=opened.reader.digest(),
            seed=seed,
            settings=recorded(request, settings, threads)
            | {"intra": {"pairs": [list(p.ids) for p in products.values()], "sparsify": sparsify}},
            environment=environment(),
            seconds=time.perf_counter() - started,
        ),
        tuple(rows),
        summarize(rows, [metric.name for metric in settings.metrics], settings.null.replicas),
    )


@dataclass(frozen=True, slots=True)
class _Product:
    """Two plans and the one of their product."""

    first: MatrixPlan
    second: MatrixPlan
    plan: MatrixPlan
    seed: int | None
    """Of the hidden units that are switched off; None for none."""

    @property
    def ids(self) -> tuple[str, str]:
        """Of first and second."""
        return self.first.id, self.second.id

    def row(self, plan: MatrixPlan, opened: Opened, settings: analysis.Settings) -> MatrixRow:
        """Formed when its turn comes: two matrices a worker are in memory."""
        if plan.reason is not None:
            return analysis.blank(plan, "skipped", plan.reason)
        one, other = self._one(self.first, opened), self._one(self.second, opened)
        for values in (one, other):
            if isinstance(values, Reason):
                return analysis.blank(plan, "failed", values)
        assert isinstance(one, np.ndarray)
        assert isinstance(other, np.ndarray)
        norms = frobenius(one), frobenius(other)
        if not all(0 < norm < np.inf for norm in norms):
            broken = Reason.all_zero if min(norms) == 0 else Reason.non_finite
            return analysis.blank(plan, "failed", broken)
        if self.seed is not None:
            kept = stream(self.seed, f"{plan.id}#sparsify").integers(2, size=len(one)).astype(bool)
            if not kept.any():
                return analysis.blank(plan, "failed", Reason.all_zero, "every hidden unit is switched off")
            one, other = one[kept], other[:, kept]
        factors = iter((other / norms[1], one / norms[0]))
        return analysis.analyze((plan,), lambda *_: next(factors), settings)[0]

    def _one(self, plan: MatrixPlan, opened: Opened) -> Array | Reason:
        """One matrix in float64."""
        values = opened.formed_once(plan)
        if isinstance(values, Reason):
            return values
        if isinstance(values, LowRank):
            return Reason.adapter
        return np.asarray(values[0] if isinstance(values, np.ndarray) else values, np.float64)


def _products(
    opened: Opened, asked_for: Iterable[tuple[str, str]] | None, seed: int | None
) -> dict[str, _Product]:
    if asked_for is None:
        found = pairs(opened.plans, in_order=opened.reader.format in WRITTEN)
        if not found:
            raise UsageError(
                f"intra {opened.reader.source}",
                "no two matrices are known to follow each other",
                "Name them: pairs=[(first, second)], the rows of the first as many as the columns of the second",
            )
    else:
        if isinstance(asked_for, str) or not isinstance(asked_for, Iterable):
            raise UsageError(f"pairs {asked_for!r}", "no list of pairs", "Use [(first, second)]")
        found = [_named(opened.plans, pair) for pair in asked_for]
        if not found:
            raise UsageError("pairs []", "no pair", "Name some, or leave it out for those that the ids tell")
    made = [_product(first, second, seed) for first, second in found]
    return {product.plan.id: product for product in made}


def _named(plans: Sequence[MatrixPlan], pair: tuple[str, str]) -> tuple[MatrixPlan, MatrixPlan]:
    by_id = {plan.id: plan for plan in plans if plan.shape is not None}
    ids = isinstance(pair, tuple | list) and [id for id in pair if isinstance(id, str)]
    if not ids or len(pair) != 2 or len(ids) != 2:
        raise UsageError(f"pairs {pair!r}", "not two ids", "Use (first, second)")
    for id in pair:
        if id not in by_id:
            example = next(iter(by_id), None)
            raise UsageError(f"pairs {id!r}", "no matrix has this id", f"Ids look like {example!r}")
    first, second = by_id[pair[0]], by_id[pair[1]]
    for plan in (first, second):
        if plan.slices > 1:
            found = f"a kernel of {plan.slices} positions"
            raise UsageError(f"pairs {plan.id!r}", found, "Name one of its slices: ID/slice.K")
    if not fits(first, second):
        assert first.shape is not None
        assert second.shape is not None
        raise UsageError(
            f"pairs {pair!r}",
            f"the first has {first.shape[0]} outputs, the second {second.shape[1]} inputs",
            "Name matrices that follow each other",
        )
    return first, second


def _product(first: MatrixPlan, second: MatrixPlan, seed: int | None) -> _Product:
    assert first.shape is not None
    assert second.shape is not None
    shape = second.shape[0], first.shape[1]
    plan = MatrixPlan(
        id=f"{first.id}{ARROW}{second.id}",
        name=f"{first.name}{ARROW}{second.name}",
        sources=(second.name, first.name),
        tensor_shape=shape,
        dtype=first.dtype,
        kind="dense",
        shape=shape,
        decoding=Decoding("low_rank"),
        detail=f"product through {first.shape[0]:,} units",
    )
    return _Product(first, second, plan, seed)
