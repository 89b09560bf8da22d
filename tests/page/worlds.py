"""Runs and scans for the page: a large model that was never trained, hostile names, a small real scan.

>>> import tempfile
>>> path = synthetic_run(tempfile.mkdtemp() + "/run.db", layers=6, steps=20)
>>> from triplepoint.store import open_run
>>> with open_run(path) as opened:
...     opened.counts()["frames"], opened.scalar_names
(22, ('train_loss', 'test_loss', 'train_accuracy', 'test_accuracy', 'learning_rate'))
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.page.synthesis import Layer, alpha_at, model, row
from tests.worlds import gaussian, heavy_tailed
from triplepoint.records import (
    Alert,
    AlertState,
    Event,
    Frame,
    ScalarPoint,
    Scan,
    Severity,
    Visit,
    VisitKind,
)
from triplepoint.request import ScanRequest
from triplepoint.scanning import run
from triplepoint.store import RunWriter

STRIDE = 10
"""Optimiser steps between two frames."""
EPOCH = 1_790_000_000.0
BATCH = 200
"""Frames that are written in one transaction."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the layers of a synthetic run are looked at."""

    per_step: int | None = None
    """Layers that are looked at in one frame, round robin; by default as many as give each layer 24 visits."""
    full_every: int = 3
    """Of the visits of a layer one in so many is full; the others look at the top or find nothing changed."""
    spectra: bool = True
    """Whether full visits keep theirs."""
    seed: int = 0
    began: float = EPOCH
    """When the run began, seconds since the epoch; a frame comes every two seconds."""


DEFAULT = Way()


def synthetic_run(
    path: str | Path,
    *,
    layers: int = 300,
    steps: int = 1000,
    width: int = 64,
    status: str | None = "finished",
    **way: Any,
) -> Path:
    """Write a run of `steps` frames over a model of `layers` matrices; returns the path.

    `path` is the file, such as `runs/large/run.db`; spectra have `width` values or fewer; `status` None closes it as a
    run that did not end; the rest are the fields of `Way`. `per_step=1000` looks at every layer at every step.
    Cost: 0.1 ms a visit.
    """
    path = Path(path)
    with writer(path, layers=layers, width=width) as made:
        waiting: list[Frame] = []
        for frame in frames(layers=layers, steps=steps, width=width, way=Way(**way)):
            waiting.append(frame)
            if len(waiting) == BATCH:
                made.write(waiting)
                waiting.clear()
        made.write(waiting)
        if status is not None:
            made.finish(status)
    return path


def writer(path: str | Path, *, layers: int = 300, width: int = 64) -> RunWriter:
    """A store that knows the order of this model, to which `frames` can be written one by one."""
    order = [one.id for one in model(layers, width)]
    provenance = {
        "version": "0.1.0",
        "source": "Transformer",
        "digest": "blake2b:0",
        "seed": 0,
        "settings": {"mode": "precise", "spectra": True},
        "monitor": {"budget": 0.01, "schedule": "round robin", "order": order},
        "environment": {"python": "3.11", "numpy": np.__version__, "cores": "2"},
    }
    configuration = {"learning_rate": 1e-3, "weight_decay": 0.1, "batch": 512}
    return RunWriter(path, configuration=configuration, provenance=provenance)


def frames(*, layers: int = 300, steps: int = 1000, width: int = 64, way: Way = DEFAULT) -> Iterator[Frame]:
    """The frames of `synthetic_run` in their order; the arguments decide everything."""
    matrices = model(layers, width)
    turn = min(way.per_step or math.ceil(24 * len(matrices) / steps), len(matrices))
    generator = np.random.default_rng(way.seed)
    seen = [0] * len(matrices)
    place = 0
    yield Frame(0, way.began, events=(Event("begun", f"training begins, {len(matrices)} tensors", 0),))
    for number in range(1, steps + 1):
        step, share = number * STRIDE, number / steps
        visits = []
        for index in [(place + k) % len(matrices) for k in range(turn)]:
            if seen[index] and matrices[index].vector:
                continue
            visits.append(_visit(matrices[index], step, share, seen[index], way))
            seen[index] += 1
        place = (place + turn) % len(matrices)
        at = way.began + 2 * number
        told = tuple(alerts(matrices, number, steps))
        yield Frame(step, at, scalars(step, share, generator), tuple(visits), told, events(number, steps))
    last = steps * STRIDE
    yield Frame(last, way.began + 2 * steps + 1, events=(Event("ended", "training ends", last),))


