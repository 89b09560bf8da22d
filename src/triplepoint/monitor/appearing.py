"""Checkpoints as they appear in a folder: which entries are any, of which step, and whether they are written whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triplepoint.checkpoints import formats
from triplepoint.errors import UsageError

FILES = (".safetensors", ".npz", ".npy", ".gguf", ".onnx", *formats.KERAS, *formats.TORCH)
_WORDS = re.compile(r"(?:global[_-]?step|step|iter|iteration|checkpoint|ckpt)s?[_=-]?0*(\d+)", re.IGNORECASE)
_LAST = re.compile(r"(\d+)(?!.*\d)")
# Of a folder so many entries are looked at for its state: a folder of shards has hundreds.
MOST_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may be a checkpoint."""

    path: Path
    step: int
    state: tuple[tuple[str, int, int], ...]
    """(name, size, time of change) of everything in it."""


@dataclass(slots=True)
class Appearing:
    """The entries of one folder; asked again and again."""

    folder: Path
    settled: dict[Path, tuple[tuple[str, int, int], ...]] = field(default_factory=dict)
    """State in which an entry was handed out: it comes again only if it is written anew."""
    unnumbered: set[str] = field(default_factory=set)
    """Entries that look like checkpoints and whose names say no step."""
    _before: dict[Path, tuple[tuple[str, int, int], ...]] = field(default_factory=dict)

    def ready(self, *, now: bool = False) -> Sequence[Candidate]:
        """What has not changed since it was asked last, in the order of steps; with `now` whatever is there."""
        found = sorted(self._candidates(), key=lambda one: (one.step, one.path.name))
        still = [
            one
            for one in found
            if self.settled.get(one.path) != one.state and (now or self._before.get(one.path) == one.state)
        ]
        self._before = {one.path: one.state for one in found}
        for one in still:
            self.settled[one.path] = one.state
        return still

    def _candidates(self) -> Iterator[Candidate]:
        try:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith((".", "tmp-", "tmp_"))]
        except OSError as error:
            found = error.strerror or type(error).__name__
            raise UsageError(
                f"watch {self.folder}", found, "Name it again once it is back: the run goes on from there"
            ) from None
        for name in names:
            path = self.folder / name
            if not _looks_like_one(path):
                continue
            step = step_of(name)
            if step is None:
                self.unnumbered.add(name)
                continue
            state = _state(path)
            if state:
                yield Candidate(path, step, state)


def step_of(name: str) -> int | None:
    """The step that a name tells: after `step`, `iter`, `checkpoint` or `ckpt`, else its last number.

    >>> [step_of(n) for n in ("checkpoint-500", "epoch=3-step=1200.ckpt", "model_0042.safetensors", "best.pt")]
    [500, 1200, 42, None]
    """
    stem = name
    for ending in FILES:
        stem = stem.removesuffix(ending)
    found = _WORDS.findall(stem) or _LAST.findall(stem)
    return int(found[-1]) if found and len(found[-1]) <= 15 else None


def _looks_like_one(path: Path) -> bool:
    if path.is_dir():
        try:
            with os.scandir(path) as inside:
                return any(entry.name.endswith((*FILES, ".safetensors.index.json")) for entry in inside)
        except OSError:
            return False
    return path.name.endswith(FILES)


def _state(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Sizes and times; empty for what has gone meanwhile."""
    try:
        if not path.is_dir():
            found = path.stat()
            return ((path.name, found.st_size, found.st_mtime_ns),)
        with os.scandir(path) as inside:
            entries = [
                (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
                for entry, _ in zip(inside, range(MOST_ENTRIES), strict=False)
            ]
        return tuple(sorted(entries))
    except OSError:
        return ()
