"""The parameters of `analyze` as WeightWatcher 0.7.7 names them: checked, and none ignored in silence."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from triplepoint import asked
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.filters import Filters, filters_of
from triplepoint.errors import UsageError

_LIMITS = ("min_evals", "max_evals", "max_fingers", "xmin_max", "tolerance")
_NEEDED = ("max_N", "start_ids", "finger_thresh")
MOST_SEED = 2**32 - 1
"""Of the stream that `np.random.seed` starts."""
TRUNCATED = (c.TPL, c.E_TPL, c.TRUNCATED_POWER_LAW)
WEIGHTWATCHER = "weightwatcher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Everything that changes a number or a row."""

    legacy: bool = False
    """Whether the numbers are those of WeightWatcher itself."""
    filters: Filters = field(default_factory=Filters)
    min_evals: int = c.DEFAULT_MIN_EVALS
    max_evals: int = c.DEFAULT_MAX_EVALS
    max_N: int = c.DEFAULT_MAX_N
    pool: bool = True
    conv2d_norm: bool = True
    glorot_fix: bool = False
    fit: str = c.PL
    fix_fingers: str | None = None
    max_fingers: int = c.DEFAULT_MAX_FINGERS
    finger_thresh: float = c.DEFAULT_FINGER_THRESH
    xmin_max: float | None = None
    xmax: str | None = None
    """`force` or None."""
    drop: int = 0
    """Largest eigenvalues that the fit leaves out (`xmax=-k`)."""
    mp_fit: bool = False
    randomize: int = 0
    """Shuffles."""
    detX: bool = False
    vectors: bool = False
    inverse: bool = False
    intra: bool = False
    sparsify: bool = True
    stacked: bool = False
    peft: bool = False
    exact: bool = False
    tolerance: float = c.WEAK_RANK_LOSS_TOLERANCE
    start_ids: int = 0
    seed: int = 0
    extra: bool = False


def problem(params: Mapping[str, Any], *, packages: bool = True) -> str | None:
    """What contradicts itself among parameters of `constants.DEFAULT_PARAMS`, as a sentence; None where nothing does.

    `packages`: whether WeightWatcher's rules on its two power-law packages count too. They stand for what each can do;
    here one implementation does all of it.
    """
    get = {**c.DEFAULT_PARAMS, **params}
    least, most, largest = get[c.MIN_EVALS], get[c.MAX_EVALS], get[c.MAX_N]
    fit, fingers, xmax = get[c.FIT], get[c.FIX_FINGERS], get[c.XMAX]
    clipped = isinstance(xmax, int) and not isinstance(xmax, bool)
    ids = [int(one) for one in _numbers(get.get(c.LAYERS))]
    rules = (
        (least and most and least >= most, f"min_evals {least} is not below max_evals {most}"),
        (most and most < -1, f"max_evals {most} is negative"),
        (largest < max(most or 0, least or 0), f"max_N {largest} is below min_evals or max_evals"),
        (get[c.SVD_METHOD] not in c.VALID_SVD_METHODS, f"svd_method {get[c.SVD_METHOD]!r} is unknown"),
        (get[c.WW2X], "ww2x is now pool=False"),
        (get[c.CONV2D_FFT] and not get[c.POOL], "conv2d_fft needs pool=True"),
        (get[c.CONV2D_FFT] and get[c.INTRA], "conv2d_fft and intra exclude each other"),
        (_unknown_channels(get[c.CHANNELS_STR]), f"channels {get[c.CHANNELS_STR]!r} is neither first nor last"),
        (bool(ids) and min(ids) < 0 < max(ids), "layers: ids to keep and ids to skip"),
        (not isinstance(get[c.SAVEFIG], bool | str), f"savefig {get[c.SAVEFIG]!r} is no folder"),
        (fingers and fingers not in (c.XMIN_PEAK, c.CLIP_XMAX), f"fix_fingers {fingers!r} is unknown"),
        (fingers and clipped, f"fix_fingers and xmax {xmax!r} exclude each other"),
        (fingers and (get[c.MAX_FINGERS] or 1) < 1, f"max_fingers {get[c.MAX_FINGERS]} is below 1"),
        (fit not in (c.PL, c.POWER_LAW, *TRUNCATED), f"fit {fit!r} is unknown"),
        (fit == c.E_TPL and fingers == c.CLIP_XMAX, "fit E_TPL and fix_fingers clip_xmax exclude each other"),
        (get[c.INTRA] and (get[c.RANDOMIZE] or get[c.VECTORS]), "intra excludes randomize and vectors"),
        (get[c.START_IDS] < 0, f"start_ids {get[c.START_IDS]} is negative"),
        (
            get[c.PL_PACKAGE] not in (c.POWERLAW_PACKAGE, c.WW_POWERLAW_PACKAGE),
            f"pl_package {get[c.PL_PACKAGE]!r} is unknown",
        ),
        (not clipped and xmax not in (False, None, c.FORCE), f"xmax {xmax!r} is neither None nor 'force' nor −k"),
        (clipped and xmax == 0, "xmax 0 leaves nothing out"),
        (get[c.INVERSE] and get[c.VECTORS], "inverse and vectors exclude each other"),
        (get[c.INTRA] and get[c.STACKED], "intra and stacked exclude each other"),
        (get[c.PEFT] not in (None, False, True), f"peft {get[c.PEFT]!r} is neither True nor False"),
    )  # fmt: skip
    of_packages = (
        (xmax == c.FORCE, "xmax 'force' needs pl_package='powerlaw'"),
        (fit in TRUNCATED, f"fit {fit!r} needs pl_package='powerlaw'"),
    )
    counted = of_packages if packages and get[c.PL_PACKAGE] == c.WW_POWERLAW_PACKAGE else ()
    return next((sentence for broken, sentence in (*rules, *counted) if broken), None)


