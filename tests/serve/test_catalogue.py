"""Claim: what is in the folder is listed whatever it is; a name finds an entry of the list and nothing else."""

from __future__ import annotations

import json
import os
import threading

import pytest

from tests import synthetic
from tests.serve.asking import BEARER, ask, gate
from tests.store.frames import lawful
from triplepoint.errors import TriplepointError, UnreadableRun, UsageError
from triplepoint.serve import catalogue, documents, saved_scans
from triplepoint.serve.catalogue import RUN, SCAN, Catalogue
from triplepoint.store import RunWriter, listing


def write(path, steps=2):
    with RunWriter(path) as writer:
        writer.write([lawful(step) for step in range(steps)])
    return path


def save(path):
    synthetic.example().save(path)
    return path


def named(found: Catalogue) -> dict[tuple[str, str], dict]:
    return {(entry["kind"], entry["name"]): entry for entry in found.entries()}


def test_runs_and_scans_are_listed(folder, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 3e9)
    write(folder / "deep" / "run.db")
    write(folder / "flat.db")
    for name in ("model.json", "lines.jsonl", "UPPER.JSON"):
        if name == "UPPER.JSON":
            (folder / name).write_bytes((folder / "model.json").read_bytes())
        else:
            save(folder / name)
    os.utime(folder / "model.json", (1e9, 1e9))
    found = Catalogue(folder)
    assert {*named(found)} == {
        *((RUN, "deep"), (RUN, "flat"), (SCAN, "model.json"), (SCAN, "lines.jsonl"), (SCAN, "UPPER.JSON"))
    }
    entries = found.entries()
    assert [entry["kind"] for entry in entries[:2]] == [RUN, RUN]
    assert entries[-1]["name"] == "model.json"
    run, scan = named(found)[RUN, "deep"], named(found)[SCAN, "model.json"]
    assert (run["status"], run["steps"], run["matrices"], run["reason"]) == ("stopped", 2, 3, None)
    assert (scan["status"], scan["reason"], scan["last_time"]) == (None, None, 1e9)
    assert scan["size"] == (folder / "model.json").stat().st_size
    assert {*run} == {*scan}
    assert "path" not in run
    json.dumps(entries, allow_nan=False)


def test_what_appears_later_is_seen_and_a_list_is_a_second_old_at_most(folder, monkeypatch):
    now = [50.0]
    monkeypatch.setattr(catalogue.time, "monotonic", lambda: now[0])
    found = Catalogue(folder)
    assert found.entries() == []
    write(folder / "first" / "run.db")
    assert found.entries() == []
    assert found.find(RUN, "first") == folder / "first" / "run.db"  # to look up is never old
    now[0] += 1.1
    assert [entry["name"] for entry in found.entries()] == ["first"]


def test_a_run_that_rests_is_not_opened_again(folder, monkeypatch):
    monkeypatch.setattr(catalogue, "_SECONDS", -1.0)
    write(folder / "rests" / "run.db")
    live = RunWriter(folder / "live" / "run.db")
    opened: list[str] = []
    real = listing.entry
    monkeypatch.setattr(
        listing, "entry", lambda path, root: opened.append(path.parent.name) or real(path, root)
    )
    found = Catalogue(folder)
    found.entries()
    assert sorted(opened) == ["live", "rests"]
    found.entries()
    assert sorted(opened) == ["live", "live", "rests"]
    with RunWriter(folder / "rests" / "run.db", resume=True) as writer:
        writer.write([lawful(9)])
    assert named(found)[RUN, "rests"]["last_step"] == 9
    live.close()


def test_two_of_one_name_have_two(folder):
    for place in ("x/run.db", "x.db", "run.db", "runs.db"):
        write(folder / place)
    found = Catalogue(folder)
    paths = {name: found.find(RUN, name).relative_to(folder).as_posix() for _, name in named(found)}
    assert paths == {"x": "x/run.db", "x.db": "x.db", "runs": "run.db", "runs.db": "runs.db"}


def test_a_run_in_a_folder_is_found_without_a_look_into_the_others(folder, monkeypatch):
    for name in ("first", "second"):
        write(folder / name / "run.db")
    found = Catalogue(folder)
    monkeypatch.setattr(listing, "files", lambda _: pytest.fail("looked into every folder"))
    assert found.find(RUN, "second") == folder / "second" / "run.db"


