"""What trainers call their numbers, and what the rules call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KNOWN = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "acc": "train_accuracy",
    "train_acc": "train_accuracy",
    "eval_loss": "test_loss",
    "eval_accuracy": "test_accuracy",
    "val_loss": "test_loss",
    "val_acc": "test_accuracy",
    "val_accuracy": "test_accuracy",
    "valid_loss": "test_loss",
    "validation_loss": "test_loss",
    "test_acc": "test_accuracy",
}
_SUMMARY = "train_runtime"
"""In the last entry of transformers' log, where `train_loss` is the mean over the whole training."""


def scalars_of(logged: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of one log entry under the names that the rules know; all others under their own.

    >>> scalars_of({"loss": 0.5, "eval_loss": 0.7, "learning_rate": 1e-4, "step": 3, "note": "x"})
    {'train_loss': 0.5, 'test_loss': 0.7, 'learning_rate': 0.0001}
    """
    if _SUMMARY in logged:
        return {}
    return {
        _KNOWN.get(name, name): float(value)
        for name, value in logged.items()
        if name != "step" and isinstance(name, str) and _is_number(value)
    }


def _is_number(value: object) -> bool:
    # No number of a training has 300 digits, and a float has no room for one.
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**300
    return whole or isinstance(value, float)
