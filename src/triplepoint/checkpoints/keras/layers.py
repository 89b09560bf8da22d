"""What the variables of Keras layers are called and what their axes mean, class by class.

Keras keeps inputs before outputs, `(in, out)`, and the positions of a kernel before both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from triplepoint.checkpoints.keras import einsum as keras_einsum
from triplepoint.checkpoints.keras import guess as keras_guess
from triplepoint.checkpoints.keras.guess import GRU, LSTM, Meaning, Shape
from triplepoint.checkpoints.keras.names import Owner

_COMPANIONS = ("_scale", "_zero", "_amax_history", "g_idx")
"""Ends of the names of what belongs to a quantised weight."""
_BUFFERS = frozenset({"moving_mean", "moving_variance", "vector_u", "sn_u", "wrapped_kernel"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of layers."""

    variables: tuple[str, ...]
    """In the order in which Keras 3 numbers them."""
    module: str | None = None
    layouts: Mapping[str, str] = field(default_factory=dict)
    int8: tuple[str, ...] = ()
    """The order of weights quantised to int8."""


def _kinds() -> dict[str, Kind]:
    plain, norm, cell = ("kernel", "bias"), ("gamma", "beta"), ("kernel", "recurrent_kernel", "bias")
    table = {"embeddings": "out,in", "reverse_embeddings": "in,out"}
    codes = ("embeddings", "embeddings_scale", "reverse_embeddings", "reverse_embeddings_scale")
    kinds = {
        "dense": Kind(plain, "Linear", {"kernel": "in,out"}, (*plain, "kernel_scale")),
        "einsum_dense": Kind(plain, "Linear", {"kernel": "in,out"}, (*plain, "kernel_scale")),
        "embedding": Kind(codes[:1], "Embedding", table, codes[:2]),
        "position_embedding": Kind(codes[:1], "Embedding", table),
        "reversible_embedding": Kind(codes[::2], "Embedding", table, codes),
        "batch_normalization": Kind((*norm, "moving_mean", "moving_variance")),
        "layer_normalization": Kind(norm),
        "group_normalization": Kind(norm),
        "rms_normalization": Kind(("scale",)),
        "p_re_lu": Kind(("alpha",)),
        # The first is the kernel of the wrapped layer, saved a second time.
        "spectral_normalization": Kind(("wrapped_kernel", "vector_u")),
    }
    for stem, module, gates in (("lstm", "LSTM", LSTM), ("gru", "GRU", GRU), ("simple_rnn", "RNN", "in,out")):
        kind = Kind(cell, module, dict.fromkeys(cell[:2], gates))
        kinds |= {stem: kind, f"{stem}_cell": kind, f"cu_dnn{stem}": kind}
    for axes in (1, 2, 3):
        positions, module = "kernel," * axes, f"Conv{axes}d"
        straight, depthwise = f"{positions}in,out", f"{positions}out,out"
        turned = f"{positions}out,in"
        kinds |= {
            f"conv{axes}d": Kind(plain, module, {"kernel": straight}),
            f"conv{axes}d_transpose": Kind(plain, f"ConvTranspose{axes}d", {"kernel": turned}),
            f"depthwise_conv{axes}d": Kind(
                plain, module, {"kernel": depthwise, "depthwise_kernel": depthwise}
            ),
            f"separable_conv{axes}d": Kind(
                ("depthwise_kernel", "pointwise_kernel", "bias"),
                module,
                {"depthwise_kernel": depthwise, "pointwise_kernel": straight},
            ),
            f"conv_lstm_cell_{axes}d": Kind(cell, module, dict.fromkeys(cell[:2], f"{positions}{LSTM}")),
        }
    return kinds


KINDS = _kinds()
"""By class in snake case."""


