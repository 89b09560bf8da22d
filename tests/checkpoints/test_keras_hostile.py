"""Claim: no HDF5 file or Keras archive takes the scan down, leads out of itself, or makes it large.

The HDF5 library itself is not to be trusted with such files: some of these mutants crash it. So they are read in
processes of their own here too, forked from one that has loaded the library, as `isolated` starts them one by one.
"""

from __future__ import annotations

import copy
import faulthandler
import io
import json
import os
import random
import struct
import sys
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplepoint import checkpoints
from triplepoint.checkpoints import isolated
from triplepoint.checkpoints.hdf5 import child as hdf5_child
from triplepoint.checkpoints.hdf5 import structure as hdf5
from triplepoint.checkpoints.hdf5 import values as hdf5_values
from triplepoint.checkpoints.keras import archive as keras_archive
from triplepoint.checkpoints.keras import files as keras_files
from triplepoint.errors import TriplepointError, UnreadableCheckpoint

from .keras_worlds import here, opened

h5py = pytest.importorskip("h5py")
DATA = Path(__file__).parents[1] / "data"


def one_line(error: Exception) -> None:
    assert "\n" not in str(error)


def refusal(reader: Any, name: str) -> str:
    with pytest.raises(UnreadableCheckpoint) as caught:
        reader.read(name)
    assert "\n" not in str(caught.value)
    return str(caught.value.found)


def strange(file: Any) -> None:
    """One good tensor, and one of everything that is not read."""
    h5d, h5p, h5s, h5t = h5py.h5d, h5py.h5p, h5py.h5s, h5py.h5t
    file["good"] = np.eye(3)
    file["soft"] = h5py.SoftLink("/good")
    file["external"] = h5py.ExternalLink("/etc/passwd", "/x")
    file.create_dataset("outside", (4, 4), "f4", external=[("/etc/passwd", 0, 64)])
    layout = h5py.VirtualLayout((3, 3), "f8")
    layout[...] = h5py.VirtualSource("other.h5", "x", (3, 3))
    file.create_virtual_dataset("virtual", layout)
    file["text"] = "hello"
    file.create_dataset("texts", data=["a", "bb"], dtype=h5py.string_dtype())
    file["record"] = np.zeros((3, 3), [("x", "f4"), ("y", "i2")])
    file["reference"] = file["good"].ref
    file.create_dataset("lists", (2,), h5py.vlen_dtype("f4"))
    file["type"] = np.dtype("f8")
    file["complex"] = np.zeros((2, 2), "c8")
    file.create_dataset("unwritten", (10**6, 10**6), "f4")
    file.create_dataset("holes", (8, 8), "f4", chunks=(4, 4))[:4, :4] = 1
    file.create_dataset("scaled", data=np.arange(16).reshape(4, 4), chunks=(4, 4), scaleoffset=0)
    file.create_dataset("empty", data=h5py.Empty("f4"))
    plan = h5p.create(h5p.DATASET_CREATE)
    plan.set_chunk((4, 4))
    plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
    made = h5d.create(file.id, b"plugin", h5t.IEEE_F32LE, h5s.create_simple((4, 4)), plan)
    made.write_direct_chunk((0, 0), bytes(64), 0)
    plan = h5p.create(h5p.DATASET_CREATE)
    plan.set_layout(h5d.COMPACT)
    h5d.create(file.id, b"compact", h5t.IEEE_F32LE, h5s.create_simple((4, 4)), plan)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_what_is_not_read_is_named_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, libver: str
) -> None:
    here(monkeypatch)
    reader = opened(tmp_path / "x.h5", strange, libver=libver)
    assert reader.read("good").tolist() == np.eye(3).tolist()
    expected = {
        "soft": "a link",
        "external": "a link",
        "outside": "another file",
        "virtual": "other files",
        "text": "type string",
        "texts": "type string",
        "record": "type compound",
        "reference": "type reference",
        "lists": "type list",
        "complex": "type",
        "unwritten": "never written",
        "holes": "1 of its 4 chunks",
        "scaled": "filter 6",
        "empty": "neither shape nor values",
        "plugin": "filter 32015",
        "compact": "within its header",
    }
    assert {info.name for info in reader.tensors()} == {"good", *expected}
    for name, part in expected.items():
        assert part in refusal(reader, name), name
    assert reader.digest().startswith("blake2b:")


