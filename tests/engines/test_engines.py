"""Claim: engines change nothing but the order and the time; filters and workers change no number."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.worlds import gaussian, heavy_tailed
from triplepoint import engines, scan
from triplepoint.engines import SerialEngine, ThreadEngine, threads
from triplepoint.records import MatrixPlan, Scan


def model() -> dict[str, np.ndarray]:
    weights = {f"layer.{i}.weight": heavy_tailed((60 + 10 * i, 50), 2.5, i) for i in range(6)}
    return weights | {"conv.weight": gaussian((16, 12, 3, 3)), "bias": gaussian((5,))}


def numbers(found: Scan) -> dict[str, object]:
    return {row.id: (row.status, row.phase, dict(row.metrics)) for row in found.matrices}


@pytest.mark.parametrize("interval", ["closed", "bootstrap:30"])
def test_workers_change_no_number(interval):
    one, three = (scan(model(), workers=w, interval=interval) for w in (1, 3))
    assert numbers(one) == numbers(three)


def test_wide_matrices_take_the_other_road_to_the_same_numbers(monkeypatch):
    expected = numbers(scan(model(), workers=2))
    monkeypatch.setattr(threads, "alone_first", lambda ordered, workers: 4)
    found = numbers(scan(model(), workers=2))
    assert found.keys() == expected.keys()
    for name, (status, phase, metrics) in found.items():
        assert (status, phase) == expected[name][:2]
        for metric, value in metrics.items():
            before = expected[name][2][metric]
            assert value == (None if before is None else pytest.approx(before, rel=1e-9)), metric


def test_a_filter_changes_no_number_and_leaves_a_row():
    everything, some = (
        scan(model(), interval="bootstrap:30"),
        scan(model(), layers="layer.3.*", interval="bootstrap:30"),
    )
    assert numbers(everything)["layer.3.weight"] == numbers(some)["layer.3.weight"]
    assert some["layer.1.weight"].reason == "filtered"
    assert len(some.matrices) == len(everything.matrices)


def test_the_largest_matrix_is_begun_first():
    plans = [
        MatrixPlan(str(n), str(n), (str(n),), (n, n), "F32", kind="dense", shape=(n, n)) for n in (8, 90, 30)
    ]
    begun: list[str] = []
    list(ThreadEngine(1).run([(plan,) for plan in plans], lambda task: begun.append(task[0].id) or []))
    assert begun == ["90", "30", "8"]


@pytest.mark.parametrize("engine", [SerialEngine(), ThreadEngine(2)], ids=["serial", "threads"])
def test_closing_an_engine_drops_what_has_not_begun(engine: engines.Engine):
    begun: list[int] = []
    tasks = [(MatrixPlan(str(i), str(i), (str(i),), (9, 9), "F32", shape=(9, 9)),) for i in range(50)]
    results = engine.run(tasks, lambda task: begun.append(1) or [])
    next(results)
    results.close()
    assert len(begun) < 50


def sized(*sides: int) -> list[tuple[MatrixPlan, ...]]:
    return [
        (MatrixPlan(str(i), str(i), (str(i),), (n, n), "F32", shape=(n, n)),) for i, n in enumerate(sides)
    ]


def test_only_a_wide_matrix_that_others_would_wait_for_runs_alone():
    assert threads.alone_first(sized(4096), 2) == 1
    assert threads.alone_first(sized(4096, 100, 100), 2) == 1
    assert threads.alone_first(sized(4096, 4096), 2) == 0
    assert threads.alone_first(sized(4096, 4096, 4096), 2) == 1
    assert threads.alone_first(sized(4096, 4096), 8) == 2
    assert threads.alone_first(sized(500), 8) == 0
    assert threads.alone_first([], 2) == 0


def test_wide_matrices_run_one_by_one_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(threads.memory, "available_bytes", lambda: 1e9)
    assert threads.alone_first(sized(4096, 4096, 4096, 4096, 1500, 1500), 2) == 4


def test_an_interrupt_while_tasks_are_handed_out_does_not_wait_for_them_all(monkeypatch) -> None:
    done: list[str] = []
    handed: list[object] = []
    submit = ThreadPoolExecutor.submit

    def interrupted(pool, work, task):
        if len(handed) == 20:
            raise KeyboardInterrupt
        handed.append(task)
        return submit(pool, work, task)

    def work(task):
        time.sleep(0.05)
        done.append(task[0].id)
        return []

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    shape = (200, 200)
    tasks = [
        (MatrixPlan(str(n), str(n), (str(n),), shape, "F32", kind="dense", shape=shape),) for n in range(30)
    ]
    with pytest.raises(KeyboardInterrupt):
        list(ThreadEngine(2).run(tasks, work))
    assert len(handed) == 20
    assert len(done) < 10
