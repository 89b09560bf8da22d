"""The call: settings checked, the network copied, records built, metrics read off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch

from triplepoint import asked
from triplepoint.generalization import curvature
from triplepoint.generalization.batches import batches
from triplepoint.generalization.copies import device_of, evaluation_copy
from triplepoint.generalization.evidence import Evidence, Lacking
from triplepoint.generalization.passes import Pass
from triplepoint.generalization.request import MEANS, SPECTRAL, TOTALS, WINDOWS_AND_BULKS, Request
from triplepoint.generalization.result import GeneralizationMetrics
from triplepoint.metrics import METRICS, MODEL_METRICS
from triplepoint.records import (
    AbsoluteTolerance,
    Hessian,
    MagnitudeTolerance,
    Margins,
    Reason,
    SampleSize,
    Scan,
    WeightDistances,
)
from triplepoint.scanning import scan

Found = float | Lacking


def generalization_metrics(
    model: Any,
    data: Any,
    *,
    init: Any = None,
    metrics: str | Iterable[str] | None = None,
    loss: Callable[..., Any] | None = None,
    forward: Callable[..., Any] | None = None,
    criterion: str | None = None,
    target: float | None = None,
    limit: float | None = None,
    draws: int = 10,
    depth: int = 15,
    margin_quantile: float = 0.1,
    m: int | None = None,
    ignore_index: int = -100,
    path_input: Any = None,
    normalize_by_m: bool = False,
    legacy: bool = False,
    seed: int = 0,
    allow_pickle: bool = False,
    workers: int | None = None,
) -> GeneralizationMetrics:
    """All 28 generalisation metrics of the NLP study (arXiv 2202.02842) for one network, and the extras it dropped.

    Twelve are means over the weight matrices of a scan; the others come from norms of all weights, distances from the
    initial weights, margins, the path norm and the weight noise that the loss bears. Every formula stands in
    `triplepoint explain NAME`.

    Args:
        model: a `torch.nn.Module` on any device. It is copied and never touched; hooks of its own run with the copy.
            Weights that are computed of others (weight normalisation, pruning masks) are measured as they are used.
        data: training data that can be read again and again, a list or `DataLoader` of (inputs, targets), or of dicts
            with `labels`. Inputs: a tensor, a tuple (by place) or a dict (by name). Targets: class indices (n,) or
            (n, tokens); others need `loss`. A sample of a few thousand is enough; then give `m`.
        init: the weights before training: a path, a module, a state dict or a dict of arrays, with the same names.
            The published study takes those after its first epoch.
        metrics: names; by default all but those of the Hessian. Only what they need is computed.
        loss: a function of (outputs, targets) that returns a mean or one number a sample; by default cross-entropy.
        forward: a function of (model, inputs) where calling the model is not enough. It must use the model it is given.
        criterion: what noise may cost, `loss` or `accuracy`; by default accuracy for single samples, else the loss.
        target: how much it may cost: by default 0.5 nats or 0.1.
        limit: the largest σ that is tried, by default 2.
        draws, depth: of the searches: noise draws, and halvings at most; draws too for the trace of the Hessian.
        margin_quantile: of the margins that is γ.
        m: size of the training set; by default the samples in `data`.
        ignore_index: target of tokens that do not count.
        path_input: the input of the path norm; by default one sample of the first batch, of sequences one token.
        normalize_by_m: the published scaling, see `GeneralizationMetrics.normalized`.
        legacy: as the published code computes: the variance as standard deviation of the noise, a search that stops
            early, |γ| at the place n // 10, its layer normalisation in the path norm, its names that are no weights,
            every convolution on the input of the network; for the means over spectra WeightWatcher's window and bulk.
        seed: of the noise and of everything random that the data or the network do.
        allow_pickle: as in `scan`, for `init`.
        workers: worker threads of the scan.

    Returns:
        A `GeneralizationMetrics`: `.values` by name, None with a `Reason` in `.status` where there is no number.

    Raises:
        UsageError: settings, data or a forward pass that cannot be used. MissingDependency without torch.

    Cost: two searches of up to (depth + 1)·draws passes over the data, which is nearly everything; one decomposition a
    weight tensor, and for the tails some 0.1 s a matrix. Memory: three times the weights, for the path norm twice that.
    `log_hessian_top` and `log_hessian_trace` cost a search more, and 15 to 55 times the weights and a training step in
    memory, so they are measured when they are named.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> net = torch.nn.Linear(4, 3)
    >>> with torch.no_grad(): _ = net.weight.copy_(torch.eye(3, 4)), net.bias.zero_()
    >>> found = generalization_metrics(net, [(3 * torch.eye(4)[:3], torch.arange(3))], metrics=["path_norm", "margin"])
    >>> found["path_norm"], found["margin"]
    (3.0, 3.0)
    """
    request = Request(
        metrics=asked.names("metrics", metrics),
        criterion=criterion,
        target=target,
        limit=limit,
        draws=draws,
        depth=depth,
        margin_quantile=margin_quantile,
        m=m,
        ignore_index=ignore_index,
        legacy=legacy,
        seed=seed,
        loss=loss,
        forward=forward,
        path_input=path_input,
        workers=workers,
    )
    asked.flag("normalize_by_m", normalize_by_m)
    copied = evaluation_copy(model)
    run = Pass(batches(data, device_of(copied)), request.seed, loss, forward, request.ignore_index)
    evidence = Evidence(model, copied, run, request, init, allow_pickle=allow_pickle)
    found, matrices = _measured(evidence, copied, request)
    values: dict[str, float | None] = {}
    status: dict[str, Reason] = {}
    notes: dict[str, str] = {}
    for name in request.wanted:
        one = found[name]
        values[name] = None if isinstance(one, Lacking) else one
        if isinstance(one, Lacking):
            status[name] = one.reason
            if one.detail:
                notes[name] = one.detail
    _note_limits(evidence, values, notes)
    result = GeneralizationMetrics(
        values=values,
        status=status,
        notes=notes,
        m=evidence.get(SampleSize).m,
        seed=request.seed,
        settings=request.settings(),
        loss=evidence.scores.loss if math.isfinite(evidence.scores.loss) else None,
        accuracy=evidence.scores.accuracy,
        margins=evidence.built(Margins),
        absolute=getattr(evidence.built(AbsoluteTolerance), "tolerance", None),
        magnitude=getattr(evidence.built(MagnitudeTolerance), "tolerance", None),
        hessian=evidence.built(Hessian),
        weights=tuple(weight.name for weight in evidence.weights),
        folded=tuple(norm for _, norm in evidence.pairs),
        matrices=matrices,
    )
    return result.normalized() if normalize_by_m else result


def _measured(
    evidence: Evidence, model: torch.nn.Module, request: Request
) -> tuple[dict[str, Found], dict[str, int]]:
    found: dict[str, Found] = {}
    matrices: dict[str, int] = {}
    spectral = [name for name in request.wanted if name in SPECTRAL]
    if spectral:
        window, bulk = WINDOWS_AND_BULKS[request.legacy]
        scanned = scan(
            model,
            metrics=spectral,
            seed=request.seed,
            workers=request.workers,
            window=window,
            bulk=bulk,
        )
        for name in spectral:
            mean, matrices[name] = scanned.summary.metrics[name]
            found[name] = _why_no_mean(scanned, name) if mean is None else mean
    for name in request.wanted:
        if name not in found:
            found[name] = _finite(_one(evidence, name))
    return found, matrices


def _why_no_mean(scanned: Scan, name: str) -> Lacking:
    """What the first matrix says; means are over those of 8 eigenvalues or more."""
    for row in scanned.matrices:
        if name in row.metric_status:
            return Lacking(row.metric_status[name], row.id)
    if any(row.status == "ok" for row in scanned.matrices):
        return Lacking(Reason.too_few_eigenvalues)
    for row in scanned.matrices:
        if row.status == "failed" and row.reason is not None:
            return Lacking(row.reason, row.id)
    return Lacking(Reason.undefined, "the network has no weight matrix")


def _one(evidence: Evidence, name: str) -> float | Lacking | None:
    if name in MODEL_METRICS:
        return evidence.call(MODEL_METRICS[name].function)
    # The same function as of one matrix, over all counted tensors.
    function = METRICS[name].function
    records: Any
    if name in TOTALS:
        records = evidence.spectra if METRICS[name].needs == () else evidence.get(WeightDistances)
        if isinstance(records, WeightDistances):
            records = records.layers
    else:
        assert name in MEANS
        records = evidence.alignments
    if isinstance(records, Lacking):
        return records
    parts = [value for value in map(function, records) if value is not None]
    if name in TOTALS:
        return math.fsum(parts)
    return math.fsum(parts) / len(parts) if parts else None


def _finite(value: float | Lacking | None) -> Found:
    if value is None:
        return Lacking(Reason.undefined)
    if isinstance(value, Lacking):
        return value
    return float(value) if math.isfinite(value) else Lacking(Reason.overflow)


def _note_limits(evidence: Evidence, values: dict[str, float | None], notes: dict[str, str]) -> None:
    """What must be known of a number is said beside it, as that a σ is only known to be larger than the limit."""
    notes.update(curvature.notes(evidence.built(Hessian), values))
    for kind, prefix in ((AbsoluteTolerance, "pacbayes_"), (MagnitudeTolerance, "pacbayes_mag_")):
        record = evidence.built(kind)
        if record is None or not record.tolerance.at_limit:
            continue
        for name, value in values.items():
            is_of_it = name.startswith(prefix) and name.startswith("pacbayes_mag_") == (prefix != "pacbayes_")
            if value is not None and is_of_it:
                notes[name] = (
                    f"σ is the limit {record.tolerance.limit:g} of the search and the true one is larger: raise limit"
                )
