"""Runs whose supervisor, kernel, disk or data fail: what is left, and who goes on."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import (
    Starts,
    assert_snapshot_agrees,
    assert_study_agrees,
    processes,
    quick,
    searches,
    supervisor,
    told,
    training,
    until,
)

import notebook_automl as automl
from notebook_automl.api.run import Run
from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder

KERNEL = """
import sys, time
import notebook_automl as automl

search = automl.Search(automl.example("wine"), target="cultivar", trials=50, workers=1)
search.folder, search.name = sys.argv[1:]
run = search.start(detach=False)
time.sleep(600)
"""
FULL_DISK = """
import sys, time
from pathlib import Path
import notebook_automl as automl

disk, deadline_s = Path(sys.argv[1]), time.monotonic() + 200

def until(condition):
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.1)

search = automl.Search(automl.example("wine"), target="cultivar", trials=99, epochs=3)
search.workers, search.folder, search.name = 1, str(disk), "full"
run = search.start(detach=False)
until(lambda: run.state.finished())
with (disk / "filler").open("wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
until(lambda: run.status != "running")
print(run.status)
(disk / "filler").unlink()
before = set(run.state.trials)
run.resume()
until(lambda: len(run.state.trials) > len(before) + 1)
run.stop()
status = run.wait(60).status
kept = before < set(run.state.trials)
print(f"{status} in attempt {run.state.attempt}, all kept: {kept}")
"""


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as begin:
        yield begin


def test_kill_the_supervisor_and_resume(search: Starts) -> None:
    run = search(quick(), trials=4, epochs=12)
    until(lambda: run.state.finished())
    until(lambda: any(t.epochs_trained < 4 for t in training(run)))
    supervisor(run).kill()
    until(lambda: not processes(run), timeout_s=30)
    assert run.status == "interrupted"
    before = {t.number: t for t in run.state.finished()}

    views = [automl.attach(run.name, str(run.folder.parent)) for _ in range(2)]
    threads = [threading.Thread(target=view.resume) for view in views]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: run.state.attempt == 2)
    second = subprocess.run(
        [sys.executable, "-m", "notebook_automl.workers.supervisor", run.folder],
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1
    assert f"is held by process {supervisor(run).pid}" in second.stderr
    assert "Traceback" not in second.stderr

    run.wait()
    assert (run.status, run.state.reason) == ("completed", "all 4 trials are done")
    assert run.state.attempt == 2 and len(told(run, events.RunStarted)) == 2
    assert len(run.state.trials) == 4
    for number, trial in before.items():
        test = run.state.trials[number].test
        assert {**vars(run.state.trials[number]), "test": {}} == vars(trial), test
    [left] = [t for t in run.state.trials.values() if t.state == "failed"]
    assert left.reason == "the supervisor ended while it ran"
    assert_study_agrees(run)
    until(lambda: not processes(run))
    check_killed_after_a_snapshot(run)


def check_killed_after_a_snapshot(run: Run) -> None:
    """A supervisor goes on from a snapshot and the events of one that was killed."""
    assert_snapshot_agrees(run)
    run.extend(trials=2)
    until(lambda: any(t.number >= 4 for t in training(run)))
    supervisor(run).kill()
    until(lambda: not processes(run), timeout_s=30)
    run.resume()
    run.wait()
    assert (run.status, run.state.attempt) == ("completed", 4)
    assert len(run.state.trials) == 6
    assert_snapshot_agrees(run)


def test_no_trial_finishes(search: Starts) -> None:
    run = search(quick(), detach=False, trials=2, epochs=1)
    for number in range(2):
        checkpoint = RunFolder(run.folder).trial(number).checkpoint
        (checkpoint / "taken").mkdir(parents=True)
    run.wait()
    assert run.status == "failed" and len(run.state.trials) == 2
    reason = run.state.reason
    assert reason.startswith("No trial finished (all 2 trials are done). The last")
    assert reason.endswith(run.state.trials[1].reason)
    assert len(run.leaderboard()) == 2
    assert_study_agrees(run)
    until(lambda: not processes(run))
    # Python cannot end while a thread holds the buffer of its input.
    assert "Fatal Python error" not in (run.folder / "supervisor.log").read_text()


def test_stop_before_there_is_anything(search: Starts) -> None:
    run = search(quick(), trials=2, epochs=1)
    run.stop()
    run.wait()
    assert run.status == "stopped" and run.state.trials == {}
    assert run.state.reason == "stopped by the person"
    until(lambda: not processes(run))

    run.resume()
    until(lambda: run.state.stage == "loading Keras" and run.state.attempt == 2)
    [worker] = [p for p in processes(run) if "--multiprocessing-fork" in p.cmdline()]
    worker.kill()
    run.wait()
    assert run.status == "failed"
    assert re.search(r"could not be prepared.*ended abruptly", run.state.reason)
    until(lambda: not processes(run))


def test_the_kernel_ends(search: Starts, tmp_path: Path) -> None:
    name = f"kernel-{os.getpid()}"  # nobody else's, as processes are found by it
    process = subprocess.Popen([sys.executable, "-c", KERNEL, str(tmp_path), name])
    try:
        until(lambda: (tmp_path / name / "events.jsonl").exists())
    finally:
        process.kill()
        process.wait()
    run = automl.attach(name, str(tmp_path)).wait()
    assert run.status == "stopped"
    assert run.state.reason.startswith("the kernel ended")
    until(lambda: not processes(run))


def test_a_disk_that_was_full(tmp_path: Path) -> None:
    """Root may write anywhere, but not on a full disk: a small one of one's own."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(tmp_path)]
    script = f'{shlex.join(mount)} && exec "$0" -c "$1" "$2"'
    shell = ["sh", "-c", script, sys.executable, FULL_DISK, str(tmp_path)]
    done = subprocess.run(["unshare", "-rm", *shell], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *_, status, end = done.stdout.splitlines()
    assert status in ("failed", "interrupted")
    assert end == "stopped in attempt 2, all kept: True"
