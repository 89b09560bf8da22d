"""Train one recipe and keep the frames that a monitor would have made of it.

Full visits are the rows of a scan; a matrix that has moved by less than 10⁻³ of ‖W₀‖₂ since its last full visit is
`unchanged`, as the monitor skips it.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import triplepoint
from benchmarks.healthy_runs_worlds import Recipe, batches, build, load, rate_at, tests
from triplepoint.records import Frame, MatrixRow, ScalarPoint, Visit, VisitKind

TEST_EVERY = 100
VISIT_EVERY = 100
UNCHANGED = 1e-3


@dataclass(frozen=True, slots=True)
class Recording:
    """One run."""

    recipe: Recipe
    frames: tuple[Frame, ...]
    onset: int
    """Step from which on something is wrong; 0 where it is from the start."""
    classes: int


def recorded(recipe: Recipe, folder: Path) -> Recording:
    """From the folder, or trained now and put there."""
    path = folder / f"{recipe.name}.pickle"
    if path.is_file():
        found = pickle.loads(path.read_bytes())
        if found.recipe == recipe:
            assert isinstance(found, Recording)
            return found
    made = train(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(pickle.dumps(made))
    part.replace(path)
    return made


def train(recipe: Recipe) -> Recording:
    """The frames of one run."""
    import torch

    torch.set_num_threads(1)
    data = load(recipe)
    network = build(recipe, data)
    fault = _Fault(recipe, network)
    optimiser = _optimiser(recipe, network)
    draw, held = batches(recipe, data), tests(recipe, data)
    looks = _Looks(recipe, network)
    frames: list[Frame] = []
    block: list[tuple[float, float]] = []
    if recipe.visits != "robin":
        frames.append(Frame(0, 0.0, (), tuple(looks.visits(0))))
    for step in range(1, recipe.steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * rate_at(recipe, step) * fault.rate(step)
        network.train()
        inputs, labels = draw()
        scores = network(inputs)
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, -2), labels.flatten()) * fault.factor(step)
        optimiser.zero_grad()
        (loss + fault.penalty(step)).backward()
        fault.before(step)
        optimiser.step()
        fault.after(step)
        right = (scores.argmax(-1) == labels).float().mean().item()
        block.append((loss.item(), right))
        points: list[ScalarPoint] = []
        if len(block) == recipe.block:
            points = [_point("train_loss", step, [one for one, _ in block])]
            points.append(_point("train_accuracy", step, [one for _, one in block]))
            block = []
        if step % TEST_EVERY == 0:
            points += _tested(network, held, step)
        visits = tuple(looks.visits(step))
        if points or visits:
            frames.append(Frame(step, 0.0, tuple(points), visits))
    return Recording(recipe, tuple(frames), fault.onset, data.classes)


def _optimiser(recipe: Recipe, network: Any) -> Any:
    import torch

    trained = [one for one in network.parameters() if one.requires_grad]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(trained, lr=recipe.rate, momentum=0.9, weight_decay=recipe.decay)
    kind = torch.optim.Adam if recipe.optimiser == "adam" else torch.optim.AdamW
    return kind(trained, lr=recipe.rate, weight_decay=recipe.decay, fused=True)


def _point(name: str, step: int, values: list[float]) -> ScalarPoint:
    finite = [value for value in values if np.isfinite(value)]
    broken = len(values) - len(finite)
    if len(values) == 1 and finite:
        return ScalarPoint(name, step, values[0])
    if not finite:
        return ScalarPoint(name, step, None, None, None, len(values), broken)
    return ScalarPoint(name, step, float(np.mean(finite)), min(finite), max(finite), len(values), broken)


def _tested(network: Any, held: tuple[Any, Any], step: int) -> list[ScalarPoint]:
    import torch

    network.eval()
    with torch.no_grad():
        scores = network(held[0])
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, -2), held[1].flatten()).item()
        right = (scores.argmax(-1) == held[1]).float().mean().item()
    return [_point("test_loss", step, [loss]), _point("test_accuracy", step, [right])]


class _Looks:
    """When which matrix is looked at, and what is seen."""

    def __init__(self, recipe: Recipe, network: Any) -> None:
        self.recipe = recipe
        self.network = network
        # Parts of a fused weight share a tensor; they are looked at together.
        rows = [row for row in triplepoint.scan(network, workers=1).matrices if row.status != "skipped"]
        self.tensors = list(dict.fromkeys(row.name for row in rows))
        self.full: dict[str, Any] = {}
        self.next = 0
        self.due = 10.0

    def visits(self, step: int) -> Iterator[Visit]:
        """Those of this step."""
        if self.recipe.visits == "robin":
            every = max(VISIT_EVERY // len(self.tensors), 1)
            if step % every == 0:
                yield from self._look(self.tensors[self.next % len(self.tensors)], step)
                self.next += 1
            return
        if self.recipe.visits == "log":
            if step and step < self.due:
                return
            self.due = max(self.due, step) * 1.15 if step else self.due
        elif step % VISIT_EVERY:
            return
        for tensor in self.tensors:
            yield from self._look(tensor, step)

    def _look(self, tensor: str, step: int) -> Iterator[Visit]:
        values = dict(self.network.named_parameters())[tensor].detach().numpy()
        before = self.full.get(tensor)
        change = None
        if before is not None:
            base, top, rows = before
            moved = float(np.linalg.norm(values.astype(np.float64) - base))
            change = moved / top if top and np.isfinite(moved) else None
            if change is not None and change <= UNCHANGED:
                for row in rows:
                    yield Visit(step, row.id, VisitKind.unchanged, change=change)
                return
        rows = self._rows(tensor, values)
        flat = values.reshape(values.shape[0], -1).astype(np.float64)
        top = float(np.linalg.norm(flat, 2)) if np.isfinite(flat).all() else 0.0
        self.full[tensor] = (values.astype(np.float64).copy(), top, rows)
        for row in rows:
            yield Visit(step, row.id, VisitKind.full, row.metrics, row, change)

    def _rows(self, tensor: str, values: Any) -> list[MatrixRow]:
        # Attention is scanned by its name in the module, which says how it is fused.
        found = triplepoint.scan({tensor: values.copy()}, workers=1).matrices
        return [row for row in found if row.status != "skipped" or row.reason is not None]


class _Fault:
    """What is wrong, and from when on."""

    def __init__(self, recipe: Recipe, network: Any) -> None:
        self.kind = recipe.fault
        rng = np.random.default_rng([7, recipe.seed])
        self.rng = rng
        from_start = (None, "huge_rate", "label_noise", "frozen", "no_learning", "tiny_batch", "grokking")
        self.onset = 0 if self.kind in from_start else int(recipe.steps * rng.uniform(0.3, 0.5))
        if self.kind == "stalled":
            self.onset = int(rng.integers(60, 120))
        self.network = network
        if self.kind == "frozen":
            self._layer(1).weight.requires_grad_(False)

    def _layer(self, index: int) -> Any:
        import torch

        return [one for one in self.network if isinstance(one, torch.nn.Linear)][index]

    def rate(self, step: int) -> float:
        """Factor of the learning rate."""
        if self.kind == "rate_burst" and self.onset <= step < self.onset + 30:
            return 100.0
        if self.kind == "stalled" and step >= self.onset:
            return 0.0
        return 1.0

    def penalty(self, step: int) -> Any:
        """Added to the loss."""
        if self.kind == "strong_l2" and step >= self.onset:
            return 0.3 * self._layer(1).weight.square().sum()
        return 0.0

    def factor(self, step: int) -> float:
        """Of the loss."""
        return float("nan") if self.kind == "loss_nan" and step == self.onset else 1.0

    def before(self, step: int) -> None:
        """Before the optimiser steps."""
        if self.kind == "cut_off" and step >= self.onset:
            self._layer(1).weight.grad = None

    def after(self, step: int) -> None:
        """After it."""
        import torch

        if self.kind == "decay_sign" and step >= self.onset:
            with torch.no_grad():
                for one in self.network.parameters():
                    one.mul_(1 + 1e-3)
        if self.kind == "bit_flip" and step == self.onset:
            with torch.no_grad():
                weight = self._layer(0).weight
                at = tuple(int(self.rng.integers(n)) for n in weight.shape)
                weight[at] = 100 * weight.std()
