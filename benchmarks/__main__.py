"""Every part of the benchmark in one run: `python -m benchmarks [--quick] [--only NAME …]`."""

from __future__ import annotations

import argparse

from benchmarks import section
from benchmarks.choices import choices
from benchmarks.compare import compare
from benchmarks.kernels import kernels
from benchmarks.llama import llama
from benchmarks.memory import memory
from benchmarks.page import page
from benchmarks.real_files import real_files
from benchmarks.refits import refits
from benchmarks.startup import startup
from benchmarks.tail_laws import tail_laws
from benchmarks.traps import traps

# The shortest first, so that something is known early; `choices` concerns the developer alone and comes last.
SECTIONS: dict[str, section.Section] = {
    "startup": startup,
    "compare": compare,
    "traps": traps,
    "memory": memory,
    "llama": llama,
    "real_files": real_files,
    "refits": refits,
    "tail_laws": tail_laws,
    "page": page,
    "kernels": kernels,
    "choices": choices,
}


def main() -> None:
    """Parse the arguments and run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds: shows that it runs")
    parser.add_argument(
        "--only", choices=SECTIONS, action="append", metavar="NAME", help=f"one of {', '.join(SECTIONS)}"
    )
    arguments = parser.parse_args()
    names = arguments.only or list(SECTIONS)
    section.run({name: SECTIONS[name] for name in names}, quick=arguments.quick)


if __name__ == "__main__":
    main()
