"""One rule over a trajectory a file, found by membership in this folder."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from triplepoint.alerts._rule import RunRule


def _scan() -> Mapping[str, RunRule]:
    found: dict[str, RunRule] = {}
    for module in pkgutil.iter_modules(__path__):
        rule = vars(importlib.import_module(f"{__name__}.{module.name}")).get("RULE")
        if rule is not None:
            found[rule.name] = rule
    return MappingProxyType(found)


RULES: Mapping[str, RunRule] = _scan()
