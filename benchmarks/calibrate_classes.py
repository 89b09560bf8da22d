"""Fits the questions of `diagnosis.spectral_class` to generated matrices and shows how often its classes are right.

    python -m benchmarks.calibrate_classes            # 2 to 3 minutes on a shared core
    python -m benchmarks.calibrate_classes --fit      # also fits the coefficients and prints them; 5 minutes more

The coefficients come from one seed, every table from another. Trained matrices take no part. The worlds and the ranges
of their strengths are in `tests/spectral_worlds.py`; all six classes are equally frequent, and a confidence is the
share of right classes under that frequency.
"""

from __future__ import annotations

import argparse
import pprint
from collections import Counter
from itertools import pairwise

import numpy as np
from tests.spectral_worlds import CLASSES, records_of, spectral_world

from triplepoint.diagnosis.spectral_class import NODES, Node, classify_spectrum
from triplepoint.diagnosis.spectral_features import Features, features
from triplepoint.linalg import blas_threads
from triplepoint.records import Classified, Reason, SpectralClass

TRAIN, TEST = 20_261_122, 20_261_123
BINS = (0.65, 0.75, 0.85, 0.95, 1.0)
# Keeps a coefficient finite where the worlds are separated perfectly.
RIDGE = 1e-2

Sample = list[tuple[SpectralClass, Features, int]]


def logistic(x: np.ndarray, y: np.ndarray) -> tuple[float, ...]:
    """Intercept and slopes by Newton's method with a small ridge on standardised features."""
    centre, width = x.mean(0), x.std(0)
    design = np.column_stack([np.ones(len(x)), (x - centre) / width])
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (y - chance) - RIDGE * beta
        hessian = (design.T * (chance * (1 - chance))) @ design + RIDGE * np.eye(len(beta))
        step = np.linalg.solve(hessian, gradient)
        beta += step
        if np.max(np.abs(step)) < 1e-10:
            break
    slopes = beta[1:] / width
    return tuple(float(f"{value:.4g}") for value in (beta[0] - slopes @ centre, *slopes))


def sample(seed: int, per_class: int) -> Sample:
    """(truth, features, spikes) of every world with a bulk."""
    found: Sample = []
    for truth in CLASSES:
        if truth is SpectralClass.rank_collapse:
            continue
        for index in range(per_class):
            records = records_of(spectral_world(truth, index, seed).matrix)
            if not any(isinstance(record, Reason) for record in records):
                found.append((truth, features(*records), records[3].num_spikes))
    return found


def fit_nodes(worlds: Sample) -> dict[str, Node]:
    """Coefficients of the four questions; each is asked of the worlds that come to it."""
    intact = {SpectralClass.bleeding_out, SpectralClass.bulk_spikes}
    spread = {SpectralClass.bulk_decay, SpectralClass.heavy_tailed}
    asked = {
        "signal": (set(CLASSES), intact | spread, 0),
        "spread": (intact | spread, spread, 1),
        "heavy": (spread, {SpectralClass.heavy_tailed}, 1),
        "far": (intact, {SpectralClass.bulk_spikes}, 1),
    }
    nodes: dict[str, Node] = {}
    for name, (of, yes, least) in asked.items():
        chosen = [(truth, found) for truth, found, spikes in worlds if truth in of and spikes >= least]
        names = NODES[name][0]
        x = np.array([[getattr(found, n) for n in names] for _, found in chosen])
        nodes[name] = (names, logistic(x, np.array([float(truth in yes) for truth, _ in chosen])))
    return nodes


def verdicts(
    seed: int, per_class: int, **ranges: tuple[float, float]
) -> list[tuple[SpectralClass, str, Classified]]:
    """(truth, family, verdict) of fresh worlds."""
    found = []
    for truth in CLASSES:
        for index in range(per_class):
            world = spectral_world(truth, index, seed, **ranges)
            verdict = classify_spectrum(*records_of(world.matrix))
            if isinstance(verdict, Reason):
                verdict = Classified(SpectralClass.undecided, None, verdict.sentence)
            found.append((truth, world.family, verdict))
    return found


def accuracy(found: list[tuple[SpectralClass, str, Classified]]) -> tuple[float, float]:
    """(share of right ones among the decided, share of undecided)."""
    decided = [(t, v) for t, _, v in found if v.spectral_class is not SpectralClass.undecided]
    right = sum(t is v.spectral_class for t, v in decided)
    return right / max(len(decided), 1), 1 - len(decided) / len(found)


def show(found: list[tuple[SpectralClass, str, Classified]]) -> None:
    """Confusion, accuracy, reliability."""
    counts = Counter((truth, verdict.spectral_class) for truth, _, verdict in found)
    print(f"{'truth / verdict':>15}" + "".join(f"{name.value[:12]:>14}" for name in SpectralClass))
    for truth in CLASSES:
        print(f"{truth.value:>15}" + "".join(f"{counts[truth, name]:>14}" for name in SpectralClass))
    right, abstained = accuracy(found)
    print(f"right among decided: {right:.1%}, undecided: {abstained:.1%}, of {len(found)}")
    print(f"{'confidence':>15}{'worlds':>8}{'mean':>8}{'right':>8}   standard error")
    for low, high in pairwise(BINS):
        inside = [(t, v) for t, _, v in found if v.confidence is not None and low <= v.confidence < high]
        if inside:
            share = float(np.mean([t is v.spectral_class for t, v in inside]))
            mean = float(np.mean([v.confidence for _, v in inside]))
            error = (max(share * (1 - share), 1 / len(inside) ** 2) / len(inside)) ** 0.5
            print(f"{f'{low:.2f}–{high:.2f}':>15}{len(inside):>8}{mean:>8.3f}{share:>8.3f}   {error:.3f}")
    print("by family (right / wrong / undecided):")
    families: dict[tuple[str, str], list[int]] = {}
    for truth, family, verdict in found:
        row = families.setdefault((truth.value, family), [0, 0, 0])
        undecided = verdict.spectral_class is SpectralClass.undecided
        row[2 if undecided else int(truth is not verdict.spectral_class)] += 1
    for (truth_name, family), (good, bad, open_) in families.items():
        print(f"{truth_name:>15} {family:<18} {good:>5}{bad:>5}{open_:>5}")


def main() -> None:
    """Fit if asked, then the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--fit", action="store_true", help="fit the coefficients and print them")
    arguments.add_argument("--per-class", type=int, default=200, help="fresh worlds of each class")
    arguments.add_argument("--train-per-class", type=int, default=600, help="worlds of each class for --fit")
    asked = arguments.parse_args()
    with blas_threads(1):
        if asked.fit:
            pprint.pprint(fit_nodes(sample(TRAIN, asked.train_per_class)), width=110)
        show(verdicts(TEST, asked.per_class))
        for sides in ((64, 128), (768, 1200)):
            right, abstained = accuracy(verdicts(TEST, asked.per_class // 6, sides=sides))
            print(f"M = {sides[0]} … {sides[1]}: right among decided {right:.1%}, undecided {abstained:.1%}")


if __name__ == "__main__":
    main()
