"""`triplepoint scan`: flags reach the request, data goes to stdout, every end has its exit code."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests import contract, synthetic
from tests.cli.conftest import Invoke, Stub, error_in
from tests.synthetic import row, scan_of, warning
from triplepoint.errors import MissingDependency, UnreadableCheckpoint, UnsafeCheckpoint, UsageError
from triplepoint.records import Finding, Reason, Scan, Severity
from triplepoint.report import formats


def test_defaults_are_those_of_the_python_surface(invoke: Invoke, stub: Stub) -> None:
    from triplepoint.request import ScanRequest

    assert invoke("scan", "m.safetensors").exit_code == 0
    assert stub.request == ScanRequest(source="m.safetensors")


def test_every_flag_reaches_the_request(invoke: Invoke, stub: Stub) -> None:
    flags = "--layers a* --layers !b --metrics alpha,log_norm --metrics stable_rank --mode fast --workers 3"
    flags += " --seed 7 --interval bootstrap:50 --allow-pickle --spectra --device cpu"
    assert invoke("scan", "m", *flags.split()).exit_code == 0
    asked = stub.request
    assert asked.layers == ("a*", "!b")
    assert asked.metrics == ("alpha", "log_norm", "stable_rank")
    assert (asked.mode, asked.workers, asked.seed, asked.interval) == ("fast", 3, 7, "bootstrap:50")
    assert (asked.allow_pickle, asked.spectra, asked.device) == (True, True, "cpu")


def test_every_flag_of_the_statistics_reaches_the_request(invoke: Invoke, stub: Stub) -> None:
    flags = (
        "--randomize=5 --null shuffle:99 --tails --vectors --window legacy --gof 300 --bulk kde --level 0.05"
    )
    assert invoke("scan", "m", *flags.split()).exit_code == 0
    asked = stub.request
    assert (asked.randomize, asked.null, asked.tails, asked.window) == (5, "shuffle:99", True, "legacy")
    assert (asked.gof, asked.bulk, asked.level) == (300, "kde", 0.05)
    assert asked.vectors is True


@pytest.mark.parametrize(
    "words", ["--randomize m", "m --randomize", "--gof m --randomize", "--randomize -- m"]
)
def test_an_option_without_its_value_never_takes_the_path(invoke: Invoke, stub: Stub, words: str) -> None:
    assert invoke("scan", *words.split()).exit_code == 0
    asked = stub.request
    assert (asked.source, asked.randomize) == ("m", 1)
    assert asked.gof == (1000 if "--gof" in words else 0)


def test_the_choices_of_the_help_are_those_of_the_mathematics() -> None:
    from triplepoint.cli import options, scan
    from triplepoint.fits import WINDOWS
    from triplepoint.linalg import MODES
    from triplepoint.nulls import BULKS
    from triplepoint.request import MAX_TENSORS

    assert (scan.WINDOWS, options.BULKS, options.MODES) == (WINDOWS, BULKS, MODES)
    assert options.MAX_TENSORS == MAX_TENSORS


def test_a_pipe_gets_the_plain_table_of_one_hundred_columns(
    invoke: Invoke, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = invoke("scan", "m")
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "over-trained" in result.stdout
    assert result.stderr == ""


def test_each_format_arrives_whole_on_stdout(invoke: Invoke, stub: Stub) -> None:
    contract.check_scan(json.loads(invoke("scan", "m", "--format", "json").stdout))
    lines = invoke("scan", "m", "--format", "jsonl").stdout.splitlines()
    contract.check_lines([json.loads(line) for line in lines])
    rows = [*csv.DictReader(io.StringIO(invoke("scan", "m", "--format", "csv").stdout))]
    assert len(rows) == len(stub.scan.matrices)
    assert invoke("scan", "m", "--format", "parquet").stdout_bytes[:4] == b"PAR1"
    assert "| layer |" in invoke("scan", "m", "--format", "md").stdout


def test_a_file_gets_the_format_of_its_ending_and_stderr_the_verdict(
    invoke: Invoke, stub: Stub, tmp_path: Path
) -> None:
    for format in formats.FORMATS:
        path = tmp_path / f"out.{format}"
        result = invoke("scan", "m", "-o", path)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.startswith("31 weight matrices")
        assert path.stat().st_size > 0
    assert len(Scan.load(tmp_path / "out.json").matrices) == len(stub.scan.matrices)


def test_a_place_that_cannot_be_written_is_refused_before_the_scan(
    invoke: Invoke, stub: Stub, tmp_path: Path
) -> None:
    for path in (tmp_path / "none" / "out.json", tmp_path):
        result = invoke("scan", "m", "-o", path)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
    assert stub.request is None


def test_the_rows_of_a_long_scan_are_not_replaced_by_its_result(
    invoke: Invoke, stub: Stub, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    for again in range(2):
        result = invoke("scan", "m", "-o", rows, "--resume", f"{tmp_path}/./rows.jsonl")
        assert (result.exit_code, stub.request) == (2, None)
        assert "--resume" in result.stderr
        assert rows.exists() == bool(again)
        rows.write_text("kept")


CHECKPOINTS = [
    "m.safetensors",
    "m.npz",
    "m.npy",
    "m.pt",
    "m.pth",
    "m.bin",
    "m.gguf",
    "m.onnx",
    "m.h5",
    "m.keras",
]
CHECKPOINTS += ["m.safetensors.index.json", "config.json", "adapter_config.json", "M.SAFETENSORS", "m.ckpt"]


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("format", ["auto", "json"])
def test_a_checkpoint_is_never_overwritten(
    invoke: Invoke, stub: Stub, tmp_path: Path, name: str, format: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"weights")
    result = invoke("scan", "elsewhere", "-o", path, "--format", format)
    assert (result.exit_code, stub.request) == (2, None)
    assert result.stderr.count("\n") == 1
    assert path.read_bytes() == b"weights"


def test_the_source_is_never_overwritten_under_any_name(invoke: Invoke, stub: Stub, tmp_path: Path) -> None:
    source = tmp_path / "blob"
    source.write_bytes(b"weights")
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "hard.txt").hardlink_to(source)
    for name in ("blob", "link", "hard.txt", "../" + tmp_path.name + "/blob"):
        result = invoke("scan", source, "-o", tmp_path / name)
        assert (result.exit_code, stub.request) == (2, None)
        assert "source" in result.stderr
    assert source.read_bytes() == b"weights"


def test_what_holds_weights_by_its_first_bytes_or_behind_a_link_is_kept(
    invoke: Invoke, stub: Stub, tmp_path: Path
) -> None:
    import numpy as np

    np.savez(tmp_path / "m.npz", a=np.eye(3))
    (tmp_path / "m.npz").rename(tmp_path / "blob")
    (tmp_path / "hidden.safetensors").write_bytes(b"weights")
    (tmp_path / "out.json").symlink_to("hidden.safetensors")
    for name in ("blob", "out.json"):
        assert invoke("scan", "m", "-o", tmp_path / name).exit_code == 2
    assert stub.request is None


def test_in_the_scanned_folder_only_our_own_json_is_replaced(
    invoke: Invoke, stub: Stub, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    assert invoke("scan", tmp_path, "-o", tmp_path / "tokenizer.json").exit_code == 2
    assert (tmp_path / "tokenizer.json").read_text() == "{}"
    for _ in range(2):
        assert invoke("scan", tmp_path, "-o", tmp_path / "scan.json").exit_code == 0
        assert invoke("scan", tmp_path, "-o", tmp_path / "scan.csv").exit_code == 0


def test_an_unknown_ending_is_refused_unless_the_format_is_named(
    invoke: Invoke, stub: Stub, tmp_path: Path
) -> None:
    result = invoke("scan", "m", "-o", tmp_path / "x.xlsx")
    assert (result.exit_code, stub.request) == (2, None)
    assert ".xlsx" in result.stderr
    assert invoke("scan", "m", "-o", tmp_path / "x.xlsx", "--format", "csv").exit_code == 0
    for name in ("x", "x.txt", "x.log"):
        assert invoke("scan", "m", "-o", tmp_path / name).exit_code == 0


@pytest.mark.parametrize("flag", [["--seed", "-1"], ["--workers", "0"]])
def test_a_number_out_of_range_is_refused_before_the_scan(
    invoke: Invoke, stub: Stub, flag: list[str]
) -> None:
    result = invoke("scan", "m", *flag)
    assert (result.exit_code, stub.request) == (2, None)
    assert flag[0] in result.stderr


def test_the_help_is_true_of_pickles_and_tells_the_exit_codes(invoke: Invoke) -> None:
    text = " ".join(invoke("scan", "--help").stdout.split())
    assert "weights only, in a separate process, no code is run" in text
    assert all(f" {code} " in text.split("Exit codes:")[1] for code in (0, 1, 2, 130))
    assert "nothing could be analysed" in text.split("Exit codes:")[1]


@pytest.mark.parametrize("fail_on", ["info", "warning", "error"])
def test_a_gate_does_not_open_for_a_scan_without_a_result(invoke: Invoke, stub: Stub, fail_on: str) -> None:
    empty = [synthetic.skipped("b", Reason.vector)]
    for rows in ([], empty, [*empty, synthetic.failed("a")]):
        stub.scan = scan_of(rows)
        assert invoke("scan", "m").exit_code == 0
        result = invoke("scan", "m", "--fail-on", fail_on)
        assert result.exit_code == 1
        assert "Under --fail-on this is exit code 1." in " ".join(result.stdout.split())


def test_a_finding_of_a_slice_does_not_speak_for_its_kernel(invoke: Invoke, stub: Stub) -> None:
    part = row("conv", part="slice.0", counted=False, findings=(warning(),))
    stub.scan = scan_of([row("conv"), part])
    assert invoke("scan", "m", "--fail-on", "warning").exit_code == 0


def test_parquet_is_not_written_to_a_terminal(
    invoke: Invoke, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triplepoint.cli.output import Destination

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(UsageError, match="-o FILE"):
        Destination.checked("parquet", None, "m")


@pytest.mark.parametrize(
    ("severity", "fail_on", "code"),
    [
        (Severity.info, "never", 0),
        (Severity.error, "never", 0),
        (Severity.info, "info", 1),
        (Severity.info, "warning", 0),
        (Severity.warning, "warning", 1),
        (Severity.warning, "error", 0),
        (Severity.error, "error", 1),
    ],
)
def test_findings_decide_the_exit_code_only_where_asked(
    invoke: Invoke, stub: Stub, severity: Severity, fail_on: str, code: int
) -> None:
    stub.scan = scan_of([row("a", findings=(Finding("rule", severity, "statement"),))])
    result = invoke("scan", "m", "--fail-on", fail_on, "--format", "json")
    assert result.exit_code == code
    contract.check_scan(json.loads(result.stdout))


ERRORS = [
    UsageError("metric 'x'", "unknown", "Did you mean alpha?"),
    UnreadableCheckpoint("read m", "truncated", "Copy it again"),
    UnsafeCheckpoint("read m", "pickle", "Use --allow-pickle"),
    MissingDependency("read m", "torch is missing", "pip install 'triplepoint[torch]'"),
    FileNotFoundError(2, "No such file or directory", "m"),
    PermissionError(13, "Permission denied"),
    MemoryError(),
    ValueError("surprise\nin two lines \x1b[31m"),
    RecursionError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_every_error_is_one_harmless_line_and_exit_two(
    invoke: Invoke, stub: Stub, error: BaseException
) -> None:
    stub.error = error
    result = invoke("scan", "m\x1b]0;x\x07")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("triplepoint: ")
    assert result.stderr.removesuffix("\n").isprintable()


@pytest.mark.parametrize("flag", [["--format", "json"], ["--format=jsonl"]])
def test_json_is_answered_with_a_json_error(invoke: Invoke, stub: Stub, flag: list[str]) -> None:
    stub.error = ERRORS[1]
    result = invoke("scan", "m", *flag)
    assert error_in(result) == {
        "schema": "triplepoint.error/1",
        "asked": "read m",
        "found": "truncated",
        "next": "Copy it again",
    }
    assert result.stderr == "triplepoint: read m: truncated. Copy it again.\n"


def test_a_usage_error_too_is_json_where_json_was_asked_for(invoke: Invoke) -> None:
    result = invoke("scan", "m", "--format", "json", "--mode", "psychic")
    assert result.exit_code == 2
    assert "psychic" in error_in(result)["found"]


def test_an_unforeseen_error_is_called_a_bug_and_shows_its_traceback_on_demand(
    invoke: Invoke, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.error = KeyError("x")
    line = invoke("scan", "m").stderr
    assert "a bug in triplepoint, KeyError" in line
    assert "TRIPLEPOINT_DEBUG=1" in line
    assert "Traceback" not in line
    monkeypatch.setenv("TRIPLEPOINT_DEBUG", "1")
    assert "Traceback" in invoke("scan", "m").stderr


def test_an_interrupt_prints_what_was_finished_and_exits_130(invoke: Invoke, stub: Stub) -> None:
    rows = [row("a"), synthetic.skipped("b", Reason.interrupted)]
    stub.scan = scan_of(rows, interrupted=True)
    result = invoke("scan", "m", "--format", "json", "--fail-on", "info")
    assert result.exit_code == 130
    contract.check_scan(json.loads(result.stdout))
    assert "interrupted" in result.stderr


def test_an_interrupt_before_anything_is_finished_exits_130(invoke: Invoke, stub: Stub) -> None:
    stub.error = KeyboardInterrupt()
    result = invoke("scan", "m")
    assert (result.exit_code, result.stdout) == (130, "")


def test_top_limits_the_table_and_not_the_data(invoke: Invoke, stub: Stub) -> None:
    assert "the 2 worst are shown" in invoke("scan", "m", "--top", "2").stdout
    document = json.loads(invoke("scan", "m", "--top", "2", "--format", "json").stdout)
    assert len(document["matrices"]) == len(stub.scan.matrices)


def test_a_finding_of_many_layers_is_told_once(invoke: Invoke, stub: Stub) -> None:
    stub.scan = scan_of([row(f"l{i}", findings=(warning(),)) for i in range(5)])
    assert invoke("scan", "m").stdout.count("over_trained ×5") == 1
