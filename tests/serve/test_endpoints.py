"""Claim: each address answers what the page's contract says, as the functions of the room `page` give it."""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote

import pytest

from tests.serve.asking import BEARER, ask, gate
from tests.store.frames import frame, full, lawful, row
from tests.synthetic import HOSTILE
from triplepoint import open_run
from triplepoint.page import live
from triplepoint.page import run_document as documents
from triplepoint.page.document import dumps
from triplepoint.page.run_document import run_document
from triplepoint.store import RunWriter


@pytest.fixture
def app(folder):
    with RunWriter(folder / "first" / "run.db") as writer:
        writer.write([lawful(step) for step in range(5)])
    return gate(folder)


@pytest.fixture
def run(app, folder):
    with open_run(folder / "first" / "run.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("document?kind=run&name=first", run_document),
        ("metric?name=first&metric=alpha&frame=3", lambda run: live.metric_values(run, "alpha", 3)),
        ("spectra?name=first&layer=m1", lambda run: live.layer_spectra(run, "m1")),
        ("row?name=first&layer=m1&step=3", lambda run: live.row(run, "m1", 3)),
    ],
)
def test_answers_are_those_of_the_page(app, run, target, expected):
    answer = ask(app, f"/api/{target}", BEARER)
    assert (answer.status, answer["content-type"]) == (200, "application/json")
    assert answer.json == json.loads(dumps(expected(run)))
    assert int(str(answer["content-length"])) == len(answer.body)


def test_the_list_has_the_folder_and_its_entries(app):
    found = ask(app, "/api/runs", BEARER).json
    assert found["folder"] == "shown"
    assert [(entry["kind"], entry["name"], entry["steps"]) for entry in found["entries"]] == [
        ("run", "first", 5)
    ]


@pytest.mark.parametrize(
    ("target", "status", "word"),
    [
        ("document?name=first", 400, "the field 'kind' is missing"),
        ("document?kind=run", 400, "the field 'name' is missing"),
        ("document?kind=odd&name=first", 400, "none of run, scan"),
        ("document?kind=run&name=first&name=second", 400, "a field is there twice"),
        ("document?kind=run&name=%FF", 400, "no list of at most 32 fields in UTF-8"),
        ("document?kind=run&name=\xff", 400, "no list of at most 32 fields in UTF-8"),
        ("document?" + "&".join(f"f{k}=1" for k in range(40)), 400, "at most 32 fields"),
        ("document?kind=run&name=second", 404, "it is not there"),
        ("document?kind=scan&name=first", 404, "it is not there"),
        ("document?kind=run&name=..%2F..%2Fetc%2Fpasswd", 404, "it is not there"),
        ("document?kind=run&name=first%00", 404, "it is not there"),
        ("metric?name=first&metric=none&frame=3", 404, "it is not there"),
        ("metric?name=first&metric=alpha", 400, "the field 'frame' is missing"),
        ("metric?name=first&metric=alpha&frame=-1", 400, "no whole number from 0 on"),
        ("spectra?name=first&layer=none", 404, "it is not there"),
        ("spectra?name=first&layer=%27%3B%20DROP%20TABLE%20frames%3B--", 404, "it is not there"),
        ("row?name=first&layer=m1&step=99999999999999999999", 400, "no whole number from 0 on"),
        ("row?name=first&layer=none&step=1", 404, "it is not there"),
        ("stream?after=1", 400, "the field 'name' is missing"),
        ("stream?name=first&started=x", 400, "the field 'started' is no number"),
        ("stream?name=first&started=inf", 400, "the field 'started' is no number"),
        ("runs/", 404, "there is nothing under it"),
        ("../api/runs", 404, "there is nothing under it"),
    ],
)
def test_what_cannot_be_answered_is_one_line(app, target, status, word):
    answer = ask(app, f"/api/{target}", BEARER)
    assert answer.status == status
    assert {*answer.json} == {"schema", "asked", "found", "next"}
    assert word in answer.json["found"]
    assert "\n" not in "".join(answer.json.values())


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9223372036854775808", "%D9%A3", "", "1" * 5000])
@pytest.mark.parametrize("how", ["after", "header"])
def test_what_is_no_place_in_a_run_is_refused(app, after, how):
    if how == "after":
        answer = ask(app, f"/api/stream?name=first&after={after}", BEARER)
    elif not after:
        return  # a header without a value counts as none
    else:
        answer = ask(app, "/api/stream?name=first", BEARER, (b"last-event-id", after.encode()))
    assert (answer.status, answer.json["found"]) == (400, "the field 'after' is no whole number from 0 on")


