"""One of several processes: who writes, and how all agree on what is gathered. torch is never imported here."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

STRIDE = 20
"""Steps between agreements: one small broadcast each, 0.1–1 ms over a network."""


@dataclass(frozen=True, slots=True)
class Processes:
    """The process group of torch, or the one process there is."""

    rank: int
    size: int
    spread: bool
    """Weights lie on several processes (DTensor): each is gathered on all of them at once."""

    @staticmethod
    def of(model: Any) -> Processes:
        """As torch.distributed stands now."""
        torch = sys.modules.get("torch")
        group = getattr(torch, "distributed", None)
        if group is None or not group.is_available() or not group.is_initialized():
            return Processes(0, 1, False)
        spread = any(hasattr(value, "full_tensor") for value in model.parameters())
        return Processes(group.get_rank(), group.get_world_size(), spread)

    @property
    def writes(self) -> bool:
        """Rank 0 keeps the run."""
        return self.rank == 0

    def agree(self, number: int) -> int:
        """The number of rank 0, on every process; all must ask at the same step."""
        torch: Any = sys.modules["torch"]
        group = torch.distributed
        device = "cuda" if group.get_backend() == "nccl" else "cpu"
        told = torch.tensor([number], device=device)
        group.broadcast(told, src=0)
        return int(told.item())
