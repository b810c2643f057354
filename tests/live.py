"""Live runs for tests: how to start them, look at them and tell that they are whole."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

import notebook_automl as automl
from notebook_automl.api.run import Run
from notebook_automl.record import events
from notebook_automl.record.events import Event
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import holder
from notebook_automl.record.reader import RunState
from notebook_automl.record.snapshot import load
from notebook_automl.record.tail import Tail
from notebook_automl.record.trial import TrialState

Starts = Callable[..., Run]
STUDY = """
import json, sys, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
storage = JournalStorage(JournalFileBackend(sys.argv[1]))
study = optuna.load_study(study_name=None, storage=storage)
print(json.dumps([(t.number, t.state.name, t.value) for t in study.trials]))
"""
# Never a measure of speed: the machine may be busy with other things.
PATIENCE_S = 200.0


@contextlib.contextmanager
def searches(folders: pytest.TempPathFactory) -> Iterator[Starts]:
    """Starts searches on one worker; whatever is left of them ends with the tests."""
    begun = []

    def begin(frame: Any, detach: bool = True, **fields: Any) -> Run:
        usual = {"target": "label", "workers": 1, "folder": str(folders.mktemp("runs"))}
        run = automl.Search(frame, **{**usual, **fields}).start(detach)
        begun.append(run)
        return run

    yield begin
    for process in [p for run in begun for p in processes(run)]:
        with contextlib.suppress(psutil.Error):
            process.kill()


def quick() -> pd.DataFrame:
    """A table that trains many epochs a second."""
    return automl.example("wine").rename(columns={"cultivar": "label"})


def slow(rows: int = 20_000) -> pd.DataFrame:
    """A table of noise, whose epochs take their time and lead nowhere."""
    noise = np.random.default_rng(0)
    frame = pd.DataFrame(noise.normal(size=(rows, 4)), columns=list("abcd"))
    return frame.assign(label=noise.choice(["yes", "no"], size=rows))


def until(condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """Wait for something to become true, and give it back."""
    deadline_s = time.monotonic() + timeout_s
    while not (answer := condition()):
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.05)
    return answer


def processes(run: Run) -> list[psutil.Process]:
    """Every process of a run, by the variable that all of them inherit."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("NOTEBOOK_AUTOML_RUN") == run.name:
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def told(run: Run, *kinds: type[Event]) -> list[Any]:
    """The run's events, all or those of some kinds."""
    every = Tail(run.folder / "events.jsonl").read()
    return [event for event in every if not kinds or isinstance(event, kinds)]


def supervisor(run: Run) -> psutil.Process:
    held = until(lambda: holder(RunFolder(run.folder)))
    return psutil.Process(held.pid)


def worker_of(run: Run, trial: TrialState) -> psutil.Process:
    """The process that listens where the trial says that it runs."""
    port = int(trial.worker.rpartition(":")[2])
    for process in processes(run):
        with contextlib.suppress(psutil.Error, FileNotFoundError):  # it has just ended
            if port in {address.port for address in listening(process)}:
                return process
    raise AssertionError(f"nobody listens at {trial.worker}")


def listening(process: psutil.Process) -> list[Any]:
    found = process.net_connections("inet")
    return [c.laddr for c in found if c.status == psutil.CONN_LISTEN]


def training(run: Run, epochs: int = 1) -> list[TrialState]:
    """The trials that run and have trained so many epochs."""
    trials = run.state.trials.values()
    return [t for t in trials if t.state == "running" and t.epochs_trained >= epochs]


def assert_whole(run: Run, trial: TrialState) -> None:
    """A trial that counts has metrics, a model, and the source that trained it."""
    assert trial.state in ("completed", "stopped")
    assert trial.metrics["val_accuracy"] == max(
        epoch["val_accuracy"] for epoch in trial.history
    )
    assert len(trial.history) == trial.epochs_trained > 0
    told_epochs = re.findall(r"^EPOCHS = (\d+)$", run.trial(trial.number).source, re.M)
    assert told_epochs == [str(trial.epochs_trained)]
    folder = RunFolder(run.folder).trial(trial.number)
    assert folder.checkpoint.exists()


def assert_study_agrees(run: Run) -> None:
    """Plain Optuna opens the journal and finds what the events say."""
    answer = subprocess.run(
        [sys.executable, "-c", STUDY, str(run.folder / "study.journal")],
        capture_output=True,
        check=True,
        text=True,
    )
    asked = {
        number: (state, value) for number, state, value in json.loads(answer.stdout)
    }
    for number, trial in run.state.trials.items():
        if trial.state == "skipped":
            assert asked.pop(number) == ("PRUNED", None)
        elif not trial.metrics and "its first epoch takes" in trial.reason:
            assert asked.pop(number) == ("PRUNED", None)
        elif not trial.metrics:
            assert asked.pop(number) == ("FAIL", None)
        elif trial.state == "pruned":
            last = trial.history[-1]["val_accuracy"]
            assert asked.pop(number) == ("PRUNED", last)
        else:
            assert asked.pop(number) == ("COMPLETE", trial.metrics["val_accuracy"])
    # Asked for when the supervisor was killed, and never begun.
    assert all(state == "FAIL" for state, _ in asked.values())


def assert_snapshot_agrees(run: Run) -> None:
    """The snapshot of a run that has ended is what all its events come to."""
    folder, whole = RunFolder(run.folder), RunState()
    for event in told(run):
        whole.apply(event)
    state, tail = until(lambda: load(folder))
    assert tail.offset == folder.events.stat().st_size and tail.damaged == 0
    assert state == whole == run.state


def until_quiet(run: Run) -> int:
    """Wait until no trial reports an epoch any more; gives how many were reported."""
    count, since_s = -1, 0.0
    while True:
        now = len(told(run, events.EpochEnded))
        if now != count:
            count, since_s = now, time.monotonic()
        elif time.monotonic() - since_s > 6:
            return count
        time.sleep(0.1)
