"""Small networks and data that several tests share."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import relu


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randomize(net: nn.Module, seed: int = 0, size: float = 0.5) -> nn.Module:
    """Every parameter Gaussian, every running variance uniform above ½: nothing is 0 or 1 by accident."""
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
            if name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    return net


def mlp(*widths: int, bias: bool = True) -> nn.Sequential:
    parts: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        parts += [nn.Linear(wide, narrow, bias=bias), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


class Cnn(nn.Module):
    """Convolutions with and without bias, batch normalisation before and after, a residual, pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.normal = nn.BatchNorm2d(4)
        self.down = nn.Conv2d(4, 6, 2, stride=2)
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = relu(self.bn1(self.first(x)))
        x = relu(x + self.normal(self.second(x)))
        x = relu(self.down(x))
        return self.head(x.mean(dim=(2, 3)))


class Transformer(nn.Module):
    """Tokens to logits of the next: embedding, learned positions, one block of torch, head; called by names."""

    def __init__(self, vocabulary: int = 11, width: int = 8, activation: str = "relu") -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(16, width)
        self.block = nn.TransformerEncoderLayer(
            width, 2, 12, dropout=0.1, activation=activation, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> dict:
        places = torch.arange(input_ids.shape[1])
        x = self.embedding(input_ids) + self.positions(places)
        hidden = None if attention_mask is None else attention_mask == 0
        x = self.block(x, src_key_padding_mask=hidden)
        return {"logits": self.head(self.norm(x))}


def images(count: int = 12, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = seeded(seed)
    inputs = torch.randn(count, 2, 6, 6, generator=generator)
    return [(inputs, torch.randint(3, (count,), generator=generator))]


def sentences(count: int = 6, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    generator = seeded(seed)
    tokens = torch.randint(11, (count, 5), generator=generator)
    labels = torch.randint(11, (count, 5), generator=generator)
    labels[:, -1] = -100
    return [{"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": labels}]
