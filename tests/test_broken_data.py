"""Claim: the rule of the broken-data benchmark keeps its level on normal metrics, and every fault does what it says.

The witnesses are simulated retrains, SciPy's tests, and small tables whose rows are looked at one by one.
"""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from benchmarks import broken_data, broken_data_rates
from benchmarks.broken_data_cells import Cell
from benchmarks.broken_data_detector import (
    carriers,
    excess,
    reference_draws,
    spread_excess,
    t_scores,
    wilson,
)
from benchmarks.broken_data_faults import FAULTS
from benchmarks.broken_data_flights import CATEGORIES, NUMBERS, WEATHER, Rows, column
from benchmarks.broken_data_training import Retrained, Scaler, auc, cross_entropy, fit_scaler
from scipy import stats

from tests.single_thread import one_blas_thread  # noqa: F401

BY_NAME = {fault.name: fault for fault in FAULTS}


# --- the rule


def alarm_rate(metrics: int, shared: float, rule, shift: float = 0.0, rounds: int = 300) -> float:
    """Of fresh retrains whose metrics are normal with one pairwise correlation, over many draws of ten references."""
    random = np.random.default_rng(zlib.crc32(f"{metrics} {shared}".encode()))
    hits = []
    for _ in range(rounds):
        common = random.standard_normal((30, 1))
        drawn = shared**0.5 * common + (1 - shared) ** 0.5 * random.standard_normal((30, metrics))
        drawn[10:, 0] += shift
        hits.append(np.mean(rule(drawn[:10], drawn[10:]) > 1))
    return float(np.mean(hits))


def largest(trusted, fresh):
    return excess(t_scores(trusted, fresh), len(trusted))


def test_one_metric_raises_five_false_alarms_in_a_hundred():
    assert alarm_rate(1, 0.0, largest) == pytest.approx(0.05, abs=0.012)


def test_many_metrics_raise_no_more_and_dependent_ones_fewer():
    apart, together = (alarm_rate(100, shared, largest) for shared in (0.0, 0.9))
    assert apart == pytest.approx(0.05, abs=0.02)
    assert together < 0.02


def test_the_second_rule_holds_whether_metrics_depend_on_each_other_or_not():
    for shared in (0.0, 0.9):
        assert alarm_rate(50, shared, spread_excess, rounds=100) == pytest.approx(0.05, abs=0.025)


def test_a_shift_is_found_and_a_larger_family_finds_it_less():
    alone, among = (alarm_rate(k, 0.0, largest, shift=5.0) for k in (1, 100))
    assert alone > 0.95
    assert 0.2 < among < 0.7


def test_one_metric_is_the_prediction_interval_of_scipy():
    random = np.random.default_rng(3)
    trusted, fresh = random.standard_normal((10, 1)), random.standard_normal((40, 1))
    mean, spread = trusted.mean(), trusted.std(ddof=1) * (1 + 1 / 10) ** 0.5
    low, high = stats.t.interval(0.95, 9, mean, spread)
    outside = (fresh[:, 0] < low) | (fresh[:, 0] > high)
    np.testing.assert_array_equal(largest(trusted, fresh) > 1, outside)


def test_counts_constants_and_gaps_are_left_out():
    random = np.random.default_rng(4)
    trusted = random.standard_normal((10, 4))
    trusted[:, 1] = 3.0
    trusted[:, 2] = random.integers(0, 4, 10)
    trusted[4, 3] = np.nan
    fresh = np.full((1, 4), 100.0)
    assert (~np.isnan(t_scores(trusted, fresh))).tolist() == [[True, False, False, False]]
    fresh[0, 0] = np.nan
    assert largest(trusted, fresh).tolist() == [0.0]


def test_a_metric_that_a_fresh_retrain_lacks_says_nothing_and_the_others_go_on():
    trusted = np.random.default_rng(12).standard_normal((10, 2))
    found = largest(trusted, np.array([[np.nan, 100.0], [np.nan, 0.0], [0.0, 0.0]]))
    assert (found > 1).tolist() == [True, False, False]


def test_wilson_is_the_interval_of_scipy():
    for hits, n in ((0, 20), (7, 20), (135, 135)):
        found, expected = wilson(hits / n, n), stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_references_are_drawn_without_the_retrains_that_are_judged():
    for chosen, rest in reference_draws(30, 20, seed=5):
        assert len(chosen) == 10
        assert sorted([*chosen, *rest]) == list(range(30))


