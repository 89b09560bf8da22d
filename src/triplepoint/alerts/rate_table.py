"""Measured by `python -m benchmarks.healthy_runs --write`; not written by hand.

26 healthy runs, 29 sick ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from triplepoint.alerts.rates import Found, Rate

HOW = (
    "runs of digits mlp sgd, digits mlp adam, digits deep adamw, digits norm mlp sgd, digits probe adam, "
    "mnist mlp sgd, mnist mlp adamw, mnist conv adam, mnist conv sgd, text transformer adamw, text "
    "transformer adam: healthy as defined before they were trained (finite losses, test accuracy at the end "
    "within 2 points of its best, no label changed); thresholds were chosen on 27 other runs of the same "
    "kinds"
)
"""How the healthy runs were made."""

RATES: Mapping[str, Rate] = {
    "dead_layer": Rate(2, 0, 0, 92_000, 26, 4_407),
    "gap_closing": Rate(0, 0, 0, 92_000, 26, 4_407),
    "gap_opening": Rate(0, 0, 0, 92_000, 26, 4_407),
    "joint_sign": Rate(4, 1, 1, 92_000, 26, 4_407),
    "loss_not_finite": Rate(0, 0, 0, 92_000, 26, 4_407),
    "loss_spike": Rate(1, 1, 1, 92_000, 26, 4_407),
    "norm_runaway": Rate(0, 0, 0, 92_000, 26, 4_407),
    "phase_entered": Rate(15, 0, 0, 92_000, 26, 4_407),
    "phase_left": Rate(3, 3, 2, 92_000, 26, 4_407),
    "rank_collapse": Rate(0, 0, 0, 92_000, 26, 4_407),
    "stagnation": Rate(0, 0, 0, 92_000, 26, 4_407),
    "traps_appear": Rate(15, 0, 0, 92_000, 26, 4_407),
    "weights_not_finite": Rate(0, 0, 0, 92_000, 26, 4_407),
}
"""By rule."""

RATES_OF_LOSSES: Mapping[str, Rate] = {
    "dead_layer": Rate(2, 0, 0, 92_000, 26, 4_407),
    "gap_closing": Rate(1, 0, 0, 92_000, 26, 4_407),
    "gap_opening": Rate(21, 0, 0, 92_000, 26, 4_407),
    "joint_sign": Rate(4, 1, 1, 92_000, 26, 4_407),
    "loss_not_finite": Rate(0, 0, 0, 92_000, 26, 4_407),
    "loss_spike": Rate(1, 1, 1, 92_000, 26, 4_407),
    "norm_runaway": Rate(0, 0, 0, 92_000, 26, 4_407),
    "phase_entered": Rate(15, 0, 0, 92_000, 26, 4_407),
    "phase_left": Rate(3, 3, 2, 92_000, 26, 4_407),
    "rank_collapse": Rate(0, 0, 0, 92_000, 26, 4_407),
    "stagnation": Rate(0, 0, 0, 92_000, 26, 4_407),
    "traps_appear": Rate(15, 0, 0, 92_000, 26, 4_407),
    "weights_not_finite": Rate(0, 0, 0, 92_000, 26, 4_407),
}
"""By rule, where no accuracy was given."""

FOUND: Mapping[str, tuple[Found, ...]] = {
    "dead_layer": (
        Found("rate_burst", 3, 3, 453),
        Found("cut_off", 2, 2, 351),
        Found("frozen", 2, 2, 320),
        Found("stalled", 1, 2, 317),
        Found("tiny_batch", 2, 2, 3303),
    ),
    "gap_closing": (Found("grokking", 2, 2, 2600),),
    "gap_opening": (Found("label_noise", 2, 2, 750),),
    "joint_sign": (
        Found("rate_burst", 3, 3, 123),
        Found("huge_rate", 3, 3, 330),
        Found("label_noise", 2, 2, 1078),
        Found("tiny_batch", 2, 2, 315),
    ),
    "loss_not_finite": (Found("loss_nan", 2, 2, 4),),
    "loss_spike": (
        Found("rate_burst", 3, 3, 4),
        Found("huge_rate", 1, 3, 2264),
        Found("strong_l2", 2, 2, 29),
    ),
    "norm_runaway": (
        Found("rate_burst", 3, 3, 57),
        Found("decay_sign", 3, 3, 1232),
        Found("strong_l2", 1, 2, 1425),
        Found("tiny_batch", 2, 2, 1506),
    ),
    "phase_entered": (
        Found("rate_burst", 1, 3, 444),
        Found("grokking", 1, 2, 2475),
    ),
    "phase_left": (Found("grokking", 2, 2, 3554),),
    "rank_collapse": (
        Found("rate_burst", 1, 3, 125),
        Found("strong_l2", 2, 2, 207),
        Found("tiny_batch", 1, 2, 1518),
    ),
    "stagnation": (
        Found("rate_burst", 3, 3, 288),
        Found("no_learning", 2, 2, 316),
        Found("stalled", 2, 2, 225),
        Found("tiny_batch", 2, 2, 560),
    ),
    "traps_appear": (
        Found("rate_burst", 3, 3, 125),
        Found("huge_rate", 1, 3, 651),
        Found("label_noise", 1, 2, 400),
        Found("frozen", 2, 2, 490),
        Found("strong_l2", 1, 2, 189),
        Found("bit_flip", 2, 2, 140),
        Found("tiny_batch", 1, 2, 800),
    ),
    "weights_not_finite": (Found("loss_nan", 2, 2, 24),),
}
"""By rule, the faults in which it was raised after the onset."""

FAULTS: Mapping[str, str] = {
    "rate_burst": "the learning rate 100 times as large for 30 steps",
    "decay_sign": "weight decay of 10⁻³ with the wrong sign from the onset on",
    "huge_rate": "Adam with a learning rate of 0.1 and no decay from the start",
    "label_noise": "40 % of 1,000 training labels wrong",
    "cut_off": "no gradient reaches the second layer from the onset on",
    "frozen": "the second layer is never trained",
    "strong_l2": "an L2 penalty of 0.3 on the second layer from the onset on",
    "loss_nan": "the loss is NaN once, and the weights are updated from it",
    "bit_flip": "one entry of the first layer becomes 100 times its standard deviation",
    "no_learning": "the learning rate is zero",
    "stalled": "the learning rate falls to zero at the onset, when the loss has fallen by half",
    "tiny_batch": "batches of one at a rate for batches of 64",
    "grokking": "addition modulo 59 from half of the pairs, weight decay 1: the test follows late (no fault)",
}
"""What was wrong."""
