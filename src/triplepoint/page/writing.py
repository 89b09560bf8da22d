"""One file that opens from disk and asks no network: a report of scans and runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from triplepoint import asked
from triplepoint.errors import UsageError
from triplepoint.page import about
from triplepoint.page.assemble import assemble
from triplepoint.page.run_document import run_document
from triplepoint.page.scan_document import scan_document
from triplepoint.records import Scan
from triplepoint.records.files import replacing
from triplepoint.store import Run

MOST_BYTES = 3_000_000
"""Of a report, the page itself included."""
MOST_SUBJECTS = 2
_OF_ALL = 0.97
"""Share of its room that a document is fitted to: parts are measured one by one, and together took 1 % more."""
_LEAST_BYTES = 50_000
"""For one document, however large the page is."""


def write_report(
    path: str | os.PathLike[str], *subjects: Scan | Run, title: str | None = None, most: int = MOST_BYTES
) -> list[dict[str, Any]]:
    """Write the page of a scan or a run into one HTML file; two of them are compared on matched rows.

    Args:
        path: the file, replaced in one piece; one that is there must be an HTML file.
        subjects: what `scan` or `open_run` gave. A scan shows spectra where it kept them (`scan(…, spectra=True)`), and
            those of shuffles with `randomize=1` beside it.
        title: of the page; by default the names of the subjects.
        most: bytes that the file should not exceed by much. Runs that are too long for it are thinned and say how.

    Returns:
        The documents of the page, one a subject (schema `triplepoint.page/1`).

    Raises:
        UsageError: no subject or more than two, something else among them, or a file that must not be replaced.

    Cost: 20 ms and 1 ms a matrix of a scan; 10 s for a run of 300,000 visits.

    >>> import tempfile
    >>> import numpy as np
    >>> import triplepoint
    >>> noise = {"a": np.random.default_rng(0).standard_normal((60, 40))}
    >>> path = f"{tempfile.mkdtemp()}/noise.html"
    >>> [document["verdict"] for document in write_report(path, triplepoint.scan(noise, spectra=True, randomize=1))]
    ['1 weight matrix: 1 under-trained; 0 of 1 differ from noise (false discovery rate 1 %).']
    """
    refuse_to_replace(path)
    whole = asked.whole("most", most, 1)
    if not 1 <= len(subjects) <= MOST_SUBJECTS:
        raise UsageError(
            f"report {len(subjects)} scans and runs", "a page shows one or two", "Write several reports"
        )
    shell = len(assemble(None, title="").encode("utf-8"))
    room = max(_LEAST_BYTES, int(_OF_ALL * (whole - shell)) // len(subjects))
    documents = [_document(subject, room) for subject in subjects]
    # The page knows its subjects by name: of one name it would compare the first with itself.
    sources = [_source(subject) for subject in subjects]
    for document, name in zip(
        documents, about.apart([one["name"] for one in documents], sources), strict=True
    ):
        document["name"] = name
    if title is None:
        title = " against ".join(document["name"] for document in documents)
    page = assemble({"documents": documents}, title=title)
    with replacing(path) as stream:
        stream.write(page.encode("utf-8"))
    return documents


def refuse_to_replace(path: str | os.PathLike[str]) -> None:
    """UsageError where a file is there that is no HTML, or there is no such folder."""
    target = Path(os.path.realpath(asked.path("path", path)))
    shown = f"write {os.fspath(path)}"
    if target.is_dir():
        raise UsageError(shown, "it is a folder", "Name a file inside it")
    if not target.parent.is_dir():
        raise UsageError(shown, "its folder does not exist", "Create the folder first")
    if not target.is_file():
        return
    try:
        with target.open("rb") as stream:
            start = stream.read(200).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    except OSError as error:
        raise UsageError(shown, error.strerror or type(error).__name__, "Choose another name") from None
    if start and not start.startswith((b"<!doctype html", b"<html")):
        raise UsageError(shown, "it is no HTML file and would be overwritten", "Choose another name")


def _source(subject: Scan | Run) -> str:
    return subject.provenance.source if isinstance(subject, Scan) else str(subject.path.parent)


def _document(subject: Any, room: int) -> dict[str, Any]:
    if isinstance(subject, Scan):
        return scan_document(subject, budget=room)
    if isinstance(subject, Run):
        return run_document(subject, budget=room)
    found = f"a {type(subject).__name__} is neither a scan nor a run"
    raise UsageError("write a report", found, "Pass what triplepoint.scan or triplepoint.open_run gave")
