"""One line of the table that says what becomes of a tensor, and the facts that its conditions are held against."""

from __future__ import annotations

import re
from dataclasses import dataclass

from triplepoint.records import Reason, TensorInfo


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one tensor before its values."""

    tensor: TensorInfo
    """With the shape and type of the values as they will be arranged."""
    id: str
    owner: str
    model_types: frozenset[str] = frozenset()
    gates: int | None = None
    """Gates of a recurrent weight, by the shape of its sibling; None elsewhere."""


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions that are given must hold. Yields a reason, or a kind with the layout of the tensor."""

    why: str
    reason: Reason | None = None
    kind: str | None = None
    layout: str = "out,in"
    """See `layouts`; alternatives that need parts end with one that does not, or the tensor is left out."""
    otherwise: Reason = Reason.unsupported_rank
    """Why the tensor is left out where the layout does not fit its shape."""
    ndim: tuple[int, int] = (0, 99)
    """Fewest and most dimensions."""
    id: str | None = None
    """Regular expression found in the canonical id."""
    owner: str | None = None
    """Regular expression for the whole owner."""
    module: str | None = None
    """Regular expression for the whole class name; does not hold where the class is unknown."""
    named_or_module: bool = False
    """`id` and `owner`, or else `module`, suffices."""
    dtype: str | None = None
    """Regular expression for the whole element type."""
    model_types: frozenset[str] | None = None
    gates: int | None = None
    empty: bool = False
    buffer: bool = False
    single: bool = False
    """The second axis has one entry and there are several kernel positions: one input channel, as in depthwise."""
    counted: bool = True
    detail: str | None = None
    """What completes the reason for the user, or says how the matrix was made; of no influence."""

    def concerns(self, ndim: int, dtype: str) -> bool:
        """Whether it can hold for any tensor of this kind."""
        return self.ndim[0] <= ndim <= self.ndim[1] and (
            self.dtype is None or re.fullmatch(self.dtype, dtype) is not None
        )

    def holds(self, facts: Facts) -> bool:
        """Whether the rule, which concerns the tensor, decides it."""
        tensor = facts.tensor
        if (
            (self.empty and tensor.size)
            or (self.buffer and not tensor.buffer)
            or (self.gates is not None and facts.gates != self.gates)
            or (self.single and not (tensor.shape[1] == 1 and tensor.size > tensor.shape[0] > 1))
        ):
            return False
        named = (
            (self.id is None or re.search(self.id, facts.id) is not None)
            and (self.owner is None or re.fullmatch(self.owner, facts.owner) is not None)
            and (self.model_types is None or not self.model_types.isdisjoint(facts.model_types))
        )
        if self.module is None:
            return named
        owned = tensor.module is not None and re.fullmatch(self.module, tensor.module) is not None
        return (named or owned) if self.named_or_module else (named and owned)
