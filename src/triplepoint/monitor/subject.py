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
from triplepoint.errors import TriplepointError, UsageError
from triplepoint.records import MatrixPlan
from triplepoint.request import chosen

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Copied:
    """The tensors of one task as they were at one step."""

    task: Task
    step: int
    tensors: Mapping[tuple[str, int | None], Array]
    failed: Mapping[tuple[str, int | None], TriplepointError] = field(default_factory=dict)
    """What has no values to copy, as on the meta device: the row then says so, like that of a scan."""

    def read(self, name: str, at: int | None) -> Array:
        """As `Reader.read`, for `matrices.load`."""
        if (name, at) in self.failed:
            raise self.failed[name, at]
        return self.tensors[name, at]

    @property
    def nbytes(self) -> int:
        """Memory that the copy holds."""
        return sum(array.nbytes for array in self.tensors.values())


@dataclass(slots=True, eq=False)
class Subject:
    """A module and the plans of its matrices, made anew where tensors came, went or changed their shape or type; values
    are read when they are copied."""

    model: Any
    gather: bool
    """Tensors lie on several processes and are gathered, one task at a time, on all of them."""
    layers: tuple[str, ...] | None
    reader: MemoryReader = field(init=False)
    tasks: tuple[Task, ...] = field(init=False)
    """What is measured, in the order of the model."""
    left_out: tuple[MatrixPlan, ...] = field(init=False)
    """Plans with a reason: their rows are written once."""
    _tensors: list[tuple[int, type]] = field(init=False)
    _described: dict[str, tuple[Any, ...]] = field(init=False)
    """{name: (shape, dtype, class) that its plan was made from}."""
    _task_of: dict[str, Task] = field(init=False)
    """{row id: task}."""
    _order: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._open()

    def present(self) -> tuple[Task, ...]:
        """The tasks of the model as it is now. Cost: a list of its parameters, and new plans where that has changed."""
        if self._tensors != _identities(self.model):
            self._open()
        return self.tasks

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
        self._order = tuple(plan.id for plan in plans)
        groups = [tuple(group) for _, group in groupby(chosen(plans, self.layers), key=_sources)]
        # A filtered whole still carries the parts and slices that were not.
        self.tasks = tuple(task for task in groups if any(plan.reason is None for plan in task))
        self.left_out = tuple(plan for task in groups if task not in self.tasks for plan in task)
        self._tensors = _identities(self.model)
        names = {name for task in self.tasks for plan in task for name in plan.sources}
        self._described = {name: _description(reader.value(name)) for name in names}
        self._task_of = {plan.id: task for task in self.tasks for plan in task}

    @property
    def order(self) -> list[str]:
        """Ids of all rows in the order of the model; a run is visited in any other."""
        return list(self._order)

    @property
    def frozen(self) -> tuple[str, ...]:
        """Ids of the matrices that no optimiser may change: none of their tensors asks for a gradient."""
        return tuple(
            plan.id
            for task in self.tasks
            for plan in task
            if plan.reason is None
            and not any(getattr(self.reader.value(name), "requires_grad", False) for name in plan.sources)
        )

    def copy(self, task: Task, step: int) -> Copied | None:
        """The weights of a task now; None where the model has it no longer. Raises what reading a tensor may raise."""
        now = self._now(task)
        if now is not None and self._replaced(now):
            self._open()
            now = self._now(task)
        if now is None:
            return None
        copied = Copied(now, step, tensors := {}, failed := {})
        for place in sorted({(name, plan.at) for plan in now for name in plan.sources}, key=repr):
            try:
                tensors[place] = self.reader.copy(*place)
            except TriplepointError as error:
                failed[place] = error
        return copied

    def _now(self, task: Task) -> Task | None:
        """The same matrices as they were planned last."""
        return next((self._task_of[plan.id] for plan in task if plan.id in self._task_of), None)

    def _replaced(self, task: Task) -> bool:
        """Whether a tensor of the task is no longer the one that the model trains, as after `model.fc = Linear(…)`, or
        no longer of the shape and type that were planned, as after `model.half()`."""
        for name in {name for plan in task for name in plan.sources}:
            path, _, key = name.rpartition(".")
            owner = self.model
            for part in path.split(".") if path else ():
                owner = getattr(owner, part, None)
            value = getattr(owner, key, None)
            if value is not self.reader.value(name) or _description(value) != self._described[name]:
                return True
        return False


def _identities(model: Any) -> list[tuple[int, type]]:
    """What tells parameters apart; a lazy one changes its class when it gets its shape."""
    return [(id(value), type(value)) for value in model.parameters()]


def _description(value: Any) -> tuple[Any, ...]:
    kind = type(value)
    lazy = kind.__name__.startswith("Uninitialized")
    return (None if lazy else tuple(value.shape), value.dtype, kind)


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
