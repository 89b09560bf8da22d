"""The records of one network, built when a metric asks for them and remembered; in the manner of `facts`.

A metric names its records by its annotations. What cannot be had is a `Reason`, with the detail that completes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

import numpy as np
import torch

from triplepoint.generalization import convolutions, curvature, folding, paths, tolerances, weights
from triplepoint.generalization.batches import mapped
from triplepoint.generalization.convolutions import Sizes
from triplepoint.generalization.initial import Missing, initial_copy
from triplepoint.generalization.outputs import call, logits_of
from triplepoint.generalization.passes import Pass, Scores, explained
from triplepoint.generalization.path_norms import Deviations
from triplepoint.generalization.request import Request
from triplepoint.records import (
    AbsoluteTolerance,
    CircularDistances,
    CircularNorms,
    Hessian,
    InitialAlignment,
    MagnitudeSum,
    MagnitudeTolerance,
    Margins,
    PathNorm,
    PositiveMargin,
    Reason,
    SampleSize,
    Spectrum,
    TopCurvature,
    TotalCurvature,
    WeightDistances,
    WeightNorms,
)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A record that cannot be had."""

    reason: Reason
    detail: str | None = None


class Evidence:
    """A network, of which `model` is a copy, folded and scored once; everything else on demand."""

    def __init__(
        self,
        given: Any,
        model: torch.nn.Module,
        run: Pass,
        request: Request,
        init: Any,
        *,
        allow_pickle: bool,
    ) -> None:
        self._given, self._run, self._request = given, run, request
        self._init, self._pickle = init, allow_pickle
        self._known: dict[type, Any] = {}
        self._first = run.first()
        with explained():
            self.model, self.pairs = folding.fold(model, self._answer)
        self._sizes, self._deviations = Sizes(), Deviations()
        stops = [self._sizes.watch(self.model), self._deviations.watch(self.model)]
        try:
            with explained():
                self.scores: Scores = run(self.model, margins=True)
        finally:
            for stop in stops:
                stop()
        self.weights = weights.counted(self.model, legacy=request.legacy)

    def get(self, kind: type) -> Any:
        """The record of this type, or what is lacking."""
        if kind not in self._known:
            self._known[kind] = _BUILDERS[kind](self)
        return self._known[kind]

    def built(self, kind: type) -> Any:
        """The record of this type where a metric has asked for it and it could be had, else None."""
        found = self._known.get(kind)
        return None if isinstance(found, Lacking) else found

    def call(self, function: Callable[..., float | None]) -> float | Lacking | None:
        """The function of the records that its annotations name, or the first that is lacking."""
        given: dict[str, Any] = {}
        for name, kind in get_type_hints(function).items():
            if name != "return":
                given[name] = record = self.get(kind)
                if isinstance(record, Lacking):
                    return record
        try:
            value: float | None = function(**given)
            return value
        except OverflowError:
            return Lacking(Reason.overflow)

    def _answer(self, model: torch.nn.Module) -> torch.Tensor:
        """What a network says to the first batch, for comparing networks."""
        inputs = mapped(self._first[0], torch.clone)  # a network may work in place
        with torch.no_grad(), self._run.private():
            found = logits_of(call(model, inputs, self._run.forward))
        return found if isinstance(found, torch.Tensor) else torch.zeros(0)

    @cached_property
    def initial(self) -> tuple[weights.Weight, ...] | Lacking:
        """The counted tensors before training, folded as those after it are."""
        found = initial_copy(self._given, self._init, allow_pickle=self._pickle)
        if isinstance(found, Missing):
            return Lacking(found.reason, found.detail)
        before = folding.folded(found, self.pairs) if self.pairs else found
        return weights.counted(before, legacy=self._request.legacy)

    @cached_property
    def spectra(self) -> tuple[Spectrum, ...] | Lacking:
        """Singular values of every counted tensor."""
        found: tuple[Spectrum, ...] | Lacking = _record(weights.spectra(self.weights))
        return found

    @cached_property
    def alignments(self) -> tuple[InitialAlignment, ...] | Lacking:
        """CKA of every counted tensor with what it was."""
        before = self.initial
        if isinstance(before, Lacking):
            return before
        found: tuple[InitialAlignment, ...] | Lacking = _record(weights.alignments(self.weights, before))
        return found


def _record(found: Any) -> Any:
    """What builders return, with (reason, detail) made a `Lacking`."""
    if isinstance(found, Reason):
        return Lacking(found)
    if isinstance(found, tuple) and found and isinstance(found[0], Reason):
        return Lacking(*found)
    return found


def _norms(evidence: Evidence) -> WeightNorms | Lacking:
    spectra = evidence.spectra
    return spectra if isinstance(spectra, Lacking) else weights.norms(evidence.weights, spectra)


def _distances(evidence: Evidence) -> WeightDistances | Lacking:
    before = evidence.initial
    found: WeightDistances | Lacking = (
        before if isinstance(before, Lacking) else _record(weights.distances(evidence.weights, before))
    )
    return found


