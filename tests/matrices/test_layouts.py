"""The language of layouts, against loops over every entry that say in words where it must go."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplepoint.matrices.grammar import MAX_LENGTH, LayoutError, parse, value_of
from triplepoint.matrices.layouts import Fitted, arrange, fit, flat, piece, row_of_whole, stored

SIZES = st.integers(1, 4)


def resolved(text: str, shape: tuple[int, ...], **symbols: int) -> str | None:
    found = fit(text, shape, symbols)
    return None if found is None else found.text


def fitted(text: str, shape: tuple[int, ...]) -> Fitted:
    found = fit(text, shape)
    assert found is not None
    return found


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, tuple[int, ...]]:
    """Any text of the language without parts, and a shape that it fits."""
    runs = draw(st.sampled_from([("out", "in"), ("out", "kernel"), ("out", "in", "kernel")]))
    grouped = draw(st.sampled_from([None, "out", "in"]))
    words: list[str] = []
    shape: list[int] = []
    for run in draw(st.permutations(runs)):
        for k in range(draw(st.integers(1, 2))):
            groups = draw(st.integers(2, 3)) if run == grouped and k == 0 else 1
            words.append(f"{run}/{groups}" if groups > 1 else run)
            shape.append(groups * draw(SIZES))
            if draw(st.booleans()):
                words.append("1")
                shape.append(1)
    return ",".join(words), tuple(shape)


def place(index: tuple[int, ...], text: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(slice, row, column) of one entry: axes of one name count together, the last of them fastest."""
    counts = {"group": 0, "out": 0, "in": 0, "kernel": 0}
    for position, size, word in zip(index, shape, text.split(","), strict=True):
        name, _, groups = word.partition("/")
        if name == "1":
            continue
        width = size // int(groups or 1)
        counts["group"] += position // width
        counts[name] = counts[name] * width + position % width
    if "in" not in text:
        return counts["group"], counts["out"], counts["kernel"]
    kernel = math.prod(size for size, word in zip(shape, text.split(","), strict=True) if word == "kernel")
    return counts["group"] * kernel + counts["kernel"], counts["out"], counts["in"]


@given(layouts())
def test_every_entry_lands_where_its_axes_say(case: tuple[str, tuple[int, ...]]) -> None:
    text, shape = case
    found = fitted(text, shape)
    array = np.arange(math.prod(shape)).reshape(shape)
    values = arrange(array, found.text)
    assert values.shape == (found.slices, found.rows, found.columns)
    for index in np.ndindex(*shape):
        assert values[place(index, text, shape)] == array[index]
        assert stored(found.text, shape, place(index, text, shape)) == index
    assert sorted(values.ravel()) == list(range(array.size))


@given(layouts())
def test_a_resolved_text_is_its_own_resolution(case: tuple[str, tuple[int, ...]]) -> None:
    text, shape = case
    found = fitted(text, shape)
    assert fit(found.text, shape) == found
    assert found.pooled == ("in" in text and "kernel" in text)


@given(layouts(), st.integers(1, 3), st.sampled_from(["expert", "direction"]))
def test_a_stack_is_indexed_away_by_the_reader(
    case: tuple[str, tuple[int, ...]], count: int, name: str
) -> None:
    text, shape = case
    found = fitted(f"{name},{text}", (count, *shape))
    assert found.stack == (name, count)
    array = np.arange(count * math.prod(shape)).reshape(count, *shape)
    one = fitted(text, shape)
    assert (found.rows, found.columns, found.slices) == (one.rows, one.columns, one.slices)
    for entry in range(count):
        np.testing.assert_array_equal(arrange(array[entry], found.text), arrange(array[entry], text))


@given(
    st.lists(st.tuples(st.integers(1, 3)), min_size=1, max_size=4).map(
        lambda sizes: [size for (size,) in sizes]
    ),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 2),
)
def test_pieces_take_every_row_once_group_by_group(
    sizes: list[int], groups: int, columns: int, slices: int
) -> None:
    total = sum(sizes)
    names = [f"p{k}" for k in range(len(sizes))]
    text = f"out({groups} x {','.join(f'{n}:{s}' for n, s in zip(names, sizes, strict=True))}),in,kernel"
    shape = (groups * total, columns, slices)
    found = fitted(text, shape)
    assert fit(found.text, shape) == found
    values = arrange(np.arange(math.prod(shape)).reshape(shape), found.text)
    begin, seen = 0, []
    for name, size in zip(names, sizes, strict=True):
        rows = [row for row in range(groups * total) if begin <= row % total < begin + size]
        taken = piece(values, found, name)
        np.testing.assert_array_equal(taken, values[:, rows])
        assert [row_of_whole(found, name, row) for row in range(len(rows))] == rows
        assert groups > 1 or np.shares_memory(taken, values)
        begin, seen = begin + size, seen + rows
    assert sorted(seen) == list(range(groups * total))
    with pytest.raises(KeyError):
        piece(values, found, "other")


