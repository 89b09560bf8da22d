"""How far a matrix has moved from where training began (`--init`)."""

import math

from triplepoint.metrics._metric import Metric, Study
from triplepoint.records import InitialAlignment, InitialDistance

NLP = "Generalization metrics for NLP, arXiv 2202.02842; Jiang et al. 2019, arXiv 1912.02178"


def fro_dist(distance: InitialDistance) -> float:
    """‖W − W⁰‖_F², the squared distance from the initial weights, as stored."""
    return distance.frobenius


def dist_spec_init(distance: InitialDistance) -> float:
    """‖W − W⁰‖₂², the largest squared singular value of the change; of kernel slices the largest of them."""
    return distance.spectral


def relative_dist_init(distance: InitialDistance) -> float | None:
    """‖W − W⁰‖_F/‖W⁰‖_F: the change in units of what was there. Undefined where W⁰ is zero."""
    return math.sqrt(distance.frobenius / distance.initial_norm) if distance.initial_norm > 0 else None


def update_stable_rank(distance: InitialDistance) -> float | None:
    """‖W − W⁰‖_F²/‖W − W⁰‖₂²: how many directions the change is spread over. Undefined where nothing changed."""
    return distance.frobenius / distance.spectral if distance.spectral > 0 else None


def w_cka(alignment: InitialAlignment) -> float | None:
    """Linear CKA of W and W⁰ with centred columns: 1 if the rows of W are as similar to each other as they were.

    ‖Xᵀ Y‖_F²/(‖Xᵀ X‖_F·‖Yᵀ Y‖_F) for X, Y = W, W⁰ less the mean of every column; the mean over kernel slices.
    """
    return alignment.cka if math.isfinite(alignment.cka) else None


_EXAMPLE = InitialDistance(8.0, 4.0, 32.0)
_STEPS = "It grows with the number of steps and the learning rate: compare runs of equal length."

METRICS = (
    Metric(
        fro_dist,
        "w²",
        (0, None),
        NLP,
        scale=2.0,
        misleads=_STEPS,
        group="init",
        examples=(((_EXAMPLE,), 8.0),),
        needs=("init",),
        total=True,
        study=Study(14, "fro_dist", -0.93, 0.9),
    ),
    Metric(
        dist_spec_init,
        "w²",
        (0, None),
        NLP,
        scale=2.0,
        misleads=_STEPS,
        group="init",
        examples=(((_EXAMPLE,), 4.0),),
        needs=("init",),
        total=True,
        study=Study(15, "dist_spec_init", -0.89, 0.8),
    ),
    Metric(
        relative_dist_init,
        "1",
        (0, None),
        NLP,
        misleads=f"{_STEPS} Matrices that begin near zero have moved far at once.",
        group="init",
        examples=(((_EXAMPLE,), 0.5),),
        needs=("init",),
    ),
    Metric(
        update_stable_rank,
        "1",
        (1, None),
        "Rudelson & Vershynin 2007, J. ACM 54(4)",
        misleads="Rounding of the weights to 16 bits is spread over all directions and hides a small change.",
        group="init",
        examples=(((_EXAMPLE,), 2.0),),
        needs=("init",),
    ),
    Metric(
        w_cka,
        "1",
        (0, 1),
        f"Kornblith et al. 2019, arXiv 1905.00414; {NLP}",
        misleads="Wide random matrices that have nothing in common are not at 0: of n independent Gaussian columns and "
        "N rows it is about n/(n + N).",
        group="init",
        examples=(((InitialAlignment(0.25),), 0.25),),
        needs=("init",),
    ),
)
