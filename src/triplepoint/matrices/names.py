"""Stable ids: the canonical parameter name, the same for a module, its state dict and every disk layout."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

WRAPPERS = frozenset(
    {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "base_layer"}
)
"""Path components that DataParallel, torch.compile, FSDP, activation checkpointing and PEFT put into names."""
_PEFT = re.compile(r"^(base_model\.model\.)+(?=.)", re.DOTALL)


_RENAMED = (
    # Mixtral, Phi-MoE and Granite on disk, and the names that the same experts have when they are stacked.
    (re.compile(r"(^|\.)block_sparse_moe\.input_linear\.weight$"), r"\1mlp.experts.gate_up_proj"),
    (re.compile(r"(^|\.)block_sparse_moe\.output_linear\.weight$"), r"\1mlp.experts.down_proj"),
    (re.compile(r"(^|\.)block_sparse_moe\.(?=experts\.|gate\.)"), r"\1mlp."),
    (re.compile(r"(?<=experts\.)(\d+\.)?w1(?=\.weight$|$)"), r"\1gate_proj"),
    (re.compile(r"(?<=experts\.)(\d+\.)?w3(?=\.weight$|$)"), r"\1up_proj"),
    (re.compile(r"(?<=experts\.)(\d+\.)?w2(?=\.weight$|$)"), r"\1down_proj"),
)
_PIECES = {"gate": ("gate_proj", "gate_up_proj"), "up": ("up_proj", "gate_up_proj")}
_SHORT = frozenset({"w1", "w2", "w3"})
_PARAMETERS = frozenset({"weight", "weights", "kernel", "embedding"})


def canonical(name: str) -> str:
    """The name without wrapper components, experts under one name; the name itself if nothing else would remain."""
    kept = [component for component in name.split(".") if component not in WRAPPERS]
    if not any(kept):
        return name
    id = ".".join(kept)
    if kept[0] == "base_model":
        id = _PEFT.sub("", id)
    # Asked first: of 100,000 experts the four substitutions alone would take a second.
    if "block_sparse_moe" in kept or ("experts" in kept and not _SHORT.isdisjoint(kept[-2:])):
        for pattern, replacement in _RENAMED:
            id = pattern.sub(replacement, id)
    return id


def expert_id(id: str, expert: int, piece: str | None) -> str:
    """The id that one expert has where each has a tensor of its own.

    `….experts.gate_up_proj`, expert 3, gate → `….experts.3.gate_proj.weight`.
    """
    stem, dot, last = id.removesuffix(".weight").rpartition(".")
    if piece is not None:
        new, *fused = _PIECES.get(piece, (piece,))
        last = new if last in fused else f"{last}.{piece}"
    return f"{stem}{dot}{expert}.{last}.weight"


def ids(names: Sequence[str]) -> list[str]:
    """One id a name, all different: where stripping makes names collide, those keep their full names.

    A kept name cannot collide with another id: its own canonical form is the shared one, and stripping twice
    is stripping once.
    """
    short = [canonical(name) for name in names]
    count = Counter(short)
    return [name if count[id] > 1 else id for name, id in zip(names, short, strict=True)]


def split(id: str) -> tuple[str, str, str]:
    """What stands before the owner, the owner, and the rest: `h.`, `wte`, `.weight` of `h.wte.weight`."""
    head, dot, last = id.rpartition(".")
    if dot and last in _PARAMETERS:
        stem, dot, owner = head.rpartition(".")
        return stem + dot, owner, f".{last}"
    return head + dot, last, ""


def owner(id: str) -> str:
    """The component that owns the parameter: `wte` of `h.wte.weight`, `pos_embed` of `pos_embed`."""
    return split(id)[1]
