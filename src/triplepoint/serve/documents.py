"""Documents as bytes; one that was expensive and cannot change is kept while its file stays as it is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from triplepoint.page.document import dumps
from triplepoint.page.run_document import first_document, run_document
from triplepoint.page.scan_document import scan_document
from triplepoint.records import Scan
from triplepoint.serve.catalogue import RUN, SCAN, Catalogue, Signature, signature
from triplepoint.store import Run
from triplepoint.store.writer import RUNNING

_MOST_KEPT = 64 << 20
"""Bytes of all documents that are kept."""

Key = tuple[str, str]


class Documents:
    """What `/api/document` answers. Threads may share it; whoever asks while a document is made gets that one, and what
    came since from the stream."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._guard = threading.Lock()
        self._making: dict[Key, Future[bytes]] = {}
        self._kept: OrderedDict[Key, tuple[Signature, bytes]] = OrderedDict()

    def read(self, kind: str, name: str) -> bytes:
        """The document in JSON; it goes by the name that the list has for it."""
        path, key = self._catalogue.find(kind, name), (kind, name)
        with self._guard:
            making = self._making.get(key)
            if making is None:
                mine = self._making[key] = Future()
        if making is not None:
            return making.result()
        try:
            data = self._read(path, key)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(data)
            return data
        finally:
            with self._guard:
                del self._making[key]

    def first(self, name: str) -> bytes:
        """Of a run what can be shown at once: the whole document where it is at hand."""
        path = self._catalogue.find(RUN, name)
        if (known := self._known((RUN, name), signature(path))) is not None:
            return known
        with Run(path) as run:
            return dumps(first_document(run) | {"name": name}).encode("ascii")

    def _read(self, path: Path, key: Key) -> bytes:
        found = signature(path)
        if (known := self._known(key, found)) is not None:
            return known
        document = _MAKERS[key[0]](path)
        data = dumps(document | {"name": key[1]}).encode("ascii")
        if document["status"] != RUNNING and signature(path) == found:
            self._keep(key, found, data)
        return data

    def _known(self, key: Key, found: Signature) -> bytes | None:
        with self._guard:
            if key not in self._kept or self._kept[key][0] != found:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][1]

    def _keep(self, key: Key, found: Signature, data: bytes) -> None:
        with self._guard:
            self._kept[key] = found, data
            self._kept.move_to_end(key)
            while sum(len(kept) for _, kept in self._kept.values()) > _MOST_KEPT:
                self._kept.popitem(last=False)


def _of_run(path: Path) -> dict[str, Any]:
    with Run(path) as run:
        return run_document(run)


def _of_scan(path: Path) -> dict[str, Any]:
    return scan_document(Scan.load(path))


_MAKERS: dict[str, Callable[[Path], dict[str, Any]]] = {RUN: _of_run, SCAN: _of_scan}
