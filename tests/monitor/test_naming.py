"""Claim: a run is found where its name or path says, and no name leaves the folder of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from triplepoint.errors import UsageError
from triplepoint.monitor.naming import path_of


@pytest.mark.parametrize(
    ("run", "path"),
    [
        ("base", "runs/base/run.db"),
        ("lr=1e-3, wd", "runs/lr=1e-3, wd/run.db"),
        ("a/b", "a/b/run.db"),
        (Path("c"), "c/run.db"),
        ("x.db", "x.db"),
        (Path("/d/e.db"), "/d/e.db"),
        (Path("/d/e"), "/d/e/run.db"),
        ("/d/e", "/d/e/run.db"),
        ("runs/n", "runs/n/run.db"),
        (".hidden", None),
        ("a\nb", None),
        ("n" * 200, None),
        (3, None),
    ],
)
def test_where_a_run_lies(run, path):
    if path is None:
        with pytest.raises(UsageError) as refused:
            path_of(run)
        assert "\n" not in str(refused.value)
    else:
        assert path_of(run) == Path(path)


def test_without_a_name_it_gets_one_of_its_own():
    assert path_of(None) != path_of(None)
    assert path_of(None).name == "run.db"
