"""A process that trains a small perceptron under `Monitor`, as many steps at a time as it is told.

`python -m tests.page.training RUN.db` reads even numbers from standard input, one a line. After each it trains so many
steps, waits until what was seen is in the file, and prints the last step and frame. At the end of the input the run is
finished. With `--pace SECONDS` it waits so long after each step, for someone who watches.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("run")
    asked.add_argument("--pace", type=float, default=0.0)
    asked.add_argument("--width", type=int, default=48)
    given = asked.parse_args()

    import torch

    from triplepoint import Monitor

    torch.set_num_threads(1)
    torch.manual_seed(0)
    width = given.width
    model = torch.nn.Sequential(
        *(torch.nn.Linear(width, 2 * width), torch.nn.ReLU()),
        *(torch.nn.Linear(2 * width, width), torch.nn.ReLU(), torch.nn.Linear(width, 10)),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    inputs, targets = torch.randn(256, width), torch.randint(0, 10, (256,))
    step = 0
    with Monitor(
        model, given.run, None, schedule=2, tolerance=0.0, worker="inline", scalars="all"
    ) as monitor:
        print("ready", flush=True)
        for line in sys.stdin:
            for _ in range(int(line)):
                step += 1
                output = model(inputs)
                loss = torch.nn.functional.cross_entropy(output, targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                right = (output.argmax(1) == targets).float().mean()
                monitor.step(step, train_loss=loss.detach(), train_accuracy=right)
                time.sleep(given.pace)
            print(f"{step} {_stored(monitor, step)}", flush=True)


def _stored(monitor: Any, step: int) -> int:
    """The last frame, once the file holds this step."""
    while True:
        with monitor.run as run:
            if run.last_step >= step:
                return int(run.last_frame)
        time.sleep(0.02)


class Training:
    """The same process seen from a test: `advance(n)` trains n steps and returns (step, frame) that the file holds."""

    def __init__(self, run: str | Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.page.training", str(run)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ready = False

    def advance(self, steps: int) -> tuple[int, int]:
        """The first call waits until the process is there, which takes some seconds."""
        assert self._process.stdin is not None
        self._ready = self._ready or self._line() == "ready"
        assert self._ready
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        step, frame = self._line().split()
        return int(step), int(frame)

    def finish(self) -> None:
        """End the input: the run is finished."""
        if self._process.poll() is None:
            self._process.communicate(timeout=60)

    def __enter__(self) -> Training:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


if __name__ == "__main__":
    main()