def test_no_plugin_is_looked_for_in_the_child(tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(
        "import os, runpy, sys\n"
        f"runpy.run_path({str(hdf5_child.__file__)!r})\n"
        "import h5py\n"
        "print(os.environ.get('HDF5_PLUGIN_PRELOAD'), os.environ.get('HDF5_PLUGIN_PATH'))"
    )
    seen: dict[str, Any] = {}

    def spy(script: Path, file: Any, arguments: Any, **limits: Any) -> bytes:
        seen.update(limits)
        return b'{"error": "enough"}'

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdf5.isolated, "run", spy)
        with pytest.raises(hdf5.Hdf5Error):
            hdf5.structure(script, 0, 100)
    with open(script, "rb") as file:
        said = isolated.run(
            script, file, memory=2**31, seconds=20, answer=100, environment=seen["environment"]
        )
    assert said.split()[0] == b"::"  # HDF5's word for: load none


def test_groups_within_groups_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    opened(tmp_path / "x.h5", lambda file: file.create_group("/".join("g" * 60)))
    with pytest.raises(UnreadableCheckpoint, match="within each other"):
        opened(tmp_path / "x.h5", lambda file: file.create_group("/".join("g" * 70)))


def test_more_names_than_allowed_are_refused_without_listing_them(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for number in range(50):
            file[str(number)] = 0.0
        file.create_dataset("chunks", data=np.zeros((40, 2)), chunks=(1, 1))
    size = (tmp_path / "x.h5").stat().st_size
    with io.FileIO(tmp_path / "x.h5") as raw:
        assert "more than 20 tensors" in hdf5_child.describe(raw, 0, size, 20, 1000)["error"]
        few = hdf5_child.describe(raw, 0, size, 1000, 79)["objects"]
        assert sum("too many chunks" in described.get("refusal", "") for described in few) == 1
        assert not any("refusal" in each for each in hdf5_child.describe(raw, 0, size, 1000, 80)["objects"])


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.create_dataset("w", (2**30, 2), "f4", chunks=(2**20, 2), compression="gzip"),
        lambda file: file.create_dataset("w", (1, 1), "f4", chunks=(2**27, 7), maxshape=(None, None)),
        lambda file: file.create_dataset("w", (2**40,), "f4"),
    ],
)
def test_shapes_larger_than_the_file_are_refused(tmp_path: Path, monkeypatch: Any, write: Any) -> None:
    here(monkeypatch)
    reader = opened(tmp_path / "x.h5", write)
    tracemalloc.start()
    refusal(reader, "w")
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def test_a_chunk_that_inflates_without_end_is_cut_off(tmp_path: Path, monkeypatch: Any) -> None:
    here(monkeypatch)

    def write(file: Any) -> None:
        made = file.create_dataset("w", (16, 16), "f4", chunks=(16, 16), compression="gzip")
        made.id.write_direct_chunk((0, 0), zlib.compress(bytes(50_000_000)))

    reader = opened(tmp_path / "x.h5", write)
    tracemalloc.start()
    assert "inflates beyond" in refusal(reader, "w")
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def good_answer() -> dict[str, Any]:
    plain = {"dtype": "F32", "big": False, "shape": [4, 4], "begin": 100, "stored": 64}
    index = [[0, 0, 0, 200, 32], [2, 0, 0, 232, 32]]
    chunked = {"dtype": "F32", "big": False, "shape": [4, 4], "chunk": [2, 4], "filters": [], "index": index}
    return {
        "keras": False,
        "config": None,
        "labels": {},
        "names": [["a", 0], ["b", 1]],
        "objects": [plain, chunked],
    }


