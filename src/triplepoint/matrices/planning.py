"""From headers to plans: which matrices a checkpoint holds, and why each other tensor is left out.

Convolutions follow WeightWatcher 0.7.7: the eigenvalues of all kernel positions are pooled with λ × 0.5, a
single position has λ × slices/2. Areas are never compared to guess a layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from triplepoint.matrices import adapters, layouts, quantized
from triplepoint.matrices.heads import candidates
from triplepoint.matrices.names import expert_id, ids, owner
from triplepoint.matrices.overrides import Overrides
from triplepoint.matrices.rule import Facts, Rule
from triplepoint.matrices.rules import decide, model_types
from triplepoint.matrices.siblings import Siblings
from triplepoint.matrices.sources import Read, Source, gather
from triplepoint.matrices.ties import tie_storage
from triplepoint.records import MatrixPlan, Reason, TensorInfo

MIN_SLICE_SIDE = 8
"""Smaller side below which a slice has too few eigenvalues for any statement and gets no row."""

MAX_POSITIONS = 4096
"""Kernel positions of a convolution, a 64 × 64 kernel; a tensor with more is a map or a table, not a kernel."""

GROUPS = (quantized.group, adapters.group)


def plan(
    tensors: Sequence[TensorInfo],
    config: Mapping[str, Any],
    read: Read | None = None,
    overrides: Overrides | None = None,
) -> tuple[MatrixPlan, ...]:
    """At least one plan a weight in stored order; a whole is followed by its parts and slices.

    `read` is called for small companions of quantised weights that describe them, `overrides` are the user's layouts.
    Ids are unique. Weights that share their storage are analysed once (`ties.tie` adds the equal copies).
    Cost: 100,000 tensors take twice as long as reading their header.
    """
    sources = gather(tensors, config, read or _nothing, GROUPS)
    names = ids([source.info.alias or source.info.name for source in sources])
    context = _Context(config, model_types(config), Siblings(tensors), overrides or Overrides())
    wholes = [_whole(source, id, context) for source, id in zip(sources, names, strict=True)]
    plans = tie_storage([plan for plan, _ in wholes], [source.info.storage for source in sources])
    taken = set(names)
    return tuple(
        row for whole, (_, fitted) in zip(plans, wholes, strict=True) for row in _rows(whole, fitted, taken)
    )


@dataclass(frozen=True, slots=True)
class _Context:
    config: Mapping[str, Any]
    model_types: frozenset[str]
    siblings: Siblings
    overrides: Overrides


def _nothing(name: str) -> np.ndarray[Any, Any]:
    raise KeyError(name)


def _whole(source: Source, id: str, context: _Context) -> tuple[MatrixPlan, layouts.Fitted | None]:
    """The plan of a weight as one piece, and its layout where it has one."""
    info = source.info if source.shape is None else replace(source.info, shape=source.shape, decoded="F32")
    base = MatrixPlan(
        id=id,
        name=source.info.name,
        sources=source.names,
        tensor_shape=source.info.shape,
        dtype=source.info.dtype,
        part=source.part,
        decoding=source.decoding,
        decoded_shape=source.shape,
        detail=source.detail,
    )
    asked = context.overrides.layout(id, info.name)
    if asked == "skip":
        return _left_out(base, Reason.filtered, "by --layout"), None
    facts = Facts(info, id, owner(id), context.model_types, context.siblings.gates(info.name))
    product = source.decoding is not None and source.decoding.scheme == "low_rank"
    rule = _PRODUCT if product else decide(facts)
    if source.reason is not None:
        return _left_out(base, source.reason, source.detail), None
    layout = asked or info.layout
    if layout is not None and not product and (rule.reason is None or rule.reason in _ABOUT_LAYOUT):
        rule = Rule(rule.why, kind=_kind(layout, rule, info), layout=layout, detail=rule.detail)
    if rule.reason is not None:
        return _left_out(base, rule.reason, rule.detail), None
    fitted = _fit(rule.layout, info.shape, id, context)
    if fitted is None:
        wanted = f"the layout {rule.layout} does not fit the shape {info.shape}"
        return _left_out(base, rule.otherwise, wanted if asked else rule.detail), None
    reason, detail = _misfit(fitted)
    if reason is not None:
        return _left_out(base, reason, detail), None
    whole = replace(
        base,
        kind=rule.kind,
        shape=(fitted.rows, fitted.columns),
        slices=fitted.slices,
        scale=0.5 if fitted.pooled else 1.0,
        layout=fitted.text,
        counted=rule.counted,
        detail=base.detail or rule.detail,
    )
    return whole, fitted


_PRODUCT = Rule("a product of two factors, which have no axes to arrange", kind="adapter")

_ABOUT_LAYOUT = frozenset(
    {Reason.unsupported_rank, Reason.recurrent, Reason.stacked_experts, Reason.not_a_weight}
)
"""Reasons that a layout, given by the format or the user, removes."""


def _fit(layout: str, shape: tuple[int, ...], id: str, context: _Context) -> layouts.Fitted | None:
    """The first alternative that fits with the numbers of any model that the configuration describes."""
    if "(" not in layout and ":" not in layout:
        return layouts.fit(layout, shape)
    symbols = candidates(context.config, id)
    width = context.siblings.width(id)
    for alternative in layout.split("|"):
        for found in symbols:
            known = found if width is None or "X" in found else {**found, "X": width}
            fitted = layouts.fit(alternative, shape, known)
            if fitted is not None:
                return fitted
    return None


def _kind(layout: str, rule: Rule, info: TensorInfo) -> str:
    """Of a layout that no rule gave: by the class of the layer, then by the axes."""
    words = [axis.name for axis in layouts.parse(layout.split("|", maxsplit=1)[0])]
    if info.module is not None and info.module.startswith(("LSTM", "GRU", "RNN")):
        return "recurrent"
    if "expert" in words:
        return "expert"
    if "kernel" in words:
        axes = max(len(info.shape) - 2 - words.count("1") - words.count("expert"), 1)
        return f"conv{min(axes, 3)}d"
    if rule.kind is not None and not rule.kind.startswith("conv"):
        return rule.kind
    return "dense"


def _left_out(base: MatrixPlan, reason: Reason, detail: str | None) -> MatrixPlan:
    return replace(base, counted=False, reason=reason, detail=detail)


def _misfit(fitted: layouts.Fitted) -> tuple[Reason | None, str | None]:
    """Why the slices of a kernel have no spectrum; a single position is a matrix like any other."""
    if fitted.slices > MAX_POSITIONS:
        return Reason.unsupported_rank, f"{fitted.slices:,} kernel positions, more than {MAX_POSITIONS:,}"
    if fitted.slices > 1 and min(fitted.rows, fitted.columns) == 1:
        return Reason.single_channel, None
    return None, None


def _rows(whole: MatrixPlan, fitted: layouts.Fitted | None, taken: set[str]) -> Iterator[MatrixPlan]:
    """The whole, or what it stands for: entries of a stack, fused parts, kernel slices."""
    if whole.reason is not None or fitted is None:
        yield whole
        return
    if fitted.stack is None:
        yield from _pieces(whole, fitted, taken)
        return
    name, count = fitted.stack
    for entry in range(count):
        one = replace(whole, at=entry)
        if name == "expert":
            for piece, rows in fitted.parts or ((None, fitted.rows),):
                part = f"expert.{entry}" if piece is None else f"expert.{entry}.{piece}"
                shape = (rows * fitted.groups, fitted.columns)
                yield replace(
                    one,
                    id=_free(expert_id(whole.id, entry, piece), taken),
                    part=part,
                    piece=piece,
                    shape=shape,
                )
        elif count == 1:
            yield from _pieces(one, fitted, taken)
        else:
            part = f"{name}.{entry}"
            yield from _pieces(replace(one, id=_free(f"{whole.id}/{part}", taken), part=part), fitted, taken)


def _pieces(whole: MatrixPlan, fitted: layouts.Fitted, taken: set[str]) -> Iterator[MatrixPlan]:
    if not fitted.parts:
        yield whole
        yield from _slices(whole, fitted, taken)
        return
    yield replace(whole, counted=False, secondary=True)
    for piece, rows in fitted.parts:
        part = replace(
            whole,
            id=_free(f"{whole.id}/{piece}", taken),
            part=piece if whole.part is None else f"{whole.part}.{piece}",
            piece=piece,
            shape=(rows * fitted.groups, fitted.columns),
        )
        yield part
        yield from _slices(part, fitted, taken)


def _slices(whole: MatrixPlan, fitted: layouts.Fitted, taken: set[str]) -> Iterator[MatrixPlan]:
    if whole.slices == 1 or whole.side < MIN_SLICE_SIDE:
        return
    separator = "/"
    while any(f"{whole.id}{separator}slice.{k}" in taken for k in range(whole.slices)):
        separator += "/"  # a tensor may be called `conv.weight/slice.0`
    for k in range(whole.slices):
        yield replace(
            whole,
            id=f"{whole.id}{separator}slice.{k}",
            part=f"slice.{k}" if whole.part is None else f"{whole.part}.slice.{k}",
            slice=k,
            slices=1,
            scale=fitted.positions / 2 if fitted.pooled else 1.0,
            counted=False,
            secondary=True,
        )


def _free(id: str, taken: set[str]) -> str:
    """The id, made longer where a tensor of that very name exists; taken from now on."""
    while id in taken:
        head, _, tail = id.rpartition("/")
        id = f"{head}//{tail}" if head else f"{id}/stacked"
    taken.add(id)
    return id
