"""The numbers of this toolkit under the column names of WeightWatcher: the default mode.

One scan gives all spectra; what an option changes is changed in the spectrum, and the columns follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from glob import escape
from typing import Any

import numpy as np

from triplepoint.checkpoints import Reader
from triplepoint.compat.weightwatcher import constants as c
from triplepoint.compat.weightwatcher.choosing import Chosen
from triplepoint.compat.weightwatcher.parameters import Parameters
from triplepoint.compat.weightwatcher.table import OF_VECTORS
from triplepoint.compat.weightwatcher.tails import Tail, fitted
from triplepoint.facts import Facts
from triplepoint.fits import FitSettings
from triplepoint.metrics import METRICS
from triplepoint.records import MatrixRow, Reason, Scan, Spectrum, TraceLog
from triplepoint.records.spectra import EPS32, EPS64
from triplepoint.request import ScanRequest
from triplepoint.scanning import run

Row = dict[str, Any]

MOST_PATTERNS = 2000
"""Beyond it every weight is scanned and the table filtered: patterns × tensors would cost more than the scan."""
_ALWAYS = ("alpha_low", "alpha_high", "null_p")
_OF_BULK = ("mp_softrank", "num_spikes", "bulk_sigma", "bulk_edge")
_OF_SHUFFLE = ("num_traps", "mp_edge", "max_rand_eval", "rand_distance", "ww_softrank", "ww_maxdist")


def analyzed(reader: Reader, chosen: Sequence[Chosen], parameters: Parameters) -> list[Row]:
    """A row for every chosen weight but copies of one that has a row. A weight that fails is a row that says so."""
    if not chosen:
        return []
    found = {row.id: row for row in scan_of(reader, chosen, parameters).matrices}
    rows = []
    for one in chosen:
        row = found[one.plan.id]
        if row.status == "skipped" and row.reason is not Reason.all_zero:
            continue
        rows.append({**one.described(pool=parameters.pool), **_numbers(one, row, parameters)})
    return rows


def scan_of(reader: Reader, chosen: Sequence[Chosen], parameters: Parameters) -> Scan:
    """The scan behind the table."""
    ids = [escape(one.plan.id) for one in chosen]
    of_options = (
        (True, _ALWAYS),
        (parameters.mp_fit, _OF_BULK),
        (parameters.randomize > 0, _OF_SHUFFLE),
        (parameters.vectors, OF_VECTORS),
    )
    names = [name for there, group in of_options if there for name in group]
    return run(
        ScanRequest(
            source=reader.source,
            mode="exact" if parameters.exact else "precise",
            # A pattern that begins with "!" leaves out, and no escape is known for it.
            layers=None if len(ids) > MOST_PATTERNS or any(id.startswith("!") for id in ids) else tuple(ids),
            metrics=tuple(names),
            seed=parameters.seed,
            spectra=True,
            randomize=parameters.randomize,
        ),
        reader=reader,
    )


def spectrum_of(one: Chosen, row: MatrixRow, parameters: Parameters) -> Spectrum:
    """The spectrum that was scanned, with the scale that the options ask for."""
    sigma = row.singular_values
    assert sigma is not None
    assert row.resolved_from is not None
    N, M = one.sides
    factored = row.kind == "adapter"
    floor = row.resolved_from / (row.scale * float(sigma[0]) ** 2)
    epsilon = (math.sqrt(floor) if factored or row.method == "svd" else floor) / N
    scale = row.scale
    if parameters.glorot_fix:
        scale = (N + M) * (1 if one.plan.slice is None else one.rf) / 2
    elif not parameters.conv2d_norm:
        scale = 1.0
    return Spectrum(
        singular_values=sigma,
        shape=(N, M),
        slices=1 if factored or one.plan.slice is not None else max(one.plan.slices, 1),
        scale=scale,
        method=row.method or "",
        epsilon=epsilon,
        storage_epsilon=epsilon if factored else EPS64 if row.dtype == "F64" else EPS32,
        resolved_from=row.resolved_from * scale / row.scale,
    )


def inverted(spectrum: Spectrum) -> Spectrum:
    """1/λ of the eigenvalues that are resolved; those in the rounding have no inverse."""
    sigma = spectrum.singular_values[spectrum.eigenvalues > spectrum.fit_from]
    return replace(
        spectrum,
        singular_values=1.0 / sigma[::-1],
        scale=1.0 / spectrum.scale,
        epsilon=0.0,
        resolved_from=0.0,
    )


def failed(reason: Reason | None) -> Row:
    """A weight without a spectrum: numbers are NaN, not −1."""
    sentence = "" if reason is None else reason.sentence
    return {"has_esd": False, "num_evals": math.nan, "status": c.FAILED, "warning": "", "reason": sentence}


def _numbers(one: Chosen, row: MatrixRow, parameters: Parameters) -> Row:
    if row.status != "ok" or row.singular_values is None:
        return failed(row.reason)
    whole = spectrum_of(one, row, parameters)
    plain = whole
    if parameters.intra:  # λ is σ itself
        root = np.sqrt(whole.singular_values)
        whole = replace(whole, singular_values=root, resolved_from=math.sqrt(whole.fit_from))
    sigma = whole.singular_values * math.sqrt(whole.scale)
    rank = METRICS["matrix_rank"].function(whole)
    assert rank is not None
    spectrum = inverted(whole) if parameters.inverse else whole
    if not spectrum.singular_values.size:
        return failed(Reason.undefined)
    tail = fitted(spectrum, parameters, row.id)
    values = spectrum.eigenvalues
    made: Row = {
        "has_esd": True,
        "num_evals": values.size,
        "sv_max": float(sigma[0]),
        "sv_min": float(sigma[-1]),
        "rank_loss": whole.singular_values.size - int(rank),
        "weak_rank_loss": int(np.count_nonzero(values < parameters.tolerance)),
        "lambda_max": float(values[0]),
        "reason": tail.reason.sentence if tail.reason is not None else "",
        **_norms(spectrum, whole, tail),
        **tail.columns(parameters),
    }
    factor = plain.scale / row.scale
    if parameters.mp_fit:
        made |= _bulk(plain, row, factor)
    if parameters.randomize:
        made |= _shuffle(plain, row, factor)
    if parameters.detX:
        made |= _trace_log(spectrum, tail)
    if parameters.intra:
        made["Xflag"] = True
    if parameters.vectors:
        made |= {name: _or_nan(row.metrics.get(name)) for name in OF_VECTORS}
    phase = "" if row.phase is None else row.phase.value
    return made | {"phase": phase, **{name: _or_nan(row.metrics.get(name)) for name in _ALWAYS}}


def _norms(spectrum: Spectrum, whole: Spectrum, tail: Tail) -> Row:
    """The rank is that of W, whatever is done to its eigenvalues."""
    of = {name: METRICS[name].function for name in ("log_norm", "log_spectral_norm", "stable_rank")}
    made: Row = {name: _or_nan(function(spectrum)) for name, function in of.items()}
    made["norm"] = float(np.sum(spectrum.eigenvalues))
    made["spectral_norm"] = float(spectrum.eigenvalues[0])
    made["matrix_rank"] = int(METRICS["matrix_rank"].function(whole) or 0)
    made["entropy"] = _or_nan(METRICS["entropy"].function(spectrum))
    made["alpha_weighted"] = made["log_alpha_norm"] = math.nan
    if tail.fit is not None:
        made["alpha_weighted"] = METRICS["alpha_weighted"].function(tail.fit, spectrum)
        made["log_alpha_norm"] = METRICS["log_alpha_norm"].function(tail.fit, spectrum)
    return made


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _edges(spectrum: Spectrum, edge: float, top: float) -> Row:
    """σ of λ rescaled to mean 1, its soft rank and both edges, from the upper edge."""
    N, M = spectrum.shape
    scale = 1 / math.sqrt(float(np.mean(spectrum.eigenvalues)))
    low, high = (math.sqrt(N) - math.sqrt(M)) ** 2, (math.sqrt(N) + math.sqrt(M)) ** 2
    return {
        "sigma_mp": math.sqrt(edge) * scale / (1 + math.sqrt(M / N)),
        "mp_softrank": edge / top,
        "W_scale": scale,
        "bulk_max": edge,
        "bulk_min": edge * low / high,
    }


def _bulk(spectrum: Spectrum, row: MatrixRow, factor: float) -> Row:
    """The robust fit to the bulk (`bulk_edge`)."""
    edge = _or_nan(row.metrics.get("bulk_edge")) * factor
    made = _edges(spectrum, edge, float(spectrum.eigenvalues[0]))
    soft, spikes = (_or_nan(row.metrics.get(name)) for name in ("mp_softrank", "num_spikes"))
    return made | {"mp_softrank": soft, "num_spikes": spikes}


def _shuffle(spectrum: Spectrum, row: MatrixRow, factor: float) -> Row:
    """Of a shuffle the noise level is known, the spread of the entries, so nothing is fitted."""
    get = {name: _or_nan(row.metrics.get(name)) for name in _OF_SHUFFLE}
    top = get["max_rand_eval"] * factor
    noise = _edges(spectrum, get["mp_edge"] * factor, top)
    traps = get["num_traps"]
    return {
        **{f"rand_{name}": value for name, value in noise.items()},
        "rand_num_spikes": traps,
        "num_traps": traps,
        "max_rand_eval": top,
        "rand_distance": get["rand_distance"],
        "ww_softrank": get["ww_softrank"],
        "ww_maxdist": get["ww_maxdist"] * factor,
    }


def _trace_log(spectrum: Spectrum, tail: Tail) -> Row:
    found = Facts(spectrum, FitSettings()).get(TraceLog)
    if isinstance(found, Reason):
        return dict.fromkeys(
            ("detX_num", "num_ERG_spikes", "ERG_gap", "detX_val", "detX_val_unrescaled"), math.nan
        )
    return {
        "detX_num": found.num,
        "num_ERG_spikes": found.num,
        "ERG_gap": math.nan if tail.num_tail is None else found.num - tail.num_tail,
        "detX_val": found.lambda_min / float(np.mean(spectrum.eigenvalues)),
        "detX_val_unrescaled": found.lambda_min,
    }
