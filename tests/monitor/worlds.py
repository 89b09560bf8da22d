"""Small models whose weights a test may move as it likes."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
# Two threads on matrices this small wait for each other on a busy machine.
torch.set_num_threads(1)


def mlp(seed: int = 0) -> Any:
    """784-like in small: 48 → 32 → 24 → 10."""
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(48, 32), torch.nn.ReLU(), torch.nn.Linear(32, 24), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(24, 10))


class Mixed(torch.nn.Module):  # type: ignore[misc]
    """One of each kind: dense, convolution, fused attention, embedding, tied head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.embed = torch.nn.Embedding(60, 32)
        self.attention = torch.nn.MultiheadAttention(32, 4)
        self.conv = torch.nn.Conv1d(32, 24, 3)
        self.dense = torch.nn.Linear(32, 16)
        self.head = torch.nn.Linear(32, 60, bias=False)
        self.head.weight = self.embed.weight


def train(model: Any, steps: int, seed: int = 0, lr: float = 0.1) -> Any:
    """An iterator of (step, loss) over a regression on noise."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for step in range(1, steps + 1):
        x = torch.randn(16, 48, generator=generator)
        loss = (model(x) - torch.randn(16, 10, generator=generator)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield step, loss
