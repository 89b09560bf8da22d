"""Which matrices of a checkpoint follow each other, so that the output of one is the input of the next.

Two kinds of pairs, told by the ids alone:

    value → output     of one attention: what a head writes is W_O W_V of what it reads
    up → down          of one feed-forward block, also gate → down

and for weights that play none of these parts (nor that of a query or key, whose output meets no weight), the next one
in order, if no weight with a part stands between. A feed-forward block is one of a numbered layer; fc1, fc2, fc3 alone
are a chain. The order is that in memory, and of a file, which has none, the
natural one (layer 2 before layer 10). A pair needs the rows of the first to be the columns of the second; embeddings,
kernels of several positions, gates of recurrent layers and adapters take no part. Of equal sides a wrong pair cannot be
told from a right one: name the pairs where the ids do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triplepoint.records import MatrixPlan

_OUT = r"(?:attention\.output\.dense|(?:attn|attention|selfattention|encdecattention)\.(?:o_proj|out_proj|c_proj|"
_OUT += r"out_lin|proj|dense|wo|to_out(?:\.0)?|out|o)|attn_output)"
# The first that matches the end of the id holds.
ROLES = tuple(
    (role, re.compile(rf"(?:^|[._])(?:{names})$"))
    for role, names in (
        ("output", _OUT),
        ("value", r"value|v_proj|v_lin|v_b_proj|wv|to_v|attn_v|v"),
        ("apart", r"query|key|[qk]_proj|[qk]_lin|q_attn|w[qk]|to_[qk]|attn_[qk]|[qk]|router|gate_inp|mlp\.gate"),
        ("up", r"intermediate\.dense|fc1|fc_in|c_fc|up_proj|gate_proj|ffn_up|ffn_gate|wi|wi_[01]|w1|w3|lin1|linear1|"
               r"dense_h_to_4h|gate|up"),
        ("down", r"output\.dense|fc2|fc_out|c_proj|down_proj|ffn_down|wo|w2|lin2|linear2|dense_4h_to_h|down"),
    )
)  # fmt: skip
FOLLOWS = {"output": "value", "down": "up"}
KINDS = {"dense", "attention", "expert", "conv1d", "conv2d", "conv3d"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A matrix with what its id says of its place."""

    plan: MatrixPlan
    role: str | None
    stem: str
    """The id without `.weight`, in words with dots."""
    head: str
    """What stands of it before the words of the role."""

    @property
    def block(self) -> str:
        """The head up to its last number: one layer of a stack."""
        return re.match(r"(?:.*\d(?=\.|$))?", self.head).group()  # type: ignore[union-attr]


def placed(plan: MatrixPlan) -> Placed:
    """By the id without `.weight`; a part counts as a word of it.

    >>> from triplepoint.records import MatrixPlan
    >>> found = placed(MatrixPlan("h.3.attn.v_proj.weight", "w", ("w",), (4, 4), "F32"))
    >>> found.role, found.block
    ('value', 'h.3')
    """
    stem = re.sub(r"[./]weight(?=/|$)|_weight(?=/|$)", "", plan.id).replace("/", ".")
    for role, pattern in ROLES:
        found = pattern.search(stem.lower())
        if found is not None:
            head = stem[: found.start()]
            alone = role in ("up", "down") and not re.search(r"\d", head)
            return Placed(plan, None if alone else role, stem, head)
    return Placed(plan, None, stem, stem)


def pairs(plans: Sequence[MatrixPlan], *, in_order: bool) -> list[tuple[MatrixPlan, MatrixPlan]]:
    """(first, second) of every pair, in the order of the second; `in_order`: plans stand as the network has them."""
    found = [placed(plan) for plan in plans if _takes_part(plan)]
    if not in_order:
        found.sort(key=lambda one: natural(one.plan.id))
    made: list[tuple[MatrixPlan, MatrixPlan]] = []
    before: Placed | None = None
    for one in found:
        if one.role is None:
            firsts = [before] if before is not None and before.role is None else []
        elif one.role in FOLLOWS:
            firsts = _nearest(one, [other for other in found if other.role == FOLLOWS[one.role]])
        else:
            firsts = []
        made += [(first.plan, one.plan) for first in firsts if fits(first.plan, one.plan)]
        before = one
    return made


def fits(first: MatrixPlan, second: MatrixPlan) -> bool:
    """Whether the outputs of the first can be the inputs of the second."""
    return first.shape is not None and second.shape is not None and first.shape[0] == second.shape[1]


def natural(id: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers compare as numbers.

    >>> sorted(["b.10", "b.9"], key=natural)
    ['b.9', 'b.10']
    """
    words = re.split(r"(\d+)", id)
    return tuple((1, int(word), "") if word.isdecimal() else (0, 0, word) for word in words)


def _takes_part(plan: MatrixPlan) -> bool:
    factored = plan.decoding is not None and plan.decoding.scheme == "low_rank"
    return plan.reason is None and plan.counted and plan.kind in KINDS and plan.slices == 1 and not factored


def _nearest(one: Placed, others: Sequence[Placed]) -> list[Placed]:
    """Those of the same block that share the longest beginning: gate and up, but not another attention."""
    near = [(_shared(one.stem, other.stem), other) for other in others if other.block == one.block]
    longest = max((length for length, _ in near), default=0)
    return [other for length, other in near if length == longest]


def _shared(one: str, other: str) -> int:
    """Number of words both begin with."""
    words = zip(one.split("."), other.split("."), strict=False)
    return next(index for index, (a, b) in enumerate([*words, ("", ".")]) if a != b)
