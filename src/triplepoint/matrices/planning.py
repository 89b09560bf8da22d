"""From headers to plans: which matrices a checkpoint holds, and why each other tensor is left out.

Convolutions follow WeightWatcher 0.7.7: the eigenvalues of all kernel positions are pooled with λ × 0.5, a
single position has λ × slices/2. Areas are never compared to guess a layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.matrices import adapters, quantized
from triplepoint.matrices.fitting import best, with_parts
from triplepoint.matrices.grammar import parse
from triplepoint.matrices.heads import Heads
from triplepoint.matrices.layouts import Fitted, flat
from triplepoint.matrices.names import ids
from triplepoint.matrices.overrides import Overrides
from triplepoint.matrices.parting import MIN_SLICE_SIDE, rows
from triplepoint.matrices.rule import Facts, Rule
from triplepoint.matrices.rules import RULES, Table, model_types
from triplepoint.matrices.siblings import Siblings
from triplepoint.matrices.sources import Read, Source, gather
from triplepoint.matrices.ties import tie_storage
from triplepoint.records import MatrixPlan, Reason, TensorInfo

MAX_POSITIONS = 4096
"""Kernel positions of a convolution, a 64 × 64 kernel; a tensor with more is a map or a table, not a kernel."""

GROUPS = (quantized.group, adapters.group)


def plan(
    tensors: Sequence[TensorInfo],
    config: Mapping[str, Any],
    read: Read | None = None,
    overrides: Overrides | None = None,
    rules: Sequence[Rule] = RULES,
) -> tuple[MatrixPlan, ...]:
    """At least one plan a weight in stored order; a whole is followed by its parts and slices.

    `read` is called for small companions of quantised weights that describe them, `overrides` are the user's layouts;
    a pattern of theirs that matches nothing is a UsageError.
    Ids are unique. Weights that share their storage are analysed once (`ties.tie` adds the equal copies).
    Cost: 100,000 tensors take about as long as reading their header.
    """
    sources = gather(tensors, config, read or _nothing, GROUPS)
    names = ids([source.info.alias or source.info.name for source in sources])
    asked = overrides or Overrides()
    asked.check(names, [source.info.name for source in sources])
    shapes = {
        id: _as_linear(source) for id, source in zip(names, sources, strict=True) if source.reason is None
    }
    context = _Context(Table(model_types(config), rules), Heads(config), Siblings(shapes), asked)
    wholes = [_whole(source, id, context) for source, id in zip(sources, names, strict=True)]
    plans = tie_storage([plan for plan, _ in wholes], [source.info.storage for source in sources])
    taken = set(names)
    return _apart(
        [row for whole, (_, fitted) in zip(plans, wholes, strict=True) for row in rows(whole, fitted, taken)]
    )


def _as_linear(source: Source) -> tuple[int, ...]:
    """The shape as a linear layer of torch has it, (out, in), where the format says that it is turned."""
    shape = source.shape or source.info.shape
    return shape[::-1] if source.info.layout == "in,out" else shape


def _apart(plans: list[MatrixPlan]) -> tuple[MatrixPlan, ...]:
    """Updates beside the weights that they change do not enter the means of the model."""
    if not any(plan.kind not in (None, "adapter") for plan in plans):
        return tuple(plans)
    return tuple(replace(plan, counted=False) if plan.kind == "adapter" else plan for plan in plans)


@dataclass(frozen=True, slots=True)
class _Context:
    table: Table
    heads: Heads
    siblings: Siblings
    overrides: Overrides


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of a weight: a kind with a layout, or a reason."""

    reason: Reason | None = None
    detail: str | None = None
    kind: str | None = None
    fitted: Fitted | None = None


def _nothing(name: str) -> np.ndarray[Any, Any]:
    raise KeyError(name)


def _whole(source: Source, id: str, context: _Context) -> tuple[MatrixPlan, Fitted | None]:
    """The plan of a weight as one piece, and its layout where it has one."""
    verdict = _judged(source, id, context)
    fitted = verdict.fitted
    of_positions = fitted is not None and not fitted.pooled and "kernel" in fitted.text
    plan = MatrixPlan(
        id=id,
        name=source.info.name,
        sources=source.names,
        tensor_shape=source.info.shape,
        dtype=source.info.dtype,
        part=source.part,
        kind=verdict.kind,
        shape=None if fitted is None else (fitted.rows, fitted.columns),
        slices=1 if fitted is None else fitted.slices,
        scale=0.5 if fitted is not None and fitted.pooled else 1.0,
        decoding=source.decoding,
        decoded_shape=source.shape,
        layout="out,in" if fitted is None else fitted.text,
        counted=fitted is not None and not of_positions,
        reason=verdict.reason,
        detail=verdict.detail or ("channels by kernel positions" if of_positions else None),
    )
    return plan, fitted


