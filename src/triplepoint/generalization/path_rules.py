"""Which operations keep a sum over paths a sum over paths.

With squared weights and an input of ones everything is non-negative, so that ReLU and its kin are the identity, and a
value is a sum of products of squared weights, one summand a path. Adding, arranging, averaging and multiplying with
weights or fixed non-negative numbers keep it so; the product of two values, a difference and every curved function do
not. What such an operation returns is marked with its name, and the mark is passed on to whatever is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """What a tensor is; of several that are joined the largest."""

    fixed = 0
    """Non-negative numbers that no weight enters: masks, positions, softmax over one token."""
    tokens = 1
    """Indices of the input."""
    weight = 2
    """Squared weights or products of them."""
    value = 3
    """A sum over paths from the input."""
    last = 4
    """A softmax that may be the last thing the network does; it is left out."""
    spoiled = 5
    """None of these any more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A kind, and for what is spoiled (or will be if it is not the last) the operation that did it."""

    kind: Kind
    because: str = ""


FIXED, VALUE, WEIGHT, TOKENS = (Mark(k) for k in (Kind.fixed, Kind.value, Kind.weight, Kind.tokens))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARRANGE = _words(
    """
    view reshape permute transpose t T mT movedim moveaxis swapaxes flatten unflatten squeeze unsqueeze expand
    expand_as view_as contiguous clone detach to float double type type_as cpu cuda getitem select narrow index_select
    gather split chunk unbind tensor_split cat concat stack repeat repeat_interleave tile roll flip pad pixel_shuffle
    pixel_unshuffle channel_shuffle unfold fold dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout
    alias as_strided broadcast_to broadcast_tensors atleast_1d atleast_2d atleast_3d diagonal get setitem
    relu leaky_relu prelu rrelu elu celu abs nan_to_num
    max maximum amax max_pool1d max_pool2d max_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    mean sum nansum cumsum interpolate upsample frozen_norm published_norm standing_norm
    """
)
"""Arrangement, sums with weights that are fixed and not negative, and what is the identity from zero on."""
ADD = _words("add iadd radd")
MULTIPLY = _words("mul multiply rmul imul matmul rmatmul mm bmm mv dot inner outer einsum tensordot")
DIVIDE = _words("div divide true_divide truediv itruediv")
LINEAR = _words("linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d")
SOFTMAX = _words("softmax log_softmax")
NEW = _words("zeros_like ones_like empty_like new_zeros new_ones new_empty")
"""Of a shape, not of values."""


def joined(marks: list[Mark]) -> Mark:
    """The mark of what is made of all of them: the first that is spoiled, else the largest kind."""
    for mark in marks:
        if mark.kind is Kind.spoiled:
            return mark
    for mark in marks:
        if mark.kind is Kind.last:
            return Mark(Kind.spoiled, mark.because)
    return max(marks, key=lambda mark: mark.kind, default=FIXED)


def product(marks: list[Mark], name: str) -> Mark:
    """Of factors, of which one at most is a sum over paths from the input."""
    whole = joined(marks)
    if whole.kind is not Kind.spoiled and sum(mark.kind is Kind.value for mark in marks) > 1:
        return Mark(Kind.spoiled, f"a product of two activations ({name})")
    return whole
