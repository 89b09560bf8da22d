"""Claim: every threshold stands where its rule says: a little more is told, a little less is not.

Judges are pure functions of the history, so they are asked directly, about histories that lie just on either side.
"""

from __future__ import annotations

import pytest

from tests.alerts.frames import fed, look, said, series
from triplepoint.alerts import RULES, History, Watch
from triplepoint.alerts.gap_history import GapHistory
from triplepoint.alerts.run_history import RunHistory
from triplepoint.records import Alert, Phase, ScalarPoint, Severity


def up(rule, **evidence):
    return Alert(rule, Severity.warning, 0, "…", evidence=evidence)


def course(values, count=10, moves=True):
    """A training loss of one point a step, `count` values each; the last only finishes the stretch before."""
    run = RunHistory()
    if not moves:
        for step in range(8):
            run.visit(look(step, change=0.0 if step else None))
    for step, value in enumerate([*values, 0.0]):
        run.scalars(step, (ScalarPoint("train_loss", step, value, count=count),))
    return History(run)


def stagnant(values, alert=None, **options):
    return RULES["stagnation"].judge(course(values, **options), alert)


def quarters(start, before, after, scatter=0.0):
    """Sixteen first values, then the third and the last quarter of 64; neighbours differ by twice the scatter."""
    values = [start] * 16 + [before] * 16 + [before] * 15 + [after] * 15
    return [value + (scatter if at % 2 else -scatter) * (at >= 16) for at, value in enumerate(values)]


STAGNATES = up("stagnation")


@pytest.mark.parametrize(
    ("after", "alert", "holds"),
    [(1.966, None, True), (1.955, None, False), (1.930, STAGNATES, True), (1.910, STAGNATES, False)],
)
def test_what_counts_as_learned(after, alert, holds):
    assert stagnant(quarters(2.0, after, after), alert) is holds


@pytest.mark.parametrize(
    ("gained", "alert", "holds"),
    [(0.0016, None, True), (0.0024, None, False), (0.0050, STAGNATES, True), (0.0070, STAGNATES, False)],
)
def test_what_counts_as_improved(gained, alert, holds):
    assert stagnant(quarters(2.0, 2.0 + gained, 2.0), alert) is holds


def error_of(scatter, quarter=15):
    """Of the difference of two quarters of alternating values: second differences are four times the scatter."""
    return 1.4826 * 4 * scatter / 6**0.5 * (2 / quarter) ** 0.5


@pytest.mark.parametrize(
    ("errors", "alert", "holds"),
    [(1.7, None, True), (2.3, None, False), (2.5, STAGNATES, True), (3.5, STAGNATES, False)],
)
def test_beyond_how_many_errors_it_improves(errors, alert, holds):
    gained = errors * error_of(0.02)
    assert stagnant(quarters(2.0, 2.0 + gained, 2.0, 0.02), alert) is holds


@pytest.mark.parametrize(("share", "holds"), [(0.022, True), (0.028, None)])
def test_how_well_a_plateau_must_be_known(share, holds):
    scatter = 2.0 * share / error_of(1.0)
    # The mean of 15 alternating values lies a fifteenth of the scatter beside the level.
    assert stagnant(quarters(2.0, 2.0, 2.0 - scatter / 50, scatter)) is holds


def test_how_many_stretches_and_values_it_takes():
    assert stagnant([2.0] * 15, count=40) is None
    assert stagnant([2.0] * 16, count=40) is True
    assert stagnant([2.0] * 29, count=10) is None
    assert stagnant([2.0] * 23, count=13) is None
    assert stagnant([2.0] * 30, count=10) is True


@pytest.mark.parametrize(("after", "holds"), [(0.085, False), (0.12, True)])
def test_below_which_share_a_loss_has_converged(after, holds):
    assert stagnant(quarters(1.0, after, after), moves=False) is holds


def norms(first, before, now, alert=None):
    """Norms at steps 0, 100 and 200 of a matrix whose smaller side is 32."""
    run = RunHistory()
    for step, norm in ((0, first), (100, before), (200, now)):
        matrix = run.visit(look(step, norm=norm))
    return RULES["norm_runaway"].judge(History(run, matrix), alert)


RUNS = up("norm_runaway")


@pytest.mark.parametrize(
    ("growth", "exponent", "alert", "holds"),
    [
        (4.0, 1.4, None, False),
        (4.0, 1.7, None, True),
        (4.0, 1.2, RUNS, False),
        (4.0, 1.3, RUNS, True),
        (8.5, 1.2, None, False),
        (11.5, 1.2, None, True),
        (11.5, 0.9, None, False),
        (11.5, 0.7, RUNS, False),
        (11.5, 0.8, RUNS, True),
        (1.8, 1.7, None, False),
        (2.3, 1.7, None, True),
    ],
)
def test_how_fast_and_how_far_a_norm_runs(growth, exponent, alert, holds):
    assert norms(6.0, 6.0 * growth / 2**exponent, 6.0 * growth, alert) is holds


