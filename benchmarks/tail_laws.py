"""The truncated power law against powerlaw 2.0.0: the same tails, interleaved rounds, ratios of medians, agreement.

    python -m benchmarks.tail_laws [--quick]

Theirs is one fit with its distance at a few xmins of a spectrum; ours is the same fit alone, and the whole search for
the xmin of smallest D, per xmin tried. Then what all laws of `--tails` cost for one spectrum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import peers, section
from benchmarks.processes import Failed, Worker
from benchmarks.timing import Timing, interleaved, once
from benchmarks.workers.weights import matrices
from benchmarks.worlds import SEED, heavy_tailed, minilm
from triplepoint.fits import FitSettings, fit_power_law
from triplepoint.fits.search import Candidates, closest, truncated
from triplepoint.fits.tails import fit_tails
from triplepoint.fits.truncated_power_law import fit_truncated
from triplepoint.records import PowerLawFit, Reason, Spectrum, TailFit

Array = np.ndarray[Any, np.dtype[np.float64]]

ONE, SEARCH, THEIRS = "triplepoint, one fit", "triplepoint, search per xmin", "powerlaw, one fit"
# Shares of the spectrum below xmin at which the single fits are made.
XMINS = (0.0, 0.25, 0.5, 0.75, 0.9)
LAYERS = ("encoder.layer.0.attention.self.query", "encoder.layer.3.output.dense", "pooler.dense")
# The goal of the whole search per xmin, against the fit of powerlaw with the range of α open.
GOAL = 100.0
SECONDS = {384: 0.3, 4096: 5.0}


def tail_laws(quick: bool) -> section.Result:
    """Both sides on spectra of real and made matrices, then the cost of all laws."""
    worlds = _worlds(quick)
    peer, about = _peer()
    try:
        found = {name: _world(name, values, peer, 1 if quick else 5) for name, values in worlds.items()}
        searched = None if peer is None else _search(next(iter(worlds.values()))[-48:], peer)
    finally:
        if peer is not None:
            peer.close()
    whole = _whole(quick)
    goals = [
        section.goal(f"{THEIRS} / {SEARCH} on {name}", ratio, GOAL, unit="x", at_least=True)
        for name, world in found.items()
        if not quick and (ratio := world["ratios"].get(SEARCH)) is not None
    ]
    goals += [
        section.goal(f"all laws, n = {n}", whole[n].slowest, limit, unit=" s", at_least=False)
        for n, limit in SECONDS.items()
        if n in whole
    ]
    return {
        "peer": about,
        "worlds": found,
        "search": searched,
        "all_laws": {n: timing.to_dict() for n, timing in whole.items()},
        "goals": goals,
    }


def _peer() -> tuple[Worker | None, Any]:
    try:
        worker = Worker("powerlaw_worker", peers.interpreter("powerlaw"))
        about = worker.call("about")
    except (peers.Unavailable, Failed) as reason:
        print(f"powerlaw: skipped: {reason}")
        return None, str(reason)
    print(f"powerlaw  {'  '.join(f'{key} {value}' for key, value in about.items())}")
    return worker, about


def _worlds(quick: bool) -> dict[str, Array]:
    """Ascending eigenvalues."""
    found: dict[str, Array] = {}
    weights = minilm()
    if weights is not None:
        layers = matrices(str(weights))
        for name in LAYERS[: 1 if quick else None]:
            found[f"MiniLM {name}"] = _eigenvalues(layers[name])
    for side in (128,) if quick else (384, 1024):
        found[f"made, {side}²"] = _eigenvalues(heavy_tailed((side, side), [SEED, side]))
    return found


def _eigenvalues(matrix: Any) -> Array:
    values = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)[::-1] ** 2
    return np.asarray(values[values > max(matrix.shape) * 2.0**-52 * values[-1]])


def _world(name: str, values: Array, peer: Worker | None, rounds: int) -> section.Result:
    section.heading(f"{name}: {values.size} eigenvalues")
    starts = [int(share * values.size) for share in XMINS]
    tried = Candidates.of(values).starts.size
    seconds: dict[str, list[float]] = {ONE: [], SEARCH: [], THEIRS: []}
    theirs: list[list[float]] = []
    for _ in range(rounds):
        for start in starts:
            seconds[ONE].append(once(lambda start=start: fit_truncated(values, start)))  # type: ignore[misc]
        seconds[SEARCH].append(once(lambda: closest(Candidates.of(values), truncated)) / tried)
        if peer is not None:
            answer = peer.call("fits", values=values.tolist(), starts=starts)
            seconds[THEIRS] += answer["seconds"]
            theirs = answer["fits"]
    timings = {what: Timing.of(found) for what, found in seconds.items() if found}
    ratios = {
        what: timings[THEIRS].median / timing.median
        for what, timing in timings.items()
        if THEIRS in timings and what != THEIRS
    }
    rows = [
        (
            what,
            f"{1e3 * timing.median:.3f}",
            f"{1e3 * timing.fastest:.3f}–{1e3 * timing.slowest:.3f}",
            f"{ratios[what]:.0f}x" if what in ratios else "",
        )
        for what, timing in timings.items()
    ]
    section.table(("", "median ms", "min–max", "powerlaw / ours"), rows)
    agreement = _agreement(values, starts, theirs)
    return {
        "eigenvalues": values.size,
        "xmins_tried": tried,
        "ms_per_xmin": {what: timing.to_dict() for what, timing in timings.items()},
        "ratios": ratios,
        "agreement": agreement,
    }


def _agreement(values: Array, starts: list[int], theirs: list[list[float]]) -> list[dict[str, float]]:
    """Both fits at every xmin; a positive gain says that ours is the more likely."""
    rows, found = [], []
    for start, (alpha, rate, distance, total) in zip(starts, theirs, strict=False):
        fit = fit_truncated(values, start)
        assert isinstance(fit, TailFit) and fit.alpha is not None and fit.rate is not None  # noqa: PT018
        gain = fit.log_likelihood - total
        found.append(
            {
                "num_tail": fit.num_tail,
                "alpha": fit.alpha,
                "their_alpha": alpha,
                "rate": fit.rate,
                "their_rate": rate,
                "ks_distance": fit.ks_distance,
                "their_ks_distance": distance,
                "gain": gain,
            }
        )
        cells = (fit.alpha, alpha, fit.rate, rate, fit.ks_distance, distance)
        rows.append((fit.num_tail, *(f"{cell:.5g}" for cell in cells), f"{gain:.1e}"))
    if rows:
        section.table(("points", "α", "theirs", "Λ", "theirs", "D", "theirs", "Δ Σ ln p"), rows)
    return found


def _search(values: Array, peer: Worker) -> section.Result:
    """Both choose xmin themselves, once, among few eigenvalues."""
    section.heading(f"whole search among {values.size} eigenvalues")
    answer = peer.call("search", values=values.tolist())
    timing = interleaved({"ours": lambda: closest(Candidates.of(values), truncated)}, 5)["ours"]
    ratio = answer["seconds"] / timing.median
    print(f"powerlaw {answer['seconds']:.2f} s, triplepoint {1e3 * timing.median:.2f} ms: {ratio:.0f}x")
    return {"powerlaw": answer["seconds"], "triplepoint": timing.to_dict(), "ratio": ratio}


def _whole(quick: bool) -> dict[int, Timing]:
    """All laws of one spectrum, by number of eigenvalues."""
    section.heading("all laws of one spectrum")
    found = {}
    for side in (384,) if quick else (384, 1024, 4096):
        # A Pareto tail on a uniform bulk, as many as a matrix of this side has; no decomposition is needed.
        generator = np.random.default_rng([SEED, side])
        tail = side // 4
        values = np.sort(np.r_[generator.uniform(0.1, 1, side - tail), 1 + generator.pareto(1.5, tail)])
        spectrum = Spectrum(np.sqrt(values)[::-1], (side, side))
        fit = fit_power_law(spectrum, FitSettings())
        if isinstance(fit, Reason):
            continue
        found[side] = interleaved({"all": _call(spectrum, fit)}, 2 if quick else 5)["all"]
    section.table(
        ("eigenvalues", "median s", "min–max"),
        [(n, f"{t.median:.3f}", f"{t.fastest:.3f}–{t.slowest:.3f}") for n, t in found.items()],
    )
    return found


def _call(spectrum: Spectrum, fit: PowerLawFit) -> Any:
    return lambda: fit_tails(spectrum, fit, FitSettings())


if __name__ == "__main__":
    section.main("tail_laws", tail_laws)
