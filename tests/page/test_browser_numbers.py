"""The pure functions of the browser against NumPy, Python and the table on the command line, in Chromium itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.page.hostile import NAMES, SCALARS, WORDS
from triplepoint.figures.palette import strength
from triplepoint.page.columns import column
from triplepoint.report.text import fixed

TYPES = {"f4": np.float32, "f8": np.float64, "i4": np.int32, "u1": np.uint8, "u2": np.uint16, "u4": np.uint32}


@pytest.mark.parametrize("type", TYPES)
def test_a_column_arrives_as_it_was_sent(js, type):
    generator = np.random.default_rng(7)
    if type.startswith("f"):
        values = np.array([0.0, -1.5, 1e-30, *generator.standard_normal(50)]).astype(TYPES[type])
    else:
        values = generator.integers(0, min(2**31, np.iinfo(TYPES[type]).max), 50).astype(TYPES[type])
    sent = column(values, type)
    came = js.evaluate("(column) => Array.from(modules.columns.decode(column))", sent)
    assert sent["t"] == type
    assert np.array_equal(np.array(came, dtype=TYPES[type]), values)


def test_a_missing_number_arrives_as_nan_and_no_column_as_null(js):
    asked = "(column) => [...modules.columns.decode(column)].map((value) => Number.isNaN(value))"
    assert js.evaluate(asked, column([1.0, None, math.inf], "f4")) == [False, True, True]
    assert js.evaluate("() => modules.columns.decode(null)") is None


def test_an_unknown_type_of_column_is_an_error(js):
    with pytest.raises(Exception, match="unknown type f2"):
        js.evaluate("() => modules.columns.decode({t: 'f2', d: ''})")


def test_growable_is_the_list_of_what_was_pushed(js):
    found = js.evaluate(
        """() => {
          const grown = new modules.columns.Growable(Float64Array, Float64Array.of(1, 2));
          const lengths = [];
          for (let k = 3; k <= 100; k++) { grown.push(k); lengths.push(grown.values.length); }
          return [[...grown.values], lengths];
        }"""
    )
    assert found == [[*range(1, 101)], [*range(3, 101)]]


def test_search_agrees_with_numpy(js):
    generator = np.random.default_rng(3)
    for size in (0, 1, 2, 17):
        values = np.sort(generator.integers(0, 40, size).astype(float))
        asked = [*generator.uniform(-5, 45, 40), *values, *(values + 0.5)]
        last, near = js.evaluate(
            """([values, asked]) => [
              asked.map((one) => modules.columns.lastAtMost(Float64Array.from(values), one)),
              asked.map((one) => modules.columns.nearest(Float64Array.from(values), one))]""",
            [values.tolist(), asked],
        )
        assert last == (np.searchsorted(values, asked, side="right") - 1).tolist()
        if size == 0:
            assert set(near) == {-1}
        else:
            distances = np.abs(values[:, None] - np.array(asked))
            assert np.array_equal(distances[near, np.arange(len(asked))], distances.min(axis=0))


def test_numbers_read_alike_in_the_browser_and_in_the_table(js):
    """Two decimals below 10, as in the columns of the table."""
    values = np.random.default_rng(1).uniform(0.1, 9.99, 300).tolist()
    came = js.evaluate("(values) => values.map((value) => modules.format.number(value))", values)
    assert came == [fixed(value) for value in values]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        (0, "0"),
        (2.414, "2.41"),
        (24.14, "24.1"),
        (1240, "1,240"),
        (1240.4, "1,240"),
        (3.1e7, "3.1e7"),
        (4.2e-5, "4.2e-5"),
        (-0.0421, "-0.042"),
    ],
)
def test_a_number_has_about_three_digits(js, value, text):
    assert js.evaluate("(value) => modules.format.number(value)", value) == text


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("percent(0.999)", "99 %"),
        ("percent(1)", "100 %"),
        ("percent(NaN)", ""),
        ("pValue(0.0004)", "< 0.001"),
        ("pValue(0.0421)", "0.042"),
        ("pValue(0.5)", "0.50"),
        ("step(12345, true)", "12.3k"),
        ("step(12345)", "12,345"),
        ("step(2500000, true)", "2.5M"),
        ("interval(2.414, 2.2, 2.63)", "2.41 [2.20, 2.63]"),
        ("interval(2.414, NaN, 2.63)", "2.41"),
        ("plural(1, 'layer')", "1 layer"),
        ("plural(2, 'layer')", "2 layers"),
        ("size(400)", "1 kB"),
        ("better({polarity: null})", ""),
        (
            "better({polarity: 'lower'})",
            "Proposed as a measure of models, lower being better; of a single layer that is no verdict.",
        ),
        ("size(2.54e6)", "2.5 MB"),
        ("ago(90)", "2 min ago"),
    ],
)
def test_words_for_numbers(js, call, text):
    assert js.evaluate(f"() => modules.format.{call}") == text


def test_a_name_is_never_longer_than_asked(js):
    names = [
        "encoder.layer.10.attention.self.query",
        "x" * 300,
        "a",
        "",
        *(one for one in NAMES if "\ud800" not in one),
    ]
    for width in (8, 24):
        short_names = js.evaluate(
            "([names, width]) => names.map((name) => modules.format.shorten(name, width))", [names, width]
        )
        assert all(len(one.encode("utf-16-le")) // 2 <= width for one in short_names)
    assert js.evaluate("() => modules.format.shorten('encoder.layer.10.attention', 100)") == (
        "encoder.layer.10.attention"
    )


def test_every_value_survives_the_address(js):
    """Set, written to the address, read from it by another page: equal, whatever the text."""
    texts = [json_safe(one) for one in (*NAMES, *SCALARS, WORDS) if one]
    found = js.evaluate(
        """(texts) => texts.map((text) => {
          const here = { hash: "" };
          const state = new modules.state.State(here, { pushState() {}, replaceState() {} });
          Object.assign(state.values, { run: text, layer: text, step: 12, againstStep: 7, search: text });
          here.hash = new URL("file:///x" + state.hash).hash;
          const again = new modules.state.State(here, { pushState() {}, replaceState() {} });
          return ["run", "layer", "search", "step", "againstStep", "view"].map((key) => again.get(key));
        })""",
        texts,
    )
    assert found == [[text, text, text, 12, 7, "overview"] for text in texts]


def json_safe(text: str) -> str:
    """A lone surrogate has no form in an address; U+FFFD takes its place."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@pytest.mark.parametrize("text", ["step=abc", "step=Infinity", "step=", "nonsense=1&step=NaN", "step=1e999"])
