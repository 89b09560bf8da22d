"""Records ⇄ the scan output, version 1, as one JSON document or as JSON lines.

What is written is plain ASCII JSON without NaN or Infinity, so every parser reads it and a terminal is safe
from hostile names. What is read is checked field by field in `decoding`: a damaged file is one line of
explanation, never a half-filled record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from triplepoint.errors import UnreadableCheckpoint, UsageError
from triplepoint.records import decoding, encoding
from triplepoint.records.files import replacing
from triplepoint.records.scans import SCHEMA, Scan


def scan_to_dict(scan: Scan) -> dict[str, Any]:
    """The whole scan in plain JSON types, keys in the order of the schema."""
    return {
        "schema": SCHEMA,
        "provenance": encoding.provenance(scan.provenance),
        "matrices": [encoding.row(row) for row in scan.matrices],
        "summary": encoding.summary(scan.summary),
    }


def scan_from_dict(document: Mapping[str, Any]) -> Scan:
    """The scan that `scan_to_dict` described; ValueError names the first field that does not fit."""
    decoding.check_schema(document)
    return Scan(
        decoding.provenance(decoding.mapping(document, "provenance")),
        tuple(decoding.row(entry) for entry in decoding.items(document, "matrices", dict)),
        decoding.summary(decoding.mapping(document, "summary")),
    )


def to_json(scan: Scan) -> str:
    """One document, one line a matrix, so that it can be searched and compared line by line."""
    document = scan_to_dict(scan)
    rows = ",\n  ".join(_dumps(row) for row in document["matrices"])
    return (
        f'{{"schema": {_dumps(document["schema"])},\n'
        f' "provenance": {_dumps(document["provenance"])},\n'
        f' "matrices": [\n  {rows}],\n'
        f' "summary": {_dumps(document["summary"])}}}\n'
    )


def to_jsonl_lines(scan: Scan) -> Iterator[str]:
    """Lines without their line ends: provenance with the schema, one a matrix, the summary."""
    yield _dumps({"schema": SCHEMA, "type": "provenance", **encoding.provenance(scan.provenance)})
    for row in scan.matrices:
        yield _dumps({"type": "matrix", **encoding.row(row)})
    yield _dumps({"type": "summary", **encoding.summary(scan.summary)})


def save(scan: Scan, path: str | os.PathLike[str]) -> None:
    """Write `.json` or `.jsonl`, by the ending of the name."""
    ending = Path(path).suffix.lower()
    if ending not in (".json", ".jsonl"):
        raise UsageError(f"save {os.fspath(path)}", f"the ending {ending!r}", "Use .json or .jsonl")
    lines = to_jsonl_lines(scan) if ending == ".jsonl" else iter([to_json(scan).removesuffix("\n")])
    with replacing(path) as stream:
        stream.writelines(f"{line}\n".encode("ascii") for line in lines)


def load(path: str | os.PathLike[str]) -> Scan:
    """Read what `save` wrote, whatever the file is called."""
    asked = f"load {os.fspath(path)}"
    try:
        text = Path(path).read_text(encoding="utf-8")
        return scan_from_dict(_parse(text))
    except OSError as error:
        raise UsageError(asked, error.strerror or type(error).__name__, "Check the path") from error
    except decoding.ForeignSchema as error:
        raise UnreadableCheckpoint(asked, str(error), f"This version reads {SCHEMA}; scan again") from error
    except (ValueError, RecursionError) as error:
        # RecursionError: brackets nested by the thousand.
        found = "damaged" if isinstance(error, RecursionError) else f"damaged ({error})"
        raise UnreadableCheckpoint(asked, found, "Scan the checkpoint again") from error


def _parse(text: str) -> dict[str, Any]:
    """The one document, from JSON or from JSON lines."""
    first, _, rest = text.partition("\n")
    with_type = '"type": "provenance"' in first or '"type":"provenance"' in first
    return _join_lines([first, *rest.split("\n")]) if with_type else decoding.record(_loads(text))


def _join_lines(lines: Iterable[str]) -> dict[str, Any]:
    documents = [decoding.record(_loads(line)) for line in lines if line.strip()]
    kinds = [document.pop("type", None) for document in documents]
    if kinds != ["provenance", *["matrix"] * (len(kinds) - 2), "summary"]:
        raise ValueError("the lines are not provenance, matrices, summary: writing was cut short")
    provenance, *matrices, summary = documents
    schema = provenance.pop("schema", None)
    return {"schema": schema, "provenance": provenance, "matrices": matrices, "summary": summary}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
