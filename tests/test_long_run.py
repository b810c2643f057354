"""Hundreds of short trials in one run: no process grows for good."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from live import Starts, processes, quick, searches, supervisor, until

from notebook_automl.api.run import Run

TRIALS = 300
# MiB that a process may grow by a hundred trials, once it has seen the first half.
MOST_MIB = {"kernel": 10.0, "supervisor": 15.0, "workers": 150.0}


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as begin:
        yield begin


@pytest.mark.slow
def test_three_hundred_short_trials(
    search: Starts, record_property: pytest.FixtureRequest
) -> None:
    run = search(quick(), trials=TRIALS, epochs=2, workers=2)
    driver = supervisor(run)
    seen: list[list[float]] = []
    while run.status in ("starting", "running"):
        with_memory = memory_mib(run, driver)
        if with_memory is not None:
            seen.append([len(run.state.finished()), *with_memory])
        time.sleep(1.0)
    assert run.state.reason == f"all {TRIALS} trials are done"
    assert len(run.state.finished()) == TRIALS
    late = np.array([row for row in seen if row[0] > TRIALS / 2])
    for column, name in enumerate(MOST_MIB, 1):
        slope, _ = np.polyfit(late[:, 0], late[:, column], 1)
        record_property(f"{name}, MiB a hundred trials", round(100 * slope, 1))
        assert 100 * slope < MOST_MIB[name], name
    until(lambda: not processes(run))


def memory_mib(run: Run, driver: psutil.Process) -> tuple[float, float, float] | None:
    """What this process, the supervisor and the largest worker hold; None at an end."""
    try:
        workers = [p.memory_info().rss for p in driver.children(recursive=True)]
        mine, theirs = psutil.Process().memory_info().rss, driver.memory_info().rss
    except psutil.Error:
        return None
    return mine / 2**20, theirs / 2**20, max(workers, default=0) / 2**20
