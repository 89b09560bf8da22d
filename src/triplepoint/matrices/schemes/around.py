"""What stands around a tensor of codes: the other tensors by name, the settings of the quantisation, small values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.errors import TriplepointError
from triplepoint.matrices.sources import Read, Source
from triplepoint.records import Decoding, Reason, TensorInfo

Array = np.ndarray[Any, Any]
MAX_SMALL = 2**16
"""Entries of a companion that is read while planning: the JSON of bitsandbytes has 200 bytes, a shape two numbers."""

INT8, UINT8 = "I8", "U8"
FLOAT8 = frozenset({"F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"})
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
EXPONENTS = frozenset({"U8", "F8_E8M0"})
"""Types of scales that are powers of two; files older than the type store its bytes as U8."""


@dataclass(frozen=True, slots=True)
class Around:
    """The neighbourhood in which a scheme looks for its companions."""

    tensors: Mapping[str, TensorInfo]
    settings: Mapping[str, Any]
    """`quantization_config` of the model; empty where there is none. A claim of the file, checked against shapes."""
    read: Read
    block: tuple[int | None, int | None] = (None, None)
    """Rows and columns of a block with one scale, as the settings say."""

    def near(self, stem: str, endings: Iterable[str]) -> dict[str, TensorInfo]:
        """Those of the names `stem + ending` that are stored, by ending, in the order of `endings`."""
        tensors = self.tensors
        return {ending: tensors[stem + ending] for ending in endings if stem + ending in tensors}

    def small(self, info: TensorInfo) -> Array | None:
        """Values of a small companion; None where it is large or cannot be read."""
        return self.values(info) if info.size <= MAX_SMALL else None

    def values(self, info: TensorInfo) -> Array | None:
        """Values as a map of the file where the format allows; None where they cannot be read."""
        try:
            found: Array = self.read(info.name)
        except (KeyError, TriplepointError, OSError, ValueError):
            return None
        return found

    def word(self, key: str) -> str:
        """A setting as a lower-case word; empty where it is missing or no text."""
        value = self.settings.get(key)
        return value.lower() if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a weight is decoded."""

    names: tuple[str, ...]
    """Stored tensors in the order that the decoder takes them."""
    decoding: Decoding
    shape: tuple[int, ...]
    detail: str


class Undecoded(Exception):
    """Why there is no recipe, as one clause; it becomes the detail of the weight and goes no further."""


def source(
    codes: TensorInfo, parameter: str, group: Iterable[TensorInfo], recipe: Callable[[], Recipe]
) -> Source:
    """One weight with all tensors of its group; without a recipe it is left out as a whole.

    `parameter` is the name it stands for. Companions that the recipe does not take come last; of a stack, whose
    entries are read one by one, those that cannot be cut so stay tensors of their own.
    """
    info = codes if parameter == codes.name else replace(codes, alias=parameter)
    group = list(group)
    try:
        found = recipe()
    except Undecoded as why:
        names = (codes.name, *(one.name for one in group))
        return Source(info, names, reason=Reason.quantized, detail=str(why))
    if len(found.shape) > 2:
        group = [one for one in group if one.shape[:1] == found.shape[:1]]
    rest = tuple(one.name for one in group if one.name not in found.names)
    return Source(info, found.names + rest, found.decoding, found.shape, detail=found.detail)


def renamed(codes: TensorInfo, ending: str, new: str) -> str:
    """The parameter that the codes stand for: their alias or name with another ending."""
    name = codes.alias or codes.name
    return name.removesuffix(ending) + new if name.endswith(ending) else name


def misfit(what: str, info: TensorInfo, codes: TensorInfo) -> Undecoded:
    """For a companion of another shape."""
    return Undecoded(f"{what} of shape {info.shape} do not fit codes of shape {codes.shape}")


def strange(codes: TensorInfo, endings: Iterable[str]) -> Undecoded:
    """For a company that no rule is known for."""
    beside = ", ".join(sorted(endings))
    return Undecoded(f"{codes.dtype} codes with {beside} are not decoded")
