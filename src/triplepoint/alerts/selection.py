"""Which rules a watch asks, as a user gave them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from triplepoint.alerts._rule import RunRule
from triplepoint.alerts.rules import RULES
from triplepoint.errors import UsageError


def chosen(
    rules: str | RunRule | Iterable[str | RunRule] | None, known: Mapping[str, RunRule] = RULES
) -> tuple[RunRule, ...]:
    """Rules by name or as they are; names that begin with `!` are left out of the others, or of all.

    >>> [rule.name for rule in chosen(["loss_spike"])]
    ['loss_spike']
    """
    if rules is None:
        return tuple(known.values())
    wanted = [rules] if isinstance(rules, str | RunRule) else list(rules)
    without = {_known(one[1:], known).name for one in wanted if isinstance(one, str) and one.startswith("!")}
    named = [
        one if isinstance(one, RunRule) else _known(one, known)
        for one in wanted
        if isinstance(one, RunRule) or not (isinstance(one, str) and one.startswith("!"))
    ]
    if without and not named:
        named = list(known.values())
    by_name = {rule.name: rule for rule in named if rule.name not in without}
    return tuple(by_name.values())


def _known(name: object, known: Mapping[str, RunRule]) -> RunRule:
    if isinstance(name, str) and name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    raise UsageError(
        f"rules {name!r}",
        "no rule over a run of that name",
        f"Did you mean {', '.join(near)}?" if near else f"Use one of {', '.join(known)}",
    )
