"""W − W_base as a checkpoint of its own: tensors are paired by name, never by place."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.checkpoints import Reader
from triplepoint.errors import UsageError
from triplepoint.matrices.names import canonical
from triplepoint.records import TensorInfo

Array = np.ndarray[Any, Any]

FLOATS = ("F64", "F32", "F16", "BF16")
NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """A reader whose float tensors are those of `model` less those of `base`, formed in float32, or float64 of such."""

    model: Reader
    base: Reader
    _pairs: Mapping[str, str]
    """Name in the model → name in the base."""
    _infos: tuple[TensorInfo, ...]

    @property
    def source(self) -> str:
        """Both names."""
        return f"{self.model.source} − {self.base.source}"

    @property
    def format(self) -> str:
        """That of the model."""
        return self.model.format

    @property
    def config(self) -> Mapping[str, Any]:
        """That of the model."""
        return self.model.config

    def tensors(self) -> Sequence[TensorInfo]:
        """Those that both have in the same shape."""
        return self._infos

    def read(self, name: str, at: int | None = None) -> Array:
        """Where it changed by less than a factor of two the difference is exact."""
        info = next(info for info in self._infos if info.name == name)
        kind = np.float64 if info.dtype == "F64" else np.float32
        minuend = np.asarray(self.model.read(name, at)).astype(kind)
        return np.asarray(minuend - np.asarray(self.base.read(self._pairs[name], at)).astype(kind))

    def prefetch(self, name: str) -> None:
        """Of both."""
        self.model.prefetch(name)
        self.base.prefetch(self._pairs[name])

    def release(self, name: str) -> None:
        """Of both."""
        self.model.release(name)
        self.base.release(self._pairs[name])

    def digest(self) -> str:
        """Of both."""
        return f"{self.model.digest()}-{self.base.digest()}"


def difference(model: Reader, base: Reader) -> Difference:
    """Pairs by canonical name; tensors without a partner are named in a warning, and none at all is a UsageError."""
    partners = {canonical(info.name): info for info in base.tensors()}
    pairs, infos, alone = {}, [], []
    for info in model.tensors():
        partner = partners.get(canonical(info.name))
        if info.dtype not in FLOATS:
            continue
        if partner is None or partner.shape != info.shape or partner.dtype not in FLOATS:
            alone.append(info.name)
            continue
        pairs[info.name] = partner.name
        wide = "F64" if "F64" in (info.dtype, partner.dtype) else "F32"
        infos.append(replace(info, dtype=wide, storage=None))
    if not infos:
        raise UsageError(
            "base_model", "no tensor has its name and shape in the model", "Pass the same architecture"
        )
    if alone:
        shown = ", ".join(alone[:NAMED]) + (" …" if len(alone) > NAMED else "")
        text = f"base_model: {len(alone)} tensors have no partner there and are left out: {shown}"
        warnings.warn(text, UserWarning, stacklevel=4)
    return Difference(model, base, pairs, tuple(infos))
