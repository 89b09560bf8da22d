"""Options whose value may be left out: `--randomize` as well as `--randomize=5`.

Click gives such an option the next word, so that `--randomize model.safetensors` would ask for model.safetensors
shuffles. Here a bare one followed by no number gets its default before the words are parsed.
"""

from __future__ import annotations

from typing import Any

import click


class OptionalValues(click.Command):
    """A command with options that have a `flag_value` and are no flags."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after bare options got their defaults."""
        defaults = {
            name: option.flag_value
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag and _has_default(option.flag_value)
            for name in option.opts
        }
        end = args.index("--") if "--" in args else len(args)
        words = [
            f"{word}={defaults[word]}" if word in defaults and not _is_number(args, place + 1, end) else word
            for place, word in enumerate(args[:end])
        ]
        return super().parse_args(ctx, words + args[end:])


def _has_default(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(args: list[str], place: int, end: int) -> bool:
    return place < end and args[place].isdecimal()
