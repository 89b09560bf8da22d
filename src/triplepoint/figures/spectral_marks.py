"""What figures of a spectrum share: axes in λ, vertical marks, traps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triplepoint.figures.canvas import SMALL
from triplepoint.figures.palette import NOISE, SHUFFLED, TAIL
from triplepoint.page.spectral_picture import NoiseLaw, TailLine

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def label(ax: Axes, counted: str) -> None:
    """Log axes with names."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("eigenvalue λ of WᵀW")
    ax.set_ylabel(counted)


def alpha_words(tail: TailLine) -> str:
    """`α = 2.31 [2.10, 2.55]`."""
    interval = "" if tail.low is None or tail.high is None else f" [{tail.low:.2f}, {tail.high:.2f}]"
    return f"α = {tail.alpha:.2f}{interval}"


def verticals(ax: Axes, law: NoiseLaw | None, tail: TailLine | None) -> None:
    """λ₊ and xmin as thin lines, named at the upper end on the side where the other is not."""
    edge = None if law is None else law.ends[1]
    xmin = None if tail is None else tail.xmin
    above = edge is not None and xmin is not None and xmin > edge
    for at, name, colour, right in ((edge, "λ₊", NOISE, not above), (xmin, "xmin", TAIL, above)):
        if at is None:
            continue
        ax.axvline(at, color=colour, linewidth=0.7, linestyle=(0, (1, 1)))
        ax.annotate(
            name,
            (at, 1.0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(2 if right else -2, -1),
            textcoords="offset points",
            ha="left" if right else "right",
            va="top",
            fontsize=SMALL,
            color=colour,
        )


def traps(ax: Axes, eigenvalues: tuple[float, ...]) -> None:
    """Triangles at the foot, at the λ of each trap."""
    if eigenvalues:
        foot = [0.03] * len(eigenvalues)
        ax.plot(
            eigenvalues,
            foot,
            "^",
            color=SHUFFLED,
            transform=ax.get_xaxis_transform(),
            label=f"{len(eigenvalues)} trap{'s' * (len(eigenvalues) > 1)}",
        )
