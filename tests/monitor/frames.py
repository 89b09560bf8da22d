"""Frames with everything in them, for whoever stores or forwards them; names as bad as names of layers can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from triplepoint.records import (
    Alert,
    AlertState,
    Event,
    Frame,
    MatrixRow,
    ScalarPoint,
    Severity,
    Visit,
    VisitKind,
)
from triplepoint.request import ScanRequest
from triplepoint.scanning import run

HOSTILE = (
    "layers.0.mlp",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "a\x1b[31mred\n\x00b",
    "löwe/Ω 🐻.weight:0",
    "*?%[x]\\y",
    "n" * 400,
    "cut\udcff",
    "..",
    " ",
)


def row(tmp_path: Path) -> MatrixRow:
    """One row as a scan makes it, spectrum kept."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "m.npz", w=rng.normal(size=(60, 40)).astype(np.float32))
    return run(ScanRequest(source=tmp_path / "m.npz", spectra=True)).matrices[0]


def frame(at: int, names: tuple[str, ...] = ("w",), of: MatrixRow | None = None) -> Frame:
    """Scalars of steps `at` and `at` + 1, looks at the weights of `at`, one alert, one event."""
    return Frame(
        at + 1,
        1_795_000_000.0 + at,
        scalars=(
            ScalarPoint("train_loss", at, 1.0 / at),
            ScalarPoint("train_loss", at + 1, 0.5 / at, 0.25 / at, 0.75 / at, 3),
            ScalarPoint("spiked", at + 1, None, non_finite=1),
        ),
        visits=tuple(
            Visit(at, name, VisitKind.full, {"alpha": 3.0 + at, "num_traps": None, "xmin": 0.5}, of)
            for name in names
        ),
        alerts=(
            Alert("norm_runaway", Severity.warning, at, "the norm doubled in 10 steps", names[0]),
            Alert("loss_spike", Severity.error, at, "the loss rose", state=AlertState.cleared),
        ),
        events=(Event("remark", "data changed", at, {"shard": 3}),),
    )
