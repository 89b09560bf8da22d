"""Measured by `python -m benchmarks.healthy_runs --write`; not written by hand.

27 healthy runs, 51 sick ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from triplepoint.alerts.rates import Found, Rate

HOW = (
    "runs of digits mlp sgd, digits mlp adam, digits deep adamw, digits norm mlp sgd, digits probe adam, "
    "mnist mlp sgd, mnist mlp adamw, mnist conv adam, mnist conv sgd, text transformer adamw, text "
    "transformer adam: healthy as defined before they were trained (finite losses, test accuracy at the end "
    "within 2 points of its best, no label changed); thresholds were chosen on 27 other runs of the same "
    "kinds. These are small networks over 2,000 to 4,000 steps; large ones were not measured"
)
"""How the healthy runs were made."""

RATES: Mapping[str, Rate] = {
    "dead_layer": Rate(2, 0, 0, 94_000, 27, 4_749),
    "gap_closing": Rate(0, 0, 0, 94_000, 27, 4_749),
    "gap_opening": Rate(0, 0, 0, 94_000, 27, 4_749),
    "joint_sign": Rate(4, 1, 1, 94_000, 27, 4_749),
    "loss_not_finite": Rate(0, 0, 0, 94_000, 27, 4_749),
    "loss_spike": Rate(1, 1, 1, 94_000, 27, 4_749),
    "norm_runaway": Rate(0, 0, 0, 94_000, 27, 4_749),
    "phase_entered": Rate(17, 0, 0, 94_000, 27, 4_749),
    "phase_left": Rate(3, 3, 2, 94_000, 27, 4_749),
    "rank_collapse": Rate(0, 0, 0, 94_000, 27, 4_749),
    "stagnation": Rate(0, 0, 0, 94_000, 27, 4_749),
    "traps_appear": Rate(15, 0, 0, 94_000, 27, 4_749),
    "weights_not_finite": Rate(0, 0, 0, 94_000, 27, 4_749),
}
"""By rule."""

RATES_OF_LOSSES: Mapping[str, Rate] = {
    "dead_layer": Rate(2, 0, 0, 94_000, 27, 4_749),
    "gap_closing": Rate(1, 0, 0, 94_000, 27, 4_749),
    "gap_opening": Rate(21, 0, 0, 94_000, 27, 4_749),
    "joint_sign": Rate(4, 1, 1, 94_000, 27, 4_749),
    "loss_not_finite": Rate(0, 0, 0, 94_000, 27, 4_749),
    "loss_spike": Rate(1, 1, 1, 94_000, 27, 4_749),
    "norm_runaway": Rate(0, 0, 0, 94_000, 27, 4_749),
    "phase_entered": Rate(17, 0, 0, 94_000, 27, 4_749),
    "phase_left": Rate(3, 3, 2, 94_000, 27, 4_749),
    "rank_collapse": Rate(0, 0, 0, 94_000, 27, 4_749),
    "stagnation": Rate(0, 0, 0, 94_000, 27, 4_749),
    "traps_appear": Rate(15, 0, 0, 94_000, 27, 4_749),
    "weights_not_finite": Rate(0, 0, 0, 94_000, 27, 4_749),
}
"""By rule, where no accuracy was given."""

FOUND: Mapping[str, tuple[Found, ...]] = {
    "dead_layer": (
        Found("rate_burst", 4, 4, 439),
        Found("cut_off", 4, 4, 351),
        Found("frozen", 4, 4, 300),
        Found("stalled", 1, 4, 317),
        Found("tiny_batch", 3, 4, 2706),
    ),
    "gap_closing": (Found("grokking", 3, 3, 2500),),
    "gap_opening": (Found("label_noise", 4, 4, 600),),
    "joint_sign": (
        Found("rate_burst", 4, 4, 119),
        Found("huge_rate", 4, 4, 315),
        Found("label_noise", 4, 4, 1250),
        Found("strong_l2", 1, 4, 671),
        Found("tiny_batch", 4, 4, 300),
    ),
    "loss_not_finite": (Found("loss_nan", 4, 4, 2),),
    "loss_spike": (
        Found("rate_burst", 4, 4, 19),
        Found("huge_rate", 1, 4, 2264),
        Found("strong_l2", 4, 4, 28),
    ),
    "norm_runaway": (
        Found("rate_burst", 4, 4, 41),
        Found("decay_sign", 4, 4, 1078),
        Found("strong_l2", 2, 4, 1470),
        Found("tiny_batch", 2, 4, 1506),
    ),
    "phase_entered": (
        Found("rate_burst", 1, 4, 444),
        Found("label_noise", 1, 4, 50),
        Found("frozen", 1, 4, 37),
        Found("tiny_batch", 1, 4, 50),
        Found("grokking", 2, 3, 1266),
    ),
    "phase_left": (
        Found("label_noise", 1, 4, 1998),
        Found("frozen", 1, 4, 2643),
        Found("strong_l2", 1, 4, 444),
        Found("tiny_batch", 1, 4, 211),
        Found("grokking", 3, 3, 4021),
    ),
    "rank_collapse": (
        Found("rate_burst", 1, 4, 125),
        Found("strong_l2", 4, 4, 220),
        Found("tiny_batch", 1, 4, 1518),
    ),
    "stagnation": (
        Found("rate_burst", 4, 4, 286),
        Found("no_learning", 4, 4, 316),
        Found("stalled", 4, 4, 238),
        Found("tiny_batch", 4, 4, 560),
    ),
    "traps_appear": (
        Found("rate_burst", 4, 4, 124),
        Found("huge_rate", 2, 4, 525),
        Found("label_noise", 2, 4, 216),
        Found("frozen", 3, 4, 480),
        Found("strong_l2", 3, 4, 189),
        Found("bit_flip", 4, 4, 140),
        Found("tiny_batch", 2, 4, 413),
    ),
    "weights_not_finite": (Found("loss_nan", 4, 4, 24),),
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
