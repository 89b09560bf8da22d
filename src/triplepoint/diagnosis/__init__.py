"""Rules: measurements → findings. `RULES` holds all of them by name, found by membership in this folder.

`CLASSES` explains the spectral classes, which are on the row and make no finding."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from triplepoint.diagnosis._rule import Evidence, Rule
from triplepoint.diagnosis.phase import NULL_LEVEL, PRESETS, classify
from triplepoint.diagnosis.spectral_class import classify_spectrum
from triplepoint.diagnosis.spectral_classes import CLASSES
from triplepoint.records import Finding, Phase

__all__ = [
    "CLASSES",
    "NULL_LEVEL",
    "PHASES",
    "PRESETS",
    "RULES",
    "Evidence",
    "Rule",
    "classify",
    "classify_spectrum",
    "diagnose",
]


def _scan() -> Mapping[str, Rule]:
    found: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(__path__):
        for rule in vars(importlib.import_module(f"{__name__}.{module.name}")).get("RULES", ()):
            found[rule.name] = rule
    return MappingProxyType(found)


RULES: Mapping[str, Rule] = _scan()
PHASES: Mapping[str, Rule] = MappingProxyType({phase.value: RULES[phase.value] for phase in Phase})


def diagnose(evidence: Evidence) -> tuple[Finding, ...]:
    """Every finding about one matrix, the loudest first."""
    found = [finding for rule in RULES.values() if (finding := rule.apply(evidence)) is not None]
    return tuple(sorted(found, key=lambda finding: -finding.severity.rank))