def _judged(source: Source, id: str, context: _Context) -> _Verdict:
    asked = context.overrides.layout(id, source.info.name)
    if asked == "skip":
        return _Verdict(Reason.filtered, "by --layout")
    if source.reason is not None:
        return _Verdict(source.reason, source.detail)
    if source.decoding is not None and source.decoding.scheme == "low_rank":
        rule, given = _PRODUCT, None
    else:
        rule, given = None, asked or source.info.layout
    info = source.info if source.shape is None else replace(source.info, shape=source.shape, decoded="F32")
    rule = rule or context.table.decide(Facts(info, id, context.siblings, context.heads.widths))
    overruled = _BY_USER if asked else _BY_FORMAT
    if rule.reason is not None and (given is None or rule.reason not in overruled):
        return _Verdict(rule.reason, rule.detail)
    layout, proven = given or rule.layout, given is None
    if given is not None and not asked and rule.reason is None:
        layout = with_parts(given, rule.layout)
        proven = layout != given
    fitted = best(layout, info.shape, id, context.heads, context.siblings, proven=proven)
    if fitted is None:
        wrong = f"the layout {layout} does not fit the shape {info.shape}"
        return _Verdict(Reason.unsupported_rank, rule.detail if given is None else wrong)
    positions = flat(fitted, info.shape)
    reason, detail = _misfit(positions or fitted, given is not None)
    if reason is not None:
        return _Verdict(reason, detail)
    detail = source.detail or rule.detail or (_WHOLE if "(" in layout and not fitted.parts else None)
    kind = rule.kind if given is None else _kind(fitted, rule, info)
    return _Verdict(None, detail, kind, positions or fitted)


_PRODUCT = Rule("a product of two factors, which have no axes to arrange", kind="adapter")
_WHOLE = "one matrix: neither the configuration nor the weights beside it show that it is several"
_BY_FORMAT = frozenset({Reason.unsupported_rank, Reason.recurrent, Reason.stacked_experts})
"""Reasons that a layout removes where the format gives it …"""
_BY_USER = _BY_FORMAT | {Reason.not_a_weight}
"""… and where the user does."""


def _kind(fitted: Fitted, rule: Rule, info: TensorInfo) -> str:
    """Of a layout that no rule gave: by the class of the layer, then by the axes."""
    axes = sum(axis.name == "kernel" for axis in parse(fitted.text))
    if info.module is not None and info.module.startswith(("LSTM", "GRU", "RNN")):
        return "recurrent"
    if fitted.stack is not None and fitted.stack[0] == "expert":
        return "expert"
    if axes:
        return f"conv{min(axes, 3)}d"
    if any(name in ("query", "key", "value") for name, _ in fitted.parts):
        return "attention"
    return rule.kind if rule.kind is not None and not rule.kind.startswith("conv") else "dense"


def _misfit(fitted: Fitted, given: bool) -> tuple[Reason | None, str | None]:
    """Why there is no spectrum to speak of. A single kernel position is a matrix like any other."""
    positions = fitted.columns if "kernel" in fitted.text and not fitted.pooled else fitted.slices
    if positions > MAX_POSITIONS:
        return Reason.unsupported_rank, f"{positions:,} kernel positions, more than {MAX_POSITIONS:,}"
    if fitted.slices > 1 and min(fitted.rows, fitted.columns) == 1:
        return Reason.single_channel, None
    if fitted.stack is not None:
        name, count = fitted.stack
        if count == 1 and name == "expert" and not given:
            return Reason.unsupported_rank, "a stack of one expert"
        if count > 2 and min(fitted.rows, fitted.columns) < MIN_SLICE_SIDE:
            # A row takes a thousand times the memory of an entry of one byte.
            return Reason.too_few_eigenvalues, f"{count:,} entries of {fitted.rows} × {fitted.columns}"
    return None, None
