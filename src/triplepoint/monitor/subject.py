"""The model under watch: its matrices as a scan plans them, and copies of its weights at one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from triplepoint import matrices
from triplepoint.checkpoints.memory import MemoryReader, is_module, open_module
from triplepoint.engines import Task
from triplepoint.errors import UsageError
from triplepoint.records import MatrixPlan
from triplepoint.request import chosen

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """The tensors of one task as they were at one step."""

    task: Task
    step: int
    tensors: Mapping[tuple[str, int | None], Array]

    def read(self, name: str, at: int | None) -> Array:
        """As `Reader.read`, for `matrices.load`."""
        return self.tensors[name, at]

    @property
    def nbytes(self) -> int:
        """Memory that the copy holds."""
        return sum(array.nbytes for array in self.tensors.values())


@dataclass(slots=True, eq=False)
class Subject:
    """A module and the plans of its matrices; plans are made once, values are read when they are copied."""

    model: Any
    gather: bool
    """Tensors lie on several processes and are gathered, one task at a time, on all of them."""
    layers: tuple[str, ...] | None
    reader: MemoryReader = field(init=False)
    tasks: tuple[Task, ...] = field(init=False)
    """What is measured, in the order of the model."""
    left_out: tuple[MatrixPlan, ...] = field(init=False)
    """Plans with a reason: their rows are written once."""

    def __post_init__(self) -> None:
        self._open()

    def _open(self) -> None:
        if not is_module(self.model):
            raise UsageError(
                f"watch a {type(self.model).__name__}",
                "it is no torch.nn.Module",
                "Pass the model that is trained; for files as they appear: triplepoint watch DIR",
            )
        _refuse_flattened(self.model)
        self.reader = open_module(self.model, gather=self.gather)
        reader = self.reader
        plans = matrices.tie(
            matrices.plan(reader.tensors(), reader.config, reader.read, matrices.overrides_of(())),
            reader.read,
        )
        groups = [tuple(group) for _, group in groupby(chosen(plans, self.layers), key=_sources)]
        # A filtered whole still carries the parts and slices that were not.
        self.tasks = tuple(task for task in groups if any(plan.reason is None for plan in task))
        self.left_out = tuple(plan for task in groups if task not in self.tasks for plan in task)

    def copy(self, task: Task, step: int) -> Copied:
        """The weights of a task now. Raises what reading a tensor may raise."""
        if self._replaced(task):
            ids = {plan.id for plan in task}
            self._open()
            task = next((new for new in self.tasks if ids & {plan.id for plan in new}), task)
        wanted = {(name, plan.at) for plan in task for name in plan.sources}
        return Copied(
            task, step, {(name, at): self.reader.copy(name, at) for name, at in sorted(wanted, key=repr)}
        )

    def _replaced(self, task: Task) -> bool:
        """Whether a tensor of the task is no longer the one that the model trains, as after `model.fc = Linear(…)`."""
        for name in {name for plan in task for name in plan.sources}:
            path, _, key = name.rpartition(".")
            owner = self.model
            for part in path.split(".") if path else ():
                owner = getattr(owner, part, None)
            if getattr(owner, key, None) is not self.reader.value(name):
                return True
        return False


def _sources(plan: MatrixPlan) -> tuple[object, ...]:
    return (plan.sources, plan.at)


def _refuse_flattened(model: Any) -> None:
    """Wrappers that keep weights as pieces of one flat vector: what is left of a matrix is on no single process."""
    parameters: Sequence[Any] = tuple(model.parameters())
    if any(
        type(value).__name__ == "FlatParameter" or hasattr(value, "_is_flat_param") for value in parameters
    ):
        found = "its weights are flattened by FullyShardedDataParallel"
        advice = "Use torch.distributed.fsdp.fully_shard, or write checkpoints and run: triplepoint watch DIR"
        raise UsageError("watch the model", found, advice)
    if any(hasattr(value, "ds_id") for value in parameters):
        found = "its weights are partitioned by DeepSpeed (ZeRO stage 3)"
        advice = "Use stage 2 or lower, or write checkpoints and run: triplepoint watch DIR"
        raise UsageError("watch the model", found, advice)
