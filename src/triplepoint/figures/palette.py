"""One table of colours for reprs and figures, the same as in the browser's style sheet.

Amber, blue and magenta stay apart under protanopia and deuteranopia, and no figure tells by colour alone
what position, marker or label does not tell too. Confidence is saturation: the colour mixed with the background.
"""

from __future__ import annotations

from triplepoint.records import Phase, Severity

PHASES: dict[Phase | None, str] = {
    Phase.under_trained: "#d38100",
    Phase.well_trained: "#1f77c9",
    Phase.over_trained: "#c22f6d",
    Phase.undecided: "#7d8597",
    Phase.not_assessable: "#b9bec8",
    None: "#8b0000",
}
"""Gas, water, ice; None is a matrix that failed."""

SEVERITIES: dict[Severity, str] = {
    Severity.error: "#8b0000",
    Severity.warning: "#d38100",
    Severity.info: "#7d8597",
}

LINES = ("#1f77c9", "#d38100", "#c22f6d", "#2a9d8f", "#7d8597", "#5b3f99")
"""Of several curves in one figure, in this order, each with a dash of its own."""
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (1, 2)))

INK = "#2b3040"
FAINT = "#8c93a3"
SPECTRUM = "#9db4cc"
"""Bars of a spectrum."""
NOISE = "#2a9d8f"
"""Laws of matrices that have learned nothing, their band and edge."""
TAIL = "#c22f6d"
"""The fitted tail."""
SHUFFLED = "#5b3f99"

PALEST = 0.35
"""Share of its colour that a phase keeps at confidence 0, so that it can still be told from the background."""


def strength(confidence: float | None) -> float:
    """Share of the colour that a phase of this confidence has; all of it where none is given.

    None means that absence of evidence has no probability (`diagnosis.phase`), not that the phase is doubtful.

    >>> strength(1.0), strength(0.0), strength(None)
    (1.0, 0.35, 1.0)
    """
    share = 1.0 if confidence is None else min(max(confidence, 0.0), 1.0)
    return PALEST + (1 - PALEST) * share


def mixed(colour: str, share: float, background: str = "#ffffff") -> str:
    """`share` of a colour, the rest background, channel by channel in sRGB.

    >>> mixed("#1f77c9", 0.5)
    '#8fbbe4'
    """
    pairs = zip(_channels(colour), _channels(background), strict=True)
    return "#" + "".join(f"{round(share * top + (1 - share) * under):02x}" for top, under in pairs)


def of_phase(phase: Phase | None, confidence: float | None, background: str = "#ffffff") -> str:
    """The colour of a layer: its phase, as saturated as it is sure."""
    return mixed(PHASES[phase], strength(confidence), background)


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