def _numbers(layers: Any) -> list[Any]:
    given = [layers] if isinstance(layers, numbers.Integral) else layers
    return (
        [] if not isinstance(given, Iterable) else [one for one in given if isinstance(one, numbers.Integral)]
    )


def _unknown_channels(channels: Any) -> bool:
    return channels is not None and str(channels).lower() not in (c.FIRST, c.LAST)


def parameters_of(given: Mapping[str, Any], *, legacy: bool, seed: int) -> Parameters:
    """`given`: the arguments of `analyze` or `describe` by name; UsageError for what contradicts itself or is not
    offered, with what to use instead."""  # fmt: skip
    get = dict(given)
    filters = filters_of(get.get("layers"))
    _numbers_in(get)
    _not_offered(get, legacy=legacy)
    if get.pop("ww2x", False):
        warnings.warn("ww2x is now pool=False", UserWarning, stacklevel=4)
        get["pool"] = False
    for option in ("plot", "deltas"):
        if get.get(option):
            warnings.warn(
                f"{option}=True: nothing is drawn here. The numbers are in the table, and get_ESD(layer=…) gives the "
                "eigenvalues to plot",
                UserWarning,
                stacklevel=4,
            )
    shuffles = get.get("randomize", False)
    keys = {"deltas": c.DELTA_ES, "start_ids": c.START_IDS, "max_fingers": c.MAX_FINGERS}
    params = {keys.get(name, name): value for name, value in get.items()}
    wrong = problem(
        {**params, c.RANDOMIZE: bool(shuffles), c.VECTORS: get.get("vectors", False)}, packages=legacy
    )
    if wrong is not None:
        raise UsageError("analyze", wrong, "See docs/weightwatcher.md for every parameter")
    xmax = get.get("xmax")
    fingers = get.get("fix_fingers") or None
    fit = get.get("fit", c.PL)
    return Parameters(
        legacy=legacy,
        filters=filters,
        min_evals=get.get("min_evals") or 0,
        max_evals=get.get("max_evals") or 0,
        max_N=get["max_N"],
        pool=bool(get.get("pool", True)),
        conv2d_norm=bool(get.get("conv2d_norm", True)),
        glorot_fix=bool(get.get("glorot_fix", False)),
        fit={c.POWER_LAW: c.PL, c.TRUNCATED_POWER_LAW: c.TPL}.get(fit, fit),
        fix_fingers=c.XMIN_PEAK if fit == c.E_TPL else fingers,
        max_fingers=get.get("max_fingers") or c.DEFAULT_MAX_FINGERS,
        finger_thresh=asked.real("finger_thresh", get.get("finger_thresh", 1.0), 0.0, 1e6, "1.0"),
        xmin_max=get.get("xmin_max"),
        xmax=c.FORCE if xmax == c.FORCE else None,
        drop=abs(xmax) if isinstance(xmax, int) and not isinstance(xmax, bool) else 0,
        mp_fit=bool(get.get("mp_fit", False)),
        randomize=int(shuffles),
        detX=bool(get.get("detX", False)) or bool(get.get("ERG", False)),
        vectors=bool(get.get("vectors", False)),
        inverse=bool(get.get("inverse", False)),
        intra=bool(get.get("intra", False)),
        sparsify=bool(get.get("sparsify", True)),
        stacked=bool(get.get("stacked", False)),
        peft=bool(get.get("peft", False)),
        exact=get.get("svd_method") == c.ACCURATE_SVD or bool(get.get("inverse", False)),
        tolerance=get.get("tolerance") or c.WEAK_RANK_LOSS_TOLERANCE,
        start_ids=asked.whole("start_ids", get.get("start_ids", 0), 0),
        seed=asked.whole("seed", seed, 0, MOST_SEED if legacy else None),
        extra=bool(get.get("extra", False)),
    )


