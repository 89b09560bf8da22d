"""Calibration of the nulls by choice: how often noise is rejected, and which null sees through which noise.

    python -m benchmarks.calibrate_nulls            # about 6 minutes on one core; goes on where it stopped

1. Uneven noise: columns of different variance and no signal. Sign flips must reject at the level, a shuffle of the
   entries and a Gaussian null reject all, and the Marchenko–Pastur fit sees spikes.
2. Even noise, heavy-tailed noise: every null against every kind of noise.
3. Adapters of Gaussian factors: the replica null and the null that adapters get by default.
4. Components: how many parallel analysis counts in noise, and in noise with three planted directions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks import section
from benchmarks.calibration_cells import SEED, Cell, Cells
from triplepoint.facts import Facts
from triplepoint.linalg import Decomposition, blas_threads, choose_backend, decompose
from triplepoint.nulls import products
from triplepoint.nulls.replicas import replica_null
from triplepoint.nulls.settings import NullSettings
from triplepoint.records import BulkFit, BulkNull, LowRank, MatrixPlan, ReplicaNull, Spectrum, WeightMatrix

STATE = section.RESULTS / "calibrate_nulls.json"
LEVEL = 0.05
# p ≤ 0.05 has probability 0.05 exactly for 39 replicas.
REPLICAS = 39
SMALL = (192, 96)
LARGE = (768, 384)

Draw = Callable[[np.random.Generator], Any]


def uneven(shape: tuple[int, int]) -> Draw:
    """Gaussian entries; standard deviations of the columns log-normal with σ = 0.3."""
    return lambda g: g.standard_normal(shape) * np.exp(0.3 * g.standard_normal(shape[1]))


def signal(shape: tuple[int, int]) -> Draw:
    """Uneven noise and three planted directions, the weakest at 1.5 times the largest eigenvalue of noise."""

    def draw(g: np.random.Generator) -> np.ndarray:
        noise = uneven(shape)(g)
        top = np.linalg.svd(noise, compute_uv=False)[0]
        left, right = (np.linalg.qr(g.standard_normal((side, 3)))[0] for side in shape)
        return np.asarray(noise + top * (left * np.array([2.5, 2.0, 1.5])) @ right.T)

    return draw


def factors(shape: tuple[int, int], rank: int) -> Draw:
    """Gaussian factors."""
    return lambda g: LowRank(g.standard_normal((shape[0], rank)), g.standard_normal((rank, shape[1])))


WORLDS: dict[str, tuple[Draw, int]] = {
    "gaussian 192 x 96": (lambda g: g.standard_normal(SMALL), 400),
    "uniform 192 x 96": (lambda g: g.uniform(-1, 1, SMALL), 400),
    "student-t(3) 192 x 96": (lambda g: g.standard_t(3, SMALL), 400),
    "uneven 192 x 96": (uneven(SMALL), 400),
    "shifted mean 192 x 96": (lambda g: g.standard_normal(SMALL) + 0.3, 100),
    "signal 192 x 96": (signal(SMALL), 100),
    "uneven 768 x 384": (uneven(LARGE), 40),
}
ADAPTERS = {
    (768, 768, 8): 1000,
    (768, 768, 16): 1000,
    (4096, 1024, 16): 1000,
    (768, 3072, 64): 600,
    (64, 64, 4): 1000,
}


def known(values: Any) -> tuple[WeightMatrix, Decomposition, Spectrum]:
    """The records that the nulls start from."""
    whole = values if isinstance(values, LowRank) else values[None]
    found = decompose(whole, "precise", choose_backend())
    assert isinstance(found, Decomposition)
    plan = MatrixPlan("w", "w", ("w",), found.shape, "F64")
    return WeightMatrix(plan, whole), found, Spectrum(found.singular_values[0], found.shape)


def replicas(name: str, kind: str, draw: Draw, draws: int, generator: np.random.Generator) -> Cell:
    """Rejections at 5 % and mean number of components of one null in one world."""
    found = []
    for index in range(draws):
        matrix, decomposition, _ = known(draw(generator))
        settings = NullSettings(name=f"{name}#{index}", seed=SEED, null=kind, replicas=REPLICAS)
        null = replica_null(matrix, decomposition, settings)
        assert isinstance(null, ReplicaNull)
        found.append((null.p_value <= LEVEL, null.edge_p <= LEVEL, null.num_components))
    whole, edge, components = (float(np.mean(column)) for column in zip(*found, strict=True))
    return {"draws": draws, "whole": whole, "edge": edge, "components": components}


def spikes(draw: Draw, draws: int, generator: np.random.Generator) -> Cell:
    """Spikes that the Marchenko–Pastur fit sees."""
    counts = []
    for _ in range(draws):
        _, decomposition, spectrum = known(draw(generator))
        fit = Facts(decomposition, spectrum, NullSettings()).get(BulkFit)
        assert isinstance(fit, BulkFit)
        counts.append(fit.num_spikes)
    return {"draws": draws, "spikes": float(np.mean(counts))}


def adapters(shape: tuple[int, int, int], draws: int, generator: np.random.Generator) -> Cell:
    """Rejections of the default null of adapters at 5 % and 1 %."""
    draw = factors(shape[:2], shape[2])
    p_values = []
    for _ in range(draws):
        null = products.product_null(known(draw(generator))[1], 1.0)
        assert isinstance(null, BulkNull)
        p_values.append(null.p_value)
    found = np.array(p_values)
    return {"draws": draws, "five": float(np.mean(found <= 0.05)), "one": float(np.mean(found <= 0.01))}


def main() -> None:
    """Compute the missing cells, then print the table."""
    cells = Cells(STATE)
    with blas_threads(1):
        for world, (draw, draws) in WORLDS.items():
            cells.get(f"spikes | {world}", partial(spikes, draw, min(draws, 40)))
            for kind in ("gaussian", "shuffle", "signflip"):
                cells.get(f"{kind} | {world}", partial(replicas, world, kind, draw, draws))
        for shape, draws in ADAPTERS.items():
            cells.get(f"default | adapter {shape}", partial(adapters, shape, draws))
        for shape in ((768, 768, 8), (64, 64, 4)):
            name, draw = f"adapter {shape}", factors(shape[:2], shape[2])
            cells.get(f"product | {name}", partial(replicas, name, "product", draw, 400))
    for name, found in cells.found.items():
        print(f"{name:36}", "  ".join(f"{key} {value:.4g}" for key, value in found.items()))


if __name__ == "__main__":
    main()
