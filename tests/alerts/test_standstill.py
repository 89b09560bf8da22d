"""Claim: what stands still is told: a loss that no longer falls, a matrix that no longer moves, a rank that is lost."""

from __future__ import annotations

import numpy as np
import pytest

from tests.alerts.frames import fed, look, said, series, visit
from triplepoint.alerts import Watch
from triplepoint.records import Event, Frame, Reason, Severity, VisitKind


def stagnation(values, visits=(), every=1):
    frames = [*series("train_loss", values, every=every), *visits]
    return fed(Watch(["stagnation"]), sorted(frames, key=lambda one: one.step))


def flat(count, level=2.3, scatter=0.05, seed=0):
    return (level + scatter * np.random.default_rng(seed).standard_normal(count)).tolist()


def test_a_loss_that_never_falls():
    (alert,) = stagnation(flat(2000))
    assert alert.severity is Severity.warning
    assert alert.statement.endswith("at the beginning: nothing is learned")
    # 300 values are needed, and the next finished stretch to confirm.
    assert 300 <= alert.step <= 320


@pytest.mark.parametrize("every", [1, 50])
def test_it_is_cleared_when_learning_begins(every):
    found = stagnation([*flat(1000), *np.linspace(2.3, 0.5, 1500)], every=every)
    assert [state for _, state, _ in said(found)] == ["raised", "cleared"]


@pytest.mark.parametrize(("fallen", "count"), [(0.01, 1), (0.04, 0)])
def test_how_little_is_nothing(fallen, count):
    watch = Watch(["stagnation"])
    fed(watch, series("train_loss", [*flat(100, scatter=0.01), *flat(3000, 2.3 * (1 - fallen), 0.01)]))
    assert len(watch.raised) == count


def test_noise_that_could_hide_an_improvement_is_no_verdict():
    assert stagnation(flat(400, scatter=2.0)) == []


def test_a_slow_fall_is_none():
    assert stagnation((2.3 * np.exp(-np.arange(20_000) / 30_000)).tolist()) == []


PLATEAU = [*np.linspace(2.3, 1.2, 300).tolist(), *flat(3000, 1.2, 0.02)]


def looks(moves):
    return [look(step, change=None if step == 10 else moves, norm=4.0) for step in range(10, 3300, 100)]


def test_a_plateau_is_told_where_no_spectrum_moves():
    assert stagnation(PLATEAU) == []
    assert stagnation(PLATEAU, looks(0.1)) == []
    (alert,) = stagnation(PLATEAU, looks(0.0))
    assert alert.severity is Severity.info
    assert "no spectrum moves any more: converged or stuck" in alert.statement


def test_a_loss_near_nothing_has_converged():
    assert stagnation([*np.linspace(2.3, 0.1, 300).tolist(), *flat(3000, 0.1, 0.002)], looks(0.0)) == []
    assert len(stagnation([*np.linspace(2.3, 0.3, 300).tolist(), *flat(3000, 0.3, 0.002)], looks(0.0))) == 1


def test_what_was_learned_and_lost():
    found = stagnation([*np.linspace(2.3, 0.1, 500).tolist(), *flat(3000)])
    assert found[-1].severity is Severity.warning
    assert "what was learned is lost (0.1" in found[-1].statement


def moving(step, id="other"):
    return look(step, id, norm=4 + step / 100, change=None if step == 0 else 0.1)


def dead(changes, others=True, **fields):
    """Alerts of a matrix with these changes since its last full visit, another beside it."""
    things = []
    for at, change in enumerate(changes):
        things.append(look(10 * at, "w", change=change, **fields))
        if others:
            things.append(moving(10 * at))
    return fed(Watch(["dead_layer"]), things)


def test_a_layer_that_stops():
    (alert,) = dead([None, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0])
    assert (alert.matrix, alert.severity, alert.step) == ("w", Severity.warning, 50)
    assert alert.statement == (
        "has moved before and not since step 20, in 3 visits, while others move: no gradient reaches it"
    )


