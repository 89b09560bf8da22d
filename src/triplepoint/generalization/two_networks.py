"""The loss landscape between two trained networks of one architecture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from triplepoint import asked
from triplepoint.errors import UsageError
from triplepoint.generalization.batches import batches
from triplepoint.generalization.between import Between, check_alike, distance
from triplepoint.generalization.copies import device_of, evaluation_copy
from triplepoint.generalization.curves import trained_middle
from triplepoint.generalization.differentiable import NotDifferentiable
from triplepoint.generalization.landscapes import Landscape
from triplepoint.generalization.passes import Pass, Scores, explained
from triplepoint.generalization.similarity import output_cka
from triplepoint.records import CurveTraining, PathLosses, Reason

PATHS = ("linear", "curve")


def landscape(
    first: Any,
    second: Any,
    data: Any,
    *,
    path: str = "linear",
    points: int = 11,
    steps: int = 500,
    lr: float = 0.05,
    mixup: float = 16.0,
    loss: Callable[..., Any] | None = None,
    forward: Callable[..., Any] | None = None,
    ignore_index: int = -100,
    seed: int = 0,
) -> Landscape:
    """Distance, likeness of outputs and mode connectivity of two networks that were trained alike.

        mc = ½(L(θ₀) + L(θ₁)) − L(γ(t*)),  t* = argmax_t |½(L(θ₀) + L(θ₁)) − L(γ(t))|

    with L the mean loss and γ the straight line, or a Bézier curve whose middle is trained. Below 0 a barrier lies
    between the two: they are poorly connected. Above 0 the loss between them is lower: training has not converged. Near
    0 they are well connected, and where also the CKA is near 1 they are alike: the phases of the source.

    The loss at every point, the ends too, is with batch-normalisation statistics estimated there on the data; distance
    and CKA are of the networks as they are. Weights that are computed of others (weight normalisation, masks) count as
    what the layers multiply with.

    Args:
        first, second: `torch.nn.Module`s with the same names and shapes. They are copied and never touched.
        data: as in `generalization_metrics`: a list or `DataLoader` that can be read again and again.
        path: `linear`, or `curve` for a curve as well.
        points: of the grid of t on [0, 1].
        steps, lr: of the SGD that trains the middle of the curve; its losses are in `.training`. Look at them: a curve
            that is trained too little, or too fast, says nothing of the landscape.
        mixup: α of the mixtures for `mixup_cka`.
        loss, forward, ignore_index: as in `generalization_metrics`.
        seed: of the mixtures, the curve and everything random that the data or the networks do.

    Returns:
        A `Landscape`; None with a `Reason` in `.status` where there is no number.

    Raises:
        UsageError: settings, networks of two architectures, data or a forward pass that cannot be used.
        MissingDependency without torch.

    Cost: a pass over the data for each point (two with batch normalisation), five for CKA; with a curve as much again
    and `steps` training steps. Memory: three times the weights, five with a curve. Source: Yang et al. 2021, arXiv
    2107.11228, with the loss where its code has the training error in per cent too.

    >>> import torch
    >>> net = torch.nn.Linear(4, 3)
    >>> found = landscape(net, net, [(torch.randn(8, 4), torch.arange(8) % 3)])
    >>> found.mode_connectivity, found.l2_distance, round(found.output_cka, 6)
    (0.0, 0.0, 1.0)
    """
    asked.word("path", path, PATHS)
    asked.whole("points", points, 3)
    asked.whole("steps", steps, 1)
    asked.real("lr", lr, 1e-12, 1e12, "0.05")
    asked.real("mixup", mixup, 1e-6, 1e6, "16.0")
    asked.whole("ignore_index", ignore_index, -(2**62))
    asked.whole("seed", seed, 0, 2**31)
    for name, function in (("loss", loss), ("forward", forward)):
        if function is not None and not callable(function):
            raise UsageError(name, f"a {type(function).__name__}", "Pass a function")
    with _named():
        one = evaluation_copy(first)
        other = evaluation_copy(second).to(device_of(one))
        check_alike(one, other)
        apart, count = distance(one, other)
        run = Pass(batches(data, device_of(one)), seed, loss, forward, ignore_index)
        run.first()
        with explained():
            alike = output_cka(one, other, run)
            mixed = output_cka(one, other, run, mixup=mixup, seed=seed)
            between = Between(one, other)
            linear = _losses(between, run, points)
        curve, training, status, notes = _curve(
            between, run, points, path=path, steps=steps, lr=lr, seed=seed
        )
    for name, found in (("output_cka", alike), ("mixup_cka", mixed)):
        if found.reason is not None:
            status[name] = found.reason
            notes |= {name: found.detail} if found.detail else {}
    for kind, losses in (("linear", linear), ("curve", curve)):
        if losses is not None and losses.mode_connectivity is None:
            status[f"{kind}.mode_connectivity"] = Reason.non_finite
    is_finite = math.isfinite(apart)
    if not is_finite:
        status["l2_distance"] = Reason.non_finite
    return Landscape(
        l2_distance=apart if is_finite else None,
        l2_per_parameter=apart / math.sqrt(count) if is_finite else None,
        num_parameters=count,
        output_cka=alike.value,
        mixup_cka=mixed.value,
        cka_rows=alike.rows,
        linear=linear,
        curve=curve,
        training=training,
        status=status,
        notes=notes,
        renormalized=tuple(between.norms),
        seed=seed,
        settings={
            **{"path": path, "points": points, "steps": steps, "lr": lr, "mixup": mixup},
            **{
                "ignore_index": ignore_index,
                "own_loss": loss is not None,
                "own_forward": forward is not None,
            },
        },
    )


def _losses(between: Between, run: Pass, points: int, middle: list[torch.Tensor] | None = None) -> PathLosses:
    places = tuple(k / (points - 1) for k in range(points))
    scores: list[Scores] = []
    for t in places:
        between.put(t, middle)
        between.normalize(run)
        scores.append(run(between.model))
    losses = [one.loss for one in scores]
    accuracies = tuple(one.accuracy for one in scores if one.accuracy is not None)
    connectivity, star = connectivity_of(places, losses)
    return PathLosses(
        kind="linear" if middle is None else "curve",
        t=places,
        losses=tuple(value if math.isfinite(value) else None for value in losses),
        accuracies=accuracies if len(accuracies) == points else None,
        mode_connectivity=connectivity,
        t_star=star,
    )


def connectivity_of(t: tuple[float, ...], losses: list[float]) -> tuple[float, float] | tuple[None, None]:
    """mc and t* of losses on a grid; None where one is not finite."""
    if not all(map(math.isfinite, losses)):
        return None, None
    level = (losses[0] + losses[-1]) / 2
    place = max(range(len(t)), key=lambda k: abs(level - losses[k]))
    return level - losses[place], t[place]


def _curve(
    between: Between, run: Pass, points: int, *, path: str, steps: int, lr: float, seed: int
) -> tuple[PathLosses | None, CurveTraining | None, dict[str, Reason], dict[str, str]]:
    """The curve where it was asked for, or why there is none."""
    if path != "curve":
        return None, None, {}, {}
    try:
        middle, training = trained_middle(between, run, steps=steps, lr=lr, seed=seed)
    except (NotDifferentiable, RuntimeError) as error:
        line = (str(error).strip().splitlines() or [""])[0]
        return None, None, {"curve": Reason.not_differentiable}, {"curve": line}
    if len(training.losses) < steps:
        note = f"the training of the curve diverges at step {len(training.losses) + 1}: lower lr"
        return None, training, {"curve": Reason.non_finite}, {"curve": note}
    with explained():
        return _losses(between, run, points, middle), training, {}, {}


@contextmanager
def _named() -> Iterator[None]:
    """What is shared with `generalization_metrics` is refused in this function's name."""
    try:
        yield
    except UsageError as error:
        if error.asked != "generalization_metrics":
            raise
        raise UsageError("landscape", error.found, error.next) from error
