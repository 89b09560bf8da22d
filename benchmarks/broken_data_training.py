"""One retrain: a scaler, a perceptron d–256–128–64–1 with ReLU, and what it scores.

AdamW (10⁻³, cosine to zero, decay 0.1), batches of 256, three epochs: two seconds on one core for the 45,000 flights of
eight weeks. With eight epochs of four weeks the loss of the hold-out (.66) was worse than that of the base rate (.55).
One thread and seeded generators: the same seed gives the same bits on one machine and build of torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.broken_data_flights import Rows

Array = np.ndarray[Any, Any]
HIDDEN = (256, 128, 64)
EPOCHS, BATCH = 3, 256
RATE, DECAY = 1e-3, 0.1


@dataclass(frozen=True, slots=True)
class Scaler:
    """What standardises the numbers; a missing one becomes the mean. Categories become one column a code."""

    mean: Array
    """(k,) in the units of the rows."""
    deviation: Array
    """(k,) positive."""

    def inputs(self, rows: Rows) -> Array:
        """(n, d) float32: the numbers, then the codes of each category."""
        numbers = np.nan_to_num((rows.numbers - self.mean) / self.deviation, nan=0.0)
        places = rows.categories + np.concatenate([[0], np.cumsum(rows.sizes)[:-1]])
        codes = np.zeros((len(rows), sum(rows.sizes)), dtype=np.float32)
        np.put_along_axis(codes, places, 1.0, axis=1)
        return np.concatenate([numbers.astype(np.float32), codes], axis=1)


def fit_scaler(rows: Rows) -> Scaler:
    """Means and deviations of what is there; a column that is constant or empty is only centred."""
    known = ~np.isnan(rows.numbers)
    counts = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, rows.numbers, 0.0).astype(np.float64)
    mean = values.sum(axis=0) / counts
    deviation = np.sqrt(np.sum(np.where(known, values - mean, 0.0) ** 2, axis=0) / counts)
    return Scaler(mean, np.where(deviation > 1e-6, deviation, 1.0))


@dataclass(frozen=True, slots=True)
class Retrained:
    """A network with its beginning."""

    weights: dict[str, Array]
    """`layer1.weight` (out, in) and `layer1.bias` (out,) to `layer4`, float32."""
    initial: dict[str, Array]
    train_loss: float
    """Mean cross-entropy of the last epoch, as it was logged."""
    scaler: Scaler

    def logits(self, rows: Rows) -> Array:
        """(n,) of being late."""
        hidden = self.scaler.inputs(rows)
        layers = len(self.weights) // 2
        for layer in range(1, layers + 1):
            hidden = hidden @ self.weights[f"layer{layer}.weight"].T + self.weights[f"layer{layer}.bias"]
            if layer < layers:
                hidden = np.maximum(hidden, 0.0)
        return hidden[:, 0].astype(np.float64)


def retrain(rows: Rows, scaler: Scaler, seed: int, epochs: int = EPOCHS) -> Retrained:
    """Initialisation and order of batches come from the seed. Costs 3 ms a batch."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    inputs, late = torch.from_numpy(scaler.inputs(rows)), torch.from_numpy(rows.late)
    layers = [nn.Linear(wide, narrow) for wide, narrow in pairwise((inputs.shape[1], *HIDDEN, 1))]
    network = nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])
    initial = _arrays(layers)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    steps = epochs * (len(rows) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=steps)
    losses: list[float] = []
    for _ in range(epochs):
        order = torch.randperm(len(rows))
        losses = []
        for start in range(0, len(rows) - BATCH + 1, BATCH):
            picked = order[start : start + BATCH]
            optimiser.zero_grad()
            loss: Any = nn.functional.binary_cross_entropy_with_logits(
                network(inputs[picked])[:, 0], late[picked]
            )
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
    return Retrained(_arrays(layers), initial, float(np.mean(losses)), scaler)


def cross_entropy(logits: Array, late: Array) -> float:
    """Mean of log(1 + e^(−z)) for the late and log(1 + e^z) for the others.

    >>> round(cross_entropy(np.zeros(2), np.array([0.0, 1.0])), 4)
    0.6931
    """
    return float(np.mean(np.logaddexp(0.0, np.where(late > 0, -logits, logits))))


def auc(logits: Array, late: Array) -> float:
    """How often a late flight has a higher logit than one that is not, ties half.

    >>> auc(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    0.75
    """
    from scipy.stats import rankdata

    hits = late > 0
    ranks = rankdata(logits)[hits]
    positive, negative = int(hits.sum()), int((~hits).sum())
    return float((ranks.sum() - positive * (positive + 1) / 2) / (positive * negative))


def _arrays(layers: list[Any]) -> dict[str, Array]:
    found = {}
    for place, layer in enumerate(layers, 1):
        found[f"layer{place}.weight"] = layer.weight.detach().numpy().copy()
        found[f"layer{place}.bias"] = layer.bias.detach().numpy().copy()
    return found
