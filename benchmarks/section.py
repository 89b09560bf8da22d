"""What every part of the benchmark shares: its arguments, its printed tables and goals, its result file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import machine

RESULTS = Path(__file__).parent / "results"
Result: TypeAlias = dict[str, Any]
Section: TypeAlias = Callable[[bool], Result]
"""Takes `quick`, prints what it finds as it goes, returns the same as numbers."""


def main(name: str, section: Section) -> None:
    """Run one section alone."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: shows that it runs")
    run({name: section}, quick=parser.parse_args().quick)


def run(sections: dict[str, Section], *, quick: bool) -> None:
    """The environment, then each section; results are kept even where a later section fails."""
    found: Result = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "quick": quick}
    found["machine"] = machine.describe()
    for key, value in found["machine"].items():
        print(f"{key:22s}{value}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    stem = "-".join(sections) if len(sections) == 1 else "bench"
    path = RESULTS / f"{stem}{'-quick' if quick else ''}.json"
    for name, section in sections.items():
        heading(f"{name}   load {machine.load()}")
        found[name] = section(quick)
        path.write_text(json.dumps(found, indent=1))
    print(f"\nresults in {path.relative_to(RESULTS.parent.parent)}")


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """First column to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in [headers, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    for row in cells:
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *rest]), flush=True)


def goal(what: str, value: float, limit: float, *, unit: str, at_least: bool) -> Result:
    """Print a goal beside what was measured; nothing fails, whoever reads it judges."""
    met = value >= limit if at_least else value <= limit
    sign = "≥" if at_least else "≤"
    print(
        f"goal {'met   ' if met else 'MISSED'}  {what}: {value:.3g}{unit} (goal {sign} {limit:g}{unit})",
        flush=True,
    )
    return {"goal": what, "value": value, "limit": limit, "unit": unit, "at_least": at_least, "met": met}
