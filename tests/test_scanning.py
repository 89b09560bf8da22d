"""Claim: a scan is never lost, and says of every tensor what became of it."""

from __future__ import annotations

import numpy as np
import pytest

from tests import synthetic
from tests.worlds import gaussian, heavy_tailed, with_singular_values
from triplepoint import analysis, facts, scan
from triplepoint.errors import UnreadableCheckpoint, UsageError
from triplepoint.records import BulkFit, MatrixRow, Noises, Phase, Reason, TensorInfo
from triplepoint.request import ScanRequest
from triplepoint.scanning import run
from triplepoint.summary import summarize


def hostile() -> dict[str, np.ndarray]:
    nan, inf = gaussian((20, 20)), gaussian((20, 20))
    nan[3, 3], inf[1, 1] = np.nan, np.inf
    return {
        "good.weight": heavy_tailed((80, 60), 3.0),
        "nan.weight": nan,
        "inf.weight": inf,
        "zero.weight": np.zeros((20, 20)),
        "one.weight": np.ones((1, 1)),
        "rank_one.weight": np.outer(np.arange(1.0, 41.0), np.ones(30)),
        "identity.weight": np.eye(30),
        "empty.weight": np.zeros((0, 20)),
        "tiny.weight": 1e-300 * gaussian((30, 20)),
        "subnormal.weight": np.full((30, 20), 5e-324),
        "huge.weight": 1e300 * gaussian((30, 20)),
        "codes.weight": np.ones((20, 20), np.int8),
        "bias": np.zeros(20),
        "\x1b[31mred\x1b[0m\n.weight": gaussian((20, 20)),
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mode", ["precise", "fast", "exact"])
def test_one_bad_tensor_never_loses_the_rest(mode):
    found = scan(hostile(), mode=mode)
    said = {row.id: (row.status, row.reason) for row in found.matrices}
    assert said.pop("good.weight") == ("ok", None)
    assert said.pop("\x1b[31mred\x1b[0m\n.weight") == ("ok", None)
    assert said == {
        "nan.weight": ("failed", "non_finite"),
        "inf.weight": ("failed", "non_finite"),
        "zero.weight": ("failed", "all_zero"),
        "one.weight": ("ok", None),
        "rank_one.weight": ("ok", None),
        "identity.weight": ("ok", None),
        "empty.weight": ("skipped", "empty"),
        "tiny.weight": ("failed", "extreme_scale"),
        "subnormal.weight": ("failed", "extreme_scale"),
        "huge.weight": ("failed", "extreme_scale"),
        "codes.weight": ("skipped", "integer"),
        "bias": ("skipped", "vector"),
    }
    assert found["rank_one.weight"].metric_status["alpha"] == "too_few_eigenvalues"
    assert found["rank_one.weight"].phase is Phase.not_assessable
    assert found["identity.weight"].metric_status["alpha"] == "degenerate_tail"
    assert found["nan.weight"].findings[0].severity == "error"


def test_means_are_over_counted_rows_only_and_carry_their_n():
    found = scan({"a": heavy_tailed((60, 50), 3.0), "b": np.ones((4, 4)), "c": np.full((30, 30), np.nan)})
    mean, n = found.summary.metrics["alpha"]
    assert (mean, n) == (found["a"].metrics["alpha"], 1)
    assert found.summary.skipped == {"non_finite": 1}


def test_a_convolution_has_a_pooled_row_and_one_a_slice():
    weights = gaussian((24, 16, 3, 3)).astype(np.float32)
    found = scan({"conv.weight": weights})
    pooled = found["conv.weight"]
    assert (pooled.kind, pooled.shape, pooled.scale, pooled.num_eigenvalues) == ("conv2d", (24, 16), 0.5, 144)
    slices = [row for row in found.matrices if row.part]
    assert [row.part for row in slices] == [f"slice.{k}" for k in range(9)]
    assert not any(row.counted for row in slices)
    one = np.linalg.svd(weights[:, :, 1, 2].astype(float), compute_uv=False)
    assert slices[5].metrics["xmax"] == pytest.approx(4.5 * one[0] ** 2, rel=1e-9)
    assert pooled.metrics["param_norm"] == pytest.approx(float((weights.astype(float) ** 2).sum()))
    assert pooled.metrics["log_norm"] == pytest.approx(np.log10(0.5 * (weights.astype(float) ** 2).sum()))
    assert pooled.phase is Phase.under_trained
    assert pooled.metric_status == {"null_z_alpha": "pooled_slices"}


def test_an_interrupt_keeps_what_was_finished():
    seen: list[MatrixRow] = []

    def stop(done: int, total: int, row: MatrixRow) -> None:
        seen.append(row)
        raise KeyboardInterrupt

    weights = {f"w{i}": gaussian((40 + i, 30)) for i in range(12)}
    found = run(ScanRequest(source=weights, workers=2), on_row=stop)
    assert found.provenance.interrupted
    assert found[seen[0].id].status == "ok"
    assert {row.reason for row in found.matrices if row.status != "ok"} == {"interrupted"}
    assert len(found.matrices) == 12


def test_a_fault_in_one_null_costs_what_needs_it_and_is_an_error_among_the_findings(monkeypatch):
    def broken(noises: Noises) -> BulkFit:
        raise ZeroDivisionError("unexpected")

    weights = {"w": gaussian((90, 70))}
    whole = scan(weights)["w"]
    monkeypatch.setattr(facts, "DERIVATIONS", {**facts.DERIVATIONS, BulkFit: broken})
    row = scan(weights)["w"]
    lost = {"bulk_sigma", "bulk_edge", "bulk_ks", "bulk_ks_p", "mp_softrank", "num_spikes"}
    assert row.metric_status == {**whole.metric_status, **dict.fromkeys(lost, Reason.internal_error)}
    assert {k: v for k, v in row.metrics.items() if k not in lost} == {
        k: v for k, v in whole.metrics.items() if k not in lost
    }
    assert row.detail == "broken: ZeroDivisionError: unexpected"
    assert (row.findings[0].rule, row.findings[0].severity) == ("internal_error", "error")
    assert row.detail in row.findings[0].statement
    assert row.spectral_class is None
    monkeypatch.setenv("TRIPLEPOINT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        scan(weights)


def test_a_fault_of_ours_is_a_row_that_names_it(monkeypatch):
    def broken(*_):
        raise TypeError("unexpected")

    monkeypatch.setattr(analysis, "decompose", broken)
    row = scan({"w": gaussian((20, 20))})["w"]
    assert (row.status, row.reason, row.detail) == ("failed", "internal_error", "TypeError: unexpected")
    monkeypatch.setenv("TRIPLEPOINT_DEBUG", "1")
    with pytest.raises(TypeError):
        scan({"w": gaussian((20, 20))})


def test_an_unreadable_tensor_is_a_row(monkeypatch):
    from triplepoint.checkpoints import memory

    def broken(self, name, at=None):
        raise OSError("the disk is gone")

    for reader in vars(memory).values():
        if isinstance(reader, type) and hasattr(reader, "read"):
            monkeypatch.setattr(reader, "read", broken)
    row = scan({"w": gaussian((20, 20))})["w"]
    assert (row.reason, row.detail) == ("unreadable", "the disk is gone")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "turbo"}, "precise, fast, exact"),
        ({"metrics": "alpa"}, "alpha"),
        ({"layers": "nothing*"}, "'w'"),
        ({"interval": "bootstrap:0"}, "bootstrap"),
        ({"interval": "jackknife"}, "bootstrap"),
        ({"workers": 0}, "from 1 on"),
        ({"seed": -1}, "from 0 on"),
        ({"seed": 1.5}, "from 0 on"),
    ],
)
def test_a_wrong_call_says_what_to_do(arguments, words):
    with pytest.raises(UsageError, match=words.replace("*", r"\*")):
        scan({"w": gaussian((20, 20))}, **arguments)