def _numbers_in(get: Mapping[str, Any]) -> None:
    """UsageError for what is to be a number and is none."""
    for name in (*_LIMITS, *_NEEDED):
        value = get.get(name)
        if value is None and (name in _LIMITS or name not in get):
            continue
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or math.isnan(value):
            raise UsageError(
                f"{name} {value!r}", "no number", "See docs/weightwatcher.md for every parameter"
            )
    if not isinstance(shuffles := get.get("randomize", False), bool | np.bool_):
        asked.whole("randomize", shuffles, 0)


def _not_offered(get: Mapping[str, Any], *, legacy: bool) -> None:
    """UsageError for what neither tool does as its name says."""

    def refuse(option: str, found: str, next: str) -> None:
        raise UsageError(f"{option}={get[option]!r}", found, next)

    if get.get("fft"):
        refuse("fft", "WeightWatcher 0.7.7 crashes here and nothing defines it", "Leave it out")
    if get.get("conv2d_fft"):
        found = "WeightWatcher takes the spectrum over the wrong axes, so there is no number to give"
        refuse("conv2d_fft", found, "Leave it out: kernels are pooled, or pool=False for each position")
    if isinstance(get.get("channels"), str):
        found = "WeightWatcher 0.7.7 crashes here"
        refuse(
            "channels",
            found,
            'Say what the axes mean: triplepoint.scan(model, layouts={"conv*": "out,in,kernel"})',
        )
    for option in ("min_size", "max_size"):
        if get.get(option):
            refuse(option, "renamed upstream and ignored there", f"Use {option.replace('size', 'evals')}")
    if get.get("peft") == c.PEFT_WITH_BASE:
        found = "the sum of base and adapter is another model"
        refuse(
            "peft",
            found,
            "Merge them (peft: merge_and_unload) and analyse the result; peft=True for adapters",
        )
    if not legacy:
        return
    instead = 'Leave out compat="weightwatcher": the default mode has it'
    if (
        get.get("fit", c.PL) in TRUNCATED
        or get.get("xmax") == c.FORCE
        or get.get("fix_fingers") == c.XMIN_PEAK
    ):
        found = f"with powerlaw 2 WeightWatcher 0.7.7 gives −1 for every layer (fit={get.get('fit')!r})"
        raise UsageError(f'compat="{WEIGHTWATCHER}"', found, instead)
    for option in ("peft", "extra", "vectors", "intra", "stacked"):
        if get.get(option):
            refuse(option, f'not among the numbers that compat="{WEIGHTWATCHER}" reproduces', instead)
    if get.get("glorot_fix"):
        warnings.warn("glorot_fix: WeightWatcher 0.7.7 reads it under another name; it changes nothing",
                      UserWarning, stacklevel=5)  # fmt: skip
