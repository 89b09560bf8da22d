"""`triplepoint edit`: flags reach the edit, the report goes to stdout, every end has its exit code."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Invoke, error_in
from tests.edit.copies import held, model, saved
from triplepoint.edit import running
from triplepoint.errors import UsageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of a small model."""
    return saved(tmp_path / "m", model(), model_type="x")


def test_every_flag_reaches_the_edit(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(request, edit, out, *, dry_run, on_row):
        seen.append((request, edit, out, dry_run))
        raise UsageError("stop", "enough", "Go home")

    monkeypatch.setattr(running, "run", run)
    flags = "--keep 10% -o out --layers a* --layers !b --seed 7 --level 0.05 --bulk kde --dry-run --spectra"
    flags += " --mode fast --workers 3 --allow-pickle --layout x=skip --max-tensors 9"
    assert invoke("edit", "m", *flags.split()).exit_code == 2
    ((request, edit, out, dry_run),) = seen
    assert (str(edit), out, dry_run) == ("keep 10%", "out", True)
    assert (request.source, request.layers, request.seed, request.level) == ("m", ("a*", "!b"), 7, 0.05)
    assert (request.bulk, request.spectra, request.mode, request.workers) == ("kde", True, "fast", 3)
    assert (request.allow_pickle, request.layouts, request.max_tensors) == (True, ("x=skip",), 9)


def test_the_choices_of_the_help_are_those_of_the_mathematics() -> None:
    from triplepoint.cli import edit
    from triplepoint.edit.wish import KEEPS, REMOVES
    from triplepoint.linalg import MODES
    from triplepoint.nulls import BULKS
    from triplepoint.request import ScanRequest

    options = {option.name: option for option in edit.command.params}
    assert tuple(options["remove"].type.choices) == REMOVES
    assert tuple(options["bulk"].type.choices) == BULKS
    assert set(options["mode"].type.choices) == set(MODES)
    assert options["keep"].metavar == "|".join((*KEEPS, "K", "P%"))
    default = ScanRequest(source="m")
    for name in ("seed", "level", "bulk", "mode", "max_tensors"):
        assert options[name].default == getattr(default, name), name


def test_a_copy_is_written_and_told(invoke: Invoke, source: Path, tmp_path: Path) -> None:
    result = invoke("edit", source, "-o", tmp_path / "out", "--remove", "spikes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Removed the spikes above the noise in 2 of 3 matrices: changed by ")
    assert "1 left as it is." in result.stdout
    assert "No spikes above the noise." in result.stdout
    assert "37/40" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert set(held(tmp_path / "out")) == set(model())


def test_json_is_one_document(invoke: Invoke, source: Path) -> None:
    result = invoke("edit", source, "--keep", "3", "--dry-run", "--format", "json", "--spectra")
    document = json.loads(result.stdout)
    assert document["schema"] == "triplepoint.edit/1"
    assert document["provenance"]["dry_run"] is True
    assert document["provenance"]["output"] is None
    assert document["summary"]["changed"] == 3
    row = next(row for row in document["matrices"] if row["id"] == "layer.0.weight")
    assert (row["kept"], row["components"], row["shape"]) == (3, 40, [60, 40])
    assert len(row["after"]["singular_values"]) == 40
    assert row["after"]["metrics"]["stable_rank"] < row["before"]["metrics"]["stable_rank"]
    assert set(document["summary"]["before"]["phases"]) == set(document["summary"]["after"]["phases"])


def test_where_nothing_changes_nothing_is_written(invoke: Invoke, source: Path, tmp_path: Path) -> None:
    result = invoke("edit", source, "-o", tmp_path / "out", "--remove", "traps")
    assert result.exit_code == 1
    assert result.stdout == "Nothing was changed: no traps (3), so nothing was written.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--keep 3", "no place to write to"),
        ("-o out", "no edit is named"),
        ("--keep 3 --shrink -o out", "more than one edit"),
        ("--keep none -o out", "not understood"),
        ("--keep 3 -o m/out", "lies in the source"),
        ("--keep 3 -o out.bin", "written as safetensors"),
    ],
)
def test_bad_usage_is_one_line(
    invoke: Invoke, source: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.chdir(source.parent)
    result = invoke("edit", "m", *words.split(), "--format", "json")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
    assert said in error_in(result)["found"]


def test_traps_are_told_for_this_shuffle_and_another(invoke: Invoke, tmp_path: Path) -> None:
    arrays = model()
    arrays["layer.0.weight"][3, 4] = 300.0
    result = invoke("edit", saved(tmp_path / "m", arrays), "--remove", "traps", "--dry-run")
    assert "1 trap taken out; the same shuffle now has 0, another one 0." in " ".join(result.stdout.split())
    assert "Dry run: nothing was written." in " ".join(result.stdout.split())


def test_hostile_names_do_not_drive_the_terminal(invoke: Invoke, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a\x1b[31m\u202e.weight": model()["layer.0.weight"]}, tmp_path / "m.safetensors")
    for edit in (["--keep", "3"], ["--keep", "40"], ["--remove", "traps"]):
        result = invoke("edit", tmp_path / "m.safetensors", *edit, "--dry-run")
        assert "\x1b" not in result.stdout
        assert "\u202e" not in result.stdout


def test_explain_says_what_an_edit_does(invoke: Invoke) -> None:
    result = invoke("explain", "edit")
    assert "W' = W − T + R" in result.stdout
    assert "Eckart and Young" in result.stdout
    assert invoke("explain", "SVDSmoothing").stdout == result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_end_that_is_asked_for_leaves_nothing(
    invoke: Invoke, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    number, real = getattr(signal, name), running._write_file
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("it is ignored already")
    before = signal.getsignal(number)

    def write(*args: Any) -> None:
        real(*args)
        assert len(list(tmp_path.iterdir())) == 2
        signal.raise_signal(number)

    def untold(_number: int, _frame: object) -> None:
        raise AssertionError("the process would have ended here")

    if number != signal.SIGINT:
        signal.signal(number, untold)
    monkeypatch.setattr(running, "_write_file", write)
    try:
        result = invoke("edit", source, "-o", tmp_path / "out", "--keep", "3")
    finally:
        signal.signal(number, before)
    assert (result.exit_code, result.stderr.strip()) == (130, "triplepoint: interrupted")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
