"""What can go wrong, really done to real searches, a row a fault.

Each row shows that its fault happened, that no finished trial was lost, that the reason
can be read, and that the search went on or was resumed. At each class's end no process
of its run is left.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import faulty
import keras
import pytest
from live import (
    STUDY,
    Starts,
    assert_study_agrees,
    assert_whole,
    processes,
    quick,
    searches,
    slow,
    supervisor,
    told,
    training,
    until,
)

import notebook_automl as automl
from notebook_automl.api.run import Run
from notebook_automl.errors import RunNotFoundError
from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.snapshot import open_state
from notebook_automl.record.trial import TrialState

# A supervisor that is less patient, whose processes have little memory, and whose clock
# goes back an hour while there is a file.
SUPERVISOR = f"""
import resource, sys, time
from pathlib import Path
from notebook_automl.record.layout import RunFolder
from notebook_automl.workers.budget import Clock
from notebook_automl.workers.running import Patience
from notebook_automl.workers.supervisor import supervise

resource.setrlimit(resource.RLIMIT_AS, ({faulty.LIMIT_BYTES}, {faulty.LIMIT_BYTES}))
back = Path(sys.argv[2])
clock = Clock(lambda: time.time() - 3600 * back.exists(), time.monotonic)
supervise(RunFolder(Path(sys.argv[1])), clock=clock, patience=Patience(120, 8))
"""
KERNEL = """
import sys, time
import notebook_automl as automl

search = automl.Search(automl.example("wine"), target="cultivar", trials=50, workers=1)
search.epochs, (search.folder, search.name) = 500, sys.argv[1:3]
run = search.start(detach=sys.argv[3] == "detach")
time.sleep(600)
"""
STOPPER = """
import sys
import notebook_automl as automl

run = automl.attach(*sys.argv[1:])
print("ready", flush=True)
sys.stdin.readline()
print(run.stop())
"""
DISK = """
import subprocess, sys, time
from pathlib import Path
import notebook_automl as automl

disk, deadline_s = Path(sys.argv[1]), time.monotonic() + 200

def until(condition):
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.1)

def remount(how):
    command = ["mount", "-o", f"remount,{how}", str(disk)]  # busy until all have ended
    until(lambda: subprocess.run(command, capture_output=True).returncode == 0)