@pytest.mark.parametrize(("now", "holds"), [(5.5, False), (5.8, True)])
def test_a_norm_below_that_of_an_orthogonal_matrix_is_small(now, holds):
    assert norms(0.5, now / 4, now) is holds


def gaps(*pairs):
    """Each pair of training and test accuracy six times, so that the step between them is no scatter."""
    run = RunHistory()
    for step, (train, test) in enumerate(pair for pair in pairs for _ in range(6)):
        run.scalars(2 * step, (ScalarPoint("train_accuracy", 2 * step, train),))
        run.scalars(2 * step + 1, (ScalarPoint("test_accuracy", 2 * step + 1, test),))
    return History(run)


@pytest.mark.parametrize(
    ("train", "test", "holds"),
    [
        (0.91, 0.85, True),
        (0.90, 0.86, False),
        (0.975, 0.875, False),
        (0.965, 0.865, True),
    ],
)
def test_how_far_the_gap_opens_and_the_test_falls(train, test, holds):
    assert RULES["gap_opening"].judge(gaps((0.9, 0.9), (train, test)), None) is holds


@pytest.mark.parametrize(("train", "holds"), [(0.85, True), (0.75, False)])
def test_how_wide_a_gap_is_memorised(train, holds):
    assert RULES["gap_opening"].judge(gaps((0.3, 0.3), (train, 0.3)), None) is holds


@pytest.mark.parametrize("which", ["noise_of_gap", "noise_of_test"])
@pytest.mark.parametrize(("wide", "holds"), [(0.09, True), (0.07, False)])
def test_beyond_which_scatter_a_gap_opens(monkeypatch, which, wide, holds):
    monkeypatch.setattr(GapHistory, which, 0.02)
    assert RULES["gap_opening"].judge(gaps((0.9, 0.9), (0.9, 0.9 - wide)), None) is holds


@pytest.mark.parametrize(("now", "holds"), [(0.16, True), (0.14, False)])
def test_how_far_an_open_gap_must_close(now, holds):
    alert = up("gap_opening", of="accuracy", gap=0.2, gap_before=0.1)
    assert RULES["gap_opening"].judge(gaps((0.9, 0.9), (0.9, 0.9 - now)), alert) is holds


@pytest.mark.parametrize(("better", "holds"), [(0.24, True), (0.16, False)])
def test_how_much_of_it_the_test_must_close(better, holds):
    history = gaps((1.0, 0.4), (0.6 + better, 0.4 + better))
    assert RULES["gap_closing"].judge(history, None) is holds


@pytest.mark.parametrize(("closed", "holds"), [(0.45, True), (0.35, False)])
def test_beyond_which_scatter_a_gap_closes(monkeypatch, closed, holds):
    monkeypatch.setattr(GapHistory, "noise_of_gap", 0.1)
    assert RULES["gap_closing"].judge(gaps((1.0, 0.4), (1.0, 0.4 + closed)), None) is holds


@pytest.mark.parametrize(("null_p", "told"), [(0.08, False), (0.12, True)])
def test_how_like_noise_a_layer_must_be(null_p, told):
    looks = [look(step, phase=Phase.well_trained) for step in range(3)]
    noise = [
        look(step, phase=Phase.under_trained, alpha=(4.0, 3.0, 5.0), null_p=null_p) for step in range(3, 9)
    ]
    assert bool(fed(Watch(["phase_left"]), [*looks, *noise])) is told
    gas = [look(step, phase=Phase.under_trained, null_p=null_p) for step in range(3, 9)]
    assert len(fed(Watch(["phase_left"]), [*looks, *gas])) == 1


JUDGEMENTS = {
    "dead_layer": (1, 1),
    "gap_closing": (2, 3),
    "gap_opening": (2, 2),
    "joint_sign": (2, 3),
    "loss_not_finite": (1, 10),
    "loss_spike": (2, 8),
    "norm_runaway": (2, 3),
    "phase_entered": (3, 3),
    "phase_left": (3, 3),
    "rank_collapse": (2, 3),
    "stagnation": (2, 2),
    "traps_appear": (2, 3),
    "weights_not_finite": (1, 1),
}


def test_rates_are_of_these_judgements():
    # The measured rates hold for them: who changes one measures again.
    assert {name: (rule.confirm, rule.release) for name, rule in RULES.items()} == JUDGEMENTS


def test_a_plateau_is_confirmed_by_the_next_stretch():
    (alert,) = fed(Watch(["stagnation"]), series("train_loss", [2.0] * 400))
    # 38 stretches of 8 values are the first that hold 300.
    assert (alert.evidence["first_step"], alert.step) == (305, 313)
    assert said([alert]) == [("stagnation", "raised", 313)]
