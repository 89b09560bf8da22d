"""σ and σ' of one network on its data: noise, passes and search together."""

from __future__ import annotations

import math

import numpy as np
import torch

from triplepoint.generalization import legacy
from triplepoint.generalization.noise import EPSILON, Noise
from triplepoint.generalization.passes import Pass, Scores
from triplepoint.generalization.request import Request
from triplepoint.generalization.search import largest_sigma
from triplepoint.records import AbsoluteTolerance, MagnitudeTolerance, Reason, Tolerance

ABSOLUTE, MAGNITUDE = 0, 1
"""The two searches draw from streams of their own."""


def absolute_tolerance(
    model: torch.nn.Module, run: Pass, scores: Scores, request: Request
) -> AbsoluteTolerance | Reason:
    """The σ that every parameter bears. Cost: up to (depth + 1)·draws passes over the data."""
    found = _tolerance(model, run, scores, request, ABSOLUTE)
    return found if isinstance(found, Reason) else AbsoluteTolerance(found)


def magnitude_tolerance(
    model: torch.nn.Module, run: Pass, scores: Scores, request: Request
) -> MagnitudeTolerance | Reason:
    """The σ' relative to each parameter; the same cost."""
    found = _tolerance(model, run, scores, request, MAGNITUDE)
    return found if isinstance(found, Reason) else MagnitudeTolerance(found, EPSILON)


def _tolerance(
    model: torch.nn.Module, run: Pass, scores: Scores, request: Request, kind: int
) -> Tolerance | Reason:
    criterion = request.criterion_of(scores)
    if criterion == "accuracy" and scores.accuracy is None:
        return Reason.not_classification
    target, limit = request.target_of(criterion), request.limit_of(criterion, magnitude=kind == MAGNITUDE)
    before = _score(scores, criterion)
    if not math.isfinite(before) or (scores.margins is not None and bool(np.isnan(scores.margins).any())):
        return Reason.non_finite
    if criterion == "accuracy" and not request.legacy and _is_near_guessing(scores, target):
        return Reason.no_room
    noise = Noise(model, request.seed * 2 + kind, relative=kind == MAGNITUDE, as_published=request.legacy)

    losses = {scores.loss}

    def rise(draw: int, sigma: float) -> float:
        with noise.added(draw, sigma):
            found = run(model)
        losses.add(found.loss)
        return _score(found, criterion) - before

    if request.legacy:
        return legacy.published_sigma(
            rise, target=target, limit=limit, depth=request.depth, draws=request.draws, criterion=criterion
        )
    return largest_sigma(
        lambda sigma: [rise(draw, sigma) for draw in range(request.draws)],
        target=target,
        limit=limit,
        depth=request.depth,
        criterion=criterion,
        is_felt=lambda: len(losses) > 1,
    )


def _is_near_guessing(scores: Scores, target: float) -> bool:
    """Noise ends in guessing: where that costs less than the target, no σ is too large."""
    return bool(scores.classes) and (scores.accuracy or 0.0) - target < 1.0 / (scores.classes or 1)


def _score(scores: Scores, criterion: str) -> float:
    """What rises when the network gets worse."""
    if criterion == "accuracy":
        return -scores.accuracy if scores.accuracy is not None else math.nan
    return scores.loss
