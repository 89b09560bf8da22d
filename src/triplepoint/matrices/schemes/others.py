"""Quantised weights that are known by their names and not decoded: vector codes, rotations, kernels' own layouts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from triplepoint.matrices.schemes.around import Around, Undecoded, renamed, source
from triplepoint.matrices.sources import Source
from triplepoint.records import TensorInfo


@dataclass(frozen=True, slots=True)
class Scheme:
    """`codes` ends the name of the codes, `companions` replace that ending; one of them makes the group."""

    name: str
    codes: str
    companions: tuple[str, ...]


SCHEMES = (
    Scheme(
        "HQQ",
        ".W_q",
        (
            *(
                ".scale",
                ".zero",
                ".meta",
                ".nbits",
                ".group_size",
                ".shape",
                ".axis",
                ".packing",
                ".view_as_float",
            ),
            *(".quant_scale", ".quant_zero", ".compute_dtype", ".channel_wise", ".optimize", ".round_zero"),
            *(".unpack_view_dtype", ".stores_quant_config", ".encoded_state_dict", ".offload_meta"),
            *(".scale_q", ".zero_q", ".meta_scale", ".meta_zero"),
        ),
    ),
    Scheme("AQLM", ".codes", (".codebooks", ".scales")),
    Scheme(
        "VPTQ",
        ".indices",
        (".centroids.weight", ".centroids", ".res_centroids.weight", ".weight_scale", ".perm"),
    ),
    Scheme("QuIP#", ".Qidxs", (".SU", ".SV", ".Wscale", ".codebook_id", ".rcp")),
    Scheme("Marlin", ".B", (".s", ".workspace", ".s_channel", ".s_group", ".reduce_buffer")),
    Scheme(
        "EXL2",
        ".q_weight",
        (".q_scale", ".q_scale_max", ".q_groups", ".q_group_map", ".q_invperm", ".q_perm"),
    ),
    Scheme("EXL3", ".trellis", (".suh", ".svh", ".su", ".sv", ".mcg", ".mul1")),
    Scheme("SpQR", ".dense_weights", (".row_offsets", ".col_vals", ".in_perm")),
)


def claim(codes: TensorInfo, around: Around) -> Source | None:
    """The group of a scheme of the table."""
    if codes.dtype[:1] not in "IUF":
        return None
    for scheme in SCHEMES:
        if codes.name.endswith(scheme.codes):
            near = around.near(codes.name.removesuffix(scheme.codes), scheme.companions)
            if near:
                parameter = renamed(codes, scheme.codes, ".weight")
                return source(codes, parameter, near.values(), partial(_none, scheme.name))
    return None


def _none(name: str) -> NoReturn:
    raise Undecoded(f"{name} is not decoded")