def _circular(evidence: Evidence) -> CircularNorms | Lacking:
    found = _record(
        convolutions.circular_squares(
            evidence.weights, None, evidence._sizes.of, legacy=evidence._request.legacy
        )
    )
    return found if isinstance(found, Lacking) else CircularNorms(found)


def _circular_distances(evidence: Evidence) -> CircularDistances | Lacking:
    before = evidence.initial
    if isinstance(before, Lacking):
        return before
    found = _record(
        convolutions.circular_squares(
            evidence.weights, before, evidence._sizes.of, legacy=evidence._request.legacy
        )
    )
    return found if isinstance(found, Lacking) else CircularDistances(found)


def _margins(evidence: Evidence) -> Margins | Lacking:
    found, request = evidence.scores.margins, evidence._request
    if found is None:
        return Lacking(Reason.not_classification)
    if not np.all(np.isfinite(found)):
        return Lacking(Reason.non_finite, "logits")
    share = request.margin_quantile * found.size
    # The smallest that a share of `quantile` does not exceed; published is one place further down.
    place = math.floor(share) if request.legacy else max(1, math.ceil(share - 1e-9 * share))
    if place < 1:
        return Lacking(Reason.too_few_samples, f"{found.size} samples")
    gamma = float(np.partition(found, place - 1)[place - 1])
    negative = float(np.mean(found <= 0))
    return Margins(gamma, request.margin_quantile, int(found.size), negative)


def _positive(evidence: Evidence) -> PositiveMargin | Lacking:
    found = evidence.get(Margins)
    if isinstance(found, Lacking):
        return found
    gamma = abs(found.gamma) if evidence._request.legacy else found.gamma
    if gamma > 0:
        return PositiveMargin(gamma)
    share = f"{found.negative:.1%} of {found.count} are classified wrongly"
    return Lacking(Reason.negative_margin, f"γ = {found.gamma:.4g}, {share}")


def _path(evidence: Evidence) -> PathNorm | Lacking:
    request = evidence._request
    inputs = evidence._first[0] if request.path_input is None else request.path_input
    with evidence._run.private():
        found: PathNorm | Lacking = _record(
            paths.path_norm(
                evidence.model, inputs, evidence._deviations, forward=request.forward, legacy=request.legacy
            )
        )
    return found


def _absolute(evidence: Evidence) -> AbsoluteTolerance | Lacking:
    found: AbsoluteTolerance | Lacking = _record(
        tolerances.absolute_tolerance(evidence.model, evidence._run, evidence.scores, evidence._request)
    )
    return found


def _magnitude(evidence: Evidence) -> MagnitudeTolerance | Lacking:
    found: MagnitudeTolerance | Lacking = _record(
        tolerances.magnitude_tolerance(evidence.model, evidence._run, evidence.scores, evidence._request)
    )
    return found


def _magnitude_sum(evidence: Evidence) -> MagnitudeSum | Lacking:
    before = evidence.initial
    if isinstance(before, Lacking):
        return before
    found = evidence.get(MagnitudeTolerance)
    if isinstance(found, Lacking):
        return found
    return MagnitudeSum(weights.magnitude_sum(evidence.weights, before, found.sigma, found.epsilon))


def _hessian(evidence: Evidence) -> Hessian | Lacking:
    request = evidence._request
    found: Hessian | Lacking = _record(
        curvature.measured(evidence._given, evidence._run, probes=request.draws, seed=request.seed)
    )
    return found


def _top(evidence: Evidence) -> TopCurvature | Lacking:
    found = evidence.get(Hessian)
    if isinstance(found, Lacking):
        return found
    return (
        TopCurvature(found.top) if found.top > 0 else Lacking(Reason.not_positive, f"λ_max = {found.top:.4g}")
    )


def _trace(evidence: Evidence) -> TotalCurvature | Lacking:
    found = evidence.get(Hessian)
    if isinstance(found, Lacking):
        return found
    detail = f"tr H = {found.trace:.4g}"
    return TotalCurvature(found.trace) if found.trace > 0 else Lacking(Reason.not_positive, detail)


def _samples(evidence: Evidence) -> SampleSize:
    given = evidence._request.m
    return SampleSize(evidence.scores.samples if given is None else given)


_BUILDERS: Mapping[type, Callable[[Evidence], Any]] = {
    WeightNorms: _norms,
    WeightDistances: _distances,
    CircularNorms: _circular,
    CircularDistances: _circular_distances,
    Margins: _margins,
    PositiveMargin: _positive,
    PathNorm: _path,
    AbsoluteTolerance: _absolute,
    MagnitudeTolerance: _magnitude,
    MagnitudeSum: _magnitude_sum,
    SampleSize: _samples,
    Hessian: _hessian,
    TopCurvature: _top,
    TotalCurvature: _trace,
}
