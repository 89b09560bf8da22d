"""Claim: Python and the browser have one table of colours, and phases can be told apart by everyone.

The witness for colour blindness is the simulation of Viénot, Brettel and Mollon (1999) for protanopia and deuteranopia,
in linear RGB, with the distance of CIELAB.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import triplepoint
from triplepoint.figures.palette import PHASES, mixed, of_phase, strength
from triplepoint.figures.phase_marks import MARKERS
from triplepoint.records import Phase

BLIND = {
    "protanopia": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deuteranopia": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
    "none": np.eye(3),
}


def lab(colour, matrix):
    rgb = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(matrix) @ linear, 0, 1)
    xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]] @ linear
    x, y, z = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("blindness", BLIND)
def test_gas_water_and_ice_are_far_apart_for_everyone(blindness):
    colours = [PHASES[p] for p in (Phase.under_trained, Phase.well_trained, Phase.over_trained)]
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(lab(one, BLIND[blindness]) - lab(other, BLIND[blindness])) > 25


def test_the_browser_has_the_same_colours():
    sheet = (Path(triplepoint.__file__).parent / "page" / "browser" / "1-base.css").read_text()
    names = {
        "under": Phase.under_trained,
        "well": Phase.well_trained,
        "over": Phase.over_trained,
        "undecided": Phase.undecided,
        "unassessed": Phase.not_assessable,
        "failed": None,
    }
    for name, phase in names.items():
        assert re.search(rf"--{name}: (#\w+);", sheet).group(1) == PHASES[phase]


def test_every_phase_has_a_colour_and_a_marker_of_its_own():
    for table in (PHASES, MARKERS):
        assert set(table) == {*Phase, None}
        assert len(set(table.values())) == len(table)


def test_the_surer_the_stronger():
    shares = [strength(confidence) for confidence in (0.0, 0.3, 0.9, 1.0)]
    assert shares == sorted(shares)
    assert (strength(-1.0), strength(2.0)) == (strength(0.0), strength(1.0))
    assert mixed("#123456", 1.0) == "#123456"
    assert mixed("#123456", 0.0, "#abcdef") == "#abcdef"
    assert of_phase(Phase.well_trained, None) == PHASES[Phase.well_trained]
