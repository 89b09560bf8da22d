"""The verdict says what was found in plain words, and when nothing was found why and what to do."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings

from tests import synthetic
from tests.synthetic import failed, row, scan_of, skipped
from triplepoint.records import Phase, Reason, ReplicaDiscoveries, Scan
from triplepoint.report.verdict import CAVEAT, verdict


def test_phases_noise_and_left_out_tensors_are_counted() -> None:
    rows = [row(f"a{i}") for i in range(3)] + [row("b", 1.5, phase=Phase.over_trained)]
    rows += [skipped("bias", Reason.vector)]
    assert verdict(scan_of(rows)) == (
        "4 weight matrices: 3 well-trained, 1 over-trained; 4 of 4 differ from noise "
        "(false discovery rate 1 %). 1 tensor left out."
    )


def test_failed_matrices_and_tiny_ones_are_not_forgotten() -> None:
    tiny = row("tiny", None, phase=Phase.not_assessable, counted=False)
    text = verdict(scan_of([row("a"), failed("broken"), tiny]))
    assert "2 weight matrices: 1 well-trained, 1 failed" in text
    assert "1 matrix is too small to assess." in text


def test_slices_are_not_counted_beside_their_kernel() -> None:
    part = row("conv", part="slice.0", counted=False, phase=Phase.not_assessable)
    assert verdict(scan_of([row("conv"), part])).startswith("1 weight matrix: 1 well-trained")
    assert "too small" not in verdict(scan_of([row("conv"), part]))


def test_slices_that_failed_or_were_left_out_are_not_counted_beside_their_kernel() -> None:
    parts = [failed("conv", part=f"slice.{i}") for i in range(4)]
    text = verdict(scan_of([row("linear"), failed("conv"), *parts]))
    assert text.startswith("2 weight matrices: 1 well-trained, 1 failed;")
    left = [skipped("depthwise", Reason.filtered, part=f"slice.{i}") for i in (None, 0, 1)]
    left[0] = skipped("depthwise", Reason.filtered)
    assert verdict(scan_of([row("linear"), *left])).endswith("1 tensor left out.")


def test_the_metrics_that_were_asked_for_change_no_word_of_the_verdict() -> None:
    rows = [row("a"), row("b", 1.5, phase=Phase.over_trained)]
    few = [dataclasses.replace(entry, metrics={"alpha": entry.metrics["alpha"]}) for entry in rows]
    assert verdict(scan_of(few)) == verdict(scan_of(rows))


def test_why_nothing_is_assessable_is_known_without_the_exponent() -> None:
    def without(**changes: object) -> str:
        fields = {"phase": Phase.not_assessable, "metric_status": {}}
        blank = dataclasses.replace(row("a", None, **fields), metrics={}, **changes)  # type: ignore[arg-type]
        return verdict(scan_of([blank]))

    assert "no value for this matrix" not in without()
    assert "no power law can be fitted" in without(null_p=0.2)
    assert "single precision" not in without(metric_status={"mp_soft_rank": Reason.needs_precise})
    assert "no simulated null exists" in without(metric_status={"null_p": Reason.outside_null_table})


def test_when_nothing_is_assessable_the_reason_is_given() -> None:
    alone = row("a", None, phase=Phase.not_assessable, metric_status={"alpha": Reason.degenerate_tail})
    text = verdict(scan_of([alone]))
    assert "None can be assessed: the eigenvalues are so equal that no power law can be fitted." in text


def test_when_all_failed_it_is_said() -> None:
    text = verdict(scan_of([failed("a"), failed("b")]))
    assert text == "No result: 2 weight matrices failed. Under --fail-on this is exit code 1."


def test_nothing_to_analyse_names_the_reasons_and_the_next_step() -> None:
    rows = [skipped(f"b{i}", Reason.vector) for i in range(5)] + [skipped("q", Reason.quantized)]
    assert verdict(scan_of(rows)) == (
        "Nothing to analyse: 6 tensors, all left out (5 vector, 1 quantized). "
        "Quantised codes of a scheme that is not decoded; scan the checkpoint before quantisation. "
        "Under --fail-on this is exit code 1."
    )
    assert "--layers" in verdict(scan_of([skipped("a", Reason.filtered)]))
    assert verdict(scan_of([])) == (
        "Nothing to analyse: the checkpoint holds no tensors. Under --fail-on this is exit code 1."
    )


def test_an_interrupted_scan_says_first_that_it_is_partial() -> None:
    scan = scan_of([row("a"), skipped("b", Reason.interrupted)], interrupted=True)
    text = verdict(scan)
    assert text.startswith("Interrupted with 1 matrix still to do: what follows is partial.")
    assert "left out" not in text


def test_an_interrupt_before_the_first_result_is_not_called_nothing_to_analyse() -> None:
    scan = scan_of([skipped("a", Reason.interrupted), skipped("b", Reason.interrupted)], interrupted=True)
    assert verdict(scan) == "Interrupted before any of 2 matrices was finished."


def test_without_a_null_no_claim_about_noise_is_made() -> None:
    assert verdict(scan_of([row("a", metrics={"null_p": None})])) == "1 weight matrix: 1 well-trained."


@given(synthetic.any_scan)
@settings(max_examples=30, deadline=None)
def test_any_scan_has_a_verdict_on_one_line(scan: Scan) -> None:
    text = verdict(scan)
    assert text
    assert text.isprintable()


def test_the_wording_never_promises_a_good_model() -> None:
    assert "not whether the model is good" in CAVEAT


def test_replicas_are_told_with_their_kind_and_number() -> None:
    scan = scan_of([row("a"), row("b")], settings={"null": "signflip:199"})
    found = dataclasses.replace(scan.summary, replicas=ReplicaDiscoveries(1, 2, 1))
    text = verdict(dataclasses.replace(scan, summary=found))
    assert "(false discovery rate 1 %), 1 of 2 from 199 signflip replicas at the same rate." in text


def test_replicas_too_few_for_the_rate_are_called_so() -> None:
    # Benjamini–Hochberg at 1 % rejects 3 of 8 with p = 1/(B + 1) only from B = 8/(0.01 · 3) − 1 on.
    scan = scan_of([row("a"), row("b")], settings={"null": "signflip:199"})
    found = dataclasses.replace(scan.summary, replicas=ReplicaDiscoveries(0, 8, 3))
    text = verdict(dataclasses.replace(scan, summary=found))
    assert text.endswith(
        "; 3 of 8 lie beyond all 199 signflip replicas, too few for that rate, which needs 266."
    )


@pytest.mark.parametrize(
    ("parts", "kind"),
    [(("adapter", "adapter.a"), "product"), (("adapter", None), "signflip (adapters: product)")],
)
def test_adapters_have_replicas_of_their_own_kind(parts: tuple[str | None, ...], kind: str) -> None:
    rows = [row(f"w{i}", part=part, metrics={"replica_p": 0.5}) for i, part in enumerate(parts)]
    scan = scan_of(rows, settings={"null": "signflip:199"})
    found = dataclasses.replace(scan.summary, replicas=ReplicaDiscoveries(0, 2, 0))
    assert f", 0 of 2 from 199 {kind} replicas at" in verdict(dataclasses.replace(scan, summary=found))


def test_a_null_that_fits_no_matrix_says_why() -> None:
    status = {"replica_p": Reason.not_an_adapter}
    rows = [row("a", metrics={"null_p": 1e-9, "replica_p": None}, metric_status=status)]
    text = verdict(scan_of(rows, settings={"null": "product:199"}))
    assert text.endswith(
        "; no replicas: the null of products is for adapters; use --null signflip, shuffle or gaussian."
    )
