"""Claim: figures over layers show every layer, its numbers and its phase, and nothing that is not in the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from tests.figures import worlds
from triplepoint.errors import UsageError
from triplepoint.figures.layers import shown
from triplepoint.figures.palette import PHASES, of_phase
from triplepoint.figures.phase_marks import MARKERS
from triplepoint.records import Phase


def markers(ax):
    """{place: (value, markers)} of every layer with a value."""
    return {
        round(float(x)): (float(y), found)
        for found in ax.lines
        if found.get_marker() in MARKERS.values() and found.get_transform() == ax.transData
        for x, y in zip(found.get_xdata(), found.get_ydata(), strict=True)
    }


def ticks(ax):
    return {round(float(f.get_xdata()[0])) for f in ax.lines if f.get_marker() == "|"}


def test_alpha_shows_value_interval_and_phase_of_every_layer(scan):
    ax, rows = scan.plot.alpha(), shown(scan)
    found = markers(ax)
    (intervals,) = ax.collections
    bars = {path.vertices[0, 0]: path.vertices[:, 1].tolist() for path in intervals.get_paths()}
    for at, row in enumerate(rows):
        if row.metrics.get("alpha") is None:
            assert at in ticks(ax)
            continue
        assert found[at][0] == row.metrics["alpha"]
        assert to_hex(found[at][1].get_color()) == PHASES[row.phase]
        assert bars[at] == [row.metrics["alpha_low"], row.metrics["alpha_high"]]
    assert len(found) + len(ticks(ax)) == len(rows) == 6


def test_what_cannot_be_told_from_noise_is_hollow(scan):
    rows, found = shown(scan), markers(scan.plot.alpha())
    hollow = {rows[at].id for at, marker in found.items() if marker[1].get_markerfacecolor() == "white"}
    expected = {r.id for r in rows if r.phase is Phase.under_trained and r.phase_confidence is None}
    assert hollow == expected >= {worlds.NOISE}


def test_the_band_is_two_to_six(scan):
    (band,) = scan.plot.alpha().patches
    assert (band.get_y(), band.get_y() + band.get_height()) == (2.0, 6.0)


def cells(ax):
    """(places, colours) of the cells of a strip."""
    (found,) = ax.collections
    places = [path.vertices[:, 0] for path in found.get_paths()]
    return [(x.min() + x.max()) / 2 for x in places], [to_hex(colour) for colour in found.get_facecolors()]


def test_the_strip_has_a_cell_a_layer_as_saturated_as_it_is_sure(scan):
    places, colours = cells(scan.plot.strip())
    rows = shown(scan)
    assert places == pytest.approx(list(range(len(rows))))
    assert colours == [of_phase(row.phase, row.phase_confidence) for row in rows]
    doubtful = replace(rows[0], phase=Phase.well_trained, phase_confidence=0.1)
    both = (doubtful, replace(doubtful, id="sure", phase_confidence=0.99))
    pale, full = (to_rgb(colour) for colour in cells(replace(scan, matrices=both).plot.strip())[1])
    assert np.linalg.norm(np.subtract(pale, 1.0)) < 0.5 * np.linalg.norm(np.subtract(full, 1.0))


def test_the_strip_fades_into_the_background_of_its_axes(scan):
    ax = Figure().subplots()
    ax.set_facecolor("black")
    row = replace(scan[worlds.HEAVY], phase=Phase.well_trained, phase_confidence=0.0)
    _, (colour,) = cells(replace(scan, matrices=(row,)).plot.strip(ax=ax))
    assert colour == of_phase(Phase.well_trained, 0.0, "#000000")


def test_a_metric_is_shown_where_it_has_a_value(scan):
    ax, rows = scan.plot.metric("stable_rank"), shown(scan)
    found = markers(ax)
    values = {
        at: row.metrics["stable_rank"]
        for at, row in enumerate(rows)
        if row.metrics.get("stable_rank") is not None
    }
    assert {at: marker[0] for at, marker in found.items()} == values
    assert all(to_hex(marker[1].get_markerfacecolor()) != "#ffffff" for marker in found.values())
    assert ticks(ax) == set(range(len(rows))) - set(values)
    assert scan.plot.metric("xmax").get_ylabel() == "xmax (λ)"


def test_the_axis_is_logarithmic_from_two_decades_on(scan):
    assert scan.plot.metric("xmin").get_yscale() == "log"
    assert scan.plot.metric("xmin", log=False).get_yscale() == "linear"
    assert scan.plot.metric("matrix_rank", log=True).get_yscale() == "log"


def test_unknown_and_unmeasured_metrics_are_told_apart(scan):
    with pytest.raises(UsageError, match="Did you mean stable_rank"):
        scan.plot.metric("stabel_rank")
    with pytest.raises(UsageError, match=r"did not measure it. Scan again with metrics=\['alpha_hill'\]"):
        scan.plot.metric("alpha_hill")


def test_bars_of_phases_count_the_layers_of_each_kind(scan):
    ax = scan.plot.phases()
    width = sum(bar.get_width() for container in ax.containers for bar in container)
    assert width == len(shown(scan))
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert set(labels) == {row.kind or "other" for row in shown(scan)}


def test_traps_stand_at_their_strength_with_the_share_of_their_entries(scan):
    (trap,) = scan[worlds.TRAP].traps
    ax = scan.plot.traps(worlds.TRAP)
    whole, part = (container[0].get_width() for container in ax.containers)
    assert whole == trap.strength
    assert part == pytest.approx(trap.strength * sum(entry.share for entry in trap.entries))
    assert "(3, 4)" in ax.texts[0].get_text()


def test_a_layer_without_traps_says_so(scan):
    assert scan.plot.traps(worlds.NOISE).texts[0].get_text() == "no traps"
    assert scan.plot.traps("nan.weight").texts[0].get_text() == scan["nan.weight"].reason.sentence


def other(scan, change):
    """The same scan with other values of α, without its first row."""
    rows = [
        replace(row, metrics=dict(row.metrics) | {"alpha": row.metrics["alpha"] + change})
        if row.metrics.get("alpha") is not None
        else row
        for row in scan.matrices[1:]
    ]
    return replace(scan, matrices=tuple(rows))


def test_only_matched_layers_are_compared(scan):
    there = other(scan, 0.5)
    ax = scan.plot.compare(there)
    drawn = [f for f in ax.lines if f.get_marker() in MARKERS.values()]
    points = {point for f in drawn for point in zip(f.get_xdata(), f.get_ydata(), strict=True)}
    ids = {row.id for row in shown(there) if row.metrics.get("alpha") is not None}
    assert points == {(scan[id].metrics["alpha"], there[id].metrics["alpha"]) for id in ids}
    assert ax.get_title(loc="left") == f"{len(ids)} matched layers, {len(shown(scan)) - len(ids)} not shown"
    (diagonal,) = [
        f
        for f in ax.lines
        if f not in drawn and len(f.get_xdata()) == 2 and list(f.get_xdata()) == list(f.get_ydata())
    ]
    assert list(diagonal.get_xdata()) == list(ax.get_xlim())


def test_crosses_are_the_intervals_of_both_sides(scan):
    wider = [
        replace(
            row, metrics=dict(row.metrics) | {"alpha_low": 1.1, "alpha_high": row.metrics["alpha_high"] + 1}
        )
        if row.metrics.get("alpha") is not None
        else row
        for row in scan.matrices
    ]
    there = replace(scan, matrices=tuple(wider))
    for found, side in zip(scan.plot.compare(there).collections, (scan, there), strict=True):
        rows = [row for row in shown(side) if row.metrics.get("alpha") is not None]
        across = side is scan
        ends = [path.vertices[:, 0 if across else 1].tolist() for path in found.get_paths()]
        assert ends == [[row.metrics["alpha_low"], row.metrics["alpha_high"]] for row in rows]
        places = [path.vertices[0, 1 if across else 0] for path in found.get_paths()]
        assert places == [row.metrics["alpha"] for row in rows]


def test_dumbbells_join_the_two_values_of_a_layer(scan):
    there = other(scan, 0.5)
    ax = scan.plot.dumbbells(there)
    joins = {tuple(f.get_xdata()) for f in ax.lines if len(f.get_xdata()) == 2}
    ids = [row.id for row in shown(there) if row.metrics.get("alpha") is not None]
    assert joins == {(scan[id].metrics["alpha"], there[id].metrics["alpha"]) for id in ids}
    assert len(ax.get_yticklabels()) == len(ids)
    heavy = replace(there[worlds.HEAVY], metrics=dict(there[worlds.HEAVY].metrics) | {"alpha": 9.0})
    moved = replace(there, matrices=tuple(heavy if row.id == heavy.id else row for row in there.matrices))
    few = scan.plot.dumbbells(moved, most=1)
    assert [tick.get_text() for tick in few.get_yticklabels()] == ["block.0.heavy"]


def test_scans_without_a_common_row_are_not_compared(scan):
    stranger = replace(scan, matrices=tuple(replace(row, id=f"other.{row.id}") for row in scan.matrices))
    with pytest.raises(UsageError, match="no row with the same id"):
        scan.plot.compare(stranger)


def test_a_scan_of_nothing_is_refused(scan):
    with pytest.raises(UsageError, match="no matrix was analysed"):
        replace(scan, matrices=(scan["bias"],)).plot.strip()


def test_many_layers_are_named_by_their_blocks(scan):
    rows = [replace(scan[worlds.HEAVY], id=f"layer.{block}.{part}") for block in range(20) for part in "abc"]
    ax = replace(scan, matrices=tuple(rows)).plot.alpha()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [str(block) for block in range(0, 20, 2)]
    assert list(ax.get_xticks()) == [3 * block + 1 for block in range(0, 20, 2)]
