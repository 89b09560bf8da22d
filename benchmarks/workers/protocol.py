"""A line of JSON in, a line of JSON out, until the input ends."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]
VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def serve(calls: dict[str, Callable[..., Answer]]) -> None:
    """Answer `{"call": name, …arguments}`; whatever the tool prints goes to stderr, so that it breaks no line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = calls[asked.pop("call")](**asked)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def surroundings() -> Answer:
    """What decides the speed of linear algebra in this process: its BLAS, and the variables that change it."""
    given = {name: os.environ.get(name) for name in VARIABLES}
    return {"blas": _blas(), **{name: value for name, value in given.items() if value is not None}}


def _blas() -> str:
    """Name, version and kernel architecture of every BLAS this process has loaded."""
    import numpy as np

    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        known: Any = np.show_config(mode="dicts")
        return "{name} {version}".format(**known["Build Dependencies"]["blas"])
    libraries = [library for library in threadpool_info() if library.get("user_api") == "blas"]
    keys = ("internal_api", "version", "architecture", "num_threads")
    return "; ".join(
        " ".join(str(lib.get(key)) for key in keys if lib.get(key)) + " threads" for lib in libraries
    )