def test_excluding_patterns_and_near_names():
    found = scan({"a.w": gaussian((20, 20)), "b.w": gaussian((20, 20))}, layers=["!a.*"])
    assert [row.status for row in found.matrices] == ["skipped", "ok"]
    with pytest.raises(KeyError, match=r"b\.w"):
        found["bw"]


def test_only_the_metrics_asked_for_are_in_the_row():
    row = scan({"w": gaussian((20, 20))}, metrics=["alpha", "stable_rank"])["w"]
    assert list(row.metrics) == ["alpha", "stable_rank"]


def test_provenance_tells_what_is_needed_to_repeat():
    found = scan({"w": gaussian((20, 20))}, seed=7, mode="fast")
    provenance = found.provenance
    assert (provenance.seed, provenance.settings["mode"], provenance.format) == (7, "fast", "arrays")
    assert {"numpy", "scipy", "blas", "python"} <= set(provenance.environment)


def test_layer_patterns_reach_slices():
    weights = {"conv.weight": gaussian((24, 16, 2, 2))}
    without = scan(weights, layers="!*/slice.*")
    assert [(row.part, row.status, row.reason) for row in without.matrices] == [
        (None, "ok", None),
        *((f"slice.{k}", "skipped", "filtered") for k in range(4)),
    ]
    only = scan(weights, layers="conv.weight/slice.1")
    assert [row.status for row in only.matrices] == ["skipped", "skipped", "ok", "skipped", "skipped"]
    everything = scan(weights)
    assert only["conv.weight/slice.1"].metrics == everything["conv.weight/slice.1"].metrics


