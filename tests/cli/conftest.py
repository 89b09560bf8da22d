"""Running the command line in this process, with a scan made by hand in place of the real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests import synthetic
from triplepoint import scanning
from triplepoint.cli.app import app
from triplepoint.records import Scan

Invoke = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    """`invoke("scan", path)`; stdout and stderr apart."""
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


class Stub:
    """Stands where `scanning.run` stands; keeps the request."""

    def __init__(self) -> None:
        self.scan: Scan = synthetic.example()
        self.request: Any = None
        self.error: BaseException | None = None

    def run(self, request: Any, *, on_row: Any = None) -> Scan:
        self.request = request
        if self.error is not None:
            raise self.error
        for done, row in enumerate(self.scan.matrices, 1):
            if on_row:
                on_row(done, len(self.scan.matrices), row)
        return self.scan


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    """The scan that the verb will get, and the request that it made."""
    made = Stub()
    monkeypatch.setattr(scanning, "run", made.run)
    return made


def error_in(result: Result) -> Any:
    """The JSON error on stdout."""
    return json.loads(result.stdout)
