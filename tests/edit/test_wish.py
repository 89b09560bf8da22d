"""Claim: exactly one edit, in words that are understood; all else is refused in one line."""

from __future__ import annotations

import pytest

from triplepoint import edit_checkpoint
from triplepoint.edit.wish import Wish, wish
from triplepoint.errors import UsageError

KEPT = [
    ("ecs", "ecs", None),
    ("TAIL", "tail", None),
    (12, "components", 12),
    ("12", "components", 12),
    ("10%", "percent", 10),
    (" 2.5 % ", "percent", 2.5),
    ("100%", "percent", 100),
]


@pytest.mark.parametrize(("keep", "what", "amount"), KEPT)
def test_what_may_be_kept(keep, what, amount):
    found = wish(keep=keep)
    assert (found.action, found.what) == ("keep", what)
    assert amount is None or found.amount == amount


@pytest.mark.parametrize(
    "keep", ["", "0", 0, -3, 2.5, "2.5", "0%", "101%", "1e3", True, "traps", [], "9" * 30, "%"]
)
def test_what_may_not(keep):
    with pytest.raises(UsageError, match="not understood"):
        wish(keep=keep)


REFUSED = [
    ({}, "no edit is named"),
    ({"keep": 3, "shrink": True}, "more than one"),
    ({"keep": 3, "remove": "traps"}, "more than one"),
    ({"remove": "ecs"}, "unknown"),
    ({"shrink": 1}, "neither True nor False"),
]


@pytest.mark.parametrize(("asked", "said"), REFUSED)
def test_one_edit_and_no_other(asked, said):
    with pytest.raises(UsageError, match=said):
        edit_checkpoint({}, dry_run=True, **asked)


def test_a_wish_reads_as_it_was_asked():
    assert [
        str(wish(**asked))
        for asked in ({"keep": "2.5%"}, {"keep": 7}, {"remove": "spikes"}, {"shrink": True})
    ] == [
        "keep 2.5%",
        "keep 7",
        "remove spikes",
        "shrink",
    ]
    assert wish(shrink=True).action == Wish("shrink", "noise").action