def test_names_that_have_no_form_in_an_address_are_spelled_out(folder):
    write(folder / "caf\udce9" / "run.db")
    write(folder / r"caf\udce9" / "run.db")
    found = Catalogue(folder)
    assert {name for _, name in named(found)} == {r"caf\udce9", r"caf\udce9~"}
    assert found.find(RUN, r"caf\udce9") == folder / r"caf\udce9" / "run.db"
    assert found.find(RUN, r"caf\udce9~") == folder / "caf\udce9" / "run.db"
    with pytest.raises(TriplepointError, match="it is not there"):
        found.find(RUN, "caf\udce9")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../secret", "../secret/run", "first/run.db", "first/", "/etc/passwd", "first\x00", "first%00",
     "FIRST", "run.db", "~", "first/../first", "\\..\\secret", "\ud800"],
)  # fmt: skip
@pytest.mark.parametrize("kind", [RUN, SCAN])
def test_a_name_is_looked_up_and_never_becomes_a_path(folder, tmp_path, name, kind):
    write(folder / "first" / "run.db")
    write(tmp_path / "secret" / "run.db")
    write(tmp_path / "secret.db")
    save(tmp_path / "secret.json")
    with pytest.raises(TriplepointError, match="it is not there"):
        Catalogue(folder).find(kind, name)


def test_a_link_that_leads_to_itself_hides_no_run(folder):
    write(folder / "first" / "run.db")
    (folder / "round").symlink_to("round")
    (folder / "round.db").symlink_to("round.db")
    found = {one["name"]: one["reason"] for one in Catalogue(folder).entries()}
    assert found["first"] is None
    assert "round" in found
    assert found["round"] is not None


def test_links_that_leave_the_folder_are_told_and_not_followed(folder, tmp_path):
    write(tmp_path / "secret" / "run.db")
    save(tmp_path / "secret.json")
    (folder / "a").mkdir()
    (folder / "a" / "run.db").symlink_to(tmp_path / "secret" / "run.db")
    (folder / "b").symlink_to(tmp_path / "secret")
    (folder / "c.db").symlink_to(tmp_path / "secret" / "run.db")
    (folder / "d.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "foreign.json").write_text("[]")
    (folder / "f.json").symlink_to(tmp_path / "foreign.json")  # not even its first bytes are read
    write(folder / "real" / "run.db")
    (folder / "e").symlink_to("real")
    found = Catalogue(folder)
    for key in ((RUN, "a"), (RUN, "b"), (RUN, "c"), (SCAN, "d.json"), (SCAN, "f.json")):
        assert named(found)[key]["reason"] == "a link that leaves the folder"
        assert named(found)[key]["size"] is None
        with pytest.raises(TriplepointError, match="it is a link that leaves the folder"):
            found.find(*key)
    assert named(found)[RUN, "e"]["reason"] is None
    assert found.find(RUN, "e").is_file()


def test_one_run_one_file_and_one_scan_can_be_served(folder, tmp_path):
    write(folder / "first" / "run.db")
    write(folder / "first" / "other.db")
    save(folder / "first" / "model.json")
    assert {*named(Catalogue(folder / "first"))} == {(RUN, "first"), (RUN, "other"), (SCAN, "model.json")}
    assert {*named(Catalogue(folder / "first" / "run.db"))} == {(RUN, "first")}
    assert {*named(Catalogue(folder / "first" / "other.db"))} == {(RUN, "other")}
    assert {*named(Catalogue(folder / "first" / "model.json"))} == {(SCAN, "model.json")}
    with pytest.raises(TriplepointError, match="it is not there"):
        Catalogue(folder / "first" / "run.db").find(RUN, "other")
    (tmp_path / "link").symlink_to(folder)
    assert {*named(Catalogue(tmp_path / "link"))} == {(RUN, "first")}


@pytest.mark.parametrize("name", ["none", "none.db", "none/run.db"])
def test_a_folder_that_is_not_there_is_refused(folder, name):
    with pytest.raises(UsageError, match="it does not exist"):
        Catalogue(folder / name)


def test_a_file_that_is_nothing_of_ours_is_refused(folder):
    (folder / "x.json").write_text('{"a": 1}')
    with pytest.raises(UnreadableRun, match="no SQLite file"):
        Catalogue(folder / "x.json")


def test_a_folder_that_went_away_is_one_line(folder):
    found = Catalogue(folder)
    folder.rmdir()
    for call in (found.entries, lambda: found.find(RUN, "x")):
        with pytest.raises(UsageError, match="No such file"):
            call()


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (b'{"schema": "triplepoint.scan/1", ', True),
        (b'  {\n "schema":"triplepoint.scan/12"', True),
        (b'{"schema": "triplepoint.runs/1"', False),
        (b'{"schema": "triplepoint.scan/x"', False),
        (b'{"a": {"schema": "triplepoint.scan/1"', False),
        (b'[{"schema": "triplepoint.scan/1"', False),
        (b" " * 5000 + b'{"schema": "triplepoint.scan/1"', False),
        (b"", False),
        (b"\x00\xff" * 3000, False),
    ],
)
def test_a_scan_is_told_by_how_it_begins(folder, content, is_one):
    path = folder / "x.json"
    path.write_bytes(content)
    assert saved_scans.is_scan(path) is is_one


