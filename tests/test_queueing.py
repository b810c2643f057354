"""Two runs that want one GPU: a program called nvidia-smi says that there is one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from live import quick, until

import notebook_automl as automl
from notebook_automl.record import events
from notebook_automl.record.tail import Tail
from notebook_automl.workers.queueing import Claims, claims_folder

_DRIVER = """#!/bin/sh
case "$1" in
  *utilization*) echo "GPU-aaaa-1, 143771, 143000, 3" ;;
  *query-gpu*) echo "0, GPU-aaaa-1, NVIDIA H200, 143771, 143000" ;;
esac
"""
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(autouse=True)
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One GPU, as far as the driver's program tells; what trains finds the CPU."""
    cudnn = tmp_path / "packages" / "nvidia" / "cudnn"
    cudnn.mkdir(parents=True)
    (cudnn / "__init__.py").write_text("")
    program = tmp_path / "nvidia-smi"
    program.write_text(_DRIVER)
    program.chmod(0o755)
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    paths = [str(tmp_path / "packages"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def search(home: Path, **fields: Any) -> automl.Search:
    """One that takes the GPU."""
    return automl.Search(
        quick(), target="label", device="gpu", folder=str(home / "runs"), **fields
    )


def test_the_second_run_waits_without_spending_its_budget(tmp_path: Path) -> None:
    first = search(tmp_path, name="first", minutes=30).start()
    until(lambda: first.state.stage == "searching")
    second = search(tmp_path, name="second", minutes=5, trials=1, epochs=1).start()
    third = search(tmp_path, name="third", minutes=5).start()
    stage = "queued for a GPU behind first"
    until(lambda: second.state.stage == third.state.stage == stage)
    third.stop()
    assert third.wait().status == "stopped", third
    first.stop()
    assert first.wait().status == "stopped", first
    assert second.wait().status == "completed", second
    assert second.state.trials[0].state == "completed"
    told = Tail(second.folder / "events.jsonl").read()
    _, queued, freed = [e for e in told if isinstance(e, events.ClockRead)][:3]
    assert freed.spent_s - queued.spent_s < 0.5 * (freed.time_s - queued.time_s)


def test_what_is_free_is_taken(tmp_path: Path) -> None:
    one = Claims("one", ["a", "b", "c"], each=1, most=1)
    assert one.take() == ["a"]
    two = Claims("two", ["a", "b", "c"], each=2, most=2)
    assert two.take() == ["b,c"]
    three = Claims("three", ["a", "b", "c"], each=2, most=2)
    assert three.take() is None and three.behind == "one and two"
    one.release()
    assert three.take() is None and three.behind == "two"
    two.release()
    assert three.take() == ["a,b"] and three.behind == ""
    assert claims_folder().stat().st_mode & 0o777 == 0o700
    three.release()


@pytest.mark.slow
def test_trials_share_a_gpu_once_one_has_shown_what_it_takes(tmp_path: Path) -> None:
    run = search(tmp_path, minutes=3, epochs=2).start()
    until(lambda: len({t.worker for t in run.state.trials.values() if t.worker}) > 1)
    run.stop()
    assert run.wait().status == "stopped", run