def test_what_is_wrong_with_a_kernel_counts_once():
    broken = gaussian((16, 16, 2, 2))
    broken[0, 0, 0, 0] = np.nan
    pruned = gaussian((16, 16, 2, 2))
    pruned[:, :, 1, 1] = 0
    found = scan({"broken.conv.weight": broken, "pruned.conv.weight": pruned})
    assert found.summary.skipped == {"non_finite": 1}
    assert found.summary.findings["error"] == 1
    assert found["pruned.conv.weight"].status == "ok"
    assert found["pruned.conv.weight/slice.3"].reason == "all_zero"


def test_the_count_of_discoveries_does_not_depend_on_the_metrics_asked_for():
    weights = {"a": heavy_tailed((80, 60), 3.0), "b": gaussian((80, 60))}
    for metrics in (None, ["stable_rank"]):
        summary = scan(weights, metrics=metrics).summary
        assert (summary.null_rejected, summary.null_tested) == (1, 2)


def test_an_interrupt_keeps_what_workers_finish_meanwhile():
    done: list[str] = []

    def stop(count: int, total: int, row: MatrixRow) -> None:
        raise KeyboardInterrupt

    original = analysis.analyze

    def slow(plans, read, settings):
        rows = original(plans, read, settings)
        done.append(rows[0].id)
        return rows

    weights = {f"w{i}": gaussian((300, 200), i) for i in range(10)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "analyze", slow)
        found = run(ScanRequest(source=weights, workers=2), on_row=stop)
    assert {row.id for row in found.matrices if row.status == "ok"} == set(done)


def test_a_tail_cut_short_by_single_precision_is_done_again():
    weights = {"w": with_singular_values(np.logspace(0, -2.5, 256), (2048, 256)).astype(np.float32)}
    fast, precise = scan(weights, mode="fast")["w"], scan(weights)["w"]
    assert fast.method.startswith("gram64")
    assert fast.metrics["alpha"] == pytest.approx(precise.metrics["alpha"])


def test_a_promotion_that_fails_keeps_the_first_result(monkeypatch):
    from triplepoint.linalg import memory

    matrix = gaussian((300, 40))
    matrix[:, 1] = matrix[:, 0]
    assert scan({"w": matrix})["w"].method == "svd"
    monkeypatch.setattr(memory, "fits", lambda shape, *, exact, itemsize: not exact)
    row = scan({"w": matrix})["w"]
    assert (row.status, row.method) == ("ok", "gram64+tridiagonal")


