"""How alike two networks answer: linear CKA of their outputs on the data, and on mixtures of pairs of samples.

Mixtures λx + (1 − λ)x' of the samples of a batch, λ from Beta(α, α) once a batch (mixup, Zhang et al. 2018, arXiv
1710.09412), ask for the answers where neither network was trained; with α = 16 mostly in the middle between samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from triplepoint.generalization.batches import mapped
from triplepoint.generalization.outputs import call, classified, logits_of
from triplepoint.generalization.passes import Pass
from triplepoint.linalg.cka import linear_cka
from triplepoint.records import Reason

MOST_ROWS = 10_000
"""Samples or tokens that are compared, the first; logits of 10⁴ tokens of 50 000 words take 2 GB a network."""
KEY = 0x6D78


@dataclass(frozen=True, slots=True)
class Alike:
    """A CKA, or why there is none."""

    value: float | None
    rows: int
    """Over how many samples or tokens."""
    reason: Reason | None = None
    detail: str | None = None


def output_cka(
    first: nn.Module, second: nn.Module, run: Pass, *, mixup: float | None = None, seed: int = 0
) -> Alike:
    """Of the outputs (n, classes) on the same inputs, each network as it is; `mixup` is the α of mixtures."""
    kept: list[tuple[np.ndarray[Any, Any], ...]] = []
    rows = width = 0
    generator = np.random.default_rng((KEY, seed))
    with torch.no_grad(), run.private():
        for inputs, targets in run.data:
            if rows >= MOST_ROWS:
                break
            if targets.numel() == 0:
                continue
            given = inputs
            if mixup is not None:
                size = targets.shape[0] if targets.ndim else 1
                given = _mixed(inputs, size, float(generator.beta(mixup, mixup)), generator.permutation(size))
                if given is None:
                    return Alike(None, 0, Reason.no_mixup)
            pair = []
            for net in (first, second):
                # A network may work in place.
                answer = _rows(call(net, mapped(given, torch.clone), run.forward), targets, run)
                if answer is None or answer.shape[1] != (width := width or answer.shape[1]):
                    return Alike(None, 0, Reason.undefined, "outputs that are no rows of one length")
                pair.append(answer[: MOST_ROWS - rows])
            kept.append(tuple(pair))
            rows += len(kept[-1][0])
    try:
        value = linear_cka(*(np.concatenate(parts) for parts in zip(*kept, strict=True)))
    except MemoryError:
        return Alike(None, rows, Reason.out_of_memory)
    if not np.isfinite(value):
        return Alike(None, rows, Reason.undefined, "the outputs of one do not vary or are not finite")
    return Alike(value, rows)


def _rows(output: Any, targets: torch.Tensor, run: Pass) -> np.ndarray[Any, Any] | None:
    """(n, features): the logits that count, or of what is no classification the whole output of each sample."""
    found = classified(output, targets, run.ignore_index)
    rows = logits_of(output) if found is None else found.logits
    if not isinstance(rows, torch.Tensor) or not rows.is_floating_point() or rows.ndim == 0:
        return None
    rows = rows[:, None] if rows.ndim == 1 else rows.flatten(1)
    array: np.ndarray[Any, Any] = (
        rows.float().cpu().numpy() if rows.dtype != torch.float64 else rows.cpu().numpy()
    )
    return array


def _mixed(inputs: Any, size: int, share: float, order: np.ndarray[Any, Any]) -> Any:
    """share·x + (1 − share)·x[order] of every tensor, or None where one is of indices or has another first axis."""
    fits = True
    place = torch.from_numpy(order)

    def mix(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal fits
        if not tensor.is_floating_point() or tensor.ndim == 0 or tensor.shape[0] != size:
            fits = False
            return tensor
        return share * tensor + (1.0 - share) * tensor[place.to(tensor.device)]

    mixed = mapped(inputs, mix)
    return mixed if fits else None
