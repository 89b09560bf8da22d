"""Options whose value may be left out: `--randomize` as well as `--randomize=5`.

Click gives such an option the next word, so that `--randomize model.safetensors` would ask for model.safetensors
shuffles. Here a bare one followed by no number gets its default before the words are parsed. A number that is none of
theirs is refused here, because click takes `-1` for an option of its own.
"""

from __future__ import annotations

import re
from typing import Any

import click

_NUMBER = re.compile(r"-?[0-9.]+")


class OptionalValues(click.Command):
    """A command with options that have a `flag_value` and are no flags."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after bare options got their defaults."""
        options = {
            name: option
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag and _has_default(option.flag_value)
            for name in option.opts
        }
        end = args.index("--") if "--" in args else len(args)
        words: list[str] = []
        place = 0
        while place < end:
            name, given, value = args[place].partition("=")
            place += 1
            if name in options and not given:
                follows = place < end and _NUMBER.fullmatch(args[place])
                value = args[place] if follows else str(options[name].flag_value)
                place += bool(follows)
            if name in options:
                _check(ctx, options[name], value)
                words.append(f"{name}={value}")
            else:
                words.append(args[place - 1])
        return super().parse_args(ctx, words + args[end:])


def _check(ctx: click.Context, option: click.Option, value: str) -> None:
    if value.startswith("-"):
        raise click.BadParameter(f"{value!r} is not a whole number above 0.", ctx=ctx, param=option)


def _has_default(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
