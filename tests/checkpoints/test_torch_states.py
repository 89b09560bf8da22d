"""Claim: the weights are found wherever training code puts them, and nothing is left out that is not named in the rule.

Each case is a shape of checkpoint that a known library or script writes; the names are what its own loader would use.
"""

from __future__ import annotations

from typing import Any

import pytest

from triplepoint.checkpoints import memory
from triplepoint.checkpoints.torch.states import WRAPPERS, find
from triplepoint.checkpoints.torch.unpickling import Foreign, Refused, Sealed, Tensor

W, B, SCALAR = (
    Tensor("0", "float32", shape, stride=stride)
    for shape, stride in (((2, 2), (2, 1)), ((2,), (1,)), ((), ()))
)
STATE = {"0.weight": W, "0.bias": B}
OPTIMISER = {"state": {0: {"exp_avg": W}}, "param_groups": [{"lr": 0.1}]}
NAMES = ["0.weight", "0.bias"]


def made(label: str, state: Any) -> Foreign:
    """An object of a class that is not here."""
    one: Foreign = Sealed("Foreign", (Foreign,), {"__slots__": (), "label": label})()
    one.__setstate__(state)
    return one


def prefixed(*keys: str) -> list[str]:
    return [f"{key}.{name}" for key in keys for name in NAMES]


@pytest.mark.parametrize(
    ("saved", "names"),
    [
        (STATE, NAMES),
        (W, [""]),
        ({"state_dict": STATE, "epoch": 3, "best_acc1": SCALAR}, NAMES),
        ({"model_state_dict": STATE, "optimizer_state_dict": OPTIMISER}, NAMES),
        ({"model": STATE, "model_ema": dict(STATE), "optimizer": OPTIMISER, "scaler": {"a": W}}, NAMES),
        ({"ema": STATE, "model": {"module": dict(STATE)}}, NAMES),
        ({"ema": STATE, "model": None}, NAMES),
        ({"ema_state_dict": STATE, "step": 3}, NAMES),
        ({"params_ema": STATE}, NAMES),
        ({"params": STATE, "params_ema": dict(STATE)}, NAMES),
        ({"checkpoint": {"model": {"state_dict": STATE}}}, NAMES),
        ({"student": STATE, "teacher": STATE, "epoch": 3}, prefixed("student", "teacher")),
        ({"generator": STATE, "discriminator": STATE}, prefixed("generator", "discriminator")),
        ({"net": STATE, "head": {"w": W}, "loss": SCALAR}, [*prefixed("net"), "head.w", "loss"]),
        ({"encoder": STATE, "global_step": 3}, prefixed("encoder")),
        ({"encoder": STATE, "mean": W}, [*prefixed("encoder"), "mean"]),
        ({"weight": W, "sub": {"weight": W}}, ["weight", "sub.weight"]),
        ({"bias": B, "optimizer": OPTIMISER, "lr_scheduler": {"w": W}}, ["bias"]),
        ({"model": STATE, "confusion": W, "rng_state": B}, NAMES),
        ([STATE, OPTIMISER], prefixed("0")),
        (OPTIMISER, []),
        ({"G": made("torch.optim.adam.Adam", OPTIMISER), "H": STATE}, prefixed("H")),
        ({"args": made("argparse.Namespace", {"lr": 3}), "model": STATE}, NAMES),
        (made("mylib.Checkpoint", {"model": STATE, "epoch": 3}), NAMES),
        (made("mylib.Slots", ({"model": STATE}, {"other": 3})), NAMES),
        ({1.5: W, None: W, (1, 2): W, True: W}, ["1.5", "None", "#", "True"]),
        ({"language_model": {"embedding": {"weight": W}, "encoder": STATE}},
         ["language_model.embedding.weight", *prefixed("language_model.encoder")]),
    ],
    ids=range(27),
)  # fmt: skip
def test_the_state_dict_is_found(saved: Any, names: list[str]) -> None:
    assert [found.name for found in find(saved)] == names


def test_the_keys_that_memory_opens_come_first() -> None:
    assert WRAPPERS[:4] == memory.WRAPPERS


def test_a_module_gives_parameters_and_buffers_and_nothing_else() -> None:
    linear = made(
        "torch.nn.modules.linear.Linear", {"_parameters": {"weight": W, "bias": None}, "_modules": {}, "x": W}
    )
    norm = made("m.Norm", {
        "_parameters": {}, "_modules": {"a": linear, "b": None}, "_buffers": {"mean": B, "lost": B},
        "_non_persistent_buffers_set": {"lost"},
    })  # fmt: skip
    found = [(one.name, one.module, one.buffer) for one in find({"model": norm})]
    assert found == [("mean", "Norm", True), ("a.weight", "Linear", False)]


def test_a_module_that_holds_its_parent_ends() -> None:
    state: dict[str, Any] = {"_parameters": {"w": W}, "_modules": {}}
    module = made("m.Net", state)
    state["_modules"]["up"] = module
    assert [found.name for found in find(module)] == ["w"]


def test_one_dict_under_two_names_gives_both() -> None:
    assert [found.name for found in find({"a": STATE, "b": STATE})] == prefixed("a", "b")


def test_depth_has_an_end() -> None:
    deep: Any = {"w": W}
    for _ in range(300):
        deep = {"model": deep}
    with pytest.raises(Refused):
        find(deep)
