"""Rows → the table: `layer_id`, `name`, then every other column in the order of its characters."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.parameters import TRUNCATED, Parameters
from triplepoint.errors import MissingDependency

LEAD = ("layer_id", "name")
OF_LAYER = (*LEAD, "longname", "layer_type", "N", "M", "Q", "rf")
DESCRIBED = (*OF_LAYER, "num_evals")
OF_SPECTRUM = (
    *("has_esd", "num_evals", "sv_max", "sv_min", "rank_loss", "weak_rank_loss", "lambda_max"),
    *("norm", "log_norm", "spectral_norm", "log_spectral_norm", "stable_rank", "matrix_rank", "entropy"),
)
OF_FIT = (
    *("alpha", "xmin", "xmax", "D", "sigma", "num_pl_spikes", "status", "warning"),
    *("alpha_weighted", "log_alpha_norm"),
)
OF_FINGERS = ("num_fingers", "raw_alpha")
OF_CUTOFF = ("Lambda",)
OF_BULK = ("num_spikes", "sigma_mp", "mp_softrank", "W_scale", "bulk_max", "bulk_min")
OF_SHUFFLE = (
    *(
        "rand_num_spikes",
        "rand_sigma_mp",
        "rand_mp_softrank",
        "rand_W_scale",
        "rand_bulk_max",
        "rand_bulk_min",
    ),
    *("num_traps", "max_rand_eval", "rand_distance", "ww_softrank", "ww_maxdist"),
)
OF_TRACE_LOG = ("detX_num", "num_ERG_spikes", "ERG_gap", "detX_val", "detX_val_unrescaled")
OF_VECTORS = tuple(
    f"{part}_{moment}_{name}"
    for part in ("bulk", "tail")
    for moment in ("mean", "var")
    for name in ("vec_entropy", "loc_ratio", "part_ratio")
)
OF_SLICE = ("slice_id",)
OF_PRODUCT = ("Xflag",)
EXTRA = ("phase", "alpha_low", "alpha_high", "null_p", "reason")
TEXTS = frozenset({"status", "warning", "phase", "reason", "longname", "layer_type", "name"})


def pandas() -> Any:
    """The library, loaded with the first table."""
    try:
        return importlib.import_module("pandas")
    except ImportError:
        raise MissingDependency(
            "a table", "pandas is not installed", "Run: pip install 'triplepoint[frames]'"
        ) from None


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A DataFrame of these rows; what a row lacks is NaN, or empty for a text. Without rows it has no columns."""
    pd = pandas()
    if not rows:
        return pd.DataFrame(columns=[])
    ordered = [*LEAD, *sorted(set(columns) - set(LEAD))]
    blank = {name: "" if name in TEXTS else float("nan") for name in ordered}
    return pd.DataFrame([{**blank, **row} for row in rows], columns=ordered)


def columns_of(parameters: Parameters) -> tuple[str, ...]:
    """The columns that the options ask for."""
    wanted = (
        (True, (*DESCRIBED, *OF_SPECTRUM, *OF_FIT)),
        (parameters.fit in TRUNCATED, OF_CUTOFF),
        (parameters.fix_fingers == c.CLIP_XMAX, OF_FINGERS),
        (parameters.mp_fit, OF_BULK),
        (bool(parameters.randomize), OF_SHUFFLE),
        (parameters.detX, OF_TRACE_LOG),
        (parameters.vectors, OF_VECTORS),
        (not parameters.pool, OF_SLICE),
        (parameters.intra, OF_PRODUCT),
        (parameters.extra, EXTRA),
    )
    return tuple(name for there, names in wanted if there for name in names)
