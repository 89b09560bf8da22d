"""Claim: figures of a run show what was stored: each look where it was, the last one until the next."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import to_hex

from tests.figures.worlds import LAYERS, STEPS
from triplepoint.errors import UsageError
from triplepoint.figures.palette import PALEST, PHASES
from triplepoint.page import carried
from triplepoint.records import ChangePoint, ChangePoints, Phase
from triplepoint.store import RunWriter, open_run

FIRST, SECOND = LAYERS
ALPHAS = [7.0 - 0.6 * at for at in range(len(STEPS))]


def mesh(ax):
    return next(found for found in ax.collections if isinstance(found, QuadMesh))


def labelled(ax, start):
    return next(found for found in ax.lines if str(found.get_label()).startswith(start))


def test_scalars_are_the_losses_with_the_band_of_their_blocks(run):
    ax = run.plot.scalars()
    loss = labelled(ax, "train_loss")
    assert loss.get_xdata().tolist() == [*STEPS]
    assert loss.get_ydata() == pytest.approx([3.0 * 0.5**at for at in range(10)])
    assert labelled(ax, "test_loss").get_ydata()[-1] == pytest.approx(2.1)
    assert (ax.get_ylabel(), ax.get_yscale()) == ("loss", "log")
    (band,) = [c for c in ax.collections if isinstance(c, PolyCollection)][:1]
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(4.0)


def test_alerts_of_the_whole_run_stand_over_scalars_and_those_of_a_layer_over_its_metrics(run):
    assert labelled(run.plot.scalars(), "1 alert (info)").get_xdata() == [50]
    assert labelled(run.plot.trajectory("alpha", SECOND), "1 alert (warning)").get_xdata() == [70]
    assert not [f for f in run.plot.trajectory("alpha", FIRST).lines if "alert" in str(f.get_label())]


def test_scalars_are_chosen_by_name(run):
    ax = run.plot.scalars("test_loss", log=False)
    assert (len(ax.lines) - 1, ax.get_ylabel(), ax.get_yscale()) == (1, "test_loss", "linear")
    with pytest.raises(UsageError, match="Did you mean train_loss"):
        run.plot.scalars("train_los")


def test_a_trajectory_has_its_interval(run):
    ax = run.plot.trajectory("alpha", FIRST)
    assert ax.lines[0].get_ydata() == pytest.approx(ALPHAS[::2])
    band = next(c for c in ax.collections if isinstance(c, PolyCollection)).get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((ALPHAS[8] - 0.4, ALPHAS[0] + 0.4))


def test_a_scalar_is_a_trajectory_too(run):
    assert run.plot.trajectory("test_loss").lines[0].get_ydata()[0] == 3.0


def test_change_points_stand_at_their_step_with_their_interval(run):
    given = ChangePoints((ChangePoint(40, 30, 55, 5.0, 2.0, 0.001),))
    ax = run.plot.trajectory("alpha", FIRST, changes=given)
    assert labelled(ax, "1 change point").get_xdata() == [40, 40]
    spans = {(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches}
    assert (30, 55) in spans


def test_a_value_holds_until_the_next_look(run):
    ax = run.plot.heatmap("alpha")
    values = np.ma.filled(mesh(ax).get_array().reshape(2, -1), np.nan)
    assert values[0] == pytest.approx(np.repeat(ALPHAS[::2], 2))
    assert np.isnan(values[1, 0])
    assert values[1, 1:] == pytest.approx(np.repeat(ALPHAS[1::2], 2)[:-1])
    assert mesh(ax).get_coordinates()[0, :, 0].tolist() == [*STEPS, 100]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["block.0.a", "block.0.b"]


def test_metrics_without_a_value_are_refused(run):
    with pytest.raises(UsageError, match="metric 'alpa'"):
        run.plot.heatmap("alpa")


def test_phases_over_steps_are_as_strong_as_they_are_sure(run):
    colours = np.asarray(mesh(run.plot.phases()).get_array()).reshape(2, len(STEPS), 4)
    assert colours[1, 0, 3] == 0.0  # not looked at yet
    assert to_hex(colours[0, 0]) == PHASES[Phase.under_trained]
    assert to_hex(colours[1, -1]) == PHASES[Phase.over_trained]
    assert colours[0, 0, 3] == pytest.approx(PALEST + (1 - PALEST) * 0.5)
    assert colours[0, 4, 3] == pytest.approx(PALEST + (1 - PALEST) * 0.7)
    # The look at step 40 found nothing changed: the phase of step 30 still holds.
    assert colours[1, 4].tolist() == colours[1, 3].tolist()


def test_spectra_over_steps_keep_every_eigenvalue(run):
    found = carried.spectra(run.spectra(FIRST))
    assert found.counts.sum(axis=0) == pytest.approx([70.0] * 5)
    assert found.steps.tolist() == [0, 20, 40, 60, 80]
    top = [found.edges[np.flatnonzero(column)[-1] + 1] for column in found.counts.T]
    assert np.all(np.array(top) >= np.square(3.0 + 2.0 * np.arange(5)) * (1 - 1e-6))
    ax = run.plot.spectra(FIRST)
    assert labelled(ax, "xmin").get_ydata().tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]
    assert labelled(ax, "λ₊").get_ydata().tolist() == [2.0] * 5


def test_the_spectrum_of_a_step_is_that_of_the_last_look_before_it(run):
    ax = run.plot.esd(FIRST, step=30)
    assert ax.get_title(loc="left") == "block.0.a, step 20"
    assert sum(bar.get_height() for bar in ax.containers[0]) == 70
    assert (
        ax.containers[0][-1].get_x()
        < 25.0
        <= (1 + 1e-6) * sum((ax.containers[0][-1].get_x(), ax.containers[0][-1].get_width()))
    )


def test_before_the_first_look_there_is_no_spectrum(run):
    with pytest.raises(UsageError, match="at or before step 5: no whole look yet"):
        run.plot.esd(SECOND, step=5)
    with pytest.raises(UsageError, match="Did you mean"):
        run.plot.spectra("block.0.aa.weight")


def test_an_empty_run_says_what_it_lacks(tmp_path):
    RunWriter(tmp_path / "run.db").close()
    with open_run(tmp_path / "run.db") as empty:
        for draw, words in ((empty.plot.scalars, "it has none"), (empty.plot.phases, "no whole look yet")):
            with pytest.raises(UsageError, match=words):
                draw()