def test_pipes_folders_and_large_files_are_not_read(folder, monkeypatch):
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    (folder / "dangling.json").symlink_to(folder / "nothing")
    large = folder / "large.json"
    large.write_bytes(b'{"schema": "triplepoint.scan/1", ')
    os.truncate(large, 5 << 30)  # a hole: no block of the disk
    (folder / "foreign.json").write_bytes(b"[1]")
    os.truncate(folder / "foreign.json", 5 << 30)
    found = Catalogue(folder)
    assert [*named(found)] == [(SCAN, "large.json")]
    assert named(found)[SCAN, "large.json"]["reason"].startswith("5,120 MB, and at most 128 MB are read")
    with pytest.raises(TriplepointError, match="5,120 MB"):
        found.find(SCAN, "large.json")


def test_the_document_of_a_scan_is_made_once_while_its_file_stays(folder, monkeypatch):
    path, made = save(folder / "model.json"), []
    real = documents.Scan.load
    monkeypatch.setattr(documents.Scan, "load", lambda path: made.append(path) or real(path))
    app = gate(folder)
    first = ask(app, "/api/document?kind=scan&name=model.json", BEARER)
    assert first.status == 200
    assert (first.json["kind"], first.json["name"]) == (SCAN, "model.json")
    assert ask(app, "/api/document?kind=scan&name=model.json", BEARER).body == first.body
    assert len(made) == 1
    path.write_bytes(path.read_bytes() + b"\n")
    assert ask(app, "/api/document?kind=scan&name=model.json", BEARER).json == first.json
    assert len(made) == 2
    path.write_bytes(path.read_bytes()[:300])
    answer = ask(app, "/api/document?kind=scan&name=model.json", BEARER)
    assert (answer.status, answer.json["found"][:7]) == (422, "damaged")


def test_documents_that_are_kept_have_a_bound(folder, monkeypatch):
    monkeypatch.setattr(documents, "_MOST_KEPT", 100_000)
    for k in range(5):
        save(folder / f"{k}.json")
    kept = documents.Documents(Catalogue(folder))
    sizes = [len(kept.read(SCAN, f"{k}.json")) for k in range(5)]
    assert max(sizes) < 100_000 < sum(sizes)
    assert 0 < sum(len(data) for _, data in kept._kept.values()) <= 100_000
    assert (SCAN, "4.json") in kept._kept
    assert kept._making == {}


def test_a_run_that_is_written_is_read_anew_each_time(folder):
    writer = RunWriter(folder / "live" / "run.db")
    writer.write([lawful(0)])
    kept = documents.Documents(Catalogue(folder))
    assert json.loads(kept.read(RUN, "live"))["frame"] == 1
    writer.write([lawful(1)])
    assert json.loads(kept.read(RUN, "live"))["frame"] == 2
    assert kept._kept == {}
    writer.finish()
    found = json.loads(kept.read(RUN, "live"))
    assert (found["status"], found["frame"]) == ("finished", 2)
    assert [*kept._kept] == [(RUN, "live")]


def test_those_who_ask_for_one_document_at_once_share_it(folder, monkeypatch):
    path = save(folder / "model.json")
    kept = documents.Documents(Catalogue(folder))
    waiting, go, made = threading.Semaphore(0), threading.Event(), []

    class Shared(documents.Future):
        def result(self, timeout=None):
            waiting.release()
            return super().result(timeout)

    def make(_):
        made.append(1)
        assert go.wait(10)
        return {"status": None, "made": len(made)}

    monkeypatch.setattr(documents, "Future", Shared)
    monkeypatch.setitem(documents._MAKERS, SCAN, make)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(kept.read(SCAN, path.name)), daemon=True)
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    assert all(waiting.acquire(timeout=10) for _ in range(4))
    go.set()
    for thread in threads:
        thread.join(10)
    assert (len(found), len({*found}), made) == (5, 1, [1])
    path.unlink()
    for _ in range(2):
        with pytest.raises(TriplepointError, match="it is not there"):
            kept.read(SCAN, path.name)


def test_a_document_that_cannot_be_made_is_tried_again(folder, monkeypatch):
    path = save(folder / "model.json")
    kept = documents.Documents(Catalogue(folder))
    real = documents._MAKERS[SCAN]
    monkeypatch.setitem(documents._MAKERS, SCAN, lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        kept.read(SCAN, path.name)
    monkeypatch.setitem(documents._MAKERS, SCAN, real)
    assert json.loads(kept.read(SCAN, path.name))["kind"] == SCAN