search = automl.Search(automl.example("wine"), target="cultivar", trials=99, epochs=3)
search.workers, search.folder, search.name = 1, str(disk), "full"
run = search.start(detach=False)
until(lambda: run.state.finished())
with (disk / "filler").open("wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError as error:
        print(error.strerror)
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

finished, best = run.state.finished(), run.trial("best").number
remount("ro")
try:
    (disk / "file").touch()
except OSError as error:
    print(error.strerror)
again = automl.attach("full", str(disk))
print(again.status, again.state.finished() == finished, len(again.leaderboard()) > 1)
try:
    again.resume()
except Exception as error:
    print(type(error).__name__, error)
remount("rw")
again.resume()
until(lambda: len(again.state.finished()) > len(finished))
again.stop()
again.wait(60)
numbers = {t.number for t in again.state.finished()}
print(f"attempt {again.state.attempt}", {t.number for t in finished} < numbers)
"""


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as begin:
        yield begin


class Diverges(keras.callbacks.Callback):
    """Spoils one trial's third epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 2 and faulty.number() == faulty.DIVERGES:
            weights = self.model.get_weights()
            self.model.set_weights([weight * float("nan") for weight in weights])


def known(run: Run) -> dict[int, dict[str, Any]]:
    """All finished trials, but the test score: it goes to the best when a run ends."""
    return {t.number: {**vars(t), "test": {}} for t in run.state.finished()}


def reason(run: Run, number: int) -> str:
    """Why, as the leaderboard has it."""
    return str(run.leaderboard().set_index("trial").loc[number, "reason"])


class TestTrials:
    """Trials that fail, each in its own way, in one run on two workers."""

    @pytest.fixture(scope="class")
    @classmethod
    def back(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """While there is this file, the supervisor's clock is an hour back."""
        return tmp_path_factory.mktemp("clock") / "back"

    @pytest.fixture(scope="class")
    @classmethod
    def run(
        cls, search: Starts, back: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Run]:
        theirs = tmp_path_factory.mktemp("theirs")
        (theirs / "theirs-1.0.dist-info").mkdir()
        for name, content in {
            "METADATA": "Name: theirs\nVersion: 1.0\n",
            "entry_points.txt": "[notebook_automl.tasks]\nfaulty = faulty\n",
        }.items():
            (theirs / "theirs-1.0.dist-info" / name).write_text(content)
        here = [str(theirs), str(Path(__file__).parent), os.environ.get("PYTHONPATH")]
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(theirs)
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, here)))
            limits = {"trials": 9, "minutes": 9, "max_model_size": 500_000}
            given = {"batch_size": 8, "callbacks": [Diverges], **limits}
            run = search(quick(), task="faulty", workers=2, **given)
            run.stop()
            run.wait()
            patch.setenv("NOTEBOOK_AUTOML_RUN", run.name)
            process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR, str(run.folder), str(back)],
                stderr=(run.folder / "supervisor.log").open("ab"),
            )
            until(lambda: len(run.state.finished()) >= 1)
            back.touch()
            process.wait()
        assert run.status == "completed", run.state.reason
        yield run
        until(lambda: not processes(run))

    def trial(self, run: Run, number: int) -> TrialState:
        assert "EPOCHS = " in run.trial(number).source
        return run.state.trials[number]

    def test_the_others_are_not_concerned(self, run: Run) -> None:
        """Nine count: what was too large, or short of memory, had no chance."""
        assert run.state.reason == "all 9 trials are done"
        others = [0, *range(faulty.DIVERGES + 1, 11)]
        assert sorted(run.state.trials) == [*range(11)]
        assert [t.number for t in run.state.finished() if t.number in others] == others
        for number in others:
            assert_whole(run, self.trial(run, number))
        assert_study_agrees(run)
        assert run.trial("best").test

    def test_short_of_memory(self, run: Run) -> None:
        trial = self.trial(run, faulty.SHORT_OF_MEMORY)
        first, second, last = reason(run, trial.number).split("; ")
        assert last.startswith("MemoryError: ") and "<cell compile>" in last
        assert first == f"tried again alone, because {last}"
        assert second == f"tried again with half the batch, because {last}"
        assert trial.state == "skipped"
        assert "BATCH_SIZE = 4\n" in run.trial(trial.number).source
        assert self.was_alone(run, trial.number) == 2

    def was_alone(self, run: Run, number: int) -> int:
        """How often a trial was tried again, each time beside no other."""
        running: set[int] = set()
        again = 0
        for event in told(run):
            if isinstance(event, events.TrialStarted):
                running.add(event.trial)
                assert not (again and number in running) or running == {number}
            elif isinstance(event, events.TrialRetried | events.TrialEnded):
                running.discard(event.trial)
            if isinstance(event, events.TrialRetried) and event.trial == number:
                again += 1
            elif isinstance(event, events.TrialEnded) and event.trial == number:
                return again
        raise AssertionError("it has not ended")

    def test_a_metric_that_raises(self, run: Run) -> None:
        why = reason(run, faulty.METRIC_RAISES)
        assert "this metric cannot be computed" in why and "<cell train>" in why
        assert self.trial(run, faulty.METRIC_RAISES).state == "failed"

    def test_a_model_that_cannot_be_built(self, run: Run) -> None:
        why = reason(run, faulty.CANNOT_BE_BUILT)
        assert re.search("unchanged|reshape", why, re.IGNORECASE)
        assert run.state.trials[faulty.CANNOT_BE_BUILT].state == "failed"

    def test_a_loss_that_is_no_number(self, run: Run) -> None:
        assert reason(run, faulty.NAN) == "loss became nan in epoch 1"
        trial = self.trial(run, faulty.NAN)
        assert trial.state == "failed" and trial.epochs_trained == 1

    def test_a_loss_that_is_a_number_no_longer(self, run: Run) -> None:
        trial = self.trial(run, faulty.DIVERGES)
        assert reason(run, trial.number) == "loss became nan in epoch 3"
        *before, diverged = trial.history.column("val_accuracy")
        if max(before) >= diverged:
            assert trial.state == "stopped" and trial.best_epoch in (1, 2)
            assert_whole(run, trial)
        else:  # by chance, the model that is kept is the one that computes nothing
            assert trial.state == "failed" and trial.best_epoch is None
        # The callback is one that a package has: it is imported, not copied.
        assert "import test_faults" in run.trial(trial.number).source

    def test_a_trial_that_hangs(self, run: Run) -> None:
        trial = self.trial(run, faulty.HANGS)
        assert re.match(r"it hung: no batch for \d+ s", reason(run, trial.number))
        assert trial.epochs_trained > 0
        if trial.state == "stopped":  # unless it hung while it wrote its model
            assert_whole(run, trial)
        else:
            assert trial.state == "failed"

    def test_a_worker_that_dies_and_dies_again(self, run: Run) -> None:
        why = "its worker process ended abruptly"
        assert reason(run, faulty.DIES) == f"tried again, because {why}; {why}"
        assert self.trial(run, faulty.DIES).state == "failed"
        started = [e for e in told(run, events.TrialStarted) if e.trial == faulty.DIES]
        assert len(started) == 2

    def test_a_model_that_is_too_large(self, run: Run) -> None:
        trial = self.trial(run, faulty.TOO_LARGE)
        assert trial.state == "skipped" and trial.parameters > 500_000
        assert reason(run, trial.number).startswith(
            f"the model has {trial.parameters:,} parameters, more than max_model_size"
        )
        assert trial.flops > 2 * 500_000 and trial.memory_mib > 4
        assert not RunFolder(run.folder).trial(trial.number).checkpoint.exists()

    def test_a_clock_that_goes_back(self, run: Run, back: Path) -> None:
        times = [event.time_s for event in told(run)]
        assert back.exists()
        assert min(after - before for before, after in pairwise(times)) < -3500
        corrections = told(run, events.ClockRead)
        spent_s = [event.spent_s for event in corrections]
        # One as each attempt begins, and one as the clock is set.
        assert len(spent_s) >= 3 and spent_s == sorted(spent_s)
        assert spent_s[-1] < run.state.spent_s() < 9 * 60
        assert all(t.seconds >= 0 for t in run.state.trials.values())


