"""Two checkpoints, matrix by matrix: norms of the difference, and how far both point the same way.

Matrices are matched by id, which is the same for every disk layout, so the order and the format of the two do not
matter; WeightWatcher 0.7.7 pairs the layers by their place, and one layer more shifts all that follow.

| method | W → | WeightWatcher |
|---|---|---|
| raw | `frobenius` ‖A − B‖_F of the whole weight, `relative`, and ‖a − b‖₂ of the biases | raw |
| euclidean | `euclidean`: mean of ‖Aₛ − Bₛ‖_F over the slices of a kernel | euclidean |
| cka | `cka` (columns centred), `cka_uncentred`, and `overlap`, its root | cka is `overlap` |
| all | all of these and `spectral` ‖A − B‖₂ | |
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from triplepoint import __version__, asked, matrices
from triplepoint.compare.matching import Pair, match
from triplepoint.compare.measuring import METHODS, frobenius, measures
from triplepoint.compare.opened import Opened
from triplepoint.errors import TriplepointError, UsageError
from triplepoint.linalg import blas_threads
from triplepoint.records import (
    Distances,
    MatrixDistance,
    MatrixPlan,
    Reason,
    VectorDistance,
)
from triplepoint.request import MAX_TENSORS, chosen, workers_of


def distances(
    first: Any,
    second: Any,
    *,
    method: str = "all",
    directions: int = 0,
    layers: str | Iterable[str] | None = None,
    allow_pickle: bool = False,
    workers: int | None = None,
    layouts: Mapping[str, str] | None = None,
    max_tensors: int = MAX_TENSORS,
) -> Distances:
    """How far every matrix of `second` lies from that of `first`.

    Args:
        first, second: checkpoints as for `scan`; they need not be of one format. A quantised one is decoded, an
            adapter stays in its factors and is compared with adapters alone.
        method: `all`, `raw`, `euclidean` or `cka`; see `Distances` and the module.
        directions: also the overlap of so many leading singular directions on either side; 0 for none. None for
            matrices of fewer, and for adapters.
        layers: glob patterns over matrix ids; one that starts with `!` excludes.
        allow_pickle: read files of `torch.save`: weights only, in a separate process, without running their code.
        workers: threads of BLAS; by default one a usable core.
        layouts: what the axes of tensors mean, for both; see `scan`.
        max_tensors: a checkpoint that names more is refused.

    Returns:
        `Distances`: rows for what both have, `unmatched` with a reason for everything else. Two kinds of numbers, which
        read in opposite ways: distances are 0 for equal matrices, CKA is 1.

    Raises:
        UsageError: an unknown method, a pattern that matches nothing, or no matrix in common.
        UnreadableCheckpoint, UnsafeCheckpoint: a checkpoint cannot be read, or must not be.

    Cost: one tensor of each is in memory at a time, and their difference. `raw` reads both once; `all` takes about
    two scans of one.

    >>> import numpy as np
    >>> a = {"layer.weight": np.diag([3.0, 4.0, 0.0])}
    >>> b = {"layer.weight": np.zeros((3, 3))}
    >>> found = distances(a, b)["layer.weight"]
    >>> found.frobenius, found.spectral, found.relative
    (5.0, 4.0, 1.0)
    """
    method = asked.word("method", method, tuple(METHODS))
    directions = asked.whole("directions", directions, 0)
    patterns = asked.names("layers", layers)
    asked.whole("max_tensors", max_tensors, 1)
    overrides = matrices.overrides_of(asked.layouts(layouts))
    threads = workers_of(workers)
    one, other = (
        Opened.of(source, wanted, allow_pickle=allow_pickle, max_tensors=max_tensors)
        for source, wanted in ((first, overrides), (second, replace(overrides, strict=False)))
    )
    pairs = match(_chosen(one.plans, patterns, strict=True), _chosen(other.plans, patterns, strict=False))
    if not pairs.matrices and not pairs.vectors:
        raise _nothing_in_common(one, other)
    with blas_threads(threads):
        rows = [_row(pair, one, other, method, directions) for pair in pairs.matrices]
        vectors = [_vector(pair, one, other) for pair in pairs.vectors] if method in ("all", "raw") else []
    one.release()
    other.release()
    return Distances(
        first=one.reader.source,
        second=other.reader.source,
        method=method,
        matrices=tuple(rows),
        vectors=tuple(vectors),
        unmatched=pairs.unmatched,
        version=__version__,
        directions=directions,
    )


def _chosen(
    plans: Sequence[MatrixPlan], patterns: Sequence[str] | None, *, strict: bool
) -> Sequence[MatrixPlan]:
    """Those that match, vectors and others that a scan leaves out too; `strict`: or a UsageError where none does."""
    try:
        kept = chosen([replace(plan, reason=None) for plan in plans], patterns)
    except UsageError:
        if strict:
            raise
        return ()
    return [plan for plan, one in zip(plans, kept, strict=True) if one.reason is None]


def _nothing_in_common(one: Opened, other: Opened) -> UsageError:
    examples = [next((plan.id for plan in found.plans if plan.shape), None) for found in (one, other)]
    return UsageError(
        f"distances of {one.reader.source} and {other.reader.source}",
        "no tensor of one has the id and shape of a tensor of the other",
        f"Ids look like {examples[0]!r} and {examples[1]!r}; compare checkpoints of one architecture",
    )


def _row(pair: Pair, one: Opened, other: Opened, method: str, directions: int) -> MatrixDistance:
    plan = pair[0]
    assert plan.shape is not None, "what is matched has a shape"
    blank = MatrixDistance(
        id=plan.id,
        name=plan.name,
        part=plan.part,
        kind=plan.kind,
        shape=plan.shape,
        slices=plan.slices,
        # A fused weight stands here only where its parts do not.
        counted=plan.counted or plan.secondary,
    )
    try:
        values = one.formed(pair[0]), other.formed(pair[1])
        for value, side in zip(values, ("first", "second"), strict=True):
            if isinstance(value, Reason):
                return replace(blank, reason=value, detail=f"in the {side}")
        found = measures(*values, method, directions)  # type: ignore[arg-type]
    except MemoryError:
        return replace(blank, reason=Reason.out_of_memory)
    except np.linalg.LinAlgError:
        return replace(blank, reason=Reason.not_converged)
    except Exception as error:
        # As in a scan: a fault of ours costs its own row.
        if os.environ.get("TRIPLEPOINT_DEBUG"):
            raise
        return replace(blank, reason=Reason.internal_error, detail=f"{type(error).__name__}: {error}")
    return replace(blank, reason=found) if isinstance(found, Reason) else replace(blank, **found)  # type: ignore[arg-type]


def _vector(pair: Pair, one: Opened, other: Opened) -> VectorDistance:
    plan = pair[0]
    blank = VectorDistance(
        id=plan.id,
        name=plan.name,
        length=plan.tensor_shape[0] if plan.tensor_shape else 1,
        bias="bias" in plan.id.rpartition(".")[2],
        euclidean=None,
        relative=None,
    )
    try:
        stored = [
            np.asarray(side.reader.read(found.name)) for side, found in zip((one, other), pair, strict=True)
        ]
        if any(np.iscomplexobj(values) for values in stored):
            return replace(blank, reason=Reason.complex)
        a, b = (values.astype(np.float64).reshape(1, -1) for values in stored)
    except (TriplepointError, OSError):
        return replace(blank, reason=Reason.unreadable)
    except (TypeError, ValueError):  # texts
        return replace(blank, reason=Reason.unsupported_dtype)
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return replace(blank, reason=Reason.non_finite)
    with np.errstate(over="ignore"):
        change, base = frobenius(a - b), frobenius(a)
    if not np.isfinite(change + base):
        return replace(blank, reason=Reason.extreme_scale)
    return replace(blank, euclidean=change, relative=change / base if base else None)
