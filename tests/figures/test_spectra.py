"""Claim: pictures of a spectrum show the numbers of the row and nothing else.

The witness is NumPy on the singular values, and closed forms: a power law of exponent α is a line of slope 1 − α in the
count of bins that are equally wide in log λ, and in the share above.
"""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.patches import StepPatch

import triplepoint
from tests.figures import worlds
from tests.worlds import gaussian
from triplepoint.errors import UsageError
from triplepoint.page import spectral_picture


def line(ax, start):
    """The line whose name in the legend begins so."""
    return next(found for found in ax.lines if str(found.get_label()).startswith(start))


def slope(points):
    x, y = np.log10(points.get_xdata()), np.log10(points.get_ydata())
    return (y[-1] - y[0]) / (x[-1] - x[0])


@pytest.mark.parametrize("layer", [worlds.HEAVY, worlds.NOISE, worlds.CONV, worlds.TRAP])
def test_bars_count_every_eigenvalue_where_it_lies(scan, layer):
    ax, row = scan.plot.esd(layer), scan[layer]
    eigenvalues = row.scale * row.singular_values**2
    assert sum(bar.get_height() for bar in ax.patches if not isinstance(bar, StepPatch)) == eigenvalues.size
    bars = [bar for bar in ax.containers[0] if bar.get_height() > 3]
    for bar in bars:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        assert np.sum((eigenvalues >= low) & (eigenvalues < high)) == pytest.approx(bar.get_height(), abs=1)


@pytest.mark.parametrize("plot", ["esd", "rank"])
def test_the_tail_is_a_line_of_slope_one_less_alpha_from_xmin(scan, plot):
    row = scan[worlds.HEAVY]
    tail = line(getattr(scan.plot, plot)(worlds.HEAVY), "α =")
    assert slope(tail) == pytest.approx(1 - row.metrics["alpha"], rel=1e-9)
    assert tail.get_xdata().tolist() == [row.metrics["xmin"], row.metrics["xmax"]]
    assert f"[{row.metrics['alpha_low']:.2f}, {row.metrics['alpha_high']:.2f}]" in tail.get_label()


