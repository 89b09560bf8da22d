"""Claim: TensorBoard reads what is written: numbers, spectra, alerts and configuration, under any name.

Witness: TensorBoard's own EventAccumulator.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tests.monitor.frames import HOSTILE, frame, row
from triplepoint.errors import UsageError
from triplepoint.monitor.sinks import TensorBoard
from triplepoint.monitor.sinks.series import group_of

pytest.importorskip("tensorboard")
accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder):
    found = accumulator.EventAccumulator(
        str(folder), size_guidance={"tensors": 0, "scalars": 0, "histograms": 0}
    )
    return found.Reload()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tb")
    of = row(folder)
    sink = TensorBoard(folder / "events")
    sink.begin("first", {"lr": 0.1, "note": "a|b\n<b>"})
    for at in (10, 20):
        sink.write(frame(at, HOSTILE, of))
    sink.close()
    return read(folder / "events"), of, sink.path


def test_scalars_are_read_back_at_their_steps(written):
    found, *_ = written
    losses = [(event.step, event.value) for event in found.Scalars("train_loss")]
    assert [step for step, _ in losses] == [10, 11, 20, 21]
    assert [value for _, value in losses] == pytest.approx([0.1, 0.05, 0.05, 0.025])
    assert all(math.isnan(event.value) for event in found.Scalars("spiked"))
    for name in HOSTILE:
        events = found.Scalars(f"{group_of(name)}/alpha")
        assert [(event.step, event.value) for event in events] == [(10, 13.0), (20, 23.0)]
    assert f"{group_of(HOSTILE[0])}/xmin" not in found.Tags()["scalars"]


def test_a_spectrum_is_a_histogram_of_its_log_eigenvalues(written):
    found, of, _ = written
    value = found.Histograms("spectral/layers.0.mlp/log10_eigenvalues")[0]
    logs = np.log10(of.scale * of.singular_values**2)
    histogram = value.histogram_value
    assert value.step == 10
    assert (histogram.num, histogram.min, histogram.max) == pytest.approx((40, logs.min(), logs.max()))
    assert sum(histogram.bucket) == 40
    # Cumulated, the buckets are the empirical distribution at their limits.
    below = [(logs <= limit + 1e-12).sum() for limit in histogram.bucket_limit]
    assert np.cumsum(histogram.bucket)[1:-1] == pytest.approx(below[1:-1], abs=1)
    assert histogram.bucket[0] == 0


def test_alerts_and_configuration_are_text(written):
    found, *_ = written
    texts = found.Tensors("alerts/norm_runaway")
    assert texts[0].step == 10
    said = texts[0].tensor_proto.string_val[0].decode()
    assert "the norm doubled in 10 steps" in said
    assert "(warning)" in said
    cleared = found.Tensors("alerts/loss_spike")[0].tensor_proto.string_val[0].decode()
    assert cleared.startswith("**cleared: loss")
    table = found.Tensors("configuration")[0].tensor_proto.string_val[0].decode()
    assert r"| note | a\|b \<b\> |" in table
    assert found.summary_metadata["configuration"].plugin_data.plugin_name == "text"


def test_what_was_written_is_there_before_the_end(tmp_path):
    sink = TensorBoard(tmp_path)
    sink.begin("live", {})
    sink.write(frame(3))
    assert [event.step for event in read(tmp_path).Scalars("spectral/w/alpha")] == [3]
    sink.close()


def test_looks_that_come_after_later_steps_are_kept(tmp_path):
    sink = TensorBoard(tmp_path)
    sink.begin("late", {})
    for at in (20, 10):
        sink.write(frame(at))
    sink.close()
    found = read(tmp_path)
    assert [event.step for event in found.Scalars("spectral/w/alpha")] == [20, 10]
    assert found.Tags()["tensors"] == ["alerts/norm_runaway", "alerts/loss_spike"], (
        "an empty configuration is none"
    )


def test_eigenvalues_are_scaled_and_zeros_left_out(tmp_path):
    sink = TensorBoard(tmp_path)
    sink.begin("zeros", {})
    of = replace(row(tmp_path), scale=0.5, singular_values=np.array([10.0, 2.0, 0.0]))
    sink.write(frame(1, of=of))
    sink.close()
    value = read(tmp_path).Histograms("spectral/w/log10_eigenvalues")[0].histogram_value
    assert (value.num, value.max, value.min) == pytest.approx((2, np.log10(50), np.log10(2)))


def test_two_runs_in_one_folder_keep_both(tmp_path):
    for at in (3, 4):
        sink = TensorBoard(tmp_path)
        sink.begin("one", {})
        sink.write(frame(at))
        sink.close()
    assert [event.step for event in read(tmp_path).Scalars("spectral/w/alpha")] == [3, 4]


def test_the_folder_is_that_of_the_run_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sink = TensorBoard(spectra=False)
    sink.begin("name", {})
    sink.close()
    assert sink.path.parent.resolve() == tmp_path / "runs" / "name"
    assert [path.name for path in (tmp_path / "runs" / "name").iterdir()] == [sink.path.name]


def test_no_histogram_without_a_spectrum(tmp_path):
    sink = TensorBoard(tmp_path, spectra=True)
    sink.begin("name", {})
    sink.write(frame(3))
    sink.close()
    assert read(tmp_path).Tags()["histograms"] == []
    with pytest.raises(UsageError, match="spectra"):
        TensorBoard(tmp_path, spectra="no")


def test_neither_torch_nor_tensorflow_is_loaded_for_it(tmp_path):
    code = (
        "import sys; from triplepoint.monitor.sinks import TensorBoard; s = TensorBoard(sys.argv[1]);"
        "s.begin('a', {'b': 1}); s.close(); print(sorted({'torch', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "[]"
