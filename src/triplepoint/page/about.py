"""Where the numbers come from, as pairs of label and text for people."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import PurePath
from typing import Any

from triplepoint.page.wording import words
from triplepoint.records import Provenance

Pairs = list[list[str]]
_SETTINGS = (
    *(
        "mode",
        "interval",
        "layers",
        "metrics",
        "layouts",
        "randomize",
        "null",
        "gof",
        "bulk",
        "level",
        "window",
    ),
    *("tails", "vectors", "init", "device", "backend", "null_level"),
)
"""Those that change a number, in the order in which they are shown."""
_MOST = 60
"""Entries of a foreign configuration."""
_DEEPEST = 4
"""Of what is nested in it."""


def name(source: str) -> str:
    """What a checkpoint is called: the last part of its path, of a standard name in a folder that of the folder.

    >>> name("models/minilm/model.safetensors"), name("Sequential")
    ('minilm', 'Sequential')
    """
    path = PurePath(source)
    plain = path.stem.split(".")[0] in ("model", "pytorch_model", "adapter_model", "diffusion_pytorch_model")
    found = path.parent.name if plain and path.parent.name else path.name
    return words(found) or "scan"


def apart(names: Sequence[str], sources: Sequence[str]) -> list[str]:
    """Names of which no two are alike: by as many folders of their sources as tell them apart, else by number.

    >>> apart(["w.npz", "w.npz"], ["runs/base/w.npz", "runs/tuned/w.npz"]), apart(["a", "a"], ["a", "a"])
    (['base/w.npz', 'tuned/w.npz'], ['a', 'a (2)'])
    """
    if len(set(names)) == len(names):
        return list(names)
    parts = [PurePath(source).parts for source in sources]
    for count in range(1, max(map(len, parts)) + 1):
        found = [words("/".join(one[-count:])) for one in parts]
        if len(set(found)) == len(found):
            return found
    return [one if place == 0 else f"{one} ({place + 1})" for place, one in enumerate(names)]


def of_scan(provenance: Provenance) -> Pairs:
    """Source, format, digest, seed, settings that matter, environment, seconds, version."""
    pairs = [
        ("source", provenance.source),
        ("format", provenance.format),
        ("digest", provenance.digest),
        ("seed", provenance.seed),
        *_settings(provenance.settings),
        ("seconds", f"{provenance.seconds:.3g}"),
        ("version", provenance.version),
        *_environment(provenance.environment),
    ]
    if provenance.interrupted:
        pairs.insert(0, ("interrupted", "the scan was ended before all matrices were looked at"))
    return _texts(pairs)


def of_run(about: Mapping[str, Any], counts: Mapping[str, int], path: str) -> Pairs:
    """The same of a run, with what it was begun with and how much there is of it."""
    provenance = _mapping(about.get("provenance"))
    configuration = _mapping(about.get("configuration"))
    pairs: list[tuple[str, Any]] = [
        ("file", path),
        ("source", provenance.get("source")),
        ("started", when(about.get("started"))),
        ("ended", when(about.get("ended"))),
        *((name, f"{count:,}") for name, count in counts.items()),
        *((f"configuration: {name}", value) for name, value in list(configuration.items())[:_MOST]),
        ("digest", provenance.get("digest")),
        ("seed", provenance.get("seed")),
        *_settings(_mapping(provenance.get("settings"))),
        *(
            (f"monitor: {name}", value)
            for name, value in _mapping(provenance.get("monitor")).items()
            if name != "order"
        ),
        ("processes", provenance.get("processes")),
        ("version", provenance.get("version")),
        *_environment(_mapping(provenance.get("environment"))),
    ]
    return _texts(pairs)


def when(seconds: Any) -> str | None:
    """Seconds since the epoch as date and time of this machine; None for what is no time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(seconds)) if seconds else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _settings(settings: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    return [
        (name, settings[name]) for name in _SETTINGS if settings.get(name) not in (None, False, 0, [], ())
    ]


def _environment(environment: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    return list(environment.items())[:_MOST]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(pairs: Sequence[tuple[str, Any]]) -> Pairs:
    return [[words(label), words(_text(value))] for label, value in pairs if value is not None]


def _text(value: Any, depth: int = 0) -> str:
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        parts = [f"{key} {_text(entry, depth + 1)}" for key, entry in islice(value.items(), _MOST)]
    elif isinstance(value, list | tuple):
        parts = [_text(entry, depth + 1) for entry in value[:_MOST]]
    else:
        return str(value)
    return ", ".join([*parts, "…"] if len(value) > _MOST else parts)
