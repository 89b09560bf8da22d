"""Embedding tables have phases too, but they mean less."""

from __future__ import annotations

from triplepoint.diagnosis._rule import Evidence, Rule
from triplepoint.records import Finding, Phase, Severity


def _embedding(evidence: Evidence) -> Finding | None:
    if evidence.plan.kind != "embedding" or evidence.phase is Phase.not_assessable:
        return None
    statement = "an embedding table: rows follow word frequency, so its phase is less meaningful"
    return Finding("embedding", Severity.info, statement)


RULES = (
    Rule(
        "embedding",
        "The matrix is a lookup table, not a linear map: each row is trained as often as its token occurs.",
        "Martin & Mahoney 2021, JMLR 22(165), treat embeddings apart",
        "kind",
        "Position embeddings are often nearly of low rank by construction, which lowers α.",
        _embedding,
    ),
)
