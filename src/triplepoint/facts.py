"""Everything known about one matrix: records, derived on demand and remembered.

`DERIVATIONS` is the whole chain in sight. A metric names the records it needs by its annotations; `Facts` builds them
through the same annotations, and a record that cannot be had is the `Reason` why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

from triplepoint import fits, nulls
from triplepoint.fits.comparison import compare_tails
from triplepoint.fits.fingers import clip_fingers
from triplepoint.fits.goodness import goodness_of_fit
from triplepoint.fits.tails import fit_tails
from triplepoint.fits.trace_log import trace_log
from triplepoint.linalg import Decomposition
from triplepoint.linalg.difference import alignment_with_init, distance_from_init
from triplepoint.nulls.bulk_fit import fit_bulk, fit_noises
from triplepoint.nulls.localization import vector_statistics
from triplepoint.nulls.products import product_null
from triplepoint.nulls.randomized import randomized
from triplepoint.nulls.replicas import replica_null
from triplepoint.nulls.shrinkage import signal_part
from triplepoint.nulls.tail_indices import tail_indices, tiled_index
from triplepoint.nulls.traps import find_traps
from triplepoint.records import (
    AlphaNull,
    BulkFit,
    BulkNull,
    Clipped,
    EntryStatistics,
    GoodnessOfFit,
    InitialAlignment,
    InitialDistance,
    Noises,
    PowerLawFit,
    Randomized,
    Reason,
    ReplicaNull,
    Signal,
    Spectrum,
    TailComparison,
    TailFits,
    TailIndices,
    TiledIndex,
    TraceLog,
    Traps,
    VectorStatistics,
)

Record = TypeVar("Record")


def _entries(decomposition: Decomposition) -> EntryStatistics:
    return decomposition.entries


def _bulk(decomposition: Decomposition, spectrum: Spectrum) -> BulkNull | Reason:
    if decomposition.factored:
        return product_null(decomposition, spectrum.scale)
    return nulls.bulk_null(
        decomposition.singular_values, decomposition.slice_entries, decomposition.shape, spectrum.scale
    )


def _alpha_null(decomposition: Decomposition, fit: PowerLawFit, spectrum: Spectrum) -> AlphaNull | Reason:
    if decomposition.factored:
        return Reason.low_rank
    return Reason.pooled_slices if spectrum.slices > 1 else nulls.alpha_null(fit.alpha, spectrum.shape)


DERIVATIONS: Mapping[type, Callable[..., Any]] = {
    EntryStatistics: _entries,
    PowerLawFit: fits.fit_power_law,
    TailFits: fit_tails,
    Clipped: clip_fingers,
    BulkNull: _bulk,
    AlphaNull: _alpha_null,
    Noises: fit_noises,
    BulkFit: fit_bulk,
    Signal: signal_part,
    TraceLog: trace_log,
    TailIndices: tail_indices,
    TiledIndex: tiled_index,
    GoodnessOfFit: goodness_of_fit,
    TailComparison: compare_tails,
    Traps: find_traps,
    Randomized: randomized,
    ReplicaNull: replica_null,
    VectorStatistics: vector_statistics,
    InitialDistance: distance_from_init,
    InitialAlignment: alignment_with_init,
}


@cache
def _needs(function: Callable[..., Any]) -> Mapping[str, type]:
    # Resolving annotations costs 30 µs, times the metrics of a row.
    return {name: kind for name, kind in get_type_hints(function).items() if name != "return"}


class Facts:
    """The records of one matrix."""

    def __init__(self, *known: object) -> None:
        self._known: dict[type, object] = {type(record): record for record in known}
        self.faults: list[str] = []
        """Faults of our own, each of which cost what it was asked for and nothing else."""

    def add(self, record: object) -> None:
        """One record more that is known from the start."""
        self._known[type(record)] = record

    def get(self, kind: type[Record]) -> Record | Reason:
        """The record of this type, or why there is none."""
        if kind not in self._known:
            self._known[kind] = self.call(DERIVATIONS[kind])
        return self._known[kind]  # type: ignore[return-value]

    def call(self, function: Callable[..., Any]) -> Any:
        """The function of the records its annotations name; the first missing record's reason instead, or its fault."""
        records = {name: self.get(kind) for name, kind in _needs(function).items()}
        for record in records.values():
            if isinstance(record, Reason):
                return record
        try:
            return function(**records)
        except MemoryError:
            return Reason.out_of_memory
        except Exception as error:
            if os.environ.get("TRIPLEPOINT_DEBUG"):
                raise
            self.faults.append(f"{function.__name__}: {type(error).__name__}: {error}")
            return Reason.internal_error
