"""Byte codes under names of their own: tensor subclasses that are saved in parts, and INT8 under `qweight`.

Quanto keeps `X.weight._data` and `_scale`, torchao `X._weight_qdata` and `_scale`; some exports keep `X.qweight` (I8)
and `X.scale`. One byte an entry times a float scale is decoded. Quanto's packed integers need the shape of the layer,
which is not in the file, and torchao's swizzled and packed types are told apart in the header's metadata alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from triplepoint.matrices.schemes import scaled
from triplepoint.matrices.schemes.around import FLOAT8, FLOATS, INT8, Around, Recipe, renamed, source, strange
from triplepoint.matrices.sources import Source
from triplepoint.records import TensorInfo


@dataclass(frozen=True, slots=True)
class Form:
    """Endings of the codes, of their scale, of what else belongs to them, and the name of the parameter."""

    codes: str
    scale: str
    parameter: str = ".weight"
    strange: tuple[str, ...] = ()
    """Companions of types that are not decoded."""
    activations: tuple[str, ...] = ()


_FORMS = (
    Form(
        ".weight._data",
        ".weight._scale",
        strange=(".weight._shift",),
        activations=(".input_scale", ".output_scale"),
    ),
    Form(".weight._data._data", ".weight._scale", strange=(".weight._shift",)),
    Form(
        "._weight_qdata",
        "._weight_scale",
        strange=("._weight_zero_point", "._weight_act_pre_scale", "._weight_per_tensor_scale"),
        activations=("._weight_act_quant_scale", "._weight_act_quant_zero_point"),
    ),
    Form(".qweight", ".scale", strange=(".zero", ".zero_point")),
)


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The weight of codes under one of these names that have a scale."""
    for form in _FORMS:
        if codes.name.endswith(form.codes):
            stem = codes.name.removesuffix(form.codes)
            near = around.near(stem, (form.scale, *form.strange, *form.activations))
            if near:
                parameter = renamed(codes, form.codes, form.parameter)
                if form.codes == ".qweight" and stem.endswith("weight"):
                    parameter = renamed(
                        codes, form.codes, ""
                    )  # `dw_weight.qweight`: the parameter is named in full
                return source(codes, parameter, near.values(), partial(_recipe, codes, form, near, around))
    return None


def _recipe(codes: TensorInfo, form: Form, near: dict[str, TensorInfo], around: Around) -> Recipe:
    scale = near.get(form.scale)
    if scale is None or not near.keys().isdisjoint(form.strange) or scale.dtype not in FLOATS:
        raise strange(codes, near)
    if codes.dtype != INT8 and codes.dtype not in FLOAT8:
        raise strange(codes, near)
    return scaled.weight(codes, scale, around)
