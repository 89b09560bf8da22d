"""`triplepoint serve` in a process of its own, which a test may kill and start again on the same port."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

_RUN = "from triplepoint.cli import main; main()"


class Served:
    """A server over a folder; `link` opens the page."""

    def __init__(self, folder: str | Path, keep: str | Path) -> None:
        """`keep`: a folder for the token, so that an open page survives a restart."""
        self._folder, self._keep = Path(folder), Path(keep)
        self._keep.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.start()

    def start(self) -> None:
        """Begin, again at the port of before; returns once requests are answered."""
        asked = [sys.executable, "-c", _RUN, "serve", str(self._folder), "--no-open"]
        asked += ["--port", str(self._port), "--token-file", str(self._keep / "token")]
        self._process = subprocess.Popen(
            asked, stdout=subprocess.PIPE, text=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        )
        assert self._process.stdout is not None
        self.link = self._process.stdout.readline().strip()
        parts = urlsplit(self.link)
        if not parts.port:
            self.kill()
            raise AssertionError(f"no link: {self.link!r}")
        self._port = parts.port
        self.origin = f"{parts.scheme}://{parts.netloc}/"

    def kill(self) -> None:
        """Without a word, as by the kernel."""
        assert self._process is not None
        self._process.kill()
        with self._process:  # waits, and closes its output
            pass

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        with self._process:
            self._process.terminate()