class TestSupervisors:
    """Supervisors that die, with damage done to what they leave."""

    def test_one_after_the_other(self, search: Starts) -> None:
        run = search(quick(), trials=40, epochs=12)
        before = self.kill(run)
        self.damage(run, before)
        self.resume_twice(run, before)
        self.end_all(run)
        self.delete(run)

    def kill(self, run: Run) -> dict[int, Any]:
        until(lambda: len(run.state.finished()) >= 2)
        until(lambda: any(t.epochs_trained < 4 for t in training(run)))
        supervisor(run).kill()
        until(lambda: not processes(run), timeout_s=30)
        assert run.status == "interrupted"
        return known(run)

    def damage(self, run: Run, before: dict[int, Any]) -> None:
        """Half a last line, a trial's end that cannot be read, a journal neither."""
        folder = RunFolder(run.folder)
        lines = folder.events.read_bytes().splitlines(keepends=True)
        [end] = [
            place
            for place, line in enumerate(lines)
            if b'"trial_ended"' in line and b'"trial":0,' in line
        ]
        lines[end] = b"\xff" * (len(lines[end]) - 1) + b"\n"
        folder.events.write_bytes(b"".join(lines) + b'{"kind":"epoch_end')
        folder.snapshot.unlink(missing_ok=True)
        state, tail = open_state(folder)
        assert tail.damaged == 1
        assert before.keys() - {t.number for t in state.finished()} == {0}

        journal = folder.study.read_bytes().splitlines(keepends=True)
        journal[len(journal) // 2] = b"no json\n"
        folder.study.write_bytes(b"".join(journal))
        opened = [sys.executable, "-c", STUDY, str(folder.study)]
        assert subprocess.run(opened, capture_output=True).returncode != 0

    def resume_twice(self, run: Run, before: dict[int, Any]) -> None:
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
        until(lambda: len(run.state.finished()) > len(before))
        # A view that was there before the damage, and one that came after it.
        for view in (run, *views, automl.attach(run.name, str(run.folder.parent))):
            now = known(view)
            assert {number: now[number] for number in before} == before
        [left] = [t for t in run.state.trials.values() if t.state == "failed"]
        assert left.reason == "the supervisor ended while it ran"

    def end_all(self, run: Run) -> None:
        until(lambda: training(run))
        before = known(run)
        for process in processes(run):
            process.send_signal(signal.SIGTERM)
        run.wait()
        assert run.status == "stopped"
        assert run.state.reason.startswith("the supervisor was terminated")
        until(lambda: not processes(run))
        now = known(run)
        assert {number: now[number] for number in before} == before
        assert_study_agrees(run)

    def delete(self, run: Run) -> None:
        run.resume()
        until(lambda: run.state.attempt == 3 and training(run))
        moved = run.folder.with_name("gone")
        run.folder.rename(moved)
        subprocess.run(["rm", "-rf", str(moved)], check=True)
        until(lambda: not processes(run))
        assert not run.folder.exists() and not moved.exists()
        with pytest.raises(RunNotFoundError, match="it was deleted"):
            run.leaderboard()


class TestKernels:
    """Kernels that die, and two that press the same button."""

    def test_detached(self, tmp_path: Path) -> None:
        run = self.of_killed_kernel(tmp_path, "detach")
        until(lambda: training(run))
        assert run.status == "running"
        running = training(run)[0].number
        answers = self.stop_from_two(run)
        run.wait()
        assert (run.status, run.state.reason) == ("stopped", "stopped by the person")
        assert (
            sorted(answers)
            == [
                "is stopping already; another stop ends what runs at once",
                "running trials end after their epoch",
            ]
            or answers == ["running trials end after their epoch"] * 2
        )
        trial = run.state.trials[running]
        assert (trial.state, trial.reason) == ("stopped", "stopped by the person") or (
            trial.state == "completed"
        )
        assert_whole(run, trial)
        until(lambda: not processes(run))

    def test_not_detached(self, tmp_path: Path) -> None:
        run = self.of_killed_kernel(tmp_path, "stay").wait()
        assert run.status == "stopped"
        assert run.state.reason.startswith("the kernel ended")
        until(lambda: not processes(run))

    def of_killed_kernel(self, folder: Path, how: str) -> Run:
        name = f"kernel-{os.getpid()}-{how}"  # processes are found by it
        command = [sys.executable, "-c", KERNEL, str(folder), name, how]
        process = subprocess.Popen(command)
        try:
            until(lambda: (folder / name / "events.jsonl").exists())
        finally:
            process.kill()
            assert process.wait() == -signal.SIGKILL
        return automl.attach(name, str(folder))

    def stop_from_two(self, run: Run) -> list[str]:
        kernels = [
            subprocess.Popen(
                [sys.executable, "-c", STOPPER, run.name, str(run.folder.parent)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for kernel in kernels:
            assert kernel.stdout and kernel.stdout.readline() == "ready\n"
        for kernel in kernels:
            assert kernel.stdin
            kernel.stdin.write("\n")
            kernel.stdin.flush()
        return [kernel.communicate()[0].strip() for kernel in kernels]


def test_a_disk_that_is_full_then_read_only(tmp_path: Path) -> None:
    """Root may write anywhere, but not on a full disk: a small one of one's own."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(tmp_path)]
    script = f'{shlex.join(mount)} && exec "$0" -c "$1" "$2"'
    shell = ["sh", "-c", script, sys.executable, DISK, str(tmp_path)]
    done = subprocess.run(["unshare", "-rm", *shell], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    full = lines.index("No space left on device")
    assert lines[full + 1] in ("failed", "interrupted")
    assert "stopped in attempt 2, all kept: True" in lines
    locked = lines.index("Read-only file system")
    assert lines[locked + 1] == "stopped True True"
    assert re.match(
        r"RunFolderError Cannot .*: Read-only file system", lines[locked + 2]
    )
    assert lines[-1] == "attempt 3 True"


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
    assert (run.leaderboard()["role"] == "trial").sum() == 2
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


def test_an_epoch_that_outlasts_the_budget(search: Starts) -> None:
    """It is cut short within, and the run says what it would have taken."""
    began_s = time.monotonic()
    run = search(slow(500_000), minutes=0.5, epochs=3, batch_size=4).wait()
    took_s = time.monotonic() - began_s
    assert run.status == "failed" and took_s < 0.5 * 60 + 15
    left = run.state.trials[0]
    assert left.state == "stopped" and left.epochs_trained == 0
    assert re.search(
        r"the budget of 0.5 minutes was spent: \d+ s were left, and its first epoch "
        r"takes about \d+ s",
        reason(run, 0),
    )
    assert "EPOCHS = 3\n" in run.trial(0).source
    assert_study_agrees(run)
    until(lambda: not processes(run))
