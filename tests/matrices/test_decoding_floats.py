"""8-bit and 4-bit floats, and integers with a scale alone. Witnesses: torch's and ml_dtypes' own floats, loops."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import pytest

from tests.matrices import quantising
from triplepoint.errors import UnreadableCheckpoint
from triplepoint.matrices import decoding
from triplepoint.records import Decoding

F32 = np.float32


def decode(scheme, arrays, shape, **options):
    found = decoding.decode(Decoding(scheme, tuple(options.items())), arrays, shape)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    return found


@pytest.mark.parametrize("shape", [(256, 128), (200, 130), (5, 300)])
def test_blocks_of_fp8_with_short_blocks_at_both_edges(shape):
    values = quantising.weight(*shape)
    stored, exact = quantising.fp8(values, 128, 128)
    found = decode("scaled", list(stored.values()), shape, rows=128, columns=128)
    assert np.array_equal(found, exact)


@pytest.mark.parametrize("shape", [(), (1,), (6,), (6, 1), (1, 8), (1, 1), (6, 4), (3, 1), (3, 2)])
def test_a_scale_for_the_tensor_rows_columns_groups_and_blocks(shape):
    rng = np.random.default_rng(0)
    codes, scale = rng.integers(-128, 128, (6, 8)).astype(np.int8), rng.random(shape).astype(np.float32)
    rows, columns = (
        (2 if shape[:1] == (3,) else 0),
        ({4: 2, 2: 4}.get(shape[-1], 0) if len(shape) == 2 else 0),
    )
    found = decode("scaled", [codes, scale], (6, 8), rows=rows, columns=columns)
    full = scale.reshape(shape + (1,) * (2 - len(shape))) if len(shape) < 2 else scale
    for i in range(6):
        for j in range(8):
            entry = full[i * full.shape[0] // 6, j * full.shape[1] // 8]
            assert found[i, j] == np.float32(codes[i, j]) * entry


@pytest.mark.parametrize("type", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"])
def test_every_code_of_every_float8_has_the_value_that_torch_gives_it(type):
    torch = pytest.importorskip("torch")
    codes = np.arange(256, dtype=np.uint8)
    theirs = torch.from_numpy(codes).view(getattr(torch, type)).float().numpy()
    found = decode("scaled", [codes.view(getattr(ml_dtypes, type)), np.float32(1)], (256,))
    assert np.array_equal(found, theirs, equal_nan=True)


def test_zeros_inputs_and_a_factor():
    rng = np.random.default_rng(0)
    codes = rng.integers(-128, 128, (4, 6)).astype(np.int8)
    scale, zero = rng.random((4, 2)).astype(np.float32), rng.integers(-9, 9, (4, 2)).astype(np.int8)
    inputs, unused = rng.random(6).astype(np.float32), np.float32(7)
    found = decode(
        "scaled", [codes, scale, zero, inputs, unused], (4, 6), columns=3, zero=True, inputs=True, factor=0.5
    )
    of = [0, 0, 0, 1, 1, 1]
    wanted = (codes - zero[:, of].astype(np.float32)) * scale[:, of] * inputs * 0.5
    assert np.allclose(found, wanted, rtol=1e-6)
    assert np.array_equal(decode("scaled", [codes], (4, 6), factor=0.5), codes * np.float32(0.5))


def test_zeros_in_unsigned_bytes_are_numbers_where_such_scales_are_exponents():
    codes, zero = np.array([[3, 4]], np.uint8), np.array([[200]], np.uint8)
    found = decode("scaled", [codes, np.float32([[0.5]]), zero], (1, 2), zero=True)
    assert found.tolist() == [[-98.5, -98.0]]


def test_bytes_as_scales_are_powers_of_two_and_255_is_not_a_number():
    exponents = np.arange(256, dtype=np.uint8)
    ones = np.ones((256, 1), np.int8)
    found = decode("scaled", [ones, exponents], (256, 1))[:, 0]
    theirs = exponents.view(ml_dtypes.float8_e8m0fnu).astype(np.float32)
    assert np.array_equal(found, theirs, equal_nan=True)
    assert np.isnan(found[255])


def test_nan_and_infinite_scales_come_out_without_a_warning():
    codes = np.zeros((2, 2), np.int8)
    found = decode("scaled", [codes, np.float32([np.nan, np.inf])], (2, 2))
    assert np.isnan(found).all()
    assert np.isinf(decode("scaled", [codes + np.int8(1), np.float64([1e300, 1])], (2, 2))[0]).all()


def test_mxfp4_blocks_of_a_stack_and_of_one_entry():
    values = quantising.weight(3 * 8, 96).reshape(3, 8, 96)
    stored, exact = quantising.mxfp4(values)
    assert stored["_blocks"].shape == (3, 8, 3, 16)
    assert np.array_equal(decode("fp4", list(stored.values()), values.shape, group=32), exact)
    one = [array[1] for array in stored.values()]
    assert np.array_equal(decode("fp4", one, (8, 96), group=32), exact[1])


def test_mxfp4_has_the_values_of_the_blocks_of_gguf():
    gguf = pytest.importorskip("gguf")
    codes = np.random.default_rng(0).integers(0, 16, 32)
    # A block of GGUF: the exponent, then byte k with entry k in its low and entry k + 16 in its high bits.
    theirs = np.array([125, *(codes[:16] | codes[16:] << 4)], np.uint8)
    wanted = gguf.quants.dequantize(theirs, gguf.GGMLQuantizationType.MXFP4)
    ours = quantising.nibbles(codes, high_first=False)
    found = decode("fp4", [ours.reshape(1, 16), np.uint8([125])], (32,), group=32)
    assert np.array_equal(found, wanted.reshape(-1))


@pytest.mark.parametrize("divide", [True, False])
def test_nvfp4_with_the_scale_of_the_tensor_or_its_inverse(divide):
    values = quantising.weight(8, 64)
    stored, exact = quantising.nvfp4(values, divide=divide)
    found = decode("fp4", list(stored.values()), (8, 64), group=16, tensor="divide" if divide else "multiply")
    assert np.array_equal(found, exact)


def test_nvfp4_with_factors_of_the_inputs():
    stored, exact = quantising.nvfp4(quantising.weight(8, 64), divide=False)
    inputs = np.linspace(0.5, 2, 64, dtype=np.float32)
    arrays = [stored["weight"], stored["weight_scale"], inputs]
    found = decode("fp4", arrays, (8, 64), group=16, inputs=True, factor=2.0**-9)
    assert np.allclose(found, exact * inputs, rtol=1e-6)


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(("shape", "block"), [((24, 32), 64), ((13, 21), 16), ((1, 3), 64), ((64, 320), 16)])
def test_bitsandbytes_with_a_short_last_block_and_a_half_byte(kind, nested, shape, block):
    values = quantising.weight(*shape)
    stored, exact = quantising.bitsandbytes(values, kind, block, nested=nested)
    names = ["weight", "weight.absmax", "weight.quant_map", "weight.nested_absmax", "weight.nested_quant_map"]
    state = json.loads(stored[f"weight.quant_state.bitsandbytes__{kind}"].tobytes())
    options = {"nested": 256, "offset": state["nested_offset"]} if nested else {}
    found = decode(
        "bitsandbytes", [stored[name] for name in names if name in stored], shape, block=block, **options
    )
    assert np.array_equal(found, exact)


def test_the_codes_of_bitsandbytes_may_be_stored_as_any_type():
    values = quantising.weight(5, 13)
    for storage in (np.float32, ml_dtypes.bfloat16, np.uint8):
        stored, exact = quantising.bitsandbytes(values, storage=storage)
        arrays = [stored["weight"], stored["weight.absmax"], stored["weight.quant_map"]]
        assert np.array_equal(decode("bitsandbytes", arrays, (5, 13), block=64), exact)


def test_nested_scales_of_bitsandbytes_must_be_bytes():
    arrays = [
        np.ones(size, type) for size, type in [(24, np.uint8), (1, F32), (16, F32), (1, F32), (256, F32)]
    ]
    with pytest.raises(UnreadableCheckpoint, match="not bytes"):
        decode("bitsandbytes", arrays, (6, 8), block=64, nested=4)


@pytest.mark.parametrize(
    ("scheme", "arrays", "options", "clause"),
    [
        ("scaled", [(6, 7), (1,)], {}, "codes have shape"),
        ("scaled", [(6, 8), (5,)], {}, "5 scales for 6 entries"),
        ("scaled", [(6, 8), (6, 3)], {"columns": 4}, "3 scales for 8 entries"),
        ("scaled", [(6, 8), (1, 6, 8)], {}, "scales of shape"),
        ("scaled", [(6, 8)], {"zero": True}, "missing"),
        ("scaled", [(6, 8), (), (7,)], {"inputs": True}, "inputs have shape"),
        ("fp4", [(6, 3), (6, 1)], {"group": 8}, "bytes of codes"),
        ("fp4", [(6, 4), (6, 2)], {"group": 8}, "scales have shape"),
        ("fp4", [(6, 4)], {"group": 8}, "missing"),
        ("fp4", [(6, 4), (6, 1)], {"group": 16}, "bytes of codes"),
        ("bitsandbytes", [(23,), (1,), (16,)], {"block": 64}, "bytes of codes"),
        ("bitsandbytes", [(24,), (2,), (16,)], {"block": 64}, "block scales"),
        ("bitsandbytes", [(24,), (1,), (15,)], {"block": 64}, "values of the codes"),
        ("bitsandbytes", [(24,), (1,), (16,)], {"block": 64, "nested": 4}, "missing"),
        ("mlx", [(6, 2), (6, 1), (6, 1)], {"bits": 4, "group": 8}, "not 32-bit words"),
    ],
)
def test_arrays_that_make_up_no_weight_are_damage_in_one_clause(scheme, arrays, options, clause):
    with pytest.raises(UnreadableCheckpoint, match=clause) as caught:
        decode(scheme, [np.ones(shape, np.uint8) for shape in arrays], (6, 8), **options)
    assert "\n" not in str(caught.value)
