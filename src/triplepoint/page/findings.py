"""What rules say of the layers, the loudest first; and the traps with their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triplepoint.page.wording import words
from triplepoint.records import MatrixRow, encoding, primary

Document = dict[str, Any]


def findings(rows: Sequence[MatrixRow], steps: Mapping[str, int] | None = None) -> list[Document]:
    """Of every row but slices, which repeat their kernel; `steps`: {id: step of the visit}, for a run."""
    whole = {row.id for row in primary(rows)}
    found = [
        (finding, index, row.id)
        for index, row in enumerate(rows)
        if row.id in whole
        for finding in row.findings
    ]
    found.sort(
        key=lambda one: (-one[0].severity.rank, -(one[0].confidence if one[0].confidence is not None else -1))
    )
    return [
        {
            "layer": index,
            "rule": words(finding.rule),
            "severity": finding.severity.value,
            "statement": words(finding.statement),
            "confidence": finding.confidence,
            "step": (steps or {}).get(id),
        }
        for finding, index, id in found
    ]


def traps(rows: Sequence[MatrixRow]) -> dict[str, list[Document]]:
    """{layer: traps as in the scan output, the strongest first}."""
    return {
        str(index): [encoding.trap(trap) for trap in row.traps] for index, row in enumerate(rows) if row.traps
    }
