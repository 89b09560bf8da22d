"""A checkpoint that is open, planned and read matrix by matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from triplepoint import checkpoints, matrices
from triplepoint.errors import TriplepointError
from triplepoint.records import MatrixPlan, Reason, Values


@dataclass(slots=True)
class Opened:
    """Keeps the values of the tensor that was read last: parts of one fused weight follow each other."""

    reader: checkpoints.Reader
    plans: Sequence[MatrixPlan]
    _last: tuple[Any, Values] | None = field(default=None, repr=False)

    @staticmethod
    def of(
        source: Any,
        overrides: matrices.Overrides | None = None,
        *,
        allow_pickle: bool = False,
        max_tensors: int = 1_000_000,
    ) -> Opened:
        """Headers alone are read, and what is needed to tell tied weights."""
        reader = checkpoints.open(source, allow_pickle=allow_pickle, max_tensors=max_tensors)
        plans = matrices.plan(reader.tensors(), reader.config, reader.read, overrides)
        return Opened(reader, matrices.tie(plans, reader.read))

    def formed(self, plan: MatrixPlan) -> Values | Reason:
        """The values of one matrix, (slices, rows, columns) or two factors; never raises for a bad tensor."""
        plan = replace(plan, reason=None)
        key = plan.sources, plan.at, plan.decoding
        try:
            if self._last is None or self._last[0] != key:
                self.release()
                self._last = key, matrices.load(plan, self.reader.read)
            return matrices.form(plan, self._last[1]).values
        except MemoryError:
            return Reason.out_of_memory
        except (TriplepointError, OSError):
            return Reason.unreadable

    def formed_once(self, plan: MatrixPlan) -> Values | Reason:
        """The same with nothing kept, for several threads at once; also of one slice of a kernel."""
        whole = replace(plan, reason=None, slice=None)
        try:
            values = matrices.form(whole, matrices.load(whole, self.reader.read)).values
        except MemoryError:
            return Reason.out_of_memory
        except (TriplepointError, OSError):
            return Reason.unreadable
        if plan.slice is not None and isinstance(values, np.ndarray):
            return values[plan.slice : plan.slice + 1]
        return values

    def release(self) -> None:
        """What was read last is given back."""
        if self._last is not None:
            for name in self._last[0][0]:
                self.reader.release(name)
            self._last = None