def test_a_layer_that_never_moved_may_be_frozen():
    (alert,) = dead([None, 0.0, 0.0, 0.0, 0.0])
    assert alert.severity is Severity.info
    assert "frozen or dead, which the weights cannot tell" in alert.statement


def test_it_moves_again():
    assert said(dead([None, 0.1, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.1])) == [
        ("dead_layer", "raised", 40),
        ("dead_layer", "cleared", 50),
    ]


def test_rounding_is_no_motion():
    assert len(dead([None, 0.1, 8e-8, 8e-8, 8e-8])) == 1
    assert dead([None, 0.1, 1.2e-7, 1.2e-7, 1.2e-7, 1.2e-7]) == []


def test_all_still_is_no_dead_layer():
    assert dead([None, 0.1, 0.0, 0.0, 0.0, 0.0], others=False) == []


def test_a_declared_layer_is_left_out():
    watch = Watch(["dead_layer"])
    told = Frame(0, 0.0, events=(Event("begun", "…", 0, {"frozen": ["w"]}),))
    things = [
        one for at in range(8) for one in (look(10 * at, "w", change=0.0 if at else None), moving(10 * at))
    ]
    assert fed(watch, [told, *things]) == []
    late = Watch(["dead_layer"])
    found = fed(late, [*things, Frame(90, 0.0, events=told.events), look(90, "w", change=0.0)])
    assert [state for _, state, _ in said(found)] == ["raised", "cleared"]
    assert found[-1].statement == "declared frozen"


def test_all_zero_is_a_warning_from_the_start():
    (alert,) = dead([None] * 5, reason=Reason.all_zero)
    assert alert.severity is Severity.warning
    assert alert.statement.startswith("all entries are zero")


def test_without_a_change_the_norm_tells():
    assert len(dead([None] * 6, norm=4.0)) == 1


def test_a_distance_that_stays_the_same_is_no_motion():
    first = [look(0, "w"), moving(0)]

    def course(distances):
        return [
            one
            for at, change in enumerate(distances, 1)
            for one in (visit(10 * at, "w", VisitKind.unchanged, change=change), moving(10 * at))
        ]

    assert fed(Watch(["dead_layer"]), [*first, *course([1e-4, 2e-4, 3e-4, 4e-4, 5e-4])]) == []
    found = fed(Watch(["dead_layer"]), [*first, *course([1e-4, 2e-4, 2e-4, 2e-4, 2e-4])])
    assert [alert.step for alert in found] == [50]


def ranks(*values, **fields):
    things = [look(10 * at, rank=value, **fields) for at, value in enumerate(values)]
    return fed(Watch(["rank_collapse"]), things)


def test_a_rank_that_collapses():
    (alert,) = ranks(18.0, 20.0, 12.0, 4.9, 4.9)
    assert (alert.step, alert.severity) == (40, Severity.warning)
    assert alert.statement == "effective rank 20 at step 10, 4.9 now"


def test_how_far_it_must_fall():
    assert ranks(20.0, *[5.2] * 9) == []
    assert said(ranks(20.0, 4.8, 5.2, 4.8, 5.2, 4.8, 5.2)) == []


def test_it_is_held_below_a_third():
    assert len(ranks(20.0, 4.0, 4.0, *[6.8] * 9)) == 1
    assert [state for _, state, _ in said(ranks(20.0, 4.0, 4.0, *[7.2] * 3))] == ["raised", "cleared"]


def test_a_numerical_rank_that_is_halved():
    def course(left):
        return [look(0), *(look(10 * at, matrix_rank=left) for at in range(1, 5))]

    assert fed(Watch(["rank_collapse"]), course(16.0)) == []
    (alert,) = fed(Watch(["rank_collapse"]), course(15.0))
    assert "numerical rank 32 → 15" in alert.statement


def test_the_class_tells_unless_it_was_so_from_the_start():
    def course(first):
        return [look(0, collapsed=first), *(look(10 * at, collapsed=True) for at in range(1, 5))]

    (alert,) = fed(Watch(["rank_collapse"]), course(False))
    assert alert.statement.endswith("more than 5 % of the eigenvalues are as good as zero")
    assert fed(Watch(["rank_collapse"]), course(True)) == []
