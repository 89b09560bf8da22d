"""What the user asks of a scan, checked before anything is read."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from triplepoint import asked
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
MAX_REPLICATES = 100_000
# 19 draws give the p-value 0.05 and no smaller one; α's quantiles and the goodness of fit ask for a little more.
MIN_REPLICATES, MIN_GOF, MIN_NULL = 20, 20, 19


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
    vectors: bool = False
    window: str = "intended"
    gof: int = 0
    """Bootstrap samples of the goodness of fit; 0 for none."""
    bulk: str = "quantiles"
    level: float = LEVEL
    """False-alarm rate of spikes and traps."""
    layouts: tuple[str, ...] = ()
    max_tensors: int = MAX_TENSORS
    resume: str | None = None
    init: Any = None
    """The weights that training began from: whatever `source` may be."""


def settings_of(request: ScanRequest) -> Settings:
    """What each matrix needs to know; an unknown mode, metric or interval is a UsageError."""
    metrics = _metrics(request)
    asked.whole("max_tensors", request.max_tensors, 1)
    seed = asked.whole("seed", request.seed, 0)
    return Settings(
        mode=asked.word("mode", request.mode, MODES),
        metrics=metrics,
        asked=request.metrics is not None,
        fit=FitSettings(
            seed=seed,
            replicates=_replicates(request.interval),
            window=asked.word("window", request.window, WINDOWS),
            gof_replicas=_draws("gof", request.gof, MIN_GOF) or FitSettings().gof_replicas,
        ),
        null=_null(request, seed, drawn=any(metric.group == "randomize" for metric in metrics)),
        spectra=request.spectra,
        backend=choose_backend(request.device),
    )


def groups(request: ScanRequest) -> frozenset[str]:
    """Groups of metrics that belong to this scan; "" are those of every scan."""
    wanted = {
        "randomize": request.randomize != 0,
        "null": request.null is not None,
        "tails": asked.flag("tails", request.tails),
        "vectors": asked.flag("vectors", request.vectors),
        "gof": request.gof != 0,
        "init": request.init is not None,
    }
    return frozenset({"", *(name for name, there in wanted.items() if there)})


def _metrics(request: ScanRequest) -> tuple[Metric, ...]:
    """The named ones and those of the options, or all of every scan and of the options."""
    names, wanted = request.metrics, groups(request)
    of_groups = {name: metric for name, metric in METRICS.items() if metric.group in wanted}
    if names is None:
        return tuple(of_groups.values())
    for name in names:
        if name not in METRICS:
            near = ", ".join(difflib.get_close_matches(name, METRICS, n=3))
            advice = f"Did you mean {near}?" if near else "Run: triplepoint explain, for all names"
            raise UsageError(f"metric {name!r}", "unknown", advice)
        if METRICS[name].group == "init" and "init" not in wanted:
            found = "it compares with the weights that training began from"
            raise UsageError(f"metric {name!r}", found, "Name them with --init PATH (Python: init=…)")
    added = (name for name, metric in of_groups.items() if metric.group)
    return tuple(METRICS[name] for name in dict.fromkeys([*names, *added]))


def _null(request: ScanRequest, seed: int, *, drawn: bool) -> NullSettings:
    """`drawn`: whether a metric asks for a shuffle, by whatever way it came in."""
    kind, count = NullSettings().null, None
    if request.null is not None:
        kind, count = asked.kind_and_count("null", request.null, "KIND or KIND:B, as signflip:199")
        asked.word("null", kind, KINDS)
    replicas = NullSettings().replicas
    return NullSettings(
        seed=seed,
        level=asked.real("level", request.level, 1e-6, 0.2, "0.01 for one false alarm in 100"),
        bulk=asked.word("bulk", request.bulk, BULKS),
        randomize=_draws("randomize", request.randomize, 1) or int(drawn),
        spectra=request.spectra,
        null=kind,
        replicas=replicas
        if count is None
        else asked.whole(f"null {kind}: replicas", count, MIN_NULL, MAX_REPLICATES),
    )


def _draws(name: str, value: int, least: int) -> int:
    """Zero, or a number of draws from `least` on."""
    return (
        0 if value == 0 and not isinstance(value, bool) else asked.whole(name, value, least, MAX_REPLICATES)
    )


def _replicates(interval: str) -> int:
    usage = f"closed, bootstrap or bootstrap:B with B from {MIN_REPLICATES} to {MAX_REPLICATES}"
    kind, count = asked.kind_and_count("interval", interval, usage)
    asked.word("interval", kind, ("closed", "bootstrap"))
    if kind == "closed" and count is None:
        return 0
    replicates = DEFAULT_REPLICATES if count is None else count
    if kind == "closed" or not MIN_REPLICATES <= replicates <= MAX_REPLICATES:
        raise UsageError(f"interval {interval!r}", "not understood", f"Use {usage}")
    return replicates


def workers_of(asked_for: int | None) -> int:
    """Worker threads: as asked, or one a usable core."""
    if asked_for is not None:
        return asked.whole("workers", asked_for, 1)
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
        "init",
    )
    return {
        "version": version,
        "digest": digest,
        "seed": request.seed,
        "metrics": [metric.name for metric in settings.metrics],
        **{name: made[name] for name in kept},
    }


def recorded(request: ScanRequest, settings: Settings, workers: int) -> dict[str, Any]:
    """The request as it stands in the provenance, with the number of draws that named metrics bring with them."""
    drawn = {metric.group for metric in settings.metrics}
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
        "randomize": settings.null.randomize,
        "null": f"{settings.null.null}:{settings.null.replicas}" if "null" in drawn else None,
        "tails": request.tails,
        "vectors": request.vectors,
        "window": request.window,
        "gof": settings.fit.gof_replicas if "gof" in drawn else 0,
        "bulk": request.bulk,
        "level": settings.null.level,
        "layouts": list(request.layouts),
        "max_tensors": request.max_tensors,
        "null_level": NULL_LEVEL,
        "init": None
        if settings.initial is None
        else {"source": settings.initial.source, "digest": settings.initial.digest},
    }