def test_a_child_that_was_taken_over_cannot_point_outside_the_file() -> None:
    """Whatever it answers, every dataset that is not refused lies within the file and allocates what it holds."""
    values: list[Any] = [-1, 0, 1, 10**6, 2**31, 2**63, 2**64, 10**30, None, "x", 1.5, [], [1], {}, True]
    rng = random.Random(1)
    whole = hdf5.parse(json.dumps(good_answer()).encode(), 1000)
    assert [dataset.refusal for dataset in whole.datasets] == ["", ""]
    outcomes = {"refused file": 0, "refused tensor": 0, "read": 0}
    for _ in range(2000):
        answer = good_answer()
        for _ in range(rng.choice([1, 1, 2])):
            place: Any = answer
            while True:
                key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
                if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.1:
                    break
                place = place[key]
            place[key] = copy.deepcopy(rng.choice(values))
        try:
            found = hdf5.parse(json.dumps(answer).encode(), 1000)
        except hdf5.Hdf5Error as error:
            one_line(error)
            outcomes["refused file"] += 1
            continue
        for dataset in found.datasets:
            read = hdf5_values.values(Path("x"), dataset)
            if read is None:
                assert dataset.refusal
                outcomes["refused tensor"] += 1
                continue
            assert 0 <= dataset.begin <= dataset.end <= 1000
            raw = np.zeros(dataset.end - dataset.begin, np.uint8)
            try:
                assert read(raw, None).nbytes <= 2000
                outcomes["read"] += 1
            except UnreadableCheckpoint:
                outcomes["refused tensor"] += 1
    assert all(outcomes.values())


@pytest.mark.parametrize(
    ("index", "part"),
    [
        ([[0, 0, 0, 200, 32], [0, 0, 0, 232, 32]], "do not fit"),
        ([[0, 0, 0, 200, 32], [1, 0, 0, 232, 32]], "do not fit"),
        ([[0, 0, 0, 200, 32], [4, 0, 0, 232, 32]], "do not fit"),
        ([[0, 0, 0, 200, 32], [2, 0, 0, 232, 31]], "another size"),
        ([[0, 0, 0, 200, 32], [2, 0, 0, 969, 32]], "beyond the end"),
        ([[0, 0, 0, 200, 32]], "1 of its 2 chunks"),
        ([[0, 0, 0, 0, 999], [2, 0, 0, 0, 999]], "beyond the end"),
    ],
)
def test_chunks_have_to_be_a_grid_of_their_own_bytes(index: list[list[int]], part: str) -> None:
    answer = good_answer()
    answer["objects"][1]["index"] = index
    plain, chunked = hdf5.parse(json.dumps(answer).encode(), 1000).datasets
    assert plain.refusal == ""
    assert part in chunked.refusal


@pytest.mark.parametrize(
    ("shape", "refused"), [([2**14, 2**14], True), ([1, 1], True), ([2**11, 2**11], False)]
)
def test_a_packed_dataset_may_not_be_far_larger_than_its_bytes(shape: list[int], refused: bool) -> None:
    """One chunk of 32 bytes that says it holds a gigabyte; 16 MB may be zeros and are harmless."""
    answer, side = good_answer(), shape[0] if shape[0] > 1 else 2**14
    index = [[0, 0, 0, 200, 32]]
    answer["objects"][1] |= {"shape": shape, "chunk": [side, side], "filters": [[1, [4]]], "index": index}
    _, chunked = hdf5.parse(json.dumps(answer).encode(), 1000).datasets
    assert ("would inflate" in chunked.refusal) is refused


