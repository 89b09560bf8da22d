"""The stored tensors of an edited checkpoint: most are as they were, some have changed matrices in them.

Matrices are changed one by one where the scan counts them, as parts of fused weights and entries of stacks, and written
back the way they were arranged. A tensor that is tied to a changed one gets its values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint import matrices
from triplepoint.analysis import Settings
from triplepoint.checkpoints import Reader
from triplepoint.checkpoints.dtypes import numpy_dtype
from triplepoint.edit import matrix, products
from triplepoint.edit.choosing import Left
from triplepoint.edit.matrix import Change
from triplepoint.edit.wish import Wish
from triplepoint.errors import TriplepointError
from triplepoint.linalg import Mode
from triplepoint.matrices import layouts
from triplepoint.records import MatrixPlan, MatrixRow, Reason, TensorInfo

Array = np.ndarray[Any, Any]
Piece = tuple[str, int | None]
"""A tensor, or one entry along its first axis."""


class EditedTensors:
    """Reads tensors as they will be, with the matrices of `rows` changed.

    What was done to which matrix is in `changes` and `left` once it was read.
    The result depends on seed and ids alone, so it may be asked for twice and from several threads.
    """

    def __init__(
        self,
        reader: Reader,
        plans: Sequence[MatrixPlan],
        rows: Iterable[MatrixRow],
        wish: Wish,
        settings: Settings,
    ) -> None:
        self._reader, self._wish = reader, wish
        mode: Mode = "precise" if settings.mode == "fast" else settings.mode
        self._settings = replace(settings, mode=mode, spectra=False)
        self._infos = {info.name: info for info in reader.tensors()}
        self.changes: dict[str, Change] = {}
        self.left: dict[str, Left] = {}
        self._arrays: dict[Piece, list[MatrixPlan]] = {}
        self._products: dict[str, MatrixPlan] = {}
        self._rows = {row.id: row for row in rows}
        shared = _shared(plans, self._infos)
        for plan in plans:
            if plan.id in self._rows and plan.reason is None:
                self._take(plan, shared)
        self._changing = {*self._products, *(name for name, _ in self._arrays)}
        self._stacks = {name for name, at in self._arrays if at is not None}
        self.followers = _followers(plans, self._infos)
        """Tied tensor → the tensor whose values it has."""

    def _take(self, plan: MatrixPlan, shared: set[str]) -> None:
        if plan.decoding is not None and plan.decoding.scheme == "low_rank":
            if shared.intersection(plan.sources[:2]):
                self.left[plan.id] = Left(Reason.not_editable, "a factor is part of several products")
            else:
                self._products.update(dict.fromkeys(plan.sources[:2], plan))
        elif plan.decoding is not None or self._infos[plan.sources[0]].decoded is not None:
            scheme = plan.decoding.scheme if plan.decoding is not None else self._infos[plan.name].dtype
            self.left[plan.id] = Left(Reason.not_editable, f"codes of {scheme}")
        else:
            self._arrays.setdefault((plan.sources[0], plan.at), []).append(plan)

    def touched(self, name: str) -> bool:
        """Whether matrices of the tensor are asked to change, or of that which it follows."""
        return self.followers.get(name, name) in self._changing

    def names_of(self, names: set[str]) -> dict[str, str]:
        """Matrix → the first of its tensors, of all that are to change and lie in these."""
        plans = [plan for several in self._arrays.values() for plan in several] + [*self._products.values()]
        return {plan.id: plan.sources[0] for plan in plans if plan.sources[0] in names}

    def pieces(self, name: str) -> list[Piece]:
        """What `read` is asked for, one after another, to have all of it: a stack entry by entry."""
        name = self.followers.get(name, name)
        if name in self._stacks:
            return [(name, at) for at in range(self._infos[name].shape[0])]
        return [(name, None)]

    def read(self, name: str, at: int | None = None) -> Any:
        """The tensor, or its entry `at`, in its stored type."""
        name = self.followers.get(name, name)
        if name in self._products:
            found = self._product(name)
            return found if at is None else found[at]
        if not self.touched(name):
            return self._reader.read(name, at)
        if at is None and (name, None) not in self._arrays:
            return np.stack([self._read(piece) for piece in self.pieces(name)])
        if at is not None and (name, None) in self._arrays:
            return self._read((name, None))[at]
        return self._read((name, at))

    def _read(self, piece: Piece) -> Array:
        name, at = piece
        stored = native(self._infos[name], self._reader.read(name, at))
        plans = self._arrays.get(piece, [])
        whole: Array | None = None
        for plan in plans:
            found = matrix.edited(self._wish, plan, self._rows[plan.id], stored, self._settings)
            if isinstance(found, Left):
                self.left[plan.id] = found
                continue
            values, self.changes[plan.id] = found
            if whole is None:
                whole = np.array(layouts.arrange(stored, plan.layout), order="C")
            matrices.put(plan, whole, values)
        return stored if whole is None else layouts.disarrange(whole, plans[0].layout, stored.shape)

    def _product(self, name: str) -> Array:
        plan = self._products[name]
        arrays = [native(self._infos[one], self._reader.read(one)) for one in plan.sources]
        found = products.edited(self._wish, plan, arrays, self._settings)
        place = plan.sources.index(name)
        if isinstance(found, Left):
            self.left[plan.id] = found
            return arrays[place]
        factors, self.changes[plan.id] = found
        return factors[place]


def native(info: TensorInfo, values: Any) -> Array:
    """Values in the byte order of this machine, as safetensors has it."""
    dtype = numpy_dtype(info.dtype)
    if dtype is None:
        raise TriplepointError(f"copy {info.name!r}", f"elements of type {info.dtype}", "Leave it out")
    return np.asarray(values).astype(dtype, copy=False)


def _shared(plans: Sequence[MatrixPlan], infos: dict[str, TensorInfo]) -> set[str]:
    """Factors that several products are made of, by name or by storage."""
    owners: dict[object, set[str]] = {}
    for plan in plans:
        if (
            plan.decoding is not None
            and plan.decoding.scheme == "low_rank"
            and plan.reason is not Reason.tied
        ):
            for name in plan.sources[:2]:
                owners.setdefault(infos[name].storage or name, set()).add(plan.id)
    return {name for name, info in infos.items() if len(owners.get(info.storage or name, ())) > 1}


def _followers(plans: Sequence[MatrixPlan], infos: dict[str, TensorInfo]) -> dict[str, str]:
    """Tied tensors by the plan that stands for them or, where that is a stack of several, by their storage."""
    keepers = {plan.id: plan.sources for plan in plans}
    found: dict[str, str] = {}
    for plan in plans:
        if plan.reason is not Reason.tied:
            continue
        kept = keepers.get(plan.detail or "")
        for place, name in enumerate(plan.sources):
            keeper = kept[place] if kept else _same_storage(name, infos)
            if keeper is not None and keeper != name:
                found[name] = keeper
    return found


def _same_storage(name: str, infos: dict[str, TensorInfo]) -> str | None:
    mine = infos[name]
    return next(
        (
            other.name
            for other in infos.values()
            if other.name != name and other.storage is not None and other.storage == mine.storage
        ),
        None,
    )