@pytest.mark.parametrize(
    ("text", "shape", "matrices"),
    [
        ("out,in", (5, 3), "1 of 5 × 3"),
        ("in,out", (5, 3), "1 of 3 × 5"),
        ("out,in,kernel", (16, 8, 5), "5 pooled of 16 × 8"),
        ("out,in,kernel", (16, 8, 5, 2, 3), "30 pooled of 16 × 8"),  # one `kernel` for all axes that are left
        ("kernel,in,out", (5, 2, 8, 16), "10 pooled of 16 × 8"),
        ("in,out,kernel", (8, 16, 5), "5 pooled of 16 × 8"),
        ("out,in,kernel,kernel", (16, 8, 1, 1), "1 pooled of 16 × 8"),
        ("out/4,in,kernel", (16, 8, 5), "20 pooled of 4 × 8"),
        ("in/4,out,kernel", (16, 8, 5), "20 pooled of 8 × 4"),  # a transposed convolution with groups
        ("kernel,kernel,in,out/4", (3, 3, 8, 16), "36 pooled of 4 × 8"),
        ("out/4,in", (16, 8), "4 of 4 × 8"),
        ("out,1,kernel", (16, 1, 5, 2), "1 of 16 × 10"),
        ("out,kernel", (16, 4), "1 of 16 × 4"),
        ("in,out,out", (6, 2, 3), "1 of 6 × 6"),  # Keras' attention: heads by width
        ("out,out,in", (2, 3, 5), "1 of 6 × 5"),
        ("1,out,1,in,1", (1, 4, 1, 6, 1), "1 of 4 × 6"),
    ],
)
def test_what_a_layout_makes_of_a_shape(text: str, shape: tuple[int, ...], matrices: str) -> None:
    found = fitted(text, shape)
    pooled = "pooled " if found.pooled else ""
    assert f"{found.slices} {pooled}of {found.rows} × {found.columns}" == matrices


