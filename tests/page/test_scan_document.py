"""Claim: the document of a scan holds what the scan holds, whatever the names and numbers in it, and is JSON.

Witness: the rows of the scan, and a histogram by NumPy.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.page import hostile, worlds
from tests.page.schema import check, of_layer
from tests.store.scans import scan as mixed
from tests.synthetic import example
from triplepoint.page import spectral_picture
from triplepoint.page.columns import column, values
from triplepoint.page.costs import cost
from triplepoint.page.layers import blocks_of
from triplepoint.page.scan_document import scan_document
from triplepoint.page.scan_spectra import scan_spectra
from triplepoint.page.wording import words
from triplepoint.records import Finding, MatrixRow, Reason, Scan, Severity, is_slice
from triplepoint.report import order
from triplepoint.report.verdict import verdict
from triplepoint.request import ScanRequest
from triplepoint.scanning import run
from triplepoint.summary import summarize

PHASES = [None, "under_trained", "well_trained", "over_trained", "undecided", "not_assessable"]


@pytest.fixture(scope="module")
def whole() -> Scan:
    return worlds.small_scan(spectra=True, randomize=1)


def with_rows(scan: Scan, rows: list[MatrixRow]) -> Scan:
    names = list(scan.summary.metrics)
    return replace(scan, matrices=tuple(rows), summary=summarize(rows, names, 0))


def test_every_row_is_a_layer_with_its_numbers(whole: Scan) -> None:
    document = check(scan_document(whole))
    assert document["kind"] == "scan"
    assert document["frame"] == 0
    assert document["verdict"] == verdict(whole)
    assert document["missing"] == []
    assert [layer["id"] for layer in document["layers"]] == [row.id for row in whole.matrices]
    for index, row in enumerate(whole.matrices):
        layer = document["layers"][index]
        assert layer["shape"] == (None if row.shape is None else list(row.shape))
        assert layer["status"] == row.status
        assert layer["reason"] == (row.reason and row.reason.value)
        assert of_layer(document, index, "steps") == [0.0]
        assert of_layer(document, index, "kinds") == [0.0]
        assert PHASES[int(of_layer(document, index, "phases")[0])] == row.phase
        confidence = math.nan if row.phase_confidence is None else row.phase_confidence
        assert of_layer(document, index, "confidence") == pytest.approx([confidence], nan_ok=True, rel=1e-6)
        for name in document["series"]:
            value = row.metrics.get(name)
            expected = math.nan if value is None else value
            assert of_layer(document, index, name) == pytest.approx([expected], nan_ok=True, rel=1e-6)
    names = {name for row in whole.matrices for name in row.metrics}
    assert {metric["name"] for metric in document["metrics"]} == names == set(document["series"])
    assert len(document["findings"]) >= 1
    for finding in document["findings"]:
        row = whole.matrices[finding["layer"]]
        assert finding["statement"] in [one.statement for one in row.findings]


def test_spectra_are_those_of_the_rows_and_of_their_shuffles(whole: Scan) -> None:
    document = check(scan_document(whole))
    for key, of in (("spectra", "singular_values"), ("shuffled", "shuffled_singular_values")):
        kept = [str(k) for k, row in enumerate(whole.matrices) if getattr(row, of) is not None]
        assert list(document[key]) == kept != []
        for index in kept:
            row = whole.matrices[int(index)]
            found = document[key][index]
            eigenvalues = row.scale * getattr(row, of) ** 2
            resolved = eigenvalues[(eigenvalues >= row.resolved_from) & (eigenvalues > 0)]
            low, high = values(found["low"])[0], values(found["high"])[0]
            assert (low, high) == pytest.approx(tuple(np.log10([resolved.min(), resolved.max()])))
            counts = values(found["counts"])
            assert counts.sum() + values(found["unresolved"])[0] == row.num_eigenvalues
            expected, _ = np.histogram(np.log10(resolved), 128, (low, high))
            assert (
                np.abs(np.cumsum(counts.astype(int)) - np.cumsum(expected)).max() <= 1
            )  # rounding at an edge
            tail = values(found["tail"])
            assert tail == pytest.approx(eigenvalues[: tail.size], rel=1e-6)
            assert tail.size >= min(64, eigenvalues.size)


def test_the_law_of_each_shape_is_there_once_with_the_larger_side_first(whole: Scan) -> None:
    shapes = {tuple(sorted(row.shape, reverse=True)) for row in whole.matrices if row.status == "ok"}
    assert set(scan_document(whole)["laws"]) == {f"{n}x{m}" for n, m in shapes}


def test_a_product_of_factors_is_told_from_a_matrix_whatever_its_rank() -> None:
    generator = np.random.default_rng(5)
    tensors = {
        f"{name}.{factor}.weight": generator.standard_normal(shape)
        for name, rank in (("thin", 8), ("full", 48))
        for factor, shape in (("lora_A", (rank, 64)), ("lora_B", (48, rank)))
    }
    tensors["plain.weight"] = generator.standard_normal((48, 64))
    scan = run(ScanRequest(source=tensors, workers=1))
    document = check(scan_document(scan))
    told = {layer["id"].partition(".")[0]: layer["factored"] for layer in document["layers"]}
    assert told == {"thin": True, "full": True, "plain": False}
    lawful = {row.id.partition(".")[0]: spectral_picture.null_law(row) is not None for row in scan.matrices}
    assert lawful == {"thin": False, "full": False, "plain": True}


def test_traps_have_their_places() -> None:
    scan = mixed()
    document = check(scan_document(scan))
    index = next(k for k, row in enumerate(scan.matrices) if row.traps)
    found = document["traps"][str(index)][0]
    trap = scan.matrices[index].traps[0]
    assert found["eigenvalue"] == trap.eigenvalue
    assert found["cause"] == trap.cause
    assert [(e["row"], e["column"]) for e in found["entries"]] == [(e.row, e.column) for e in trap.entries]


def test_what_a_scan_did_not_keep_is_said() -> None:
    bare, spectra = (worlds.small_scan(spectra=kept, randomize=0) for kept in (False, True))
    found = scan_document(bare)
    assert found["spectra"] == found["shuffled"] == {}
    assert "--spectra" in found["missing"][0]
    found = scan_document(spectra)
    assert found["shuffled"] == {} != found["spectra"]
    assert "--randomize" in found["missing"][0]


def test_a_metric_without_a_value_has_its_reason() -> None:
    scan = mixed()
    document = check(scan_document(scan))
    for index, row in enumerate(scan.matrices):
        told = document["unmeasured"].get(str(index), {})
        assert told == {name: code.value for name, code in row.metric_status.items()}
    assert all(document["reasons"][code] == Reason(code).sentence for code in document["reasons"])


def test_hostile_names_stay_what_they_are_and_every_label_is_harmless() -> None:
    scan = hostile.hostile_scan()
    document = check(scan_document(scan))
    assert [layer["id"] for layer in document["layers"]] == [row.id for row in scan.matrices]
    assert all(layer["label"].isprintable() for layer in document["layers"])
    for text in (document["verdict"], *document["missing"], *(f["statement"] for f in document["findings"])):
        assert text.isprintable()
        assert len(text) <= 2000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e60, 1e-60])
def test_numbers_that_are_none_or_too_large_cost_their_own_place_alone(whole: Scan, value: float) -> None:
    rows = [*whole.matrices]
    place = next(k for k, row in enumerate(rows) if row.status == "ok")
    finding = Finding("r", Severity.error, "a", value)
    rows[place] = replace(
        rows[place],
        metrics={**rows[place].metrics, "log_norm": value},
        phase_confidence=value,
        findings=(finding,),
    )
    document = check(scan_document(with_rows(whole, rows)))
    found = of_layer(document, place, "log_norm")
    assert found == pytest.approx([value if math.isfinite(value) else math.nan], nan_ok=True)
    assert document["findings"][0]["confidence"] == (value if math.isfinite(value) else None)
    other = next(k for k, row in enumerate(rows) if row.status == "ok" and k != place)
    assert of_layer(document, other, "log_norm") == pytest.approx([rows[other].metrics["log_norm"]], rel=1e-6)


def test_a_scan_of_nothing_and_one_of_nothing_but_vectors() -> None:
    empty = check(scan_document(run(ScanRequest(source={}, workers=1))))
    assert empty["layers"] == []
    assert "no tensors" in empty["verdict"]
    vectors = check(scan_document(run(ScanRequest(source={"a": np.zeros(3), "b": np.zeros(4)}, workers=1))))
    assert [layer["status"] for layer in vectors["layers"]] == ["skipped"] * 2
    assert vectors["missing"] == []
    assert vectors["reasons"] == {"vector": Reason.vector.sentence}


def test_an_interrupted_scan_says_so_first(whole: Scan) -> None:
    rows = [
        replace(
            row,
            status="skipped",
            reason=Reason.interrupted,
            counted=False,
            phase=None,
            metrics={},
            findings=(),
        )
        if k
        else row
        for k, row in enumerate(whole.matrices)
    ]
    scan = with_rows(whole, rows)
    document = check(scan_document(replace(scan, provenance=replace(scan.provenance, interrupted=True))))
    assert document["verdict"].startswith("Interrupted with")
    assert document["about"][0][0] == "interrupted"


def test_a_saved_scan_gives_the_same_document(whole: Scan, tmp_path) -> None:
    for scan in (whole, example()):
        scan.save(tmp_path / "scan.json")
        assert scan_document(Scan.load(tmp_path / "scan.json")) == scan_document(scan)


def test_what_does_not_fit_into_a_file_is_left_out_in_order(whole: Scan) -> None:
    large = scan_document(whole, budget=10_000_000)
    assert large == scan_document(whole)
    total, least, told = cost(large), cost(scan_document(whole, budget=1)), []
    for budget in range(total, total // 8, -total // 40):
        document = check(scan_document(whole, budget=budget))
        assert (
            cost(document) < max(budget, least) + 3_000
        )  # a gzip of the whole is no sum of those of its parts
        told += [sentence for sentence in document["missing"] if sentence not in told]
    parts = (
        "64 eigenvalues",
        "kernel slices",
        "Shuffled spectra",
        "matrices, the first",
        "no room for spectra",
    )
    places = [next(k for k, sentence in enumerate(told) if part in sentence) for part in parts]
    assert places == sorted(places)
    assert any("metrics are left out" in sentence for sentence in told)
    assert {"alpha", "alpha_low", "xmin"} <= set(document["series"])


def test_kernel_slices_lose_their_spectra_before_their_kernel() -> None:
    scan = mixed()
    slices = {str(index) for index, row in enumerate(scan.matrices) if is_slice(row) and row.status == "ok"}
    seen = set()
    for budget in range(40_000, 500, -500):
        found = scan_spectra(scan, budget)
        told = any("kernel slices" in sentence for sentence in found.missing)
        assert bool(slices & set(found.own)) == (not told and bool(found.own))
        seen.add(told)
    assert seen == {True, False}


def test_the_matrices_that_keep_their_spectra_are_the_most_worrying(whole: Scan) -> None:
    found = next(
        one
        for budget in range(6_000, 300, -200)
        if (one := scan_spectra(whole, budget))
        and any("the first of the table" in text for text in one.missing)
    )
    first = [row.id for row in order.matrices(whole) if row.status == "ok"][: len(found.own)]
    assert {whole.matrices[int(index)].id for index in found.own} == set(first) != set()


def test_blocks_end_at_the_first_whole_number() -> None:
    ids = [
        "model.layers.10.mlp.weight",
        "model.layers.10.q/query",
        "lm_head.weight",
        "0",
        "0.weight",
        "a.².b",
        "b.٣.c",
    ]
    blocks = ["model.layers.10", "model.layers.10", None, None, "0", None, None]
    assert list(blocks_of(ids).values()) == blocks


def test_a_text_is_on_one_line_and_no_longer_than_anybody_reads() -> None:
    assert words("a\n\x00\t b\x00") == "a b\\x00"
    found = words("<b>" * 10_000)
    assert len(found) == 2000
    assert found.endswith("…")
    assert words(None) == "None"


@pytest.mark.parametrize("type", ["f4", "f8", "i4", "u1", "u2", "u4"])
def test_a_column_comes_back_as_it_went_in(type) -> None:
    assert values(column([0, 1, 250], type)).tolist() == [0, 1, 250]
    assert column([0, 1, 250], type)["t"] == type


def test_a_column_holds_no_infinity_and_no_count_beyond_its_type() -> None:
    assert np.isnan(values(column([math.inf, None, math.nan], "f8"))).all()
    assert values(column([-3, 300], "u1")).tolist() == [0, 255]
    for far in (1e60, 1e-60, 1e38 * 2):
        made = column([far, 1.0], "f4")
        assert made["t"] == "f8"
        assert values(made).tolist() == [far, 1.0]
    given = np.array([1.0, np.inf])
    column(given, "f8")
    assert given.tolist() == [1.0, math.inf]  # what is handed over stays as it is
