"""Claim: no file, whatever its bytes, runs code, takes memory or time without bound, or ends in another's error.

The files are written by hand. `os`, `builtins` and their like are answered as unsafe; everything else becomes an inert
stand-in, which the canary file of every test would betray if it were not.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints.pickles import (
    FLOATS,
    Call,
    Kept,
    Name,
    New,
    Raw,
    archive,
    dump,
    emit,
    here,
    legacy,
    storage,
    tensor,
)
from triplepoint import checkpoints
from triplepoint.checkpoints import isolated
from triplepoint.checkpoints.reader import Reader
from triplepoint.checkpoints.torch import structure as torch_structure
from triplepoint.checkpoints.torch.unpickling import (
    Foreign,
    Function,
    Inert,
    Items,
    Pairs,
    Refused,
    Storage,
    Tensor,
    Type,
)
from triplepoint.errors import TriplepointError, UnreadableCheckpoint, UnsafeCheckpoint

pytest.importorskip("resource")
RUN = isolated.run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test runs in an empty folder in which attacks would leave `canary`."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not Path("canary").exists()


@pytest.fixture
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """For pickles that are no bombs: without the 0.08 s that a process takes."""
    monkeypatch.setattr(isolated, "run", here)


def opened(path: Path) -> Reader:
    return checkpoints.open(path, allow_pickle=True)


def refusal(path: Path, kind: type[TriplepointError] = UnreadableCheckpoint) -> TriplepointError:
    with pytest.raises(TriplepointError) as caught:
        opened(path)
    assert type(caught.value) is kind, caught.value
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_hand_written_files_are_read(same_process: None) -> None:
    for write in (archive, legacy):
        reader = opened(write(Path("m.pt"), {"w": tensor()}))
        assert reader.read("w").tolist() == [[1, 2], [3, 4]]


GADGETS = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "compile"),
    ("builtins", "open"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("__builtin__", "eval"),
    ("__builtin__", "apply"),
    ("subprocess", "Popen"),
    ("commands", "getoutput"),
    ("importlib", "import_module"),
    ("runpy", "run_path"),
    ("operator", "attrgetter"),
    ("operator", "methodcaller"),
    ("socket", "create_connection"),
    ("sys", "modules"),
    ("pty", "spawn"),
    ("shutil", "rmtree"),
    ("ctypes", "CDLL"),
    ("webbrowser", "open"),
    ("timeit", "timeit"),
    ("code", "interact"),
    ("pdb", "run"),
    ("pickle", "loads"),
    ("marshal", "loads"),
    ("types", "CodeType"),
    ("types", "FunctionType"),
    ("copyreg", "add_extension"),
    ("functools", "reduce"),
    ("urllib.request", "urlopen"),
    ("logging.config", "listen"),
    ("pathlib", "os.system"),
    ("collections", "abc.sys"),
    ("pathlib", "Path.write_text"),
    ("numpy", "os.system"),
    ("torch", "os.system"),
    ("torch", "load"),
    ("torch", "hub.load"),
    ("torch.hub", "load"),
    ("torch.serialization", "load"),
    ("torch.jit", "load"),
    ("torch.utils.cpp_extension", "load_inline"),
    ("torch.fx.graph_module", "reduce_graph_module"),
    ("torch.package", "PackageImporter"),
]


@pytest.mark.parametrize(("module", "name"), GADGETS)
def test_a_name_that_runs_code_is_unsafe(same_process: None, module: str, name: str) -> None:
    command = "open('canary', 'w')" if name in ("eval", "exec") else "touch canary"
    attack = {"w": tensor(), "x": Call(Name(module, name), (command,))}
    error = refusal(archive(Path("m.pt"), attack), UnsafeCheckpoint)
    assert name in error.found
    assert error.next == "Do not use this file."
    dotted = b"\x80\x04" + emit(module) + emit(name) + b"\x93" + emit((command,)) + b"R."
    refusal(archive(Path("m.pt"), dotted), UnsafeCheckpoint)


def test_the_attacks_work_where_nothing_stops_them() -> None:
    pickle.loads(dump(Call(Name("os", "system"), ("touch canary",))))
    assert Path("canary").exists()
    Path("canary").unlink()


@pytest.mark.parametrize("write", [archive, legacy])
def test_the_process_of_its_own_refuses_them_too(write: Any) -> None:
    attack = {"w": tensor(), "x": Call(Name("os", "system"), ("touch canary",))}
    found = refusal(write(Path("m.pt"), attack), UnsafeCheckpoint).found
    assert found == "it asks for 'os.system', which weights never need"


def test_the_process_can_neither_open_files_nor_start_programs() -> None:
    here = Path(torch_structure.__file__).parent
    for attack in (
        "open('canary', 'w')",
        "import os; os.system('touch canary')",
        "import ctypes",
        "eval('1')",
    ):
        code = f"import runpy, sys; runpy.run_path(sys.argv[1])['lock'](); {attack}; print('free')"
        script = here / "child.py"
        done = subprocess.run([sys.executable, "-c", code, script], capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (77, b""), attack


FOREIGN = Name("numpy.testing._private.utils", "runstring")  # a gadget of a library: inert here


def test_stand_ins_take_whatever_a_pickle_does_to_them(same_process: None) -> None:
    made = Call(FOREIGN, ("open('canary', 'w')", {}))
    state = {"__class__": 1, "__setstate__": 2, "append": 3, "__reduce__": 4, "w": tensor()}
    value = {
        "state": New(FOREIGN, state),
        "slots": New(FOREIGN, ({"a": 1}, {"label": 2, "args": 3})),
        "none": New(FOREIGN, None),
        "items": Raw(emit(made) + b"(" + emit("k") + emit(1) + b"u"),
        "list": Raw(emit(made) + b"(" + emit(1) + emit(2) + b"e" + emit(3) + b"a"),
        "set": Raw(emit(made) + b"(" + emit(1) + b"\x90"),
        "key": {"x": Raw(b"}" + emit(made) + emit(1) + b"s")},
        "frozen": Raw(b"}" + emit(Call(Name("__builtin__", "frozenset"), ([1],))) + emit(1) + b"s"),
        "keywords": Raw(emit(FOREIGN) + b")" + emit({"a": 1}) + b"\x92"),
        "class": FOREIGN,
        "called": Call(Name("copyreg", "_reconstructor"), (FOREIGN, Name("builtins", "object"), None)),
        "new": Call(Name("copyreg", "__newobj__"), (FOREIGN, 1)),
        "encoded": Call(Name("_codecs", "encode"), ("\xff", "latin1")),
        "partial": Call(Name("functools", "partial"), (FOREIGN, 1)),
        "bomb": Call(Name("builtins", "bytearray"), (10**15,)),
        "range": Call(Name("builtins", "range"), (10**15,)),
        "ordered": New(Name("collections", "OrderedDict"), {"_metadata": 1, "items": 2}),
        "function": Raw(
            emit(Name("torch._utils", "_rebuild_tensor_v3")) + emit((None, {"_function": FOREIGN})) + b"b"
        ),
        "tensor": Raw(emit(tensor((4,), (1,))) + emit((None, {"begin": 2**70, "key": "x"})) + b"b"),
        "python2": Call(Name("collections", "OrderedDict"), ([["w", tensor()]],)),
    }
    names = [info.name for info in opened(archive(Path("m.pt"), value)).tensors()]
    assert names == ["state.w", "tensor", "python2.w"]
    assert opened(Path("m.pt")).read("tensor").tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("cls", [Foreign, Inert, Items, Pairs, Function, Tensor, Storage, Type])
def test_nothing_can_be_set_on_what_a_name_stands_for(cls: type) -> None:
    with pytest.raises(Refused):
        cls.__setstate__ = print  # type: ignore[attr-defined]
    assert not hasattr(cls.__new__(cls), "__dict__")


@pytest.mark.parametrize(
    "value",
    [
        Raw(emit(FOREIGN) + emit((None, {"label": "x"})) + b"b"),
        Raw(emit(Name("collections", "OrderedDict")) + emit((None, {"update": FOREIGN})) + b"b"),
        Raw(emit(Name("collections", "OrderedDict")) + emit({"update": 1}) + b"b"),
        Raw(b"\x82\x01"),
        Raw(b"\x83\x01\x00"),
        Raw(b"\x84\x01\x00\x00\x00"),
        Call(3, (4,)),
        Call(Call(FOREIGN), (1,)),
        Call(tensor(), ()),
        Call(Name("torch._utils", "_rebuild_tensor_v2"), (1, 2, 3, 4)),
        Call(Name("torch._utils", "_rebuild_tensor_v2"), ()),
        Call(Name("torch._tensor", "_rebuild_from_type_v2"), ("eval", 1, ("1",), {})),
        Call(Name("copyreg", "_reconstructor"), ("x", 1, 2)),
        Kept("storage"),
        Kept(("storage", FOREIGN, "0", "cpu", 4)),
        Kept(("storage", Name("torch", "float32"), "0", "cpu", 4)),
        Kept(("storage", Name("torch", "FloatStorage"), "0", "cpu", -4)),
        Kept(("storage", Name("torch", "FloatStorage"), ["0"], "cpu", 4)),
        Kept(("storage", Name("torch", "FloatStorage"), "0", "cpu", 4, ("1", -1, 2))),
        Kept(("module", "os", None, None)),
        Raw(b"P0\n"),
    ],
    ids=str,
)
def test_what_no_checkpoint_does_is_damage(same_process: None, value: Any) -> None:
    assert "pickle" in refusal(archive(Path("m.pt"), {"w": tensor(), "x": value})).found


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",  # BINBYTES8
        b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"x.",  # BINUNICODE8
        b"\x80\x05\x96" + struct.pack("<Q", 2**45) + b"x.",  # BYTEARRAY8
        b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N.",  # FRAME
        b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01.",  # LONG4
        b"\x80\x02Nr" + struct.pack("<I", 2**32 - 1) + b".",  # LONG_BINPUT: a memo of 64 GiB
        b"\x80\x02I" + b"9" * 100_000 + b"\n.",
        b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",  # lists in lists
        b"\x80\x02)" + b"\x85" * 200_000 + b"}q\x00(h\x00" + b"0" * 3 + b".",  # tuples in tuples
        b"\x80\x02" + b"}" + b")" + b"\x85" * 500_000 + b"Ns.",  # and hashed
        b"\x80\x02" + b"(" * 3_000_000,
        b"\x80\x02" + b"]q\x00" + b"h\x00a" * 3 + b".",  # a list that holds itself
        b"",
        b"\x80\x09N.",
        b"\x80\x02.",
        b"N",
    ],
    ids=range(16),
)
def test_a_bomb_ends_with_the_process_that_met_it(code: bytes) -> None:
    started = time.monotonic()
    refusal(archive(Path("m.pt"), code))
    assert time.monotonic() - started < 20


def test_parts_that_repeat_each_other_without_end_are_counted(same_process: None, monkeypatch: Any) -> None:
    monkeypatch.setattr("triplepoint.checkpoints.torch.states.MAX_VISITS", 20_000)
    laughs = (
        b"]"
        + emit(tensor())
        + b"aq\x00"
        + b"".join(b"](" + bytes([ord("h"), level]) * 10 + b"eq" + bytes([level + 1]) for level in range(12))
    )
    assert "repeat each other" in refusal(archive(Path("m.pt"), b"\x80\x02" + laughs + b".")).found


def test_memory_and_time_of_the_process_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(Path("m.pt"), {"w": tensor()})
    memo = archive(Path("memo.pt"), b"\x80\x02" + emit(tensor()) + b"r" + struct.pack("<I", 2**23) + b".")
    assert opened(memo).read("memo").size == 4  # a memo of 128 MiB
    monkeypatch.setattr(torch_structure, "MEMORY", 100 * 2**20)
    assert "memory" in refusal(memo).found
    opened(path)
    monkeypatch.setattr(torch_structure, "SECONDS", 0)
    assert "0 s" in refusal(path).found
    monkeypatch.setattr(torch_structure, "SECONDS", 60)
    monkeypatch.setattr(torch_structure, "MAX_ANSWER_BYTES", 10)
    assert "10 bytes" in refusal(path).found
    monkeypatch.setattr(torch_structure, "MAX_PICKLE_BYTES", 11)
    assert "bytes, more than 11" in refusal(path).found


TENSORS = [
    tensor(offset=1),
    tensor((2, 3)),
    tensor((2,), (2**40,)),
    tensor((2**40, 2), (2, 1)),
    tensor((2**61,), (1,)),
    tensor((2,), (-1,)),
    tensor((-2, -2)),
    tensor((2, 2), (1,)),
    tensor((2, True), (1, 1)),
    tensor("22", (1, 1)),
    tensor((1,) * 65, (1,) * 65),
    tensor((10**5, 10**5), (0, 0)),
    tensor((2**61, 0), (1, 1)),
    tensor((10**30,), (1,)),
    tensor(of=storage("9")),
    tensor(of=storage("../../etc/passwd")),
    tensor(of=storage("0", kind="DoubleStorage")),
    tensor((2, 2), (1, 2**61)),
]


@pytest.mark.parametrize("write", [archive, legacy])
@pytest.mark.parametrize("at", range(len(TENSORS)))
def test_a_tensor_that_does_not_fit_its_storage_is_refused_by_itself(
    same_process: None, write: Any, at: int
) -> None:
    value = {"good": tensor(), "bad": TENSORS[at], "last": tensor((4,), (1,))}
    reader = opened(write(Path("m.pt"), value))
    assert [info.name for info in reader.tensors()] == ["good", "bad", "last"]
    assert reader.read("last").tolist() == [1, 2, 3, 4]
    with pytest.raises(UnreadableCheckpoint):
        reader.read("bad")
    reader.digest()


def test_an_offset_below_zero_is_damage(same_process: None) -> None:
    assert "no storage" in refusal(archive(Path("m.pt"), {"w": tensor(offset=-1)})).found


def test_the_stride_of_a_side_of_one_means_nothing(same_process: None) -> None:
    reader = opened(archive(Path("m.pt"), {"a": tensor((1, 4), (2**61, 1)), "b": tensor((1, 4), (0, 1))}))
    assert reader.read("a").tolist() == [[1, 2, 3, 4]]
    one, other = reader.tensors()
    assert one.storage == other.storage


@pytest.mark.parametrize("name", ["\x1b[31mred", "../../etc/passwd", "a\nb", "\ud800", "=cmd()", "", " "])
def test_names_are_only_names(same_process: None, name: str) -> None:
    reader = opened(archive(Path("m.pt"), {name: tensor(), "m": tensor()}))
    first = reader.tensors()[0].name
    assert first == name.encode("utf-8", "backslashreplace").decode()
    first.encode()
    assert reader.read(first).size == 4


def test_names_that_collide_lose_no_tensor(same_process: None) -> None:
    value = {
        "a": {"b": tensor(), "c": tensor((4,), (1,))},
        "a.b": tensor((4, 1)),
        "a.c": 3,
        1: tensor(),
        "1": tensor(),
    }
    assert [info.name for info in opened(archive(Path("m.pt"), value)).tensors()] == [
        "a.b",
        "a.c",
        "a.b#",
        "1",
        "1#",
    ]


def test_a_name_without_end_is_refused(same_process: None) -> None:
    refusal(archive(Path("m.pt"), {"x" * 5000: tensor()}))
    deep: Any = tensor()
    for _ in range(200):
        deep = [deep]
    assert "deep" in refusal(archive(Path("m.pt"), deep)).found


def broken(pickle: Any = None, kind: int = zipfile.ZIP_STORED, **more: bytes) -> Path:
    return archive(Path("m.pt"), {"w": tensor()} if pickle is None else pickle, None, kind, **more)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_torch_would_not_write_are_refused(same_process: None) -> None:
    assert "compressed" in refusal(broken(kind=zipfile.ZIP_DEFLATED)).found
    assert "big-endian" in refusal(broken(byteorder=b"big")).found
    opened(broken(byteorder=b"little"))
    assert "twice" in refusal(broken(**{"data.pkl": b""})).found
    with zipfile.ZipFile("m.pt", "a") as file:
        file.writestr("y/data.pkl", b"")
    refusal(Path("m.pt"))
    with zipfile.ZipFile("m.pt", "w") as file:
        file.writestr("model.txt", b"")
    assert "0 `data.pkl`" in refusal(Path("m.pt")).found
    whole = broken().read_bytes()
    Path("m.pt").write_bytes(whole[:-30])
    assert "zip" in refusal(Path("m.pt")).found


def test_a_storage_that_is_not_where_the_archive_says_is_refused_by_itself(same_process: None) -> None:
    value = {"a": tensor(), "b": tensor(of=storage("1"))}
    path = archive(Path("m.pt"), value, {"0": FLOATS, "1": FLOATS})
    whole = path.read_bytes()
    central = whole.rindex(b"PK\x01\x02")
    for at, new in (
        (
            whole.rindex(b"PK\x03\x04"),
            b"....",
        ),  # the local header
        (central + 42, struct.pack("<I", 3)),
        (central + 42, struct.pack("<I", 2**32 - 2)),
        (central + 20, struct.pack("<II", 2**30, 2**30)),  # the sizes
        (central + 10, struct.pack("<H", 8)),  # the compression
        (central + 8, struct.pack("<H", 1)),  # the encryption
        (central + 20, struct.pack("<I", 8)),  # two sizes
    ):
        path.write_bytes(whole[:at] + new + whole[at + len(new) :])
        reader = opened(path)
        assert reader.read("a").tolist() == [[1, 2], [3, 4]]
        with pytest.raises(UnreadableCheckpoint, match="'b'"):
            reader.read("b")
    # Two members at one place overlap: both are views of the same bytes, which harms nobody.
    first = whole.index(b"x/data/0") - 30
    path.write_bytes(whole[: central + 42] + struct.pack("<I", first) + whole[central + 46 :])
    reader = opened(path)
    assert reader.read("a").tolist() == reader.read("b").tolist()


def test_storages_of_a_file_without_archive_are_held_against_its_end(same_process: None) -> None:
    path = legacy(Path("m.pt"), {"w": tensor()}, counts={"0": 5})
    assert "end at byte" in refusal(path).found
    refusal(legacy(path, {"w": tensor()}, counts={"0": -1}))
    short = opened(legacy(path, {"w": tensor()}, counts={"0": 3}))
    with pytest.raises(UnreadableCheckpoint, match="beyond its storage of 12 bytes"):
        short.read("w")
    assert "storages" in refusal(legacy(path, {"w": tensor()}, {"0": FLOATS, "1": FLOATS})).found
    whole = legacy(path, {"w": tensor()}).read_bytes()
    path.write_bytes(whole.replace(emit(["0"]), emit(["0", "0"])) + FLOATS * 2)
    assert "twice" in refusal(path).found
    path.write_bytes(whole.replace(b"\x88", b"\x89"))
    assert "big-endian" in refusal(path).found
    viewed = Kept(("storage", Name("torch", "FloatStorage"), "0", "cpu", 4, ("1", 2, 2)))
    assert opened(legacy(path, {"w": tensor((2,), (1,), of=viewed)})).read("w").tolist() == [3, 4]


def test_a_file_that_torch_did_not_write_is_named(same_process: None) -> None:
    path = Path("m.pt")
    path.write_bytes(pickle.dumps({"w": np.ones(3)}))
    assert "torch.save did not write" in refusal(path).found
    path.write_bytes(b"hello, this is a text")
    assert "no file that torch.save wrote" in refusal(path).found
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert "Git LFS" in refusal(path).found
    path.write_bytes(b"")
    refusal(path)
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("storages"))
    assert "tar" in refusal(path).found
    nested = {"w": Call(Name("torch.storage", "_load_from_bytes"), (1,))}
    assert "pickle.dump" in refusal(legacy(path, nested)).found
    assert "no tensors" in refusal(archive(path, {"epoch": 3})).found


@pytest.mark.parametrize("ending", [".pth.tar", ".tar", ""])
@pytest.mark.parametrize("write", [archive, legacy])
def test_the_first_bytes_decide_where_the_ending_says_little(
    same_process: None, write: Any, ending: str
) -> None:
    path = write(Path(f"m{ending}"), {"w": tensor()})
    assert opened(path).read("w").size == 4
    with pytest.raises(UnsafeCheckpoint, match="--allow-pickle"):
        checkpoints.open(path)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]\n",
        b"3\n",
        b"{}\n",
        b'["tensor"]\n["end",1]\n',
        b'["end",1e9]\n',
        b'["end",-1]\n',
        b'["tensor","w","0","float32",0,[2],[1],"",null,false]\n["end",99999999]\n',
        b'["tensor","w","0","float32",0,[2],[1],"",null,false]\n',
        b'["tensor","w","0","float32",-1,[2],[1],"",null,false]\n["end",1]\n',
        b'["tensor","w","0","float32",0,[-2],[1],"",null,false]\n["end",1]\n',
        b'["tensor","w","0","float32",0,[2],[],"",null,false]\n["end",1]\n',
        b'["tensor","w","0","float32",0,[2],[1],"",null,3]\n["end",1]\n',
        b'["tensor","w",0,"float32",0,[2],[1],"",null,false]\n["end",1]\n',
        b'["tensor","\\ud800","0","float32",0,[2],[1],"",null,false]\n["end",1]\n',
        2 * b'["tensor","w","0","float32",0,[2],[1],"",null,false]\n' + b'["end",1]\n',
        b"[" * 30_000 + b"\n",
        b"[" * 100_000 + b"\n",
        b'["strange", "x"]\n',
        b'["damaged", 3]\n',
        b"\xff\xfe\n",
    ],
    ids=range(21),
)
def test_an_answer_that_lies_is_one_error(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    monkeypatch.setattr(isolated, "run", lambda *_, **__: answer)
    refusal(broken())


def mutants(whole: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Bytes changed, cut out, repeated; one to three at a time."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    data[at] ^= 1 << chance.randrange(8)
                case 2:
                    del data[at : at + chance.randint(1, 8)]
                case 3:
                    data[at:at] = data[at : at + chance.randint(1, 8)]
        yield bytes(data)


MANY = """
import json, resource, runpy, struct, sys, io
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
child = runpy.run_path(sys.argv[1])
child["packages"]()
from triplepoint.checkpoints.torch.answer import lines
read = sys.stdin.buffer.read
while head := read(9):
    kind, size = struct.unpack("<?Q", head)
    print("\\x1e" + "\\n".join(map(json.dumps, lines(io.BytesIO(read(size)), kind))), flush=True)
