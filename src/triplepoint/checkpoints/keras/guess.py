"""What a variable's name and shape alone say, where no class is known: only what leaves no choice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Shape = tuple[int, ...]
LSTM, GRU = "in,out(input,forget,cell,output)", "in,out(update,reset,new)"
_MATRICES = {("embeddings", 2): ("Embedding", "out,in"), ("kernel", 2): ("Linear", "in,out")}
_GATES = {4: ("LSTM", LSTM), 3: ("GRU", GRU), 1: ("RNN", "in,out")}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of one variable."""

    name: str
    """`kernel`, or its number among the variables of its layer."""
    module: str | None = None
    """Class of torch that does the same."""
    layout: str | None = None
    buffer: bool = False
    scale: str | None = None
    """The variable by which codes are divided, one entry an output."""


def axes(layout: str) -> int:
    """Of how many dimensions a layout speaks."""
    return re.sub(r"\([^()]*\)", "", layout).count(",") + 1


def meaning(name: str, shapes: Mapping[str, Shape], stems: Sequence[str], *, numbered: bool) -> Meaning:
    """Of the variable `name` among the variables of its layer; `stems`: what the layer is called."""
    shape = shapes[name]
    ndim, positions = len(shape), "kernel," * (len(shape) - 2)
    if name in ("kernel", "recurrent_kernel") and ndim == 2 and "recurrent_kernel" in shapes:
        return _recurrent(name, shapes)
    if (name, ndim) in _MATRICES:
        return Meaning(name, *_MATRICES[name, ndim])
    if name in ("depthwise_kernel", "pointwise_kernel") and 3 <= ndim <= 5:
        return Meaning(name, f"Conv{ndim - 2}d", positions + ("out,out" if name[0] == "d" else "in,out"))
    if (name == "kernel" or (name == "0" and numbered)) and 3 <= ndim <= 5:
        return _kernel(name, shape, shapes.get("bias" if name == "kernel" else "1"), stems)
    return Meaning(name)


def _recurrent(name: str, shapes: Mapping[str, Shape]) -> Meaning:
    """Outputs by the width of the state are the gates."""
    state = shapes["recurrent_kernel"]
    if len(state) == 2 and state[0] and shapes[name][1] == state[1] and state[1] % state[0] == 0:
        module, layout = _GATES.get(state[1] // state[0], (None, None))
        return Meaning(name, module, layout)
    return Meaning(name)


def _kernel(name: str, shape: Shape, bias: Shape | None, stems: Sequence[str]) -> Meaning:
    """All of Keras's convolutions end in two axes of channels; the bias tells which of them are the outputs."""
    ndim, positions = len(shape), "kernel," * (len(shape) - 2)
    if ndim == 3 and bias is not None and bias == shape[1:]:
        return Meaning(name, "Linear", "in,out,out")
    if ndim == 3 and name != "kernel" and not any("conv" in stem for stem in stems):
        return Meaning(name)
    depthwise = any("depthwise" in stem or "dwconv" in stem for stem in stems)
    if depthwise or (shape[-1] == 1 and bias == shape[-2:-1] and shape[-2] > 1):
        return Meaning(name, f"Conv{ndim - 2}d", f"{positions}out,out")
    if bias == shape[-2:-1] and shape[-2] != shape[-1]:
        return Meaning(name, f"ConvTranspose{ndim - 2}d", f"{positions}out,in")
    return Meaning(name, f"Conv{ndim - 2}d", f"{positions}in,out")
