"""One line of the table that says what becomes of a tensor, and the facts that its conditions are held against."""

from __future__ import annotations

import re
from dataclasses import dataclass

from triplepoint.matrices.siblings import Siblings
from triplepoint.records import Reason, TensorInfo


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one tensor before its values."""

    tensor: TensorInfo
    """With the shape and type of the values as they will be arranged."""
    id: str
    siblings: Siblings
    widths: frozenset[int] = frozenset()
    """Widths of the residual stream that the configuration names."""


@dataclass(frozen=True, slots=True)
class Rule:
    """All conditions that are given must hold. Yields a reason, or a kind with the layout of the tensor."""

    why: str
    reason: Reason | None = None
    kind: str | None = None
    layout: str = "out,in"
    """See `layouts`; alternatives that need parts end with one that does not, or the tensor is left out."""
    ndim: tuple[int, int] = (0, 99)
    """Fewest and most dimensions."""
    dtype: str | None = None
    """Regular expression for the whole element type."""
    owner: str | None = None
    """Regular expression for the whole owner (`names.owner`)."""
    id: str | None = None
    """Regular expression found in the canonical id."""
    module: str | None = None
    """Regular expression for the whole class name; does not hold where the class is unknown."""
    named_or_module: bool = False
    """`id` and `owner`, or else `module`, suffices."""
    model_types: frozenset[str] | None = None
    beside: str | None = None
    """Name of something that stands in the same module as the owner."""
    gates: int | None = None
    """Gates of a recurrent weight, by the shape of its sibling."""
    inputs_first: bool | None = None
    """Whether stacked experts that fuse gate and up are (expert, in, out) rather than (expert, out, in)."""
    empty: bool = False
    buffer: bool = False
    detail: str | None = None
    """What completes the reason for the user, or says how the matrix was made; of no influence."""

    def concerns(
        self, ndim: int, dtype: str, owner: str, module: str | None, model_types: frozenset[str]
    ) -> bool:
        """Whether it can hold for a tensor of this kind, whatever its id, shape and neighbours."""
        if not self.ndim[0] <= ndim <= self.ndim[1]:
            return False
        if self.dtype is not None and re.fullmatch(self.dtype, dtype) is None:
            return False
        named = (self.owner is None or re.fullmatch(self.owner, owner) is not None) and (
            self.model_types is None or not self.model_types.isdisjoint(model_types)
        )
        if self.module is None:
            return named
        return (named or self._owns(module)) if self.named_or_module else (named and self._owns(module))

    def holds(self, facts: Facts) -> bool:
        """Whether the rule, which concerns the tensor, decides it."""
        tensor, siblings = facts.tensor, facts.siblings
        if (self.empty and tensor.size) or (self.buffer and not tensor.buffer):
            return False
        if (
            self.id is not None
            and re.search(self.id, facts.id) is None
            and not (self.named_or_module and self._owns(tensor.module))
        ):
            return False
        return (
            (self.beside is None or siblings.beside(facts.id, self.beside))
            and (self.gates is None or siblings.gates(facts.id) == self.gates)
            and (
                self.inputs_first is None
                or siblings.inputs_first(facts.id, facts.widths) is self.inputs_first
            )
        )

    def _owns(self, module: str | None) -> bool:
        return (
            module is not None and self.module is not None and re.fullmatch(self.module, module) is not None
        )
