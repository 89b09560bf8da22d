"""Stable ids: the canonical parameter name, the same for a module, its state dict and every disk layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

WRAPPERS = frozenset({"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Path components that DataParallel, torch.compile, FSDP and activation checkpointing put into names."""


def canonical(name: str) -> str:
    """The name without wrapper components; the name itself if nothing else would remain."""
    kept = [component for component in name.split(".") if component not in WRAPPERS]
    return ".".join(kept) if any(kept) else name


def ids(names: Sequence[str]) -> list[str]:
    """One id a name, all different: where stripping makes names collide, those keep their full names.

    A kept name cannot collide with another id: its own canonical form is the shared one, and stripping twice
    is stripping once.
    """
    short = [canonical(name) for name in names]
    count = Counter(short)
    return [name if count[id] > 1 else id for name, id in zip(names, short, strict=True)]


def owner(id: str) -> str:
    """The component that owns the parameter: `wte` of `h.wte.weight`, `pos_embed` of `pos_embed`."""
    components = id.split(".")
    if len(components) > 1 and components[-1] in ("weight", "weights", "kernel", "embedding"):
        components.pop()
    return components[-1]