def test_names_of_all_kinds_are_found(folder):
    names = [
        name
        for name in HOSTILE
        if name not in ("", "../../etc/passwd") and len(name.encode("utf-8", "replace")) < 250
    ]
    folders = [name for name in names if "/" not in name and name != "\ud800"]
    for name in folders:
        with RunWriter(folder / name / "run.db") as writer:
            writer.write([frame(0, visits=[full(0, row(layer)) for layer in names])])
    app = gate(folder)
    assert {entry["name"] for entry in ask(app, "/api/runs", BEARER).json["entries"]} == {*folders}
    for name in folders:
        asked = quote(name, safe="")
        answer = ask(app, f"/api/document?kind=run&name={asked}", BEARER)
        assert answer.json["name"] == name
        assert b"<" not in answer.body
    for layer in names:
        asked = quote(layer, safe="", errors="surrogatepass")
        assert ask(app, f"/api/row?name={quote(folders[0])}&layer={asked}&step=0", BEARER).json["id"] == layer


def test_a_run_that_cannot_be_read_is_an_entry_and_a_refusal(app, folder):
    (folder / "bad.db").write_bytes(b"PK" + bytes(100))
    (folder / "empty").mkdir()
    (folder / "empty" / "run.db").touch()
    entries = {entry["name"]: entry["reason"] for entry in ask(app, "/api/runs", BEARER).json["entries"]}
    assert entries == {"first": None, "bad": "it is no SQLite file", "empty": "it is empty"}
    answer = ask(app, "/api/document?kind=run&name=bad", BEARER)
    assert (answer.status, answer.json["found"]) == (422, "it is no SQLite file")


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "x-gzip"])
def test_what_is_long_is_packed_for_those_who_take_it(app, accepted):
    whole = ask(app, "/", BEARER)
    packed = ask(app, "/", BEARER, (b"accept-encoding", accepted.encode()))
    assert (packed["content-encoding"], packed["vary"]) == ("gzip", "accept-encoding")
    assert len(packed.body) == int(str(packed["content-length"])) < len(whole.body) / 2
    strip = str(whole["content-security-policy"]).split("'nonce-")[1].split("'")[0].encode()
    again = str(packed["content-security-policy"]).split("'nonce-")[1].split("'")[0].encode()
    assert gzip.decompress(packed.body).replace(again, strip) == whole.body


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "notgzip"])
def test_nobody_else_gets_it_packed(app, accepted):
    assert ask(app, "/", BEARER, (b"accept-encoding", accepted.encode()))["content-encoding"] is None


def test_what_is_short_is_not_packed(app):
    answer = ask(app, "/api/runs", BEARER, (b"accept-encoding", b"gzip"))
    assert answer["content-encoding"] is None


def test_nothing_is_written_into_the_folder(app, folder):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    for target in (
        "runs",
        "document?kind=run&name=first",
        "metric?name=first&metric=alpha&frame=3",
        "spectra?name=first&layer=m1",
        "row?name=first&layer=m1&step=3",
    ):
        assert ask(app, f"/api/{target}", BEARER).status == 200
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_of_a_long_run_the_end_is_answered_until_the_whole_is_at_hand(app, monkeypatch):
    monkeypatch.setattr(documents, "LONG", 1)

    def answered(target):
        return ask(app, f"/api/{target}", BEARER).json

    first, whole = "document?kind=run&name=first&first=1", "document?kind=run&name=first"
    assert answered(first)["partial"] is True
    found = answered(whole)
    assert "partial" not in found
    assert answered(first) == found
    assert "partial" not in answered("document?kind=run&name=first&first=0")