def test_a_carrier_is_the_metric_that_moved():
    random = np.random.default_rng(6)
    clean, broken = random.standard_normal((60, 4)), random.standard_normal((20, 4))
    broken[:, 1] -= 10
    clean[:, 3] = 1e-9  # a floor that all stand on, and none is measured from
    found = carriers(clean, broken, ["a", "b", "c", "d"], most=1)
    assert found[0][0] == "b"
    assert found[0][1] == pytest.approx(-10, abs=2)


# --- the rates


def states(broken_shift: float) -> list[dict]:
    """Sixty clean retrains over thirty weeks, twenty broken ones, three metrics of two families."""
    random = np.random.default_rng(7)
    names = ("spectra/layer1.weight alpha", "spectra/b", "log/c")
    found = []
    for fault, count, shift in (("clean", 60, 0.0), ("x: y", 20, broken_shift)):
        for index in range(count):
            values = dict(zip(names, random.standard_normal(3) + np.array([shift, 0, 0]), strict=True))
            found.append({"world": "w", "fault": fault, "index": index, "week": index % 30, "values": values})
    return found


def test_rates_are_those_of_the_rule_and_only_the_family_that_moved_sees_it():
    (world,) = broken_data_rates.worlds(states(20.0))
    assert broken_data_rates.families(world) == ["spectra", "α alone", "all weights", "log"]
    assert [world.metrics[i] for i in world.family("α alone")] == ["spectra/layer1.weight alpha"]
    seen, blind = (broken_data_rates.rates(world, family, "largest |t|", 60) for family in ("spectra", "log"))
    assert seen.alarms["x: y"].value > 0.99
    assert seen.corrected["x: y"] > 0.99
    assert blind.alarms["x: y"].value < 0.2
    for one in (seen, blind):
        assert one.alarms["clean"].value < 0.12
        assert one.corrected["clean"] == pytest.approx(0.05, abs=0.003)
    ahead = broken_data_rates.following(world, "spectra", 3)
    # Retrains of the first ten weeks have no ten windows before them.
    assert (ahead["clean"].n, ahead["x: y"].n) == (40, 10)
    assert ahead["x: y"].value > 0.99


def test_what_breaks_at_inference_only_raises_as_many_alarms_as_clean():
    (world,) = broken_data_rates.worlds(states(0.0))
    found = broken_data_rates.rates(world, "spectra", "largest |t|", 60)
    assert found.alarms["x: y"].value == pytest.approx(found.alarms["clean"].value, abs=0.1)


def test_the_control_shares_no_day_with_the_fixed_weeks_and_keeps_names_in_place():
    (same,) = broken_data_rates.worlds(states(0.0))
    (window,) = broken_data_rates.worlds(
        [{**state, "values": dict(reversed(state["values"].items()))} for state in states(0.0)]
    )
    found = broken_data_rates.with_other_weeks(same, window, fixed=12, length=8)
    weeks = found.weeks[broken_data_rates.OTHER_WEEKS]
    assert set(weeks.tolist()) == {*range(5), *range(20, 30)}
    taken = np.isin(same.weeks["clean"], weeks)
    np.testing.assert_array_equal(found.values[broken_data_rates.OTHER_WEEKS], same.values["clean"][taken])


# --- the faults


def flights(days: int = 21, seed: int = 8) -> Rows:
    """Three airports, one to three flights an hour; the weather belongs to the airport and the hour."""
    random = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        for hour in range(6, 18):
            for origin in range(3):
                weather = random.standard_normal(len(WEATHER))
                rows += [(day, hour, origin, weather, random.random()) for _ in range(random.integers(1, 4))]
    numbers = random.standard_normal((len(rows), len(NUMBERS)))
    for place, (_, hour, _, weather, _) in enumerate(rows):
        numbers[place, : len(WEATHER)] = weather
        numbers[place, column("hour")] = hour
    categories = np.zeros((len(rows), len(CATEGORIES)), dtype=int)
    categories[:, CATEGORIES.index("origin")] = [row[2] for row in rows]
    late = np.array([row[4] < 0.3 for row in rows], dtype=np.float32)
    return Rows(
        numbers.astype(np.float32), categories, late, np.array([row[0] for row in rows]), (1, 3, 1, 1)
    )


def broken(name: str, rows: Rows, seed: int = 9) -> Rows:
    return BY_NAME[name].apply(rows, np.random.default_rng(seed))


