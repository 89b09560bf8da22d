"""The table of the package, as Python text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.healthy_runs_worlds import FAULTS

if TYPE_CHECKING:
    from benchmarks.healthy_runs import Judged

_HEAD = '''"""Measured by `python -m benchmarks.healthy_runs --write`; not written by hand.

{about}
"""

from __future__ import annotations

from collections.abc import Mapping

from triplepoint.alerts.rates import Found, Rate

HOW = (
{how}
)
"""How the healthy runs were made."""

'''


def text(quoted: Sequence[Judged], losses: Sequence[Judged], sick: Sequence[Judged], tuned: int) -> str:
    """All of the module."""
    from benchmarks.healthy_runs import found_in, rates

    families = dict.fromkeys(run.recording.recipe.family.replace("_", " ") for run in quoted)
    steps = [run.steps for run in quoted]
    how = (
        f"runs of {', '.join(families)}: healthy as defined before they were trained (finite losses, test accuracy at "
        f"the end within 2 points of its best, no label changed); thresholds were chosen on {tuned} other runs of the "
        f"same kinds. These are small networks over {min(steps):,} to {max(steps):,} steps; large ones were not "
        "measured"
    )
    about = f"{len(quoted)} healthy runs, {len(sick)} sick ones."
    parts = [_HEAD.format(about=about, how=_wrapped(how))]
    parts.append(_rates("RATES", rates(quoted), "By rule."))
    parts.append(_rates("RATES_OF_LOSSES", rates(losses), "By rule, where no accuracy was given."))
    parts.append("FOUND: Mapping[str, tuple[Found, ...]] = {\n")
    by_fault: dict[str, dict[str, tuple[int, int, int]]] = {}
    for fault in FAULTS:
        mine = [run for run in sick if run.recording.recipe.fault == fault]
        if mine:
            by_fault[fault] = found_in(mine)
    for rule in rates(quoted):
        rows = [(fault, found[rule]) for fault, found in by_fault.items() if rule in found]
        if rows:
            parts.append(f'    "{rule}": (\n')
            parts += [
                f'        Found("{fault}", {hits}, {count}, {delay}),\n'
                for fault, (hits, count, delay) in rows
            ]
            parts.append("    ),\n")
    parts.append('}\n"""By rule, the faults in which it was raised after the onset."""\n\n')
    parts.append("FAULTS: Mapping[str, str] = {\n")
    parts += [f'    "{fault}": "{sentence}",\n' for fault, sentence in FAULTS.items()]
    parts.append('}\n"""What was wrong."""\n')
    return "".join(parts)


def _rates(name: str, found: Mapping[str, tuple[int, ...]], words: str) -> str:
    rows = "".join(
        f'    "{rule}": Rate({", ".join(f"{n:_}" for n in numbers)}),\n' for rule, numbers in found.items()
    )
    return f'{name}: Mapping[str, Rate] = {{\n{rows}}}\n"""{words}"""\n\n'


def _wrapped(sentence: str, width: int = 104) -> str:
    lines = [""]
    for word in sentence.split(" "):
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += f"{word} "
    lines[-1] = lines[-1].rstrip()
    return "\n".join(f'    "{line}"' for line in lines)