def test_overlapping_scans_give_blas_its_threads_back():
    import threading

    from threadpoolctl import threadpool_info

    from triplepoint.linalg import blas_threads

    def limits() -> list[int]:
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    scan({"w": gaussian((20, 20))})
    before = limits()
    entered, leave = threading.Event(), threading.Event()

    def second() -> None:
        with blas_threads(1):
            entered.set()
            leave.wait()

    with blas_threads(1):
        other = threading.Thread(target=second)
        other.start()
        entered.wait()
    leave.set()
    other.join()
    assert limits() == before


class Told:
    """A reader that notes what it is told of the order of reading."""

    source, format, config = "memory", "arrays", {}

    def __init__(self, arrays):
        self.arrays, self.told = arrays, []

    def tensors(self):
        return [TensorInfo(name, "F64", array.shape) for name, array in self.arrays.items()]

    def read(self, name, at=None):
        self.told.append(("read", name))
        return self.arrays[name]

    def prefetch(self, name):
        self.told.append(("prefetch", name))

    def release(self, name):
        self.told.append(("release", name))

    def digest(self):
        return "blake2b:0"


def test_the_next_matrix_is_fetched_while_one_is_worked_on_and_the_last_one_given_back(monkeypatch):
    reader = Told({name: gaussian((side, side)) for name, side in (("a", 10), ("b", 40), ("c", 20))})
    reader.arrays["bias"] = np.ones(4)
    monkeypatch.setattr("triplepoint.checkpoints.open", lambda *_, **__: reader)
    scan(None, workers=1)
    order = [
        ("prefetch", "c"),
        ("read", "b"),
        ("release", "b"),
        ("prefetch", "a"),
        ("read", "c"),
        ("release", "c"),
    ]
    assert reader.told == [*order, ("read", "a"), ("release", "a")]


def test_more_tensors_than_allowed_are_refused():
    with pytest.raises(UnreadableCheckpoint, match="names 3 tensors, more than the 2 allowed"):
        scan({name: np.ones((2, 2)) for name in "abc"}, max_tensors=2)


def test_a_kernel_that_is_not_counted_closes_no_gate_and_is_named():
    from triplepoint.records import Severity
    from triplepoint.report.verdict import verdict

    noise = gaussian((96, 64), seed=3)
    alone = scan({"dw.conv.weight": noise.reshape(96, 1, 64), "fc.weight": heavy_tailed((80, 60), 3.0)})
    row = alone["dw.conv.weight"]
    assert (row.phase, row.counted, row.shape) == (Phase.under_trained, False, (96, 64))
    assert {finding.severity for finding in row.findings} == {Severity.info}
    assert alone.summary.findings["warning"] == 0
    assert "1 kernel of single channels shown, not counted." in verdict(alone)
    assert scan({"fc.weight": noise}).summary.findings["warning"] == 1


def test_a_mean_of_numbers_near_the_end_of_the_range_is_finite():
    rows = [synthetic.row(f"w{i}", metrics={"xmax": 1.7e308}) for i in range(3)]
    mean, count = summarize(rows, ["xmax"], 199).metrics["xmax"]
    assert count == 3
    assert mean == pytest.approx(1.7e308)


def test_rows_beyond_all_replicas_are_counted_apart():
    # 19 replicas: p = 1/20 lies beyond all of them, 2/20 does not; 5 % is no discovery at 1 %.
    rows = [synthetic.row(f"w{i}", metrics={"replica_p": p}) for i, p in enumerate((0.05, 0.05, 0.1, 0.9))]
    found = summarize(rows, ["replica_p"], 19).replicas
    assert (found.rejected, found.tested, found.beyond) == (0, 4, 2)


def test_a_null_without_memory_says_so_and_is_no_fault(monkeypatch):
    def short(noises: Noises) -> BulkFit:
        raise MemoryError

    monkeypatch.setattr(facts, "DERIVATIONS", {**facts.DERIVATIONS, BulkFit: short})
    row = scan({"w": gaussian((90, 70))})["w"]
    assert row.metric_status["bulk_sigma"] == "out_of_memory"
    assert row.detail is None
    assert "internal_error" not in {finding.rule for finding in row.findings}
