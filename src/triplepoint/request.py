"""What the user asks of a scan, checked before anything is read."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from triplepoint.analysis import Settings
from triplepoint.diagnosis import NULL_LEVEL
from triplepoint.errors import UsageError
from triplepoint.fits import WINDOWS, FitSettings, interval_model
from triplepoint.linalg import MODES, choose_backend
from triplepoint.metrics import METRICS, Metric
from triplepoint.nulls import BULKS, KINDS, LEVEL, NullSettings
from triplepoint.records import MatrixPlan, Reason

DEFAULT_REPLICATES = 500
MAX_TENSORS = 1_000_000
MIN_REPLICATES, MAX_REPLICATES = 20, 100_000
MIN_GOF, MIN_NULL = 20, 19
"""With fewer draws no p-value reaches 0.05."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Everything the user may ask of a scan; see `scan`."""

    source: Any
    mode: str = "precise"
    layers: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    seed: int = 0
    workers: int | None = None
    interval: str = "closed"
    allow_pickle: bool = False
    device: str | None = None
    spectra: bool = False
    randomize: int = 0
    """Shuffles whose full spectra are computed; 0 for none."""
    null: str | None = None
    """`KIND` or `KIND:B` with B replicas."""
    tails: bool = False
    window: str = "intended"
    gof: int = 0
    """Bootstrap samples of the goodness of fit; 0 for none."""
    bulk: str = "quantiles"
    level: float = LEVEL
    """False-alarm rate of spikes and traps."""
    layouts: tuple[str, ...] = ()
    max_tensors: int = MAX_TENSORS
    resume: str | None = None


def settings_of(request: ScanRequest) -> Settings:
    """What each matrix needs to know; an unknown mode, metric or interval is a UsageError."""
    if not isinstance(request.seed, int) or isinstance(request.seed, bool) or request.seed < 0:
        raise UsageError(f"seed {request.seed!r}", "not a whole number from 0 on", "Use a seed such as 0")
    if request.mode not in MODES:
        raise UsageError(f"mode {request.mode!r}", "unknown", f"Use one of {', '.join(MODES)}")
    return Settings(
        mode=request.mode,
        metrics=_metrics(request),
        asked=request.metrics is not None,
        fit=FitSettings(
            seed=request.seed,
            replicates=_replicates(request.interval),
            window=_one_of("window", request.window, WINDOWS),
            gof_replicas=_count("--gof", request.gof, MIN_GOF) or FitSettings().gof_replicas,
        ),
        null=_null(request),
        spectra=request.spectra,
        backend=choose_backend(request.device),
    )


def groups(request: ScanRequest) -> frozenset[str]:
    """Groups of metrics that belong to this scan; "" are those of every scan."""
    asked = {"randomize": request.randomize, "null": request.null, "tails": request.tails, "gof": request.gof}
    return frozenset({"", *(name for name, wanted in asked.items() if wanted)})


def _metrics(request: ScanRequest) -> tuple[Metric, ...]:
    """The named ones, or all of the groups that were asked for."""
    names, wanted = request.metrics, groups(request)
    of_groups = {name: metric for name, metric in METRICS.items() if metric.group in wanted}
    if names is None:
        return tuple(of_groups.values())
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=3) or sorted(METRICS)
            raise UsageError(f"metric {name!r}", "unknown", f"Did you mean {', '.join(near)}?")
    added = (name for name, metric in of_groups.items() if metric.group)
    return tuple(METRICS[name] for name in dict.fromkeys([*names, *added]))


def _null(request: ScanRequest) -> NullSettings:
    kind, replicas = NullSettings().null, NullSettings().replicas
    if request.null is not None:
        kind, _, count = request.null.partition(":")
        _one_of("null", kind, KINDS)
        if count and not count.isdecimal():
            raise UsageError(
                f"null {request.null!r}", "not understood", "Use KIND or KIND:B, as signflip:199"
            )
        replicas = _count("--null", int(count), MIN_NULL) if count else replicas
    if not (isinstance(request.level, float) and 1e-6 <= request.level <= 0.2):
        raise UsageError(
            f"level {request.level!r}", "not from 1e-6 to 0.2", "Use 0.01 for one false alarm in 100"
        )
    return NullSettings(
        seed=request.seed,
        level=request.level,
        bulk=_one_of("bulk", request.bulk, BULKS),
        randomize=_count("--randomize", request.randomize, 1),
        null=kind,
        replicas=replicas,
    )


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise UsageError(f"{name} {value!r}", "unknown", f"Use one of {', '.join(known)}")
    return value


