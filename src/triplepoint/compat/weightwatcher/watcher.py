"""`WeightWatcher`: the methods, arguments and return values of version 0.7.7."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint.asked import word
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher import distances as _distances
from triplepoint.compat.weightwatcher import modern, smoothing, table
from triplepoint.compat.weightwatcher.checks import Checks
from triplepoint.compat.weightwatcher.choosing import LeftOut, choose
from triplepoint.compat.weightwatcher.deltas import difference
from triplepoint.compat.weightwatcher.filters import Filters
from triplepoint.compat.weightwatcher.intra import products
from triplepoint.compat.weightwatcher.layers import Model, open_model
from triplepoint.compat.weightwatcher.legacy import rows as legacy
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.compat.weightwatcher.single import Layers
from triplepoint.compat.weightwatcher.stacking import stacked
from triplepoint.errors import UsageError

Frame = Any
"""A pandas DataFrame."""
AVERAGED = (
    *("log_norm", "alpha", "alpha_weighted", "log_alpha_norm", "log_spectral_norm"),
    *("stable_rank", "mp_softrank"),
)


class WeightWatcher(Layers, Checks):
    """Analyses a model as WeightWatcher does.

    Args:
        model: an `nn.Module`, a state dict, a dict of arrays, a file or a folder; or leave it to each call.
        framework: accepted and not needed: what the model is, is seen.
        base_model: what is subtracted before anything is computed.
        log_level: accepted and not needed: nothing is logged.
        compat: None for the numbers of this toolkit, `"weightwatcher"` for those of WeightWatcher 0.7.7, known errors
            included.
        seed: of shuffles.
    """

    _left_out: Sequence[LeftOut] = ()

    def analyze(  # noqa: PLR0917
        self,
        model: Any = None,
        layers: Any = (),
        min_evals: int | None = c.DEFAULT_MIN_EVALS,
        max_evals: int | None = c.DEFAULT_MAX_EVALS,
        min_size: int | None = None,
        max_size: int | None = None,
        max_N: int = c.DEFAULT_MAX_N,
        glorot_fix: bool = False,
        plot: bool = False,
        randomize: bool | int = False,
        savefig: str | bool = c.DEF_SAVE_DIR,
        mp_fit: bool = False,
        conv2d_norm: bool = True,
        ww2x: bool = c.DEFAULT_WW2X,
        pool: bool = c.DEFAULT_POOL,
        conv2d_fft: bool = False,
        fft: bool = False,
        deltas: bool = False,
        intra: bool = False,
        vectors: bool = False,
        channels: str | None = None,
        stacked: bool = False,
        fix_fingers: str | bool | None = False,
        xmin_max: float | None = None,
        max_fingers: int = c.DEFAULT_MAX_FINGERS,
        finger_thresh: float = c.DEFAULT_FINGER_THRESH,
        fit: str = c.PL,
        sparsify: bool = True,
        detX: bool = False,
        ERG: bool = False,
        svd_method: str = c.FAST_SVD,
        tolerance: float = c.WEAK_RANK_LOSS_TOLERANCE,
        start_ids: int = c.DEFAULT_START_ID,
        pl_package: str = c.WW_POWERLAW_PACKAGE,
        xmax: int | str | None = c.DEFAULT_XMAX,
        base_model: Any = None,
        peft: bool | str = c.DEFAULT_PEFT,
        inverse: bool = False,
        *,
        extra: bool = False,
    ) -> Frame:
        """One row a layer; docs/weightwatcher.md says what every parameter and column is.

        `extra` adds the phase, the interval of α, the p-value against noise and the reason of a failure. A layer that
        fails is a row with status `failed` and NaN, never −1 (−1 with compat="weightwatcher", as there).

        Raises UsageError for arguments that contradict each other and for those that are not offered, with what to use
        instead; the errors of `checkpoints.open` for a model that cannot be read.
        """
        given = {
            name: value for name, value in locals().items() if name not in ("self", "model", "base_model")
        }
        parameters = self._parameters(given)
        opened, base = self._opened(model, base_model, parameters)
        if parameters.legacy:
            made = list(legacy.analyzed(opened, parameters, base))
            self._left_out = _unlisted(opened, parameters)
        else:
            reader = opened.reader if base is None else difference(opened.reader, base.reader)
            opened, reader = _rearranged(opened, reader, parameters)
            chosen, self._left_out = choose(opened, reader, of_rearranged(parameters))
            made = modern.analyzed(reader, chosen, parameters)
        self.details = table.frame(made, table.columns_of(parameters))
        return self.details

    def describe(  # noqa: PLR0917
        self,
        model: Any = None,
        layers: Any = (),
        min_evals: int | None = c.DEFAULT_MIN_EVALS,
        max_evals: int | None = c.DEFAULT_MAX_EVALS,
        min_size: int | None = None,
        max_size: int | None = None,
        max_N: int = c.DEFAULT_MAX_N,
        glorot_fix: bool = False,
        savefig: str | bool = c.DEF_SAVE_DIR,
        ww2x: bool = False,
        pool: bool = True,
        conv2d_fft: bool = False,
        fft: bool = False,
        conv2d_norm: bool = True,
        intra: bool = False,
        channels: str | None = None,
        stacked: bool = False,
        start_ids: int = 0,
        base_model: Any = None,
        peft: bool | str = c.DEFAULT_PEFT,
    ) -> Frame:
        """The layers that `analyze` would analyse, from headers: no weight is read but what tells tied ones."""
        given = {
            name: value for name, value in locals().items() if name not in ("self", "model", "base_model")
        }
        parameters = self._parameters(given)
        opened, base = self._opened(model, base_model, parameters)
        columns = (*table.DESCRIBED, *(() if parameters.pool else table.OF_SLICE))
        if parameters.legacy:
            self._left_out = _unlisted(opened, parameters)
            return table.frame([*_described(opened, parameters)], columns)
        reader = opened.reader if base is None else difference(opened.reader, base.reader)
        opened, reader = _rearranged(opened, reader, parameters)
        chosen, self._left_out = choose(opened, reader, of_rearranged(parameters))
        return table.frame([one.described(pool=parameters.pool) for one in chosen], columns)

    def get_details(self) -> Frame | None:
        """The table of the last `analyze`."""
        return self.details

    def get_skipped(self) -> Frame:
        """Every weight that the last `analyze` or `describe` left out, and why: WeightWatcher says nothing of them."""
        rows = [
            {"layer_id": left.layer.layer_id, "name": left.layer.longname, "reason": left.reason}
            for left in self._left_out
        ]
        return table.frame(rows, ("layer_id", "name", "reason"))

    def get_summary(self, details: Frame | None = None) -> dict[str, float]:
        """Means over the rows. Layers that failed are left out; with compat="weightwatcher" they count as −1."""
        details = self.details if details is None else details
        columns = () if details is None else details.columns
        return {name: details[name].mean() for name in AVERAGED if details is not None and name in columns}

    def distances(  # noqa: PLR0917
        self,
        model_1: Any,
        model_2: Any,
        method: str = c.RAW,
        layers: Any = (),
        start_ids: int = 0,
        pool: bool = True,
        channels: str | None = None,
    ) -> tuple[float, float, Frame]:
        """(mean ΔW, mean Δb, table) between two models, layer by layer and by name.

        `raw`: ‖W₁ − W₂‖ of the tensors, and of the biases; `euclidean`: its mean over kernel positions; `cka`:
        ‖W₁ᵀW₂‖/√(‖W₁ᵀW₁‖·‖W₂W₂ᵀ‖), as WeightWatcher has it. Models without a layer in common are a UsageError.
        """
        method = word(
            "method",
            method.lower() if isinstance(method, str) else method or c.RAW,
            (c.RAW, c.EUCLIDEAN, c.CKA),
        )
        given = {
            "layers": layers,
            "start_ids": start_ids,
            "pool": pool,
            "channels": channels,
            "max_N": c.DEFAULT_MAX_N,
        }
        parameters = self._parameters(given)
        first, second = (open_model(model, start_ids) for model in (model_1, model_2))
        rows = _distances.rows(first, second, method, parameters)
        made = table.pandas().DataFrame(rows, columns=list(_distances.COLUMNS)).set_index("layer_id")
        return float(np.mean(made["delta_W"])), float(np.mean(made["delta_b"])), made

    def SVDSmoothing(  # noqa: PLR0917
        self,
        model: Any = None,
        percent: float = 0.8,
        pool: bool = True,
        layers: Any = (),
        method: str = c.DETX,
        fit: str = c.PL,
        plot: bool = False,
        start_ids: int = 0,
        svd_method: str = c.FAST_SVD,
    ) -> Any:
        """The model with only the leading singular components of each layer; see `smoothing`.

        Returns a copy, which the watcher then holds; the model that was passed is unchanged. With
        compat="weightwatcher" it is changed in place, as there.
        """
        given = {"layers": layers, "start_ids": start_ids, "fit": fit, "plot": plot, "svd_method": svd_method}
        return self._changed(model, given, pool, smoothing.Smoothing(method, percent))

    def SVDSharpness(
        self, model: Any = None, pool: bool = True, layers: Any = (), plot: bool = False, start_ids: int = 0
    ) -> Any:
        """The model without as many leading components of each layer as a shuffle of it has spikes (traps).

        Returns as `SVDSmoothing` does, the model of the constructor too.
        """
        given = {"layers": layers, "start_ids": start_ids, "plot": plot}
        return self._changed(model, given, pool, smoothing.Smoothing(smoothing.TRAPS, 0.0))

    def _changed(self, model: Any, given: Mapping[str, Any], pool: bool, how: smoothing.Smoothing) -> Any:
        if not pool:
            raise UsageError(
                "pool=False", "kernel positions are always treated together here", "Leave it out"
            )
        parameters = self._parameters(given)
        opened, _ = self._opened(model, None, parameters)
        self.model = smoothing.smoothed(opened, parameters, how)
        return self.model


def _described(opened: Model, parameters: Parameters) -> Iterator[dict[str, Any]]:
    for layer, sides in legacy.layers(opened, parameters):
        _, M, rf = sides
        row = legacy.of_layer(layer, sides)
        if parameters.pool:
            yield {**row, "num_evals": M * rf}
            continue
        for index in range(rf if layer.kind == c.CONV2D else 1):
            yield {**row, "num_evals": M, "slice_id": index}


def of_rearranged(parameters: Parameters) -> Parameters:
    """The filters have chosen what goes into a stack or product; what comes out is kept."""
    whole = parameters.stacked or parameters.intra
    return replace(parameters, filters=Filters(), max_evals=0, max_N=2**62) if whole else parameters


def _rearranged(opened: Model, reader: Any, parameters: Parameters) -> tuple[Model, Any]:
    """All layers as one matrix, or consecutive ones as products, where it is asked for."""
    if not parameters.stacked and not parameters.intra:
        return opened, reader
    model = (stacked if parameters.stacked else products)(opened, reader, parameters)
    return model, model.reader


def _unlisted(opened: Model, parameters: Parameters) -> list[LeftOut]:
    listed = {layer.key for layer, _ in legacy.layers(opened, parameters)}
    why = "WeightWatcher 0.7.7 leaves it out and does not say why."
    return [LeftOut(layer, why) for layer in opened.layers if layer.key not in listed]
