"""Which weights become rows of the default table, and what is said of those that do not.

A weight that WeightWatcher lists has one row, fused ones too; weights that it never sees – gates of recurrent layers,
fused attention projections, kernels of one or three axes, stacked experts – have one row each part. An adapter is one
row, the product of its factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triplepoint import matrices
from triplepoint.checkpoints import Reader
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.filters import kept
from triplepoint.compat.weightwatcher.layers import Layer, Model
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.records import MatrixPlan, Reason

OF_WEIGHTWATCHER = frozenset({c.DENSE, c.CONV1D, c.CONV2D, c.EMBEDDING, c.LAYER_TYPE.STACKED})


@dataclass(frozen=True, slots=True)
class Chosen:
    """One row to come."""

    layer: Layer
    plan: MatrixPlan
    rf: int
    """Kernel positions."""

    @property
    def sides(self) -> tuple[int, int]:
        """(N, M)."""
        assert self.plan.shape is not None, "plans without a shape are left out"
        return max(self.plan.shape), min(self.plan.shape)

    @property
    def num_evals(self) -> int:
        """As many as the spectrum will have."""
        if self.plan.kind == "adapter":
            return min(self.plan.tensor_shape, default=0)
        return self.sides[1] * self.plan.slices if self.plan.slice is None else self.sides[1]

    def described(self, *, pool: bool) -> dict[str, object]:
        """The columns that need no weights."""
        (N, M), layer, plan = self.sides, self.layer, self.plan
        adapter = plan.kind == "adapter"
        longname = layer.longname.replace("lora_A", "lora_BA") if adapter else layer.longname
        name = layer.name.replace("lora_A", "lora_BA") if adapter else layer.name
        if plan.part is not None and plan.slice is None and not adapter:
            name, longname = f"{name}/{plan.part}", f"{longname}/{plan.part}"
        row: dict[str, object] = {
            "layer_id": layer.layer_id,
            "name": name,
            "longname": longname,
            "layer_type": layer.kind if layer.kind in OF_WEIGHTWATCHER and layer.seen else plan.kind,
            "N": N,
            "M": M,
            "Q": N / M,
            "rf": self.rf,
            "num_evals": self.num_evals,
        }
        return row if pool else {**row, "slice_id": plan.slice or 0}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One weight without a row."""

    layer: Layer
    reason: str
    """A sentence."""
    tied_to: str | None = None
    """Id of the matrix that stands for this weight, which was asked for and is the same."""


def choose(model: Model, reader: Reader, parameters: Parameters) -> tuple[list[Chosen], list[LeftOut]]:
    """Rows to come in the order of the layers, and the rest; from headers, and what is needed to tell tied weights.

    Of weights that are tied the one that stands for them has a row, or one that was asked for without it.
    """
    groups: dict[str, list[MatrixPlan]] = {}
    plans = matrices.tie(matrices.plan(reader.tensors(), reader.config, reader.read), reader.read)
    wanted = {layer.key for layer in kept(model.layers, parameters.filters)}
    elsewhere = {plan.id: plan for plan in plans if plan.name not in wanted}
    for plan in plans:
        stands = elsewhere.get(plan.detail or "") if plan.reason is Reason.tied else None
        groups.setdefault(_key(plan), []).append(plan if stands is None else stands)
    chosen, rest = [], []
    for layer in model.layers:
        if layer.key not in groups:
            continue
        for one in _of_layer(layer, groups[layer.key], parameters):
            sentence = _left_out(one, parameters) if layer.key in wanted else Reason.filtered.sentence
            if sentence is None:
                chosen.append(one)
            else:
                tied = layer.key in wanted and one.plan.reason is Reason.tied
                rest.append(LeftOut(layer, sentence, one.plan.detail if tied else None))
    return chosen, rest


def _key(plan: MatrixPlan) -> str:
    """The tensor whose layer a row is of: of an adapter its first factor, as in WeightWatcher."""
    if plan.kind != "adapter":
        return plan.name
    return next((name for name in plan.sources if "lora_A" in name), plan.sources[0])


def _of_layer(layer: Layer, plans: Sequence[MatrixPlan], parameters: Parameters) -> list[Chosen]:
    wholes = [plan for plan in plans if plan.part is None and plan.slice is None]
    parts = [plan for plan in plans if plan.part is not None and plan.slice is None]
    own = wholes if (layer.seen and wholes) or not parts else parts
    positions = max((plan.slices for plan in plans), default=1)
    slices = [plan for plan in plans if plan.slice is not None]
    found = slices if slices and not parameters.pool else own
    return [
        Chosen(layer, plan, positions if plan.slices > 1 or plan.slice is not None else 1) for plan in found
    ]


def _left_out(one: Chosen, parameters: Parameters) -> str | None:
    """Why a weight has no row; None where it has one."""
    plan = one.plan
    if plan.reason is not None or plan.shape is None:
        reason = plan.reason or Reason.internal_error
        return f"{reason.sentence} ({plan.detail})" if plan.detail else reason.sentence
    if plan.kind == "adapter":
        return None
    count, side = one.num_evals, one.sides[0]
    limits = (
        (parameters.peft, "No adapter, and peft=True keeps those alone."),
        (count < parameters.min_evals, f"{count} eigenvalues, fewer than min_evals={parameters.min_evals}."),
        (
            0 < parameters.max_evals < count,
            f"{count} eigenvalues, more than max_evals={parameters.max_evals}.",
        ),
        (parameters.max_N < side, f"A side of {side}, more than max_N={parameters.max_N}."),
    )
    return next((sentence for beyond, sentence in limits if beyond), None)