def test_groups_of_a_convolution_are_the_kernels_that_run_it() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    for transposed in (False, True):
        layer = (torch.nn.ConvTranspose1d if transposed else torch.nn.Conv1d)(6, 9, 2, groups=3, bias=False)
        values = arrange(
            layer.weight.detach().numpy(), "in/3,out,kernel" if transposed else "out/3,in,kernel"
        )
        signal = torch.randn(1, 6, 2)
        got = layer(signal).detach().numpy()[0]  # (9, positions)
        middle = 1 if transposed else 0
        for group in range(3):
            kernels = values.reshape(3, 2, 3, 2)[group]  # (positions, out, in)
            inputs = signal[0, 2 * group : 2 * group + 2].numpy()
            steps = inputs[:, ::-1] if transposed else inputs
            wanted = sum(kernels[k] @ steps[:, k] for k in range(2))
            np.testing.assert_allclose(got[3 * group : 3 * group + 3, middle], wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "shape", "symbols", "expected"),
    [
        ("out(query,key,value),in", (12, 5), {}, "out(1 x query:4,key:4,value:4),in"),
        ("out(query,key,value),in", (13, 5), {}, None),
        ("out(query:8,key:2,value:2),in", (12, 5), {}, "out(1 x query:8,key:2,value:2),in"),
        ("out(query:8,key:2,value:2),in", (24, 5), {}, None),  # twice as many rows are no second group
        ("out(* x query:8,key:2,value:2),in", (24, 5), {}, "out(2 x query:8,key:2,value:2),in"),
        ("out(* x gate:1,up:1),in", (7, 5), {}, None),
        ("out(* x query:8,key:2,value:2),in", (6, 5), {}, None),
        ("out(2 x query,key),in", (12, 5), {}, "out(2 x query:3,key:3),in"),
        ("out(5 x query,key),in", (12, 5), {}, None),
        ("out(2 x query:4,key:4),in", (12, 5), {}, None),
        ("out( 2 x query : 3 , key:3 ) , in", (12, 5), {}, "out(2 x query:3,key:3),in"),
        ("out(K x query:H/K*D,key:D,value:D),in", (24, 5), {"H": 4, "K": 2, "D": 4}, None),
        (
            "out(K x query:H/K*D,key:D,value:D),in",
            (24, 5),
            {"H": 8, "K": 2, "D": 2},
            "out(2 x query:8,key:2,value:2),in",
        ),
        ("out(query:H*D),in", (12, 5), {"H": 4}, None),
        ("out(query:H/K*D),in", (12, 5), {"H": 4, "K": 3, "D": 9}, None),
        ("out,in:X", (5, 7), {"X": 7}, "out,in"),
        ("out,in:X | in:X,out", (7, 5), {"X": 7}, "in,out"),
        ("out,in:X | in:X,out", (7, 5), {}, None),
        ("out,in:X | out,in", (7, 5), {}, "out,in"),
        ("in,out(key,value)", (3, 8), {}, "in,out(1 x key:4,value:4)"),
        ("expert,in,out(* x gate:1,up:1)", (4, 3, 8), {}, "expert,in,out(4 x gate:1,up:1)"),
        ("out(query,key,value),out,out,in", (3, 2, 4, 5), {}, "out(1 x query:8,key:8,value:8),out,out,in"),
        ("out(2 x query,key),out,in", (2, 8, 5), {}, "out(2 x query:4,key:4),out,in"),
        ("out,in", (5,), {}, None),
        ("out,in", (5, 3, 1), {}, None),
        ("out,1,in", (5, 2, 3), {}, None),
        ("out,in", (0, 3), {}, None),
        ("out/3,in", (8, 2), {}, None),
        ("out,in,kernel", (8, 2), {}, None),
        ("out,kernel,kernel", (8, 2), {}, None),
    ],
)
def test_sizes_decide_whether_a_layout_fits(
    text: str, shape: tuple[int, ...], symbols: dict[str, int], expected: str | None
) -> None:
    assert resolved(text, shape, **symbols) == expected
    if expected is not None:
        assert resolved(expected, shape) == expected


def test_parts_of_merged_axes_are_parts_of_all_their_rows() -> None:
    array = np.arange(3 * 2 * 4 * 5).reshape(
        3, 2, 4, 5
    )  # (query, key, value) by heads by width, as JAX has them
    found = fitted("out(query,key,value),out,out,in", array.shape)
    values = arrange(array, found.text)
    for k, name in enumerate(("query", "key", "value")):
        np.testing.assert_array_equal(piece(values, found, name)[0], array[k].reshape(8, 5))


@pytest.mark.parametrize("order", ["C", "F"])
def test_whole_axes_move_without_a_copy(order: str) -> None:
    array = np.asarray(np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5), order=order)  # type: ignore[call-overload]
    assert np.shares_memory(arrange(array[0, 0], "out,in"), array)
    assert np.shares_memory(arrange(array[0, 0], "in,out"), array)
    for text in ("out,in,kernel,kernel", "kernel,kernel,in,out", "out/2,in,in,in", "in,out,out,out"):
        assert order == "F" or np.shares_memory(arrange(array, text), array), text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is none of"),
        ("out,in,", "'' is none of"),
        ("rows,in", "'rows' is none of"),
        ("out,in,2", "'2' is none of"),
        ("out/0,in", "'out/0' is none of"),
        ("out/-1,in", "none of"),
        ("out/1000000000000,in", "none of"),
        ("out,in:x", "'in:x' is none of"),
        ("out,in:", "'in:' is none of"),
        ("out,in:X**2", "none of"),
        ("out,in:9999999999999", "none of"),
        ("out,in\n,kernel;", "none of"),
        ("out(a,b", "none of"),
        ("out,in(a,b)", "only `out` can have parts"),
        ("out,in,kernel/2", "not 'kernel'"),
        ("expert/2,out,in", "not 'expert'"),
        ("out(),in", "'' is not a part"),
        ("out(a,),in", "'' is not a part"),
        ("out(a:h*d),in", "'a:h*d' is not a part"),
        ("out(1a),in", "'1a' is not a part"),
        ("out(a b),in", "'a b' is not a part"),
        ("out(a:2,b),in", "sizes for all of them or none"),
        ("out(a,a),in", "different names"),
        ("out", "it needs `out` and"),
        ("in", "it needs `out` and"),
        ("in,kernel", "it needs `out` and"),
        ("out,in,out", "each in one place"),
        ("out,kernel,in,kernel", "each in one place"),
        ("expert", "it needs"),
        ("out,expert,in", "a stack must be the first axis"),
        ("expert,direction,out,in", "a stack must be"),
        ("expert,expert,out,in", "a stack must be"),
        ("expert,1,direction,out,in", "a stack must be"),
        ("out/2,in/2,kernel", "one axis has either groups or parts"),
        ("out(a,b),in/2", "one axis has either"),
        ("out/2(a,b),in", "one axis has either"),
        ("out(a,b),out(c,d),in", "one axis has either"),
        ("out,out(a,b),in", "the first of them"),
        ("out,out/2,in", "the first of them"),
        ("out,1,out/2,in", "the first of them"),
        ("out,in" + " " * MAX_LENGTH + "x", "longer than 4,096"),
    ],
)
def test_what_is_not_understood_is_said_in_one_clause(text: str, words: str) -> None:
    with pytest.raises(LayoutError) as error:
        parse(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value).replace("\\n", "")