def _count(name: str, value: int, least: int) -> int:
    """Zero, or a number of draws from `least` on."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not (value == 0 or least <= value <= MAX_REPLICATES)
    ):
        raise UsageError(
            f"{name} {value!r}", "too few, too many or no whole number", f"Use {least} to {MAX_REPLICATES}"
        )
    return value


def _replicates(interval: str) -> int:
    kind, _, count = interval.partition(":")
    if kind == "closed" and not count:
        return 0
    if kind == "bootstrap" and (not count or count.isdecimal()):
        replicates = int(count) if count else DEFAULT_REPLICATES
        if MIN_REPLICATES <= replicates <= MAX_REPLICATES:
            return replicates
    raise UsageError(
        f"interval {interval!r}",
        "not understood",
        f"Use closed, bootstrap or bootstrap:B with B from {MIN_REPLICATES} to {MAX_REPLICATES}",
    )


def workers_of(asked: int | None) -> int:
    """Worker threads: as asked, or one a usable core."""
    if asked is not None:
        if asked < 1:
            raise UsageError(f"{asked} workers", "at least one is needed", "Leave out workers for one a core")
        return asked
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def chosen(plans: Sequence[MatrixPlan], patterns: Sequence[str] | None) -> tuple[MatrixPlan, ...]:
    """Plans outside the patterns become left out, with the reason `filtered`; parts follow their tensor."""
    if patterns is None:
        return tuple(plans)
    wanted = [p for p in patterns if not p.startswith("!")] or ["*"]
    unwanted = [p[1:] for p in patterns if p.startswith("!")]

    def matches(plan: MatrixPlan, globs: Sequence[str]) -> bool:
        base = plan.id.removesuffix(f"/{plan.part}")
        return any(fnmatchcase(name, glob) for glob in globs for name in (plan.id, base, plan.name))

    kept = [p if matches(p, wanted) and not matches(p, unwanted) else None for p in plans]
    if not any(kept):
        example = plans[0].id if plans else "none"
        raise UsageError(f"layers {', '.join(patterns)}", "no matrix matches", f"Ids look like {example!r}")
    return tuple(
        keep if keep is not None else replace(plan, reason=plan.reason or Reason.filtered)
        for keep, plan in zip(kept, plans, strict=True)
    )


def identity(request: ScanRequest, settings: Settings, digest: str, version: str) -> dict[str, Any]:
    """What two scans must share for a row of one to be a row of the other; filters and workers change no number."""
    made = recorded(request, settings, 1)
    kept = (
        "mode",
        "interval",
        "interval_model",
        "metrics",
        "backend",
        "device",
        "spectra",
        "layouts",
        "null_level",
        "level",
        "bulk",
        "randomize",
        "null",
        "window",
        "gof",
    )
    return {
        "version": version,
        "digest": digest,
        "seed": request.seed,
        **{name: made[name] for name in kept},
    }


def recorded(request: ScanRequest, settings: Settings, workers: int) -> dict[str, Any]:
    """The request as it stands in the provenance."""
    return {
        "mode": request.mode,
        "interval": request.interval,
        "interval_model": interval_model(settings.fit.replicates),
        "layers": list(request.layers) if request.layers else None,
        "metrics": list(request.metrics) if request.metrics else None,
        "workers": workers,
        "device": request.device,
        "backend": settings.backend.name,
        "allow_pickle": request.allow_pickle,
        "spectra": request.spectra,
        "randomize": request.randomize,
        "null": request.null and f"{settings.null.null}:{settings.null.replicas}",
        "tails": request.tails,
        "window": request.window,
        "gof": request.gof,
        "bulk": request.bulk,
        "level": request.level,
        "layouts": list(request.layouts),
        "max_tensors": request.max_tensors,
        "null_level": NULL_LEVEL,
    }
