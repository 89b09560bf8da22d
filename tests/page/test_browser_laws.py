"""The laws that the browser draws, against those of the package: closed forms, the band, bins, ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.page import chromium
from tests.page.modules import expose
from triplepoint.nulls import marchenko_pastur
from triplepoint.nulls.band import law, rigidity
from triplepoint.page import spectral_picture
from triplepoint.page.laws import band
from triplepoint.store import sketching

SHAPES = [(400, 100), (384, 384), (30522, 384), (9, 8)]


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    empty = tmp_path_factory.mktemp("laws") / "empty.html"
    empty.write_text("<!doctype html><title>laws</title>", encoding="utf-8")
    context = chromium.context(browser)
    made = context.new_page()
    made.goto(empty.as_uri())
    expose(made, "spectrum_laws", "ticks", "blocks", "rug", "spectrum_paint")
    yield made
    context.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_law_of_noise_is_that_of_the_package(page, shape):
    low, high = marchenko_pastur.edges(shape, 0.3)
    places = np.linspace(0.9 * low + 1e-6 * high, 1.1 * high, 60)
    asked = "([places, shape]) => places.map((at) => modules.spectrum_laws.marchenkoPastur(at, shape, 0.3))"
    found = page.evaluate(asked, [places.tolist(), list(shape)])
    np.testing.assert_allclose(found, marchenko_pastur.cdf(places, shape, 0.3), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_table_of_a_document_and_the_closed_form_give_one_law(page, shape):
    x, cdf = law(shape)
    layer = {"shape": list(shape), "num_eigenvalues": shape[1], "scale": 0.5}
    places = np.linspace(x[0], x[-1], 40) + math.log10(0.5 * 0.2**2)
    asked = """([layer, table, places]) => [table, null].map((one) => {
      const found = modules.spectrum_laws.noiseLaw(layer, 0.2, 0, one);
      return places.map((at) => found.below(at));
    })"""
    table = {"x": x.tolist(), "cdf": cdf.tolist()}
    of_table, closed = page.evaluate(asked, [layer, table, places.tolist()])
    np.testing.assert_allclose(of_table, closed, atol=2e-3)


def test_spikes_are_taken_out_of_the_law_of_the_bulk(page):
    layer = {"shape": [100, 400], "num_eigenvalues": 100, "scale": 0.5}
    asked = """([layer]) => {
      const found = modules.spectrum_laws.noiseLaw(layer, 0.1, 20);
      return [found.count, found.high];
    }"""
    count, high = page.evaluate(asked, [layer])
    assert count == 80
    assert 10**high == pytest.approx(0.5 * marchenko_pastur.edges((380, 80), 0.1)[1])


def test_a_product_of_factors_has_no_law(page):
    asked = "([layer]) => modules.spectrum_laws.noiseLaw(layer, 0.1, 0)"
    layer = {"shape": [100, 400], "num_eigenvalues": 16, "scale": 1.0}
    assert page.evaluate(asked, [layer]) is None
    # Of full rank its number of eigenvalues gives it away no more.
    layer = {"shape": [100, 400], "num_eigenvalues": 100, "scale": 1.0}
    assert page.evaluate(asked, [layer]) is not None
    assert page.evaluate(asked, [layer | {"factored": True}]) is None


def test_the_band_is_read_as_numpy_reads_it(page):
    expected = np.geomspace(0.02, 5000, 30)
    asked = "([table, expected]) => expected.map((one) => modules.spectrum_laws.band(table, one, 1))"
    found = np.array(page.evaluate(asked, [band(), expected.tolist()]))
    low, high = spectral_picture.band(expected)
    np.testing.assert_allclose(found, np.stack([low, high], axis=1), rtol=1e-3, atol=2e-3)


def test_counts_of_slices_stray_as_the_sum_of_independent_ones(page):
    found = page.evaluate("([table]) => modules.spectrum_laws.band(table, 90, 9)", [band()])
    variance = float(np.interp(10, rigidity().mean, rigidity().variance))
    assert found[1] - 90 == pytest.approx(0.5 + 1.96 * math.sqrt(9 * variance), rel=1e-3)
    assert 90 - found[0] == pytest.approx(found[1] - 90)


def test_bins_are_added_up_as_for_figures(page):
    generator = np.random.default_rng(3)
    sigma = np.sort(np.linalg.svd(generator.standard_normal((300, 200)), compute_uv=False))[::-1]
    binned = sketching.binned(sigma, 1.0, 0.0)
    asked = """([low, high, counts]) => {
      const found = modules.spectrum_laws.coalesced({low, high, counts: Uint32Array.from(counts)});
      return {...found, counts: [...found.counts]};
    }"""
    found = page.evaluate(asked, [binned.low, binned.high, binned.counts.tolist()])
    assert found["counts"] == spectral_picture._coarser(binned.counts).tolist()
    assert found["total"] == 200
    assert found["width"] * len(found["counts"]) == pytest.approx(binned.high - binned.low)


def test_counts_in_other_bins_are_those_of_numpy_and_keep_their_sum(page):
    counts = np.array([3, 0, 5, 8, 1, 0, 0, 2])
    spectrum = {"low": -1.3, "high": 0.7, "counts": counts.tolist()}
    asked = """([one]) => {
      const found = modules.spectrum_laws.rebinned(one, 0.31, -2);
      return {...found, counts: [...found.counts]};
    }"""
    found = page.evaluate(asked, [spectrum])
    onto = found["low"] + 0.31 * np.arange(len(found["counts"]) + 1)
    below = np.concatenate([[0], np.cumsum(counts)])
    expected = np.diff(np.interp(onto, np.linspace(-1.3, 0.7, 9), below))
    np.testing.assert_allclose(found["counts"], expected, atol=1e-12)
    assert sum(found["counts"]) == pytest.approx(counts.sum())


def test_the_fitted_tail_is_that_of_figures(page):
    line = spectral_picture.TailLine(2.4, None, None, 0.02, 5.0, 40.0)
    tail = {"alpha": 2.4, "xmin": math.log10(0.02), "count": 40}
    centres = np.geomspace(0.03, 4, 9)
    asked = "([tail, places]) => places.map((at) => modules.spectrum_laws.tailBetween(tail, at - 0.05, at + 0.05))"
    found = page.evaluate(asked, [tail, np.log10(centres).tolist()])
    np.testing.assert_allclose(found, line.counts(centres, 0.1))


def test_ranks_count_every_eigenvalue_once(page):
    values = np.sort(np.random.default_rng(5).pareto(2, 300) + 1)[::-1]
    binned = sketching.binned(np.sqrt(values), 1.0, 0.0)
    asked = """([low, high, counts, tail]) =>
      modules.spectrum_paint.rankPoints({low, high, counts, tail: Float32Array.from(tail)})"""
    points = page.evaluate(asked, [binned.low, binned.high, binned.counts.tolist(), values[:64].tolist()])
    for x, rank in points[:64]:
        assert rank == int((values >= 10**x * (1 - 1e-6)).sum())
    # Below them the height is the count above the lower edge of a bin.
    for x, rank in points[64:]:
        assert rank == int((values >= 10**x * (1 - 1e-9)).sum())
    ranks = [rank for _, rank in points]
    assert ranks == sorted(set(ranks))
    assert ranks[-1] == 300


def test_neighbouring_blocks_that_differ_in_their_number_are_one_section(page):
    blocks = ["embeddings", "embeddings", "h", "h.0", "h.0", "h.1", None, None, "10"]
    layers = [{"block": block, "label": f"layer{k}"} for k, block in enumerate(blocks)]
    asked = "([layers]) => modules.blocks.sections(layers, [...layers.keys()])"
    found = page.evaluate(asked, [layers])
    told = [(one["title"], [(block["label"], block["layers"]) for block in one["blocks"]]) for one in found]
    assert told == [
        ("embeddings", [("", [0, 1])]),
        ("h", [("", [2])]),
        ("h", [("0", [3, 4]), ("1", [5])]),
        ("layer6 …", [("", [6, 7])]),
        ("", [("10", [8])]),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-5, "10⁻⁵"),
        (12, "10¹²"),
        (-2, "0.01"),
        (math.log10(200), "200"),
        (3, "1,000"),
        (math.log10(0.05), "0.05"),
    ],
)
def test_an_axis_of_logarithms_is_read_in_plain_numbers(page, value, text):
    assert page.evaluate("(value) => modules.ticks.fromLog(value)", value) == text


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (1, "the smallest of 5"),
        (9, "the largest of 5"),
        (4, "above 50 % of layers"),
        (2, "above 25 % of layers"),
    ],
)
def test_a_place_among_the_layers_is_said_in_words(page, own, text):
    assert page.evaluate("(own) => modules.rug.standing([1, 2, 4, 7, 9], own)", own) == text


@pytest.mark.parametrize(("own", "text"), [(1, "less than 1"), (299, "more than 99"), (150, "50")])
def test_a_place_next_to_the_end_is_not_the_end(page, own, text):
    asked = "(own) => modules.rug.standing(Array.from({ length: 301 }, (_, k) => k), own)"
    assert page.evaluate(asked, own) == f"above {text} % of layers"