def scalars(step: int, share: float, generator: np.random.Generator) -> tuple[ScalarPoint, ...]:
    """Grokking: the training set is fitted early, the test set late; blocks of ten steps."""
    fitted = 1 / (1 + math.exp(-60 * (share - 0.06)))
    understood = 1 / (1 + math.exp(-28 * (share - 0.6)))
    jitter = generator.normal(0, 0.01, 2)
    train = 4.6 * math.exp(-70 * share) + 2e-4 + 0.002 * abs(jitter[0])
    test = (4.6 + 1.2 * fitted) * (1 - understood) + 0.02 + 0.02 * abs(jitter[1])
    rate = 1e-3 * min(1.0, share / 0.02)
    return (
        ScalarPoint("train_loss", step, train, train * 0.8, train * 1.3, STRIDE),
        ScalarPoint("test_loss", step, test),
        ScalarPoint("train_accuracy", step, min(1.0, 0.01 + 0.99 * fitted)),
        ScalarPoint("test_accuracy", step, min(1.0, 0.01 + 0.98 * understood)),
        ScalarPoint("learning_rate", step, rate),
    )


def alerts(matrices: Sequence[Layer], number: int, steps: int) -> Iterator[Alert]:
    """Of the whole run at fixed shares of it; of layers where they memorise."""
    step = number * STRIDE
    spike = "train_loss is 2.1, 7.4 times the median of the last 100 steps."
    if number == round(0.3 * steps):
        yield Alert("loss_spike", Severity.warning, step, spike)
    if number == round(0.32 * steps):
        yield Alert("loss_spike", Severity.warning, step, "train_loss is back.", state=AlertState.cleared)
    if number == round(0.2 * steps):
        yield Alert("gap_opening", Severity.warning, step, "Test loss rises while training loss falls.")
    if number == round(0.62 * steps):
        text = "The gap closes: the test set is understood."
        yield Alert("gap_opening", Severity.warning, step, text, state=AlertState.cleared)
        yield Alert("gap_closing", Severity.info, step, text)
    if number == round(0.9 * steps):
        for layer in [one for one in matrices if one.number % 9 == 4 and not one.vector][:12]:
            yield Alert(
                "phase_entered", Severity.error, step, f"{layer.id} has memorised: α is below 2.", layer.id
            )


def events(number: int, steps: int) -> tuple[Event, ...]:
    if steps >= 4 and number % (steps // 4) == 0:
        return (Event("checkpoint", f"checkpoint-{number * STRIDE}", number * STRIDE),)
    return ()


def _visit(layer: Layer, step: int, share: float, seen: int, way: Way) -> Visit:
    if layer.vector or seen % way.full_every == 0:
        found = row(layer, share, way.seed)
        if not way.spectra:
            found = replace(found, singular_values=None)
        return Visit(step, layer.id, VisitKind.full, found.metrics, found, 0.1 if seen else None, 0.01)
    if seen % way.full_every == 1:
        alpha = alpha_at(layer, share, way.seed)
        values = np.sort(np.exp(np.linspace(3, 1, 8) / (alpha - 1)))[::-1]
        metrics = {"log_spectral_norm": math.log10(values[0]), "stable_rank": float(values.sum() / values[0])}
        return Visit(step, layer.id, VisitKind.leading, metrics, None, 0.01, 0.002, values)
    return Visit(step, layer.id, VisitKind.unchanged, {}, None, 1e-4, 0.0001)


def small_model(seed: int = 0) -> dict[str, np.ndarray]:
    """A small model of which the answer is known: heavy tails, noise, a collapsed rank, a trap, a failure."""
    trapped = gaussian((160, 120), seed=seed + 5)
    trapped[3, 4] = 60.0
    collapsed = gaussian((120, 8), seed=seed + 6) @ gaussian((8, 100), seed=seed + 7)
    broken = gaussian((40, 40), seed=seed + 8)
    broken[1, 2] = np.nan
    return {
        "embed.tokens.weight": heavy_tailed((300, 120), 3.5),
        "layer.0.attention.query.weight": heavy_tailed((120, 120), 3.0),
        "layer.0.attention.key.weight": gaussian((120, 120), seed=seed + 1),
        "layer.0.mlp.up.weight": heavy_tailed((240, 120), 2.2),
        "layer.0.mlp.up.bias": np.zeros(240),
        "layer.1.mlp.down.weight": trapped,
        "layer.1.mlp.up.weight": collapsed,
        "layer.1.conv.weight": gaussian((24, 16, 3, 3), seed=seed + 2),
        "layer.1.norm.weight": np.ones(120),
        "head.weight": broken,
    }


def small_scan(seed: int = 0, **settings: Any) -> Scan:
    """A real scan of `small_model`, with spectra and shuffles; 1 s."""
    asked = {"spectra": True, "randomize": 1, "workers": 1} | settings
    return run(ScanRequest(source=small_model(seed), **asked))
