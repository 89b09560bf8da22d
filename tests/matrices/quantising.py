"""Slow encoders of every quantised layout, written from its public description, one entry and one bit at a time.

They share nothing with the decoders: codes are packed as whole numbers of any length, and each returns, besides the
tensors of a file, the weight that those stand for, entry by entry.
"""

from __future__ import annotations

import json
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, Any]
Tensors = dict[str, Array]


def weight(rows: int = 64, columns: int = 128, seed: int = 0) -> Array:
    """A noisy matrix with a few strong directions."""
    rng = np.random.default_rng(seed)
    strong = rng.standard_normal((rows, 3)) @ rng.standard_normal((3, columns))
    return (strong + rng.standard_normal((rows, columns))).astype(np.float32) * np.float32(0.05)


def words(codes: list[int], bits: int) -> list[int]:
    """Codes as one number, the first in the lowest bits, cut into 32-bit words."""
    total = sum(code << (k * bits) for k, code in enumerate(codes))
    return [(total >> (32 * k)) & 0xFFFFFFFF for k in range(-(-len(codes) * bits // 32))]


def pack(codes: Array, bits: int, axis: int) -> Array:
    """Integer codes (rows, columns) packed along an axis into signed words."""
    lines = codes.T if axis == 0 else codes
    packed = np.array([words([int(code) for code in line], bits) for line in lines], np.uint32).view(np.int32)
    return np.ascontiguousarray(packed.T if axis == 0 else packed)


def grid(
    values: Array, bits: int, group: int, order: list[int] | None = None
) -> tuple[Array, Array, Array, list[int]]:
    """Codes (out, in), scales (out, groups) in float16, zeros (out, groups) and the group of each input.

    Zeros are at least 1, as the first format of GPTQ needs them.
    """
    outputs, inputs = values.shape
    of = order or [i // group for i in range(inputs)]
    count, top = max(of) + 1, 2**bits - 1
    scales, zeros = np.zeros((outputs, count), np.float16), np.zeros((outputs, count), np.int64)
    codes = np.zeros(values.shape, np.int64)
    for o in range(outputs):
        for g in range(count):
            members = [i for i in range(inputs) if of[i] == g]
            low, high = float(values[o, members].min()), float(values[o, members].max())
            scales[o, g] = (high - low) / top
            zeros[o, g] = min(max(round(-low / float(scales[o, g])), 1), top)
            for i in members:
                codes[o, i] = min(max(round(float(values[o, i]) / float(scales[o, g])) + zeros[o, g], 0), top)
    return codes, scales, zeros, of


def stood_for(codes: Array, scales: Array, zeros: Array, of: list[int]) -> Array:
    """scale · (code − zero), exact in float32 for scales in float16."""
    return np.array(
        [
            [float(scales[o, of[i]]) * int(codes[o, i] - zeros[o, of[i]]) for i in range(codes.shape[1])]
            for o in range(codes.shape[0])
        ],
        np.float32,
    )


def gptq(
    values: Array, bits: int, group: int, order: list[int] | None = None, add: int = 1
) -> tuple[Tensors, Array]:
    codes, scales, zeros, of = grid(values, bits, group, order)
    tensors = {
        "qweight": pack(codes.T, bits, axis=0),
        "qzeros": pack(zeros.T - add, bits, axis=1),
        "scales": np.ascontiguousarray(scales.T),
        "g_idx": np.array(of, np.int32),
    }
    return tensors, stood_for(codes, scales, zeros, of)


def awq(values: Array, group: int) -> tuple[Tensors, Array]:
    codes, scales, zeros, of = grid(values, 4, group)

    def interleaved(lines: Array) -> Array:
        order = [0, 2, 4, 6, 1, 3, 5, 7]
        turned = [[line[8 * (k // 8) + order[k % 8]] for k in range(len(line))] for line in lines]
        return pack(np.array(turned), 4, axis=1)

    tensors = {
        "qweight": interleaved(codes.T),
        "qzeros": interleaved(zeros.T),
        "scales": np.ascontiguousarray(scales.T),
    }
    return tensors, stood_for(codes, scales, zeros, of)


def packed(values: Array, bits: int, group: int, *, symmetric: bool = False) -> tuple[Tensors, Array]:
    codes, scales, zeros, of = grid(values, bits, group)
    if symmetric:
        zeros = np.full_like(zeros, 2 ** (bits - 1))
    tensors = {
        "weight_packed": pack(codes, bits, axis=1),
        "weight_scale": scales,
        "weight_shape": np.array(values.shape, np.int64),
    }
    if not symmetric:
        tensors["weight_zero_point"] = pack(zeros, bits, axis=0)
    return tensors, stood_for(codes, scales, zeros, of)


def mlx(values: Array, bits: int, group: int) -> tuple[Tensors, Array]:
    codes, scales, zeros, of = grid(values, bits, group)
    scales32 = scales.astype(np.float32)
    tensors = {
        "weight": pack(codes, bits, axis=1).view(np.uint32),
        "scales": scales32,
        "biases": -scales32 * zeros.astype(np.float32),
    }
    return tensors, stood_for(codes, scales, zeros, of)


def nibbles(codes: Array, *, high_first: bool) -> Array:
    """Pairs of 4-bit codes along the last axis as bytes."""
    flat = [int(code) for code in codes.reshape(-1)]
    pairs = zip(flat[::2], flat[1::2], strict=True)
    joined = [(a << 4) | b if high_first else a | (b << 4) for a, b in pairs]
    return np.array(joined, np.uint8).reshape(*codes.shape[:-1], codes.shape[-1] // 2)


def nearest(values: Array, table: Array) -> Array:
    """Index of the nearest entry of a table."""
    return np.abs(values[..., None] - table).argmin(-1)


E2M1 = np.arange(16, dtype=np.uint8).view(ml_dtypes.float4_e2m1fn).astype(np.float32)
"""The values of 4-bit floats, by the library that defines the type."""


def grouped_fp4(values: Array, group: int, scale_type: Any) -> tuple[Array, Array, Array]:
    """Codes (…, in), scales (…, groups) of a type, and the weight without any further scale."""
    parts = values.reshape(*values.shape[:-1], -1, group)
    wanted = np.abs(parts).max(-1) / 6
    if scale_type is ml_dtypes.float8_e8m0fnu:
        wanted = 2.0 ** np.ceil(np.log2(wanted))
    scales = wanted.astype(scale_type)
    numbers = scales.astype(np.float32)
    codes = nearest(parts / numbers[..., None], E2M1)
    exact = E2M1[codes] * numbers[..., None]
    return codes.reshape(values.shape), scales, exact.reshape(values.shape)


def mxfp4(values: Array) -> tuple[Tensors, Array]:
    codes, scales, exact = grouped_fp4(values, 32, ml_dtypes.float8_e8m0fnu)
    blocks = nibbles(codes, high_first=False).reshape(*values.shape[:-1], -1, 16)
    return {"_blocks": blocks, "_scales": scales.view(np.uint8)}, exact


def nvfp4(values: Array, *, divide: bool) -> tuple[Tensors, Array]:
    """ModelOpt's names, or those of compressed-tensors, which stores the inverse scale of the tensor."""
    whole = np.float32(2.0**-9)
    codes, scales, exact = grouped_fp4(values / whole, 16, ml_dtypes.float8_e4m3fn)
    bytes = nibbles(codes, high_first=False)
    if divide:
        tensors = {
            "weight_packed": bytes,
            "weight_scale": scales,
            "weight_global_scale": np.array([1 / whole], np.float32),
            "input_global_scale": np.array([1.0], np.float32),
        }
    else:
        tensors = {
            "weight": bytes,
            "weight_scale": scales,
            "weight_scale_2": np.array(whole),
            "input_scale": np.array(1, np.float32),
        }
    return tensors, exact * whole


def fp8(values: Array, rows: int, columns: int) -> tuple[Tensors, Array]:
    """Blocks with a scale each, of DeepSeek."""
    tall, wide = -(-values.shape[0] // rows), -(-values.shape[1] // columns)
    scales = np.zeros((tall, wide), np.float32)
    codes = np.zeros(values.shape, ml_dtypes.float8_e4m3fn)
    exact = np.zeros(values.shape, np.float32)
    for r in range(tall):
        for c in range(wide):
            part = np.s_[r * rows : (r + 1) * rows, c * columns : (c + 1) * columns]
            scales[r, c] = np.abs(values[part]).max() / 448
            codes[part] = (values[part] / scales[r, c]).astype(ml_dtypes.float8_e4m3fn)
            exact[part] = codes[part].astype(np.float32) * scales[r, c]
    return {"weight": codes, "weight_scale_inv": scales}, exact


def int8(values: Array, name: str = "weight_scale") -> tuple[Tensors, Array]:
    """One scale a row; `SCB` is 127 times it."""
    scales = np.abs(values).max(1) / np.float32(127)
    codes = np.round(values / scales[:, None]).astype(np.int8)
    exact = np.array([[int(code) * float(s) for code in row] for row, s in zip(codes, scales, strict=True)])
    stored = scales * np.float32(127) if name == "SCB" else scales[:, None]
    return {"weight": codes, name: stored}, exact.astype(np.float32)


def bitsandbytes(
    values: Array, kind: str = "nf4", block: int = 64, *, nested: bool = False, storage: Any = np.uint8
) -> tuple[Tensors, Array]:
    """4 bits by a table, with absmax a block of the flattened weight, itself quantised where `nested`."""
    rng = np.random.default_rng(1)
    table = np.linspace(-1, 1, 16, dtype=np.float32)
    table[1:15] += rng.uniform(-0.05, 0.05, 14).astype(np.float32)
    flat = values.reshape(-1)
    absmax = np.array([np.abs(flat[k : k + block]).max() for k in range(0, flat.size, block)], np.float32)
    state: dict[str, Any] = {
        "quant_type": kind,
        "blocksize": block,
        "dtype": "bfloat16",
        "shape": list(values.shape),
    }
    tensors: Tensors = {"weight.absmax": absmax, "weight.quant_map": table}
    if nested:
        outer = np.sort(rng.uniform(-1, 1, 256)).astype(np.float32)
        offset, size = float(np.float32(0.9 * absmax.mean())), 256
        shifted = absmax - np.float32(offset)
        top = np.array([np.abs(shifted[k : k + size]).max() for k in range(0, absmax.size, size)], np.float32)
        bytes = nearest(shifted / np.repeat(top, size)[: absmax.size], outer).astype(np.uint8)
        absmax = np.array(
            [outer[int(b)] * top[k // size] + np.float32(offset) for k, b in enumerate(bytes)], np.float32
        )
        state |= {"nested_blocksize": size, "nested_dtype": "float32", "nested_offset": offset}
        tensors |= {
            "weight.absmax": bytes,
            "weight.nested_absmax": top,
            "weight.nested_quant_map": outer,
        }
    codes = nearest(flat / np.repeat(absmax, block)[: flat.size], table)
    exact = np.array([table[c] * absmax[k // block] for k, c in enumerate(codes)], np.float32)
    filled = np.concatenate([codes, np.zeros(-codes.size % (2 * np.dtype(storage).itemsize), codes.dtype)])
    tensors["weight"] = nibbles(filled, high_first=True).view(storage)[:, None]
    text = json.dumps(state).encode()
    tensors[f"weight.quant_state.bitsandbytes__{kind}"] = np.frombuffer(text, np.uint8)
    return tensors, exact.reshape(values.shape)