def test_the_height_of_the_tail_is_the_count_that_the_law_expects(scan):
    ax, row = scan.plot.esd(worlds.HEAVY), scan[worlds.HEAVY]
    width = np.log10(ax.containers[0][1].get_x() / ax.containers[0][0].get_x())
    ratio = 10 ** (width / 2)
    alpha = row.metrics["alpha"]
    expected = row.metrics["num_tail"] * (ratio ** (alpha - 1) - ratio ** (1 - alpha))
    assert line(ax, "α =").get_ydata()[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("plot", ["esd", "rank"])
def test_the_fan_is_bounded_by_the_ends_of_the_interval(scan, plot):
    ax, row = getattr(scan.plot, plot)(worlds.HEAVY), scan[worlds.HEAVY]
    fan = [c for c in ax.collections if isinstance(c, PolyCollection)][-1].get_paths()[0].vertices
    end = fan[np.isclose(fan[:, 0], row.metrics["xmax"])]
    start = fan[np.isclose(fan[:, 0], row.metrics["xmin"])]
    ratio = np.log10(row.metrics["xmax"] / row.metrics["xmin"])
    slopes = (
        np.log10(end[:, 1].max() / start[:, 1].min()) / ratio,
        np.log10(end[:, 1].min() / start[:, 1].max()) / ratio,
    )
    assert slopes == pytest.approx((1 - row.metrics["alpha_low"], 1 - row.metrics["alpha_high"]), rel=1e-6)


def test_marks_stand_at_the_edge_the_start_of_the_tail_and_the_traps(scan):
    ax, row = scan.plot.esd(worlds.TRAP), scan[worlds.TRAP]
    verticals = [found.get_xdata()[0] for found in ax.lines if list(found.get_ydata()) == [0, 1]]
    assert verticals == [pytest.approx(row.metrics["bulk_edge"]), row.metrics["xmin"]]
    assert line(ax, "1 trap").get_xdata().tolist() == [row.traps[0].eigenvalue]


def test_steps_are_the_shuffled_spectrum_in_bins_of_the_same_width(scan):
    ax, row = scan.plot.esd(worlds.HEAVY), scan[worlds.HEAVY]
    (steps,) = [found for found in ax.patches if isinstance(found, StepPatch)]
    counts, edges, _ = steps.get_data()
    widths = np.diff(np.log10(edges))
    bar = ax.containers[0][0]
    assert widths == pytest.approx(np.log10((bar.get_x() + bar.get_width()) / bar.get_x()), rel=1e-6)
    assert counts.sum() == row.shuffled_singular_values.size
    assert counts.tolist() == np.histogram(row.shuffled_singular_values**2, edges)[0].tolist()


def test_noise_lies_in_the_band_of_noise():
    inside = bins = 0
    for seed in range(4):
        row = triplepoint.scan({"w": gaussian((500, 300), seed)}, spectra=True)["w"]
        picture = spectral_picture.of_row(row)
        low, high = spectral_picture.band(picture.null.counts(picture.edges))
        inside += np.sum((picture.counts >= low) & (picture.counts <= high))
        bins += picture.counts.size
    assert 0.9 <= inside / bins <= 1.0


def test_a_heavy_tail_does_not_lie_in_the_band_of_noise(scan):
    picture = spectral_picture.of_row(scan[worlds.HEAVY])
    low, high = spectral_picture.band(picture.null.counts(picture.edges))
    assert np.mean((picture.counts >= low) & (picture.counts <= high)) < 0.5


def test_laws_of_pooled_slices_are_those_of_a_slice_times_their_number(scan):
    row = scan[worlds.CONV]
    law = spectral_picture.null_law(row)
    n, m = 24, 20
    assert (law.count, law.shape, law.scale) == (9 * m, (n, m), 0.5)
    edge = row.metrics["mp_sigma"] ** 2 * (np.sqrt(n) + np.sqrt(m)) ** 2 * 0.5
    assert law.ends[1] == pytest.approx(edge)
    assert law.counts(np.array([law.ends[0] / 2, law.ends[1] * 2]))[0] == pytest.approx(9 * m)


def test_ranks_are_shares_of_all_eigenvalues(scan):
    points = line(scan.plot.rank(worlds.HEAVY), "200 eigen")
    assert points.get_ydata()[[0, -1]].tolist() == [1 / 200, 1.0]
    assert points.get_xdata() == pytest.approx(scan[worlds.HEAVY].singular_values ** 2)
    tail = line(scan.plot.rank(worlds.HEAVY), "α =")
    assert tail.get_ydata()[0] == pytest.approx(scan[worlds.HEAVY].metrics["num_tail"] / 200)


@pytest.mark.parametrize("plot", ["esd", "rank"])
def test_a_scan_without_singular_values_says_how_to_get_them(plot):
    bare = triplepoint.scan({"w": gaussian((40, 30))})
    with pytest.raises(UsageError, match=r"Scan again with spectra=True"):
        getattr(bare.plot, plot)("w")


def test_layers_that_have_no_spectrum_say_why(scan):
    with pytest.raises(UsageError, match=r"left out \(vector\)"):
        scan.plot.esd("bias")
    with pytest.raises(UsageError, match=r"failed \(non_finite\)"):
        scan.plot.esd("nan.weight")
    with pytest.raises(UsageError, match=r"did you mean noise\.weight"):
        scan.plot.esd("noise.weigth")


def test_spectra_is_a_yes_or_a_no():
    with pytest.raises(UsageError, match="spectra 'yes': neither True nor False"):
        triplepoint.scan({"w": gaussian((40, 30))}, spectra="yes")


@pytest.mark.parametrize("values", [[2.0], [1e-3] * 12, np.zeros(20)])
def test_spectra_of_one_value_or_none_are_drawn(scan, values):
    from dataclasses import replace

    row = replace(
        scan[worlds.HEAVY],
        singular_values=np.array(values),
        resolved_from=1e-20,
        shuffled_singular_values=None,
    )
    one = replace(scan, matrices=(row,))
    one.plot.esd(row.id).figure.canvas.draw()
    one.plot.rank(row.id).figure.canvas.draw()
