"""A retrieval task out of the standard library's docstrings: the first sentence asks, the rest of the text answers.

Nothing is downloaded and nothing is chosen by hand: every public class, function and method of every public module,
in the order of its name. The text depends on the version of Python and on what is compiled into it; `Task.digest` says
whether two numbers belong to the same task. The object's own name is masked in the passage, so that it cannot be found
by its name alone.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

# Imports that act (a browser, a poem), that are tests or data, or that would take a second.
SKIPPED = {
    "antigravity",
    "this",
    "test",
    "idlelib",
    "turtledemo",
    "lib2to3",
    "ensurepip",
    "encodings",
    "pydoc_data",
}
QUERY_WORDS, PASSAGE_WORDS, LONGEST = 4, 12, 64
MASK = "this"

_SIGNATURE = re.compile(r"^[\w.]+\([^\n]*\)[^\n.]*$")
# A full stop ends a sentence where a capital, a quote or nothing follows, and no abbreviation stands before it.
_STOP = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!etc)(?<!vs)[.!?](?=\s+[A-Z\"'`(]|\s*$)")
_CASES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_.]+")


@dataclass(frozen=True, slots=True)
class Pair:
    """One object of the library."""

    name: str
    """Qualified, `logging.Logger.getEffectiveLevel`."""
    sentence: str
    """First sentence of its docstring."""
    passage: str
    """What follows, at most `LONGEST` words, its own name masked."""

    @property
    def words(self) -> str:
        """The name as words: `logging logger get effective level`."""
        return " ".join(_CASES.sub(" ", self.name).lower().split())


@dataclass(frozen=True, slots=True)
class Task:
    """Pairs; the passage of each is the one right answer among all."""

    pairs: tuple[Pair, ...]

    @property
    def digest(self) -> str:
        """Of every text in order."""
        whole = "\x1e".join(f"{pair.name}\x1f{pair.sentence}\x1f{pair.passage}" for pair in self.pairs)
        return hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()


def build(most: int | None = None, roots: Iterable[str] | None = None) -> Task:
    """The task, or `most` pairs of it: those whose names hash lowest, so that a small task is a sample of the large.

    A sentence or a passage that came before, under whatever name, is not taken again.
    """
    seen: set[str] = set()
    pairs = []
    for name, text in sorted(_documented(sys.stdlib_module_names if roots is None else roots)):
        pair = pair_of(name, text)
        if pair is not None and not seen & (texts := {_folded(pair.sentence), _folded(pair.passage)}):
            seen |= texts
            pairs.append(pair)
    if most is not None:
        pairs = sorted(sorted(pairs, key=_drawn)[:most], key=lambda pair: pair.name)
    return Task(tuple(pairs))


def pair_of(name: str, text: str) -> Pair | None:
    """The docstring `text` cut in two, or None where either half says too little.

    >>> pair_of("m.f", "Return the first of many items. With f, nothing is lost; " + "and so on " * 4).sentence
    'Return the first of many items.'
    """
    paragraphs = [p for p in re.split(r"\n\s*\n", inspect.cleandoc(text)) if ">>>" not in p]
    called = f"{name.rpartition('.')[2]}("
    while paragraphs and (_SIGNATURE.match(paragraphs[0]) or paragraphs[0].startswith(called)):
        first = paragraphs.pop(0)
        # A signature and its sentence may share a paragraph.
        if "\n" in first:
            paragraphs.insert(0, first.split("\n", 1)[1])
    if not paragraphs:
        return None
    head = " ".join(paragraphs[0].split())
    stop = _STOP.search(head)
    sentence = head[: stop.end()] if stop else head
    rest = " ".join(" ".join([head[len(sentence) :], *paragraphs[1:]]).split()).replace(sentence, " ")
    for part in name.split(".")[1:]:
        rest = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", MASK, rest, flags=re.IGNORECASE)
    words = rest.split()
    if len(sentence.split()) < QUERY_WORDS or len(words) < PASSAGE_WORDS:
        return None
    return Pair(name, sentence, " ".join(words[:LONGEST]))


def _documented(roots: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(qualified name, docstring) of every public object that is defined in one of these modules."""
    for root in sorted(roots):
        if root.startswith("_") or root in SKIPPED:
            continue
        for module in _modules(root):
            for name, value in vars(module).items():
                if not name.startswith("_") and _defined(value, root):
                    yield from _texts(f"{module.__name__}.{name}", value)


def _modules(root: str) -> Iterator[ModuleType]:
    """The module and, of a package, what lies in it and can be imported on this platform."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # half of the library is deprecated, and says so on import
        waiting = [root]
        while waiting:
            name = waiting.pop(0)
            try:
                module = importlib.import_module(name)
            except Exception:  # of another platform, or in want of a display
                continue
            yield module
            found = pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}.")
            waiting += [
                inner.name for inner in found if not inner.name.rpartition(".")[2].startswith(("_", "test"))
            ]


def _defined(value: Any, root: str) -> bool:
    """Whether `value` is a class or function of this library module; `_io` is `io` in C."""
    owner = getattr(value, "__module__", None)
    known = inspect.isclass(value) or inspect.isroutine(value)
    return known and isinstance(owner, str) and owner.split(".")[0].lstrip("_") == root


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    inside = vars(value).items() if inspect.isclass(value) else ()
    for qualified, thing in (
        (name, value),
        *((f"{name}.{key}", v) for key, v in inside if not key.startswith("_")),
    ):
        bare = getattr(thing, "__func__", thing)
        documented = inspect.isclass(bare) or inspect.isroutine(bare) or isinstance(bare, property)
        text = getattr(bare, "__doc__", None)
        if documented and isinstance(text, str):
            yield qualified, text


def _drawn(pair: Pair) -> bytes:
    return hashlib.blake2b(pair.name.encode(), digest_size=8).digest()


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
