"""The fits on the three spectra that the NLP study shows (arXiv 2202.02842), beside the numbers printed there.

    git clone REPOSITORY_OF_THE_STUDY; python -m benchmarks.published_spectra CLONE/visualization/results

The spectra, 512 eigenvalues each, come with the study's code (nsfzyzz/Generalization_metrics_for_NLP, commit e7a991f),
which has no licence: they are read where they lie and no part of this project. Printed are two digits, by powerlaw 1.5,
in which the exponent of the truncated power law cannot fall below 1, the distance of the power law is to the law cut
off at λmax with the exponent of the endless one, and the "exponent" of the exponential law is the rate of the truncated
power law at the xmin of the exponential one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from triplepoint.facts import Facts
from triplepoint.fits import FitSettings
from triplepoint.fits.truncated_power_law import fit_truncated
from triplepoint.records import PowerLawFit, Reason, Spectrum, TailFits

# Title of each panel: α and D of the power law; β, Λ and D of E-TPL; "exponent" of EXP.
PRINTED = {
    "good": (1.76, 0.05, 0.01),
    "mediocre": (3.46, 0.07, 0.04),
    "bad": (4.84, 0.11, 0.09),
}


def spectrum_of(path: Path) -> Spectrum:
    """Eigenvalues as a spectrum."""
    eigenvalues = np.sort(np.load(path, allow_pickle=False).astype(np.float64))[::-1]
    return Spectrum(np.sqrt(eigenvalues), (eigenvalues.size, eigenvalues.size))


def study_distance(ascending: np.ndarray) -> tuple[float, float]:
    """α and D as printed: exponent of the endless law, distribution cut off at λmax, the xmin of smallest D."""
    best = (np.inf, np.nan)
    for start in range(ascending.size - 2):
        tail = ascending[start:] / ascending[start]
        alpha = 1 + tail.size / float(np.sum(np.log(tail)))
        law = (1 - tail ** (1 - alpha)) / (1 - tail[-1] ** (1 - alpha))
        distance = float(np.max(np.abs(law - np.arange(tail.size) / tail.size)))
        best = min(best, (distance, alpha))
    return best[1], best[0]


def show(folder: Path) -> None:
    """One block a spectrum."""
    for name, (alpha, distance, exponent) in PRINTED.items():
        spectrum = spectrum_of(folder / f"TPL_vs_PL_{name}_evals.npy")
        facts = Facts(spectrum, FitSettings(window="study"))
        fit, tails = facts.get(PowerLawFit), facts.get(TailFits)
        assert not isinstance(fit, Reason)
        assert not isinstance(tails, Reason)
        assert tails.e_tpl is not None
        assert tails.exp is not None
        legacy = study_distance(spectrum.fitted)
        start = int(np.searchsorted(spectrum.fitted, tails.exp.xmin))
        at_exp = fit_truncated(spectrum.fitted, start)
        rate = np.nan if isinstance(at_exp, Reason) or at_exp.rate is None else at_exp.rate
        print(f"{name}: {spectrum.singular_values.size} eigenvalues")
        print(f"  printed             PL α {alpha} D {distance} · EXP exponent {exponent}")
        print(f"  recomputed likewise PL α {legacy[0]:.3f} D {legacy[1]:.3f} · EXP exponent {rate:.4f}")
        print(
            f"  here                PL α {fit.alpha:.3f} D {fit.ks_distance:.3f} (n {fit.num_tail})", end=""
        )
        print(f" · E-TPL β {tails.e_tpl.alpha:.4f} Λ {tails.e_tpl.rate:.5f}", end="")
        print(f" D {tails.e_tpl.ks_distance:.3f} · EXP Λ {tails.exp.rate:.4f}")


if __name__ == "__main__":
    show(Path(sys.argv[1]))