"""


def test_a_thousand_mutants_raise_nothing_but_our_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {
        "epoch": 3,
        "model": {"a": tensor(), "b": New(FOREIGN, {"w": tensor((4,), (1,))})},
        "c": [1.5, None, True],
    }
    many = subprocess.Popen(
        [sys.executable, "-c", MANY, str(Path(torch_structure.__file__).with_name("child.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert many.stdin is not None
    assert many.stdout is not None
    answers: list[bytes] = []

    def there(_script: Any, file: Any, arguments: Any, **_limits: Any) -> bytes:
        """One process for all of them, limited in memory as each process of its own is."""
        begin, length = map(int, arguments)
        file.seek(begin)
        data = file.read(length)
        many.stdin.write(struct.pack("<?Q", length >= 0, len(data)) + data)
        many.stdin.flush()
        answer = b""
        while True:
            line = many.stdout.readline()
            assert line, "the process died"
            answer += line.lstrip(b"\x1e")
            if json.loads(line.lstrip(b"\x1e"))[0] not in ("tensor", "storage"):
                answers.append(answer)
                return answer

    outcomes: dict[str, int] = {}
    with many:
        for write in (archive, legacy):
            whole = write(Path("m.pt"), value).read_bytes()
            for number, data in enumerate(mutants(whole, 512, 7)):
                monkeypatch.setattr(isolated, "run", there if number < 500 else RUN)
                Path("m.pt").write_bytes(data)
                outcome = "read"
                try:
                    reader = opened(Path("m.pt"))
                    reader.digest()
                    for info in reader.tensors():
                        reader.read(info.name)
                except TriplepointError as error:
                    outcome = "many lines" if "\n" in str(error) else type(error).__name__
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        many.stdin.close()
    assert outcomes.keys() <= {"read", "UnreadableCheckpoint", "UnsafeCheckpoint"}
    assert outcomes["read"] > 50
    assert outcomes["UnreadableCheckpoint"] > 500


def test_a_zip_bomb_is_not_inflated(same_process: None) -> None:
    with zipfile.ZipFile("m.pt", "w") as file:
        file.writestr("x/data.pkl", dump({"w": tensor((2**21,), (1,)), "v": tensor(of=storage("1"))}))
        file.writestr("x/data/0", bytes(2**23), zipfile.ZIP_DEFLATED)
        file.writestr("x/data/1", FLOATS)
    assert os.path.getsize("m.pt") < 2**16
    reader = opened(Path("m.pt"))
    assert reader.read("v").size == 4
    with pytest.raises(UnreadableCheckpoint, match="compressed"):
        reader.read("w")