def test_a_step_that_is_no_number_is_no_step(js, text):
    asked = "(hash) => new modules.state.State({ hash }, {}).get('step')"
    assert js.evaluate(asked, f"#{text}") is None


def test_what_does_not_print_is_spelled_out(js):
    shown = js.evaluate("() => modules.dom.visible('a\\u0000b\\u202ec\\u200bd\\ud800e\\n\\u2028f日本')")
    assert shown == "a\\u{0}b\\u{202e}c\\u{200b}d\\u{d800}e\\u{a}\\u{2028}f日本"


def test_an_element_made_from_a_name_is_its_text(js):
    found = js.evaluate(
        """(names) => names.map((name) => {
          const made = modules.dom.h("p", { title: name, "aria-label": name }, name, [null, [name]]);
          document.body.append(made);
          made.remove();
          return [made.children.length, made.textContent === name + name, made.title === name, made.attributes.length];
        })""",
        [one for one in NAMES if "\ud800" not in one],
    )
    assert {tuple(one) for one in found} == {(0, True, True, 2)}


@pytest.mark.parametrize("code", range(7))
def test_a_colour_without_a_doubt_is_in_full_as_in_figures(js, code):
    """Noise that is called noise has no probability: it is in full colour, not in that of a doubt."""
    theme = "{ rgb: (name) => (name === '--paper' ? [255, 255, 255] : [55, 55, 55]) }"
    for confidence in (None, 1.0):
        given = "NaN" if confidence is None else confidence
        found = js.evaluate(f"() => modules.phases.rgb({code}, {given}, {theme})")
        assert found == [round(255 - 200 * strength(confidence))] * 3
    assert "100%" in js.evaluate(f"() => modules.phases.colour({code}, NaN)")


@pytest.mark.parametrize(("confidence", "text"), [(1, "99 % sure"), (0.934, "93 % sure"), ("NaN", "")])
def test_nobody_is_wholly_sure(js, confidence, text):
    """A confidence of .99999999 is 1 as a float of four bytes."""
    assert js.evaluate(f"() => modules.layer_words.sureness(2, {confidence})") == text


def test_phases_are_those_of_the_schema(js):
    from triplepoint.page.codes import PHASES, UNSEEN

    told = js.evaluate("() => modules.phases.PHASES.map(({ code, name }) => [code, name])")
    named = {("failed" if phase is None else phase.value): code for phase, code in PHASES.items()}
    assert {name: code for code, name in told} == named | {"unseen": UNSEEN}
    assert sorted(js.evaluate("() => modules.phases.GRAVEST")) == [*range(7)]
