"""`SVDSmoothing` and `SVDSharpness`: a model whose layers keep, or lose, their leading singular components.

| method | components kept |
|---|---|
| `detX` (default) | the effective correlation space (`detX_num`) |
| `svd` | `percent` of M·rf; a negative `percent` drops as many instead |
| `rmt` | the spikes above the noise (`num_spikes`) |
| `alpha_min` | the tail of the power law (`num_pl_spikes`) |
| `auto` | `rmt` where α > 6, else `detX` |

Of a kernel each position keeps ⌈components/positions⌉. A number of 0 changes nothing. The type of the weights stays.
"""

from __future__ import annotations

import copy
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.asked import real
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher import modern
from triplepoint.compat.weightwatcher.choosing import choose
from triplepoint.compat.weightwatcher.layers import Model
from triplepoint.compat.weightwatcher.legacy import rows as legacy
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.edit.components import drop_leading, keep_leading
from triplepoint.errors import UsageError

Array = np.ndarray[Any, Any]

TRAPS = "traps"
METHODS = (c.DETX, c.SVD, c.RMT, c.LAMBDA_MIN, c.AUTO)
UNDER_TRAINED = 6.0


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How many components are kept."""

    method: str
    """One of METHODS, or `traps`: as many are dropped as a shuffle has spikes."""
    percent: float


def smoothed(model: Model, parameters: Parameters, how: Smoothing) -> Any:
    """A changed copy of the model; the model itself with WeightWatcher's numbers. UsageError for files and methods."""
    if how.method not in (*METHODS, TRAPS):
        raise UsageError(f"method {how.method!r}", "unknown", f"Use one of {', '.join(METHODS)}")
    if not isinstance(model.given, Mapping) and not hasattr(model.given, "named_modules"):
        raise UsageError(
            "smoothing of a file",
            "only models in memory are changed",
            "Load it first, or copy: triplepoint edit",
        )
    real("percent", how.percent, -1.0, 1.0, "0.8 for four fifths of the components")
    table = _measured(model, parameters, how)
    target = model.given if parameters.legacy else _copied(model.given)
    broken = []
    for layer in model.layers:
        row = table.get(layer.key)
        if row is None:
            continue
        values = np.asarray(model.reader.read(layer.key))
        if not _finite(values):
            broken.append(layer.longname)
            continue
        number = _count(row, how)
        if math.isfinite(number) and number != 0:
            _replace(target, layer.key, changed(values, int(number), row["rf"]))
    if broken:
        text = f"left as they are, entries are not finite: {', '.join(broken)}"
        warnings.warn(text, UserWarning, stacklevel=4)
    return target


def _finite(values: Array) -> bool:
    try:
        return bool(np.all(np.isfinite(values.astype(np.float64))))
    except (TypeError, ValueError):  # of objects
        return False


def changed(values: Array, count: int, positions: int) -> Array:
    """A weight with `count` leading components, or without −count of them, in float64.

    Kernels of several positions are cut by the axes after the first two; one that counts as a matrix is channels ×
    positions.
    """
    kernel = positions > 1
    if kernel:
        stack = np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0)
    else:
        stack = values.reshape(len(values), -1)[None]
    number = math.ceil(count / positions) if kernel else count
    apply = keep_leading if number > 0 else drop_leading
    done = np.stack([apply(one, abs(number)) for one in stack])
    return (np.moveaxis(done, 0, -1) if kernel else done).reshape(values.shape)


def _count(row: Mapping[str, Any], how: Smoothing) -> float:
    """Components kept (positive) or dropped (negative); 0 and NaN for a layer that stays."""
    total = row["M"] * row["rf"]
    if how.method == c.SVD:
        return float(int(how.percent * total))
    if how.method == TRAPS:
        return -float(row.get("num_traps", math.nan))
    spikes, space = row.get("num_spikes", math.nan), row.get("detX_num", math.nan)
    if how.method == c.AUTO:
        return float(spikes if row.get("alpha", math.nan) > UNDER_TRAINED else space)
    return float({c.RMT: spikes, c.DETX: space, c.LAMBDA_MIN: row.get("num_pl_spikes", math.nan)}[how.method])


def _measured(model: Model, parameters: Parameters, how: Smoothing) -> dict[str, dict[str, Any]]:
    """Rows of `analyze` by tensor, with what the method needs."""
    asked = replace(
        parameters,
        mp_fit=how.method in (c.RMT, c.AUTO),
        detX=how.method in (c.DETX, c.AUTO),
        randomize=int(how.method == TRAPS),
    )
    by_id = {layer.layer_id: layer.key for layer in model.layers if layer.seen}
    if parameters.legacy:
        return _measured_as_weightwatcher(model, asked, by_id, how)
    chosen, rest = choose(model, model.reader, asked)
    own = [one for one in chosen if one.layer.seen and one.plan.part is None and one.plan.kind != "adapter"]
    rows: Sequence[dict[str, Any]] = [one.described(pool=True) for one in own]
    if how.method != c.SVD:
        rows = modern.analyzed(model.reader, own, asked)
    table = {by_id[row["layer_id"]]: row for row in rows}
    keys = {one.plan.id: one.layer.key for one in own}
    tied = {one.layer.key: keys[one.tied_to] for one in rest if one.tied_to in keys}
    return table | {key: table[same] for key, same in tied.items() if same in table}


def _measured_as_weightwatcher(
    model: Model, asked: Parameters, by_id: Mapping[int, str], how: Smoothing
) -> dict[str, dict[str, Any]]:
    listed = list(legacy.layers(model, asked))
    for layer, _ in listed:
        if layer.kind == c.CONV1D and len(layer.shape) > 2:
            found = "WeightWatcher 0.7.7 crashes on a kernel of one axis"
            raise UsageError(
                f"smoothing of {layer.longname!r}", found, "Skip it with layers=, or leave out compat"
            )
    if how.method == c.SVD:
        return {layer.key: legacy.of_layer(layer, sides) for layer, sides in listed}
    return {by_id[row["layer_id"]]: row for row in legacy.analyzed(model, asked)}


def _copied(given: Any) -> Any:
    if isinstance(given, Mapping):
        return type(given)(given) if isinstance(given, dict) else dict(given)
    return copy.deepcopy(given)


def _replace(target: Any, key: str, values: Array) -> None:
    """New values in the old type: of a module in place, of a dict as a new entry."""
    if isinstance(target, Mapping):
        old = target[key]
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(old, torch.Tensor):
            new: Any = torch.from_numpy(values).to(old)
        else:
            new = values.astype(old.dtype)
        target[key] = new  # type: ignore[index]
        return
    import torch as torch_

    with torch_.no_grad():
        parameter = target.get_parameter(key)
        parameter.copy_(torch_.from_numpy(values))
