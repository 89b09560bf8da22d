"""Environments of their own for the peers, made on demand: `benchmarks/.peers/NAME`.

A peer gets the versions it is compared at and nothing of ours. `TRIPLEPOINT_PEERS_DIR` names another folder that holds
(or shall hold) these environments; `TRIPLEPOINT_PEER_PYTHON` names an interpreter to make them with.

    python -m benchmarks.peers          # make them and say where they are
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(os.environ.get("TRIPLEPOINT_PEERS_DIR") or Path(__file__).parent / ".peers")


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool, the exact versions it is measured at, and the oldest Python it runs on."""

    name: str
    requirements: tuple[str, ...]
    python: tuple[int, int]


# numpy, scipy and torch are those of constraints.txt, so that both sides run the same kernels. threadpoolctl names
# them. diffract with taichi, because its documentation recommends that for speed; both of its fits are measured.
PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "weightwatcher",
            (
                "weightwatcher==0.7.7",
                "torch==2.13.0",
                "numpy==2.4.6",
                "scipy==1.17.1",
                "threadpoolctl==3.8.0",
            ),
            (3, 11),
        ),
        Peer("diffract", ("diffract-core[taichi]==0.3.1", "threadpoolctl==3.8.0"), (3, 12)),
        Peer(
            "powerlaw",
            ("powerlaw==2.0.0", "numpy==2.4.6", "scipy==1.17.1", "mpmath==1.4.1", "threadpoolctl==3.8.0"),
            (3, 11),
        ),
        Peer("plotly", ("plotly==7.1.0", "numpy==2.4.6"), (3, 11)),
    )
}


class Unavailable(Exception):
    """This peer cannot be measured here; the message says why, in one line."""


def interpreter(name: str) -> Path:
    """The Python of a peer's environment, which is made if it is not there. Raises `Unavailable`."""
    peer = PEERS[name]
    python = FOLDER / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not _has(python, peer.requirements[0]):
        _make(peer)
        if not _has(python, peer.requirements[0]):
            raise Unavailable(f"{name}: its environment was made but {peer.requirements[0]} is not in it")
    return python


def _has(python: Path, requirement: str) -> bool:
    """Whether the environment holds the pinned version of the peer itself."""
    package, version = re.sub(r"\[.*\]", "", requirement).split("==")
    code = f"from importlib.metadata import version; raise SystemExit(version({package!r}) != {version!r})"
    return (
        python.exists()
        and subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    )


def _make(peer: Peer) -> None:
    base = _base(peer.python)
    if base is None:
        wanted = ".".join(map(str, peer.python))
        raise Unavailable(f"{peer.name}: skipped, no Python {wanted} or later (set TRIPLEPOINT_PEER_PYTHON)")
    folder = FOLDER / peer.name
    print(f"making the environment of {peer.name} with {base} …", flush=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    steps: tuple[list[str | Path], ...] = (
        [base, "-m", "venv", "--clear", folder],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            said = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()[
                -1:
            ]
            raise Unavailable(f"{peer.name}: skipped, its environment could not be made: {' '.join(said)}")


def _base(oldest: tuple[int, int]) -> str | None:
    """An interpreter that is new enough: the named one, this one, one on the path, one of pyenv's."""
    named = os.environ.get("TRIPLEPOINT_PEER_PYTHON")
    candidates = [named] if named else []
    candidates += [sys.executable]
    candidates += [found for minor in (11, 12, 13) if (found := shutil.which(f"python3.{minor}"))]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates += [str(path) for path in sorted(pyenv.glob("3.1[1-9]*/bin/python"))]
    return next((path for path in candidates if _version(path) >= oldest), None)


def _version(python: str) -> tuple[int, int]:
    """(0, 0) for what does not run: pyenv puts names on the path that only say how to install them."""
    code = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    try:
        said = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, check=False
        ).stdout.split()
        return (int(said[0]), int(said[1]))
    except (OSError, IndexError, ValueError):
        return (0, 0)


if __name__ == "__main__":
    for name in PEERS:
        try:
            print(f"{name}: {interpreter(name)}")
        except Unavailable as reason:
            print(reason)
