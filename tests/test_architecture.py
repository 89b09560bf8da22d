"""Claim: the house stands as ARCHITECTURE.md draws it. Imports run downwards, without circles, and stay light.

The witness reads the imports from the syntax trees, delayed and type-only ones included.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "triplepoint"

# Each room and the rooms it may import; `errors` is free to all.
MAY_IMPORT = {
    "errors": set(),
    "showing": set(),
    "records": {"showing"},
    "checkpoints": {"records"},
    "matrices": {"records"},
    "linalg": {"records"},
    "nulls": {"records", "linalg", "fits"},
    "fits": {"records"},
    "metrics": {"records"},
    "diagnosis": {"records", "fits"},
    "facts": {"records", "linalg", "nulls", "fits"},
    "analysis": {"records", "matrices", "linalg", "fits", "nulls", "metrics", "diagnosis", "facts"},
    "summary": {"records", "nulls", "metrics"},
    "environment": set(),
    "journal": {"records"},
    "engines": {"records", "linalg"},
    "asked": set(),
    "request": {"records", "asked", "analysis", "linalg", "fits", "nulls", "metrics", "diagnosis"},
    "scanning": {
        "records", "checkpoints", "matrices", "analysis", "engines", "summary", "environment", "asked", "request",
        "journal",
    },
    "edit": {
        "records", "checkpoints", "matrices", "linalg", "fits", "nulls", "facts", "analysis", "asked", "environment",
        "request", "scanning",
    },
    "compare": {
        "records", "checkpoints", "matrices", "linalg", "fits", "nulls", "facts", "analysis", "asked", "environment",
        "request", "scanning", "engines", "summary", "metrics", "diagnosis",
    },
    "report": {"records"},
    "page": {"records", "environment", "metrics", "nulls", "summary", "asked", "store", "report"},
    "serve": {"records", "store", "report", "page"},
    "figures": {"records", "environment", "metrics", "nulls", "store", "report", "page"},
    "trajectories": {"records", "metrics"},
    "alerts": {"records", "trajectories"},
    "store": {"records", "environment", "asked", "showing"},
    "monitor": {
        "records", "checkpoints", "matrices", "linalg", "facts", "analysis", "engines", "asked", "environment",
        "request", "scanning", "summary", "metrics", "fits", "nulls", "trajectories", "alerts", "store",
    },
    "generalization": {"records", "checkpoints", "linalg", "metrics", "asked", "scanning"},
    "compat": {
        "records", "checkpoints", "matrices", "linalg", "fits", "nulls", "metrics", "facts", "asked", "request",
        "scanning", "edit",
    },
}  # fmt: skip
FRAMEWORKS = {"torch", "pandas", "polars", "pyarrow", "matplotlib", "tensorflow", "jax"}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_of(path: Path) -> set[str]:
    found = {name.split(".")[1] for name in imports(path) if name.startswith("triplepoint.")}
    return {name for name in found if (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()}


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_run_only_downwards(path):
    here = room(path)
    if here in {"__init__", "cli"}:
        return
    assert here in MAY_IMPORT, f"{here} is a room the plan does not know"
    assert rooms_of(path) <= MAY_IMPORT[here] | {here, "errors"}


def test_the_plan_itself_has_no_circle():
    done: set[str] = set()
    while len(done) < len(MAY_IMPORT):
        free = {name for name, needs in MAY_IMPORT.items() if name not in done and needs <= done}
        assert free, f"a circle among {set(MAY_IMPORT) - done}"
        done |= free


@pytest.mark.parametrize("name", ["metrics", "fits", "diagnosis", "nulls", "records", "matrices"])
def test_no_framework_in_the_mathematics(name):
    for path in (SOURCE / name).rglob("*.py"):
        allowed = {"pandas", "polars", "pyarrow"} if path.parent.name == "records" else set()
        tops = {imported.split(".")[0] for imported in imports(path)}
        assert not tops & (FRAMEWORKS - allowed), path


def test_a_scan_of_safetensors_imports_no_framework(tmp_path):
    np = pytest.importorskip("numpy")
    numpy_files = pytest.importorskip("safetensors.numpy")
    numpy_files.save_file({"w": np.eye(12, dtype=np.float32)}, tmp_path / "m.safetensors")
    code = (
        "import sys, triplepoint; triplepoint.scan(sys.argv[1]);"
        f"print(sorted({FRAMEWORKS!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m.safetensors")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_importing_the_package_imports_no_numpy():
    code = "import sys, triplepoint; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_picture_names_every_room():
    picture = (SOURCE.parents[1] / "ARCHITECTURE.md").read_text()
    for name in MAY_IMPORT:
        assert f"`{name}" in picture, name


def test_no_file_is_long():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 330, path