def test_an_answer_is_neither_deep_nor_printed_as_it_is() -> None:
    answer = good_answer()
    answer["objects"][0]["refusal"] = "a\n\x1b[31mb"
    assert hdf5.parse(json.dumps(answer).encode(), 1000).datasets[0].refusal == "a[31mb"
    answer["names"][0][0] = "g/" * 2000
    with pytest.raises(hdf5.Hdf5Error, match="too deeply"):
        hdf5.parse(json.dumps(answer).encode(), 1000)


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 10**5, b'{"error": null}', b'{"error": "a\\nb"}']
)
def test_an_answer_that_makes_no_sense_is_one_line(answer: bytes) -> None:
    with pytest.raises(hdf5.Hdf5Error) as caught:
        hdf5.parse(answer, 1000)
    assert "\n" not in str(caught.value)


def mutants(seed: bytes, count: int, rng: random.Random) -> list[bytes]:
    result = []
    for _ in range(count):
        data = bytearray(seed)
        for _ in range(rng.choice([1, 1, 2, 4, 16])):
            at, kind = rng.randrange(len(data)), rng.random()
            width = rng.choice([1, 2, 4, 8])
            if kind < 0.4:
                data[at] ^= 1 << rng.randrange(8)
            elif kind < 0.6:
                data[at : at + width] = rng.choice([bytes(width), b"\xff" * width, rng.randbytes(width)])
            elif kind < 0.75:  # an address that exists
                data[at : at + 8] = rng.randrange(len(data)).to_bytes(8, "little")
            elif kind < 0.95:
                other = rng.randrange(len(data))
                data[at : at + 4 * width] = data[other : other + 4 * width]
            else:
                data = data[: max(at, 1)]
        result.append(bytes(data))
    return result


