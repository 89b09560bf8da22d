"""`stacked=True`: all layers in one matrix, each with its median taken out and divided by its spread.

The matrices of a kernel stand side by side, layers one below the other, filled up with zeros on the right. The spread
is the median absolute deviation. WeightWatcher keeps no more eigenvalues of it than its first layer has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from triplepoint import checkpoints
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.filters import kept
from triplepoint.compat.weightwatcher.kernels import cut_by_position
from triplepoint.compat.weightwatcher.layers import Layer, Model
from triplepoint.compat.weightwatcher.legacy.rows import within
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.errors import UsageError

NAME = "Stacked Layer"


def stacked(model: Model, reader: checkpoints.Reader, parameters: Parameters) -> Model:
    """A model of one layer. Memory: the stack in float32; layers that are constant are left out."""
    blocks = []
    for layer in kept(model.layers, parameters.filters):
        found = (
            cut_by_position(np.asarray(reader.read(layer.key)), layer.kind)
            if layer.seen and len(layer.shape) > 1
            else None
        )
        if found is None or not within((found.N, found.M, found.rf), parameters):
            continue
        block = np.hstack(found.matrices).astype(np.float32)
        block -= np.median(block)
        spread = np.median(np.abs(block))
        if np.isfinite(spread) and spread > 0:
            blocks.append(block / spread)
    if not blocks:
        raise UsageError("stacked=True", "no layer is left to stack", "See get_skipped() of describe()")
    width = max(block.shape[1] for block in blocks)
    matrix = np.vstack([np.pad(block, ((0, 0), (0, width - block.shape[1]))) for block in blocks])
    key = "stacked"
    layer = Layer(0, NAME, model.layers[0].longname, c.LAYER_TYPE.STACKED, key, matrix.shape)
    given: dict[str, Any] = {key: matrix}
    return Model(given, checkpoints.open(given), (layer,))
