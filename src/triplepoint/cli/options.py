"""Options that several verbs have in common: the same words, bounds and defaults everywhere.

Nothing here imports what an option means; tests hold the words equal to those of the rooms that know them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

MODES = ("precise", "fast", "exact")
# As `nulls.BULKS`, whose room would bring NumPy into --help.
BULKS = ("quantiles", "kde")
MAX_TENSORS = 1_000_000

layers = click.option(
    "--layers", multiple=True, metavar="GLOB", help="Only ids that match; a leading ! excludes. Repeatable."
)
workers = click.option("--workers", type=click.IntRange(min=1), help="Worker threads; default: one a core.")
allow_pickle = click.option(
    "--allow-pickle",
    is_flag=True,
    help="Read files of torch.save: weights only, in a separate process, no code is run.",
)
layout = click.option(
    "--layout",
    "layouts",
    multiple=True,
    metavar="GLOB=LAYOUT",
    help="What the axes of a tensor mean, such as '*.qkv.weight=out(query,key,value),in', or GLOB=skip. Repeatable.",
)
max_tensors = click.option(
    "--max-tensors",
    type=click.IntRange(min=1, max=MAX_TENSORS),
    default=MAX_TENSORS,
    show_default=True,
    help="Refuse a checkpoint that names more.",
)
level = click.option(
    "--level",
    type=click.FloatRange(1e-6, 0.2),
    default=0.01,
    show_default=True,
    help="False-alarm rate of spikes and traps, for one matrix.",
)
bulk = click.option(
    "--bulk",
    type=click.Choice(BULKS),
    default="quantiles",
    show_default=True,
    help="How the noise level is fitted; kde: the density fit of WeightWatcher, with the right law for squares.",
)


def seed(help: str) -> Decorator:
    """`--seed`, of what `help` says."""
    return click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help=help)


def mode(help: str) -> Decorator:
    """`--mode`, of what `help` says."""
    return click.option("--mode", type=click.Choice(MODES), default="precise", show_default=True, help=help)
