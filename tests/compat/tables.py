"""WeightWatcher's own tables, the models they are of, and how a table of ours differs from one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests import minilm
from tests.worlds import DATA, reference

SHAPES = {
    "gauss_500x300": (500, 300),
    "gauss_400x400": (400, 400),
    "student3_600x300": (600, 300),
    "student1p5_400x200": (400, 200),
    "spike_500x300": (500, 300),
    "elemtrap_500x300": (500, 300),
    "powerlaw2p5_600x400": (600, 400),
    "gauss_15x12_smallN": (15, 12),
}


def synthetic() -> dict[str, np.ndarray]:
    """Matrices with the singular values of the eight of the tables, on their diagonals; under their layer ids."""
    found = {}
    with np.load(DATA / "synth_singular_values.npz") as values:
        for name, shape in SHAPES.items():
            sigma = values[name.replace("1p5", "1.5").replace("2p5", "2.5")]
            matrix = np.zeros(shape)
            matrix[: sigma.size, : sigma.size] = np.diag(sigma)
            found[f"{name}.weight"] = matrix
    return found


def transformer() -> dict[str, np.ndarray]:
    """Every matrix of MiniLM, and the vectors that take a layer id, as zeros."""
    return {f"{name}.weight": matrix.astype(np.float32) for name, matrix in minilm.matrices()}


def differences(table: Any, name: str, tolerance: float = 1e-9) -> dict[str, int]:
    """Column → number of rows that differ from WeightWatcher's table, by more than the relative tolerance.

    Rows are paired by `longname`; layer ids are left to tests of their own.
    """
    rows = {row["longname"]: row for row in table.to_dict("records")}
    found: dict[str, int] = {}
    for theirs in reference(name):
        ours = rows[theirs.get("longname") or theirs["name"]]
        for column, text in theirs.items():
            if column not in ("layer_id", "name") and not same(ours[column], text, tolerance):
                found[column] = found.get(column, 0) + 1
    return found


def same(value: Any, text: str, tolerance: float) -> bool:
    """Whether a value is that of the table."""
    if isinstance(value, str | bool | np.bool_):
        return str(value) == text
    return bool(abs(float(value) - float(text)) <= tolerance * abs(float(text)))