@given(st.text(st.sampled_from("outinkernlxp1:/*(),|HDX 09\n_٣"), max_size=30))
def test_any_text_is_a_layout_or_an_error_of_its_own(text: str) -> None:
    try:
        fit(text, (4, 6), {"H": 2, "D": 3, "X": 6})
    except LayoutError:
        return


def test_expressions_are_read_from_left_to_right_and_divide_evenly_or_not_at_all() -> None:
    symbols = {"H": 12, "K": 4, "D": 5}
    assert value_of("H/K*D", symbols) == 15
    assert value_of("3*H/K", symbols) == 9
    assert value_of("K/H*D", symbols) is None
    assert value_of("Q", symbols) is None
    assert value_of("0*H", symbols) is None
    assert value_of("64", {}) == 64


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("out,in,kernel", (8, 1, 5), "out,1,kernel"),
        ("out,in,kernel", (8, 1, 3, 3), "out,1,kernel,kernel"),
        ("kernel,kernel,in,out", (3, 3, 1, 8), "kernel,kernel,1,out"),
        ("out/8,in,kernel", (8, 1, 5), "out,1,kernel"),
        ("in,out,kernel", (8, 1, 5), "out,1,kernel"),
        ("in,out,kernel", (1, 8, 5), None),  # as a file has it, one output
        ("out,in,kernel", (1, 8, 5), None),  # one output: rarely a kernel
        ("kernel,in,out", (5, 8, 1), None),
        ("out,in,kernel", (1, 1, 5), None),
        ("out,in,kernel", (8, 1, 1), None),
        ("out,in,kernel", (8, 2, 5), None),
        ("in/8,out,kernel", (8, 1, 5), "out,1,kernel"),
        ("in/4,out,kernel", (8, 1, 5), "out,1,kernel"),
        ("in/8,out,kernel", (8, 2, 5), None),
        ("out,in", (8, 1), None),
        ("out,kernel", (8, 5), None),
    ],
)
def test_filters_of_one_channel_are_told_from_other_kernels(
    text: str, shape: tuple[int, ...], expected: str | None
) -> None:
    found = flat(fitted(text, shape), shape)
    assert (None if found is None else found.text) == expected
    if found is not None:
        assert (found.rows, found.columns, found.slices) == (8, math.prod(shape) // 8, 1)


def test_filters_hold_the_same_entries_in_every_order_of_the_axes() -> None:
    kernel = np.arange(8 * 3 * 2).reshape(8, 1, 3, 2)
    for order in ((0, 1, 2, 3), (2, 3, 1, 0), (3, 2, 1, 0), (2, 3, 0, 1), (0, 2, 3, 1)):
        words = ",".join(("out", "in", "kernel", "kernel")[k] for k in order)
        turned = kernel.transpose(order)
        found = flat(fitted(words, turned.shape), turned.shape)
        assert found is not None
        values = arrange(turned, found.text)
        assert sorted(map(tuple, np.sort(values[0]))) == sorted(map(tuple, kernel.reshape(8, 6)))