def meanings(
    owners: Sequence[Owner], stored: Mapping[str, Shape], *, numbered: bool, attention: bool, codes: str
) -> dict[str, Meaning]:
    """Of all variables of one layer, by their names as stored, or by their numbers where they are `numbered`.

    `attention`: the layer stands beside one that is called `attention_output`. `codes`: `int8` or `other` where
    its weights are integers that stand for numbers.
    """
    equation = keras_einsum.projection(owners, attention)
    kind = KINDS["einsum_dense"] if equation is not None else _kind(owners, stored)
    names = {each: each for each in stored}
    if numbered:
        order = _numbered(kind, owners, stored, codes)
        names = {each: order[int(each)] if int(each) < len(order) else each for each in stored}
    shapes = {names[each]: shape for each, shape in stored.items()}
    back = {name: each for each, name in names.items()}
    found = {}
    for each, name in names.items():
        if name in _BUFFERS or name.endswith(_COMPANIONS) or (codes == "other" and name != "kernel"):
            found[each] = Meaning(name, buffer=True)
        elif kind is None:
            stems = owners[-1].stems if owners else ()
            found[each] = keras_guess.meaning(name, shapes, stems, numbered=numbered)
        else:
            meaning = _meaning(name, shapes, kind, owners[-1].settings, equation)
            scale = back.get(meaning.scale or "") if codes == "int8" else None
            found[each] = replace(meaning, scale=scale)
    return found


def _kind(owners: Sequence[Owner], stored: Mapping[str, Shape]) -> Kind | None:
    for stem in owners[-1].stems if owners else ():
        if stem == "conv_lstm_cell":  # one class for one to three axes
            return KINDS.get(f"conv_lstm_cell_{max(map(len, stored.values())) - 2}d")
        if stem in KINDS:
            return KINDS[stem]
    return None


def _numbered(
    kind: Kind | None, owners: Sequence[Owner], stored: Mapping[str, Shape], codes: str
) -> Sequence[str]:
    """The names that stand for numbers."""
    if kind is None:
        first, second = stored.get("0", ()), stored.get("1")
        likely = len(stored) == 2 and (len(first) == 2 or len(first) > 3) and second == first[-1:]
        return ("kernel", "bias") if likely and owners else ()
    if codes == "other":
        return ()
    if codes == "int8" and kind.int8:
        order = kind.int8[: len(stored)] if kind.int8[0] == "embeddings" else kind.int8
        return order if len(order) == len(stored) else [name for name in order if name != "bias"]
    absent = {"gamma": "scale", "beta": "center", "bias": "use_bias"}
    settings = owners[-1].settings
    names = [name for name in kind.variables if settings.get(absent.get(name, "")) is not False]
    if len(stored) < len(names) and names[0] == "gamma":  # which of the two is missing is not known
        return [*map(str, range(len(stored) - len(names[2:]))), *names[2:]]
    return names


def _meaning(
    name: str, shapes: Mapping[str, Shape], kind: Kind, settings: Mapping[str, Any], equation: str | None
) -> Meaning:
    shape, layout, ordered = shapes[name], kind.layouts.get(name), True
    equation = equation or settings.get("equation")
    if kind is KINDS["einsum_dense"] and name == "kernel" and isinstance(equation, str):
        einsum = keras_einsum.read(equation, len(shape))
        layout, ordered = (einsum.layout, einsum.ordered) if einsum is not None else (None, False)
    groups = settings.get("groups")
    if layout is not None and layout.endswith("in,out") and type(groups) is int and groups > 1:
        layout = f"{layout}/{groups}"
    if layout is None or keras_guess.axes(layout) != len(shape):
        return Meaning(name, kind.module)
    scale = f"{name}_scale"
    scaled = ordered and name in kind.int8 and scale in shapes and _one_each(layout, shape, shapes[scale])
    return Meaning(name, kind.module, layout, scale=scale if scaled else None)


def _one_each(layout: str, shape: Shape, scale: Shape) -> bool:
    """Whether there is one scale for each output."""
    outputs = [side for side, word in zip(shape, layout.split(","), strict=True) if word == "out"]
    return math.prod(outputs) == math.prod(scale)
