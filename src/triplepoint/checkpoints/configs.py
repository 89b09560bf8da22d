"""The configuration that lies beside the weights of a model or adapter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triplepoint.checkpoints.files import inside, json_object
from triplepoint.checkpoints.limits import MAX_CONFIG_BYTES

ADAPTER = "adapter_model."


def config_beside(folder: Path, name: str) -> Mapping[str, Any]:
    """`config.json` of the folder, empty if there is none; over it `adapter_config.json` where `name` is an adapter's.

    A broken one is an error, not an absence: it decides how matrices are oriented, so a scan without it could differ
    without a word.
    """
    wanted = ["config.json"] + ["adapter_config.json"] * name.startswith(ADAPTER)
    config: dict[str, Any] = {}
    for one in wanted:
        if os.path.lexists(folder / one):
            config |= json_object(inside(folder, one), MAX_CONFIG_BYTES, unique=False)
    return config