def changed_columns(rows: Rows, found: Rows) -> set[str]:
    return {NUMBERS[i] for i in np.flatnonzero((rows.numbers != found.numbers).any(axis=0))}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_leaves_its_rows_alone_and_is_the_same_twice(fault):
    rows, untouched = flights(), flights()
    once, twice = (fault.apply(rows, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(rows.numbers, untouched.numbers)
    np.testing.assert_array_equal(rows.late, untouched.late)
    np.testing.assert_array_equal(once.numbers, twice.numbers)
    np.testing.assert_array_equal(once.late, twice.late)
    assert once.numbers.dtype == once.late.dtype == np.float32
    assert not (
        len(once) == len(rows) and (once.numbers == rows.numbers).all() and (once.late == rows.late).all()
    )


def test_swapped_columns_change_places_and_nothing_else():
    rows = flights()
    found = broken("swapped columns: hour, distance", rows)
    assert changed_columns(rows, found) == {"hour", "distance"}
    np.testing.assert_array_equal(found.numbers[:, column("hour")], rows.numbers[:, column("distance")])
    np.testing.assert_array_equal(found.numbers[:, column("distance")], rows.numbers[:, column("hour")])


def test_units_are_those_of_the_textbook():
    rows = flights()
    rows.numbers[:2, column("temp")] = [32.0, 212.0]
    celsius = broken("changed unit: °F to °C", rows)
    np.testing.assert_allclose(celsius.numbers[:2, column("temp")], [0.0, 100.0], atol=1e-4)
    assert changed_columns(rows, celsius) == {"temp"}
    km = broken("changed unit: miles to km", rows)
    np.testing.assert_allclose(
        km.numbers[:, column("distance")], 1.609344 * rows.numbers[:, column("distance")]
    )
    assert changed_columns(rows, km) == {"distance"}


def weather_at(rows: Rows, day: int, hour: int, origin: int):
    here = (rows.day == day) & (rows.numbers[:, column("hour")] == hour)
    here &= rows.categories[:, CATEGORIES.index("origin")] == origin
    return rows.numbers[here][:, : len(WEATHER)]


@pytest.mark.parametrize(
    ("strength", "source"),
    [
        ("a day old", lambda day, hour: (day - 1, hour) if day else (0, 6)),
        ("fetched weekly", lambda day, _: (day // 7 * 7, 6)),
        ("never fetched again", lambda *_: (0, 6)),
    ],
)
def test_stale_weather_is_that_of_an_earlier_hour_at_the_same_airport(strength, source):
    rows = flights()
    found = broken(f"stale weather: {strength}", rows)
    assert changed_columns(rows, found) == set(WEATHER)
    for day in (0, 1, 6, 7, 20):
        for hour in (6, 14):
            for origin in range(3):
                expected = weather_at(rows, *source(day, hour), origin)[0]
                for row in weather_at(found, day, hour, origin):
                    np.testing.assert_array_equal(row, expected)


def test_an_hour_that_is_missing_the_day_before_has_the_last_one_that_is_known():
    rows = flights()
    rows = rows.take(~((rows.day == 4) & (rows.numbers[:, column("hour")] == 14)))
    found = broken("stale weather: a day old", rows)
    np.testing.assert_array_equal(weather_at(found, 5, 14, 2)[0], weather_at(rows, 4, 13, 2)[0])


def test_a_share_of_the_rows_is_repeated():
    rows = flights()
    for name, share in (("5 % five times", 0.05), ("20 % five times", 0.2)):
        found = broken(f"repeated rows: {name}", rows)
        _, counts = np.unique(found.numbers[:, -1], return_counts=True)
        assert sorted(set(counts)) == [1, 5]
        assert np.count_nonzero(counts == 5) == round(share * len(rows))
        assert len(counts) == len(rows)
        assert (np.diff(found.day) >= 0).all()


def test_copies_take_the_place_of_half_of_the_rows():
    rows = flights()
    found = broken("repeated rows: half are copies, as many rows", rows)
    assert len(found) == len(rows)
    assert len(np.unique(found.numbers[:, -1])) == len(rows) - round(0.5 * len(rows))


def test_labels_are_those_of_the_next_row():
    rows = flights()
    found = broken("shifted labels: everywhere", rows)
    assert found.late.tolist() == [*rows.late[1:], rows.late[-1]]
    part = broken("shifted labels: on a quarter of the days", rows)
    days = {int(day) for day in rows.day[part.late != rows.late]}
    assert len(days) == round(0.25 * 21)
    for day in days:
        np.testing.assert_array_equal(part.late[rows.day == day], found.late[rows.day == day])


def test_a_refitted_scaler_hides_a_changed_unit_and_a_frozen_one_does_not():
    rows = flights()
    rows.numbers[:, column("temp")] = 57 + 18 * rows.numbers[:, column("temp")]
    celsius = broken("changed unit: °F to °C", rows)
    frozen = fit_scaler(rows)
    np.testing.assert_allclose(fit_scaler(celsius).inputs(celsius), frozen.inputs(rows), atol=1e-5)
    moved = frozen.inputs(celsius)[:, column("temp")] - frozen.inputs(rows)[:, column("temp")]
    assert np.median(moved) < -2


# --- scaling and scoring


def test_inputs_are_standardised_and_a_category_is_one_column_a_code():
    rows = flights()
    rows.numbers[5, 0] = np.nan
    found = fit_scaler(rows).inputs(rows)
    assert found.shape == (len(rows), len(NUMBERS) + 6)
    assert found[5, 0] == 0
    np.testing.assert_allclose(np.delete(found[:, 0], 5).mean(), 0, atol=1e-5)
    np.testing.assert_allclose(found[:, 1 : len(NUMBERS)].std(axis=0), 1, rtol=1e-4)
    np.testing.assert_array_equal(
        found[:, len(NUMBERS) + 1 : len(NUMBERS) + 4].argmax(axis=1),
        rows.categories[:, CATEGORIES.index("origin")],
    )
    assert (found[:, len(NUMBERS) :].sum(axis=1) == len(CATEGORIES)).all()


def test_auc_is_the_statistic_of_mann_and_whitney_and_loss_that_of_its_formula():
    random = np.random.default_rng(10)
    logits, late = np.round(random.standard_normal(80), 1), (random.random(80) < 0.3).astype(float)
    u = stats.mannwhitneyu(logits[late > 0], logits[late == 0]).statistic
    assert auc(logits, late) == pytest.approx(u / (np.sum(late) * np.sum(1 - late)))
    p = 1 / (1 + np.exp(-logits))
    slow = -np.mean(late * np.log(p) + (1 - late) * np.log(1 - p))
    assert cross_entropy(logits, late) == pytest.approx(slow)


def test_logits_are_those_of_a_network_written_out():
    rows = flights(days=1)
    scaler = Scaler(np.zeros(len(NUMBERS)), np.ones(len(NUMBERS)))
    wide = len(NUMBERS) + 6
    random = np.random.default_rng(11)
    weights = {
        "layer1.weight": random.standard_normal((3, wide)).astype(np.float32),
        "layer1.bias": np.array([0.1, 0.2, 0.3], dtype=np.float32),
        "layer2.weight": random.standard_normal((1, 3)).astype(np.float32),
        "layer2.bias": np.array([-0.4], dtype=np.float32),
    }
    found = Retrained(weights, weights, 0.0, scaler).logits(rows)
    x = scaler.inputs(rows)[4]
    hidden = [
        max(0.0, float(w @ x + b)) for w, b in zip(weights["layer1.weight"], [0.1, 0.2, 0.3], strict=True)
    ]
    assert found[4] == pytest.approx(float(weights["layer2.weight"][0] @ hidden) - 0.4, rel=1e-4)


# --- a run that is killed goes on


def test_a_cut_line_is_passed_over_and_another_recipe_too(tmp_path):
    path = tmp_path / "kept.jsonl"
    one = {"recipe": "r", "world": "w", "fault": "clean", "index": 0, "values": {"a": 1.0}}
    broken_data.append(path, one)
    with path.open("a") as file:
        file.write(json.dumps({**one, "index": 1})[:-20])
    broken_data.append(path, {**one, "index": 2})
    broken_data.append(path, {**one, "index": 3, "recipe": "another"})
    assert [cell.index for cell in broken_data.kept(path, "r")] == [0, 2]


def test_every_retrain_has_a_seed_of_its_own():
    plan = broken_data.plan(quick=False)
    assert len(set(plan)) == len({cell.seed for cell in plan}) == len(plan)
    assert {cell.week for cell in plan if cell.world == "same data"} == {20}
    assert len({cell.week for cell in plan if cell.world == "new window"}) == 45
    assert Cell("new window", "clean", 0).week == Cell("new window", "clean", 45).week
