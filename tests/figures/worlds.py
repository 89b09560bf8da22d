"""A scan and a run in which every figure has something to show."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

import triplepoint
from tests.store import frames
from tests.worlds import gaussian, heavy_tailed
from triplepoint.records import Alert, MatrixRow, Phase, Reason, ScalarPoint, Scan, Severity, Visit, VisitKind
from triplepoint.store import Run, RunWriter, open_run

NOISE, HEAVY, TRAP, CONV = "noise.weight", "block.0.heavy.weight", "block.0.trap.weight", "conv.weight"
LAYERS = ("block.0.a.weight", "block.0.b.weight")
STEPS = range(0, 100, 10)


def weights() -> dict[str, np.ndarray]:
    trapped = gaussian((160, 120), seed=5)
    trapped[3, 4] = 60.0
    return {
        CONV: gaussian((24, 20, 3, 3), seed=1),
        HEAVY: heavy_tailed((300, 200), 3.0),
        TRAP: trapped,
        NOISE: gaussian((400, 200), seed=7),
        "block.1.small.weight": gaussian((30, 4), seed=2),
        "nan.weight": np.full((20, 20), np.nan),
        "bias": np.zeros(20),
    }


@cache
def scan() -> Scan:
    return triplepoint.scan(weights(), spectra=True, randomize=1, workers=1)


def bias() -> MatrixRow:
    """A vector: a row with a reason and nothing else."""
    return frames.row(
        "block.0.bias",
        alpha=None,
        shape=None,
        tensor_shape=(20,),
        num_eigenvalues=None,
        status="skipped",
        reason=Reason.vector,
        counted=False,
        phase=None,
        phase_confidence=None,
        singular_values=None,
    )


def run(path: Path) -> Run:
    """Two layers looked at by turns, α falling from 7 to 1.6; at step 40 nothing has changed in `b`."""
    with RunWriter(path) as writer:
        for step in STEPS:
            at = STEPS.index(step)
            layer, alpha = LAYERS[at % 2], 7.0 - 0.6 * at
            phase = (
                Phase.under_trained if alpha > 6 else Phase.well_trained if alpha > 2 else Phase.over_trained
            )
            row = frames.row(
                layer,
                alpha=alpha,
                phase=phase,
                phase_confidence=0.5 + 0.05 * at,
                singular_values=np.linspace(3.0 + at, 0.5, frames.SIDE),
                metrics={"xmin": 1.0 + at, "xmax": (3.0 + at) ** 2, "bulk_edge": 2.0, "mp_sigma": 0.1},
            )
            scalars = (
                ScalarPoint("train_loss", step, 3.0 * 0.5**at, 2.0 * 0.5**at, 4.0 * 0.5**at, 10),
                ScalarPoint("test_loss", step, 3.0 - 0.1 * at),
            )
            alerts = [Alert("low_alpha", Severity.warning, step, "α fell", layer)] if at == 7 else []
            alerts += [Alert("loss_gap", Severity.info, step, "apart")] if at == 5 else []
            visits = [frames.full(step, row)]
            if at == 4:
                visits.append(Visit(step, LAYERS[1], VisitKind.unchanged, change=0.0))
            if at == 0:
                visits.append(frames.full(step, bias()))
            writer.write([frames.frame(step, scalars=scalars, visits=visits, alerts=alerts)])
    return open_run(path)
