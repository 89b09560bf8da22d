"""The list of layers: every tensor with its name, shape, block and fate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from triplepoint.page.wording import words
from triplepoint.records import MatrixRow, Reason, is_slice, primary
from triplepoint.report.order import label

Document = dict[str, Any]

FACTORED = "qr+svd"
"""How the spectrum of a product is computed, and of nothing else."""


def layers(rows: Sequence[MatrixRow]) -> list[Document]:
    """One entry a row, in their order."""
    blocks = blocks_of([row.id for row in rows])
    once = {id(row) for row in primary(rows)}
    return [_layer(index, row, blocks[row.id], id(row) in once) for index, row in enumerate(rows)]


def blocks_of(ids: Sequence[str]) -> Mapping[str, str | None]:
    """The part of the network that each id lies in: up to its first whole-number component, else the first component
    where several share it.

    >>> list(blocks_of(["encoder.layer.0.a", "encoder.layer.1.a", "head.w", "head.b", "pooler"]).values())
    ['encoder.layer.0', 'encoder.layer.1', 'head', 'head', None]
    """
    parts = {id: id.split("/")[0].split(".") for id in ids}
    firsts = Counter(names[0] for names in parts.values())
    found: dict[str, str | None] = {}
    for id, names in parts.items():
        at = next((k for k, name in enumerate(names) if name.isascii() and name.isdecimal()), None)
        if at is not None and len(names) > 1:
            found[id] = ".".join(names[: at + 1])
        else:
            found[id] = names[0] if firsts[names[0]] > 1 and len(names) > 1 else None
    return found


def reasons(rows: Sequence[MatrixRow]) -> dict[str, str]:
    """{code: sentence} of every reason that occurs, for a tensor or for one of its metrics."""
    found = {row.reason for row in rows} | {code for row in rows for code in row.metric_status.values()}
    return {reason.value: reason.sentence for reason in Reason if reason in found}


def slices(row: MatrixRow) -> int:
    """How many matrices of `shape` the eigenvalues of a row come from: the positions of a pooled kernel, else 1."""
    if row.shape is None or row.num_eigenvalues is None or is_slice(row):
        return 1
    return max(1, row.num_eigenvalues // max(1, min(row.shape)))


def factored(row: MatrixRow) -> bool:
    """Whether its spectrum is that of a product of two factors (an adapter, two consecutive layers), whose noise has
    another law than a matrix of independent entries. Of full rank it has as many eigenvalues as any other matrix."""
    return row.method == FACTORED


def unmeasured(rows: Sequence[MatrixRow]) -> dict[str, dict[str, str]]:
    """{layer: {metric: code of the reason why it has no value}}, of layers where there is one."""
    return {
        str(index): {name: code.value for name, code in row.metric_status.items()}
        for index, row in enumerate(rows)
        if row.metric_status
    }


def _layer(index: int, row: MatrixRow, block: str | None, once: bool) -> Document:
    return {
        "index": index,
        "id": row.id,
        "label": label(row),
        "block": block,
        "part": row.part,
        "primary": once,
        "kind": row.kind,
        "shape": None if row.shape is None else list(row.shape),
        "scale": row.scale,
        "slices": slices(row),
        "factored": factored(row),
        "tensor_shape": list(row.tensor_shape),
        "dtype": row.dtype,
        "counted": row.counted,
        "status": row.status,
        "reason": None if row.reason is None else row.reason.value,
        "detail": None if row.detail is None else words(row.detail),
        "num_eigenvalues": row.num_eigenvalues,
        "spectral_class": None if row.spectral_class is None else row.spectral_class.spectral_class.value,
    }