def forked(data: bytes, folder: Path) -> bytes:
    """The child's answer, from a fork of this process: 10 ms instead of 300; nothing where it died."""
    path = folder / "mutant"
    path.write_bytes(data)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        try:
            import resource

            resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            with open(path, "rb") as file, os.fdopen(writing, "wb") as answer:
                raw = io.FileIO(file.fileno(), closefd=False)
                answer.write(json.dumps(hdf5_child.describe(raw, 0, len(data), 10**4, 10**4)).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read(2**20)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said if status == 0 else b""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are read in forks")
def test_mutants_of_hdf5_files_end_in_values_or_in_one_line(tmp_path: Path, monkeypatch: Any) -> None:
    seeds = []
    for libver in ("earliest", "latest"):
        with h5py.File(tmp_path / "seed.h5", "w", libver=libver) as file:
            strange(file)
            for packing in (
                {"compression": "gzip", "shuffle": True},
                {"compression": "lzf", "fletcher32": True},
            ):
                file.create_dataset(
                    str(packing), data=np.arange(60.0).reshape(12, 5), chunks=(5, 3), **packing
                )
            file.attrs["model_config"] = '{"class_name": "Sequential", "config": {"layers": []}}'
        seeds.append((tmp_path / "seed.h5").read_bytes())
    rng = random.Random(7)
    died = read = refused = 0
    for data in [mutant for seed in seeds for mutant in mutants(seed, 40, rng)]:
        said = forked(data, tmp_path)
        if not said:  # `isolated` makes one line of this; see test_keras_isolated
            died += 1
            continue
        monkeypatch.setattr(hdf5.isolated, "run", lambda *_, said=said, **__: said)
        got = harmless(tmp_path / "mutant")
        read, refused = read + got, refused + (not got)
    assert read > 20
    assert refused > 20
    assert died < 20


def harmless(path: Path) -> bool:
    """Whether it opens; everything that is wrong with it has to be a TriplepointError of one line."""
    try:
        reader = keras_files.open_file(str(path), path)
        reader.digest()
        for info in reader.tensors():
            try:
                assert reader.read(info.name).shape == info.shape
            except UnreadableCheckpoint as error:
                one_line(error)
    except TriplepointError as error:
        one_line(error)
        return False
    return True


def test_mutants_of_archives_end_in_values_or_in_one_line(tmp_path: Path, monkeypatch: Any) -> None:
    """Damage to the zip and to the configuration; what lies within is HDF5 and has its own mutants."""
    with zipfile.ZipFile(DATA / "keras_int8.keras") as archive:
        config, weights = archive.read("config.json"), archive.read("model.weights.h5")
        info = archive.getinfo("model.weights.h5")
    with zipfile.ZipFile(tmp_path / "seed", "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", weights[:3000])
    assert info.compress_type == zipfile.ZIP_STORED
    (tmp_path / "whole").write_bytes(weights)
    with io.FileIO(tmp_path / "whole") as raw:
        said = json.dumps(hdf5_child.describe(raw, 0, len(weights), 10**4, 10**4)).encode()
    monkeypatch.setattr(hdf5.isolated, "run", lambda *_, **__: said)
    opened_well = 0
    for data in mutants((tmp_path / "seed").read_bytes(), 600, random.Random(3)):
        (tmp_path / "mutant").write_bytes(data)
        opened_well += harmless(tmp_path / "mutant")
    assert 30 < opened_well < 600
    assert {entry.name for entry in tmp_path.iterdir()} == {"seed", "whole", "mutant"}


def test_a_member_that_would_inflate_without_end_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(keras_archive, "FREE_INFLATION_BYTES", 10**6)
    with zipfile.ZipFile(tmp_path / "x.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(2 * 10**6))
    with pytest.raises(UnreadableCheckpoint, match="would inflate"):
        opened(tmp_path / "x.keras")


def test_an_archive_with_two_members_of_one_name_is_refused(tmp_path: Path) -> None:
    """Which of them is read would depend on who reads."""
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        warnings.simplefilter("ignore")
        for _ in range(2):
            archive.write(DATA / "keras_small.h5", "model.weights.h5")
    with pytest.raises(UnreadableCheckpoint, match="occurs twice"):
        opened(tmp_path / "x.keras")


def test_a_member_that_reaches_beyond_the_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.write(DATA / "keras_small.h5", "model.weights.h5")
    data = bytearray((tmp_path / "x.keras").read_bytes())
    entry = data.rindex(b"PK\1\2")
    data[entry + 20 : entry + 28] = struct.pack("<2I", 10**6, 10**6)
    (tmp_path / "x.keras").write_bytes(data)
    with pytest.raises(UnreadableCheckpoint, match="beyond the end of the archive"):
        opened(tmp_path / "x.keras")


def test_a_chunk_of_another_length_is_damage(tmp_path: Path, monkeypatch: Any) -> None:
    here(monkeypatch)

    def write(file: Any) -> None:
        made = file.create_dataset("w", (4, 4), "f4", chunks=(4, 4), compression="gzip")
        made.id.write_direct_chunk((0, 0), zlib.compress(bytes(60)))

    assert "a chunk of 64 bytes has 60" in refusal(opened(tmp_path / "x.h5", write), "w")


def test_a_file_that_kills_the_library_is_one_line(tmp_path: Path, monkeypatch: Any) -> None:
    crashing = tmp_path / "crash.py"
    crashing.write_text("import os; os.abort()")
    monkeypatch.setattr(hdf5, "_CHILD", crashing)
    with pytest.raises(UnreadableCheckpoint, match="breaks the library"):
        checkpoints.open(DATA / "keras_small.h5")


def test_names_of_layers_from_a_stranger_are_shown_safely(tmp_path: Path, monkeypatch: Any) -> None:
    here(monkeypatch)

    def write(file: Any) -> None:
        file["layers/dense/vars/0"] = "not a number"
        file["layers/dense/vars"].attrs["name"] = "\x1b[31m\n../.."
        file[b"\xff\n"] = "not a number"

    reader = opened(tmp_path / "x.h5", write)
    for info in reader.tensors():
        message = refusal(reader, info.name)
        assert message.isprintable(), message
    assert sys.getrecursionlimit()
