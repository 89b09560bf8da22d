"""One layer by id or name: its matrices, its eigenvalues, and the loop over all of them."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint import checkpoints, matrices
from triplepoint.compat.weightwatcher import modern
from triplepoint.compat.weightwatcher.choosing import choose
from triplepoint.compat.weightwatcher.deltas import difference
from triplepoint.compat.weightwatcher.filters import Filters
from triplepoint.compat.weightwatcher.kernels import cut_by_position
from triplepoint.compat.weightwatcher.layers import Layer, Model
from triplepoint.compat.weightwatcher.legacy import bulk, rows, spectrum
from triplepoint.compat.weightwatcher.legacy.matrices import Cut, cut
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.errors import UsageError
from triplepoint.linalg import Decomposition, choose_backend, decompose
from triplepoint.nulls.randomized import draw_eigenvalues
from triplepoint.nulls.settings import NullSettings
from triplepoint.nulls.slices import varied
from triplepoint.records import LowRank, MatrixPlan, Reason

Array = np.ndarray[Any, Any]


@dataclass(slots=True, eq=False)
class LoopLayer:
    """One layer of a loop, with the attributes that such loops read."""

    layer_id: int
    name: str
    longname: str
    the_type: str
    N: int
    M: int
    rf: int
    Wmats: list[Array]
    skipped: bool = False
    has_weights: bool = True


def layer_named(model: Model, wanted: int | str | None) -> Layer:
    """The layer of this id or of this short or long name; UsageError where there is none."""
    for layer in model.layers:
        if not layer.seen or len(layer.shape) < 2:
            continue
        by_id = isinstance(wanted, numbers.Integral) and layer.layer_id == wanted
        if by_id or (isinstance(wanted, str) and wanted in (layer.longname, layer.key, layer.name)):
            return layer
    example = next((layer for layer in model.layers if layer.seen and len(layer.shape) > 1), None)
    known = "none" if example is None else f"layer {example.layer_id}, {example.longname!r}"
    raise UsageError(
        f"layer {wanted!r}", "there is none of this id or name", f"The first is {known}; see describe()"
    )


def matrices_of(model: Model, parameters: Parameters, layer: Layer) -> list[Array]:
    """The matrices of one layer, tall side as stored; of a kernel one a position."""
    return list(_cut(model, parameters, layer).matrices)


def _cut(model: Model, parameters: Parameters, layer: Layer) -> Cut:
    divide = cut if parameters.legacy else cut_by_position
    found = divide(rows.values_of(model.reader, layer.key), layer.kind)
    if found is None:
        raise UsageError(
            f"layer {layer.longname!r}", f"shape {layer.shape} is no matrix or kernel", "See describe()"
        )
    return found


def eigenvalues(model: Model, parameters: Parameters, layer: Layer, *, random: bool) -> Array:
    """λ ascending, of the layer or of a shuffle of it."""
    if parameters.legacy:
        whole = _cut(model, parameters, layer)
        stream = np.random.RandomState(parameters.seed)
        few = bulk.REPLICAS_OF_FEW if whole.components < bulk.FEW else 1
        try:
            return (
                bulk.shuffled_eigenvalues(whole, stream, few) if random else spectrum.esd(whole).eigenvalues
            )
        except (ValueError, IndexError, np.linalg.LinAlgError):
            raise UsageError(
                f"layer {layer.longname!r}", "it has no eigenvalues", "Is an entry not finite?"
            ) from None
    wanted = replace(parameters, filters=Filters(names=(layer.key,)), min_evals=1, max_evals=0, max_N=2**62)
    chosen, left_out = choose(model, model.reader, wanted)
    if not chosen:
        raise UsageError(f"layer {layer.longname!r}", _why(layer, left_out), "See get_skipped()")
    if random:
        return _shuffled(model.reader, chosen[0].plan, parameters)
    row = next(
        row for row in modern.scan_of(model.reader, chosen, wanted).matrices if row.id == chosen[0].plan.id
    )
    if row.singular_values is None:
        reason = row.reason or Reason.internal_error
        raise UsageError(f"layer {layer.longname!r}", reason.sentence.rstrip("."), "See get_skipped()")
    return modern.spectrum_of(chosen[0], row, wanted).eigenvalues[::-1]


def _why(layer: Layer, left_out: Any) -> str:
    return str(next((one.reason for one in left_out if one.layer is layer), "it has no spectrum")).rstrip(".")


def _shuffled(reader: checkpoints.Reader, plan: MatrixPlan, parameters: Parameters) -> Array:
    values = matrices.form(plan, matrices.load(plan, reader.read)).values
    if isinstance(values, LowRank):
        raise UsageError(
            f"a shuffle of {plan.id!r}", "it is a product of two factors", "Leave out random=True"
        )
    decomposition = decompose(values, "precise", choose_backend())
    drawn: Array | Reason | None = None
    if isinstance(decomposition, Decomposition):
        settings = NullSettings(name=plan.name, seed=parameters.seed)
        alive = varied(values, decomposition)
        drawn = draw_eigenvalues(alive, settings, "shuffle", 0) if alive else Reason.undefined
    found = decomposition if isinstance(decomposition, Reason) else drawn
    if not isinstance(found, np.ndarray):
        reason = found if isinstance(found, Reason) else Reason.internal_error
        raise UsageError(f"a shuffle of {plan.id!r}", reason.sentence.rstrip("."), "See get_skipped()")
    return np.sort(found, axis=None) * (plan.scale if parameters.conv2d_norm else 1.0)


def looped(model: Model, parameters: Parameters, base: Model | None) -> Iterator[LoopLayer]:
    """Every layer that WeightWatcher would list, one in memory at a time."""
    reader = model.reader if base is None else difference(model.reader, base.reader)
    there = {info.name for info in reader.tensors()}
    for layer, _ in rows.layers(model, parameters):
        divide = cut if parameters.legacy else cut_by_position
        found = divide(np.asarray(reader.read(layer.key)), layer.kind) if layer.key in there else None
        if found is not None:
            yield LoopLayer(
                *(layer.layer_id, layer.name, layer.longname, layer.kind),
                *(found.N, found.M, found.rf, list(found.matrices)),
            )
