"""From two scans and what was done between them to one record a matrix."""

from __future__ import annotations

from collections.abc import Iterable

from triplepoint.edit.tensors import EditedTensors
from triplepoint.records import MatrixRow, Reason, Scan
from triplepoint.records.edits import METRICS, EditedMatrix, Reading


def edited_matrices(
    rows: Iterable[MatrixRow], after: Scan, tensors: EditedTensors
) -> tuple[EditedMatrix, ...]:
    """One for each of the rows that were to change."""
    new = {row.id: row for row in after.matrices}
    return tuple(_matrix(row, new[row.id], tensors) for row in rows)


def _matrix(row: MatrixRow, new: MatrixRow, tensors: EditedTensors) -> EditedMatrix:
    change, left = tensors.changes.get(row.id), tensors.left.get(row.id)
    reason = None if change is not None else left.reason if left is not None else Reason.internal_error
    reading = _reading(row)
    return EditedMatrix(
        id=row.id,
        name=row.name,
        part=row.part,
        kind=row.kind,
        shape=row.shape,
        dtype=row.dtype,
        changed=change is not None,
        reason=reason,
        detail=left.detail if left is not None and change is None else None,
        components=row.num_eigenvalues if change is None else change.components,
        kept=None if change is None else change.kept,
        change=None if change is None else change.change,
        traps_removed=None if change is None else change.traps_removed,
        traps_elsewhere=None if change is None else change.traps_elsewhere,
        before=reading,
        after=reading if change is None else _reading(new),
    )


def _reading(row: MatrixRow) -> Reading:
    metrics = {name: row.metrics[name] for name in METRICS if name in row.metrics}
    return Reading(metrics, row.phase, row.singular_values)
