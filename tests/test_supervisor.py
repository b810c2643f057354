"""Real supervisors with real Dask workers, which are stopped, starved and killed."""

from __future__ import annotations

import contextlib
import json
import queue
import random
import re
import shlex
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

import notebook_automl as automl
from notebook_automl.api.run import Run
from notebook_automl.record import events
from notebook_automl.record.commands import send
from notebook_automl.record.events import Event
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import holder
from notebook_automl.record.reader import RunState, Tail, TrialState
from notebook_automl.workers.cluster import Cluster, Message
from notebook_automl.workers.link import Link

Starts = Callable[..., Run]
STUDY = """
import json, sys, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
storage = JournalStorage(JournalFileBackend(sys.argv[1]))
study = optuna.load_study(study_name=None, storage=storage)
print(json.dumps([(t.number, t.state.name, t.value) for t in study.trials]))
"""
CLIENTS = """
import os, sys
from distributed import Client, Security
others = Security.temporary()
for port in sys.argv[1:]:
    for protocol, security in (("tcp", None), ("tls", None), ("tls", others)):
        try:
            Client(f"{protocol}://127.0.0.1:{port}", security=security, timeout=5)
        except (OSError, TypeError):
            print("refused", flush=True)
os._exit(0)  # rather than wait for what such a client still tries
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
# Never a measure of speed: the machine may be busy with other things.
PATIENCE_S = 200.0


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
        if trial.state == "failed":
            assert asked.pop(number) == ("FAIL", None)
        else:
            assert asked.pop(number) == ("COMPLETE", trial.metrics["val_accuracy"])
    # Asked for when the supervisor was killed, and never begun.
    assert all(state == "FAIL" for state, _ in asked.values())


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    """Starts searches on one worker; whatever is left of them ends with the tests."""
    begun = []

    def begin(frame: pd.DataFrame, detach: bool = True, **fields: Any) -> Run:
        fields = {
            "workers": 1,
            "folder": str(tmp_path_factory.mktemp("runs")),
            **fields,
        }
        run = automl.Search(frame, target="label", **fields).start(detach)
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


class TestARunThatEnds:
    """A search over eight trials, of which one cannot keep its model."""

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, search: Starts) -> Run:
        run = search(quick(), trials=8, epochs=3, workers=2)
        # A folder where the model should go: the train cell fails at its own place.
        (RunFolder(run.folder).trial(1).checkpoint / "taken").mkdir(parents=True)
        assert run.status in ("starting", "running")
        return run.wait()

    def test_it_takes_its_budget_exactly(self, run: Run) -> None:
        assert (run.status, run.state.reason) == ("completed", "all 8 trials are done")
        assert sorted(run.state.trials) == [*range(8)]
        assert all(t.epochs_trained <= 3 for t in run.state.trials.values())

    def test_no_process_is_left(self, run: Run) -> None:
        until(lambda: not processes(run))

    def test_the_folder_is_its_owners(self, run: Run) -> None:
        assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700

    def test_a_trial_that_fails_says_where_in_its_source(self, run: Run) -> None:
        [failed] = [t for t in run.state.trials.values() if t.state == "failed"]
        assert failed.number == 1 and failed.metrics == {}
        assert re.search(r"directory.*\(in <cell train>, line \d+\)", failed.reason)
        assert "Traceback" in RunFolder(run.folder).trial(1).log.read_text()
        board = run.leaderboard().set_index("trial")
        assert board.loc[1, "reason"] == failed.reason

    def test_the_best_few_models_are_kept(self, run: Run) -> None:
        finished = sorted(
            run.state.finished(), key=lambda t: (-t.metrics[run.metric], t.number)
        )
        folder = RunFolder(run.folder)
        kept = [
            t.number for t in finished if folder.trial(t.number).checkpoint.exists()
        ]
        assert kept == [t.number for t in finished[:5]] and len(finished) == 7
        for trial in finished[:5]:
            assert_whole(run, trial)

    def test_the_test_rows_are_scored_once(self, run: Run) -> None:
        [scored] = told(run, events.TestScored)
        assert scored.trial == run.trial("best").number
        paths = list(run.folder.glob("trials/*/test.json"))
        assert paths == [RunFolder(run.folder).trial(scored.trial).test]
        assert json.loads(paths[0].read_text()) == scored.metrics
        assert run.state.trials[scored.trial].test == scored.metrics

    def test_plain_optuna_opens_the_study(self, run: Run) -> None:
        assert_study_agrees(run)

    def test_stages_go_forward(self, run: Run) -> None:
        assert [event.stage for event in told(run, events.StageEntered)] == [
            "starting",
            "loading Keras",
            "preparing data",
            "searching",
            "scoring",
        ]

    def test_dask_says_nothing(self, run: Run) -> None:
        log = (run.folder / "supervisor.log").read_text()
        assert "distributed" not in log and "Traceback" not in log

    def test_it_folds_to_the_same_wherever_one_looks(
        self, run: Run, tmp_path: Path
    ) -> None:
        whole = (run.folder / "events.jsonl").read_bytes()
        for cut in random.Random(0).sample(range(len(whole)), 40):
            path = tmp_path / "events.jsonl"
            path.write_bytes(whole[:cut])
            tail, state = Tail(path), RunState()
            for content in (whole[:cut], whole):
                path.write_bytes(content)
                for event in tail.read():
                    state.apply(event)
            assert state == run.state


class TestARunThatIsDisturbed:
    def test_kill_a_worker_then_pause_extend_and_stop(self, search: Starts) -> None:
        run = search(slow(), trials=4, epochs=500, workers=2)
        until(lambda: len(training(run)) == 2)
        self.check_strangers_are_refused(run)
        self.check_killed_worker(run)
        self.check_odd_commands(run)
        self.check_pause(run)
        self.check_stop(run)

    def check_strangers_are_refused(self, run: Run) -> None:
        addresses = [a for p in processes(run) for a in listening(p)]
        assert len(addresses) >= 3 and {a.ip for a in addresses} == {"127.0.0.1"}
        encrypted = []
        for address in addresses:
            answer = plain_answer(address)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 404")
            encrypted += [address.port] * (answer == b"")
            assert answer or stranger_answer(address) == b""
        command = [sys.executable, "-c", CLIENTS, *map(str, encrypted)]
        answers = subprocess.run(command, capture_output=True, text=True).stdout
        assert answers.split() == ["refused"] * 3 * len(encrypted)

    def check_killed_worker(self, run: Run) -> None:
        victim, other = training(run)
        worker_of(run, victim).kill()
        failed = until(
            lambda: (t := run.state.trials[victim.number]).state == "failed" and t
        )
        assert "its worker process ended abruptly" in failed.reason
        assert run.state.trials[other.number].state == "running"
        until(lambda: any(t.number > 1 for t in training(run)))
        assert run.status == "running"

    def check_odd_commands(self, run: Run) -> None:
        commands = run.folder / "commands"
        budget = (run.state.minutes, run.state.trials_budget)
        odd = {
            "1-damaged": "{",
            "2-unknown": '{"verb": "dance", "arguments": {}}',
            "3-text": '{"verb": "extend", "arguments": {"trials": "many"}}',
            "4-half": '{"verb": "extend", "arguments": {"trials": 1.5}}',
            "5-less": '{"verb": "extend", "arguments": {"trials": -1}}',
            "6-other": '{"verb": "extend", "arguments": {"minutes": 1}}',
        }
        for name, text in odd.items():
            (commands / f"{name}.json").write_text(text)
        (commands / "7-folder.json").mkdir()
        names = {*odd, "7-folder"}
        until(lambda: names <= run.state.acknowledged.keys())
        answers = run.state.acknowledged
        assert not any(answers[name].accepted for name in names)
        assert all(answers[name].message for name in names)
        assert (run.state.minutes, run.state.trials_budget) == budget

    def check_pause(self, run: Run) -> None:
        assert "hold after their epoch" in run.pause()
        assert run.pause() == "is paused already" and run.status == "paused"
        # An extension and its copy under the same name are one.
        command = send(RunFolder(run.folder), "extend", trials=2)
        until(lambda: command in run.state.acknowledged)
        path = run.folder / "commands" / f"{command}.json"
        path.write_text(path.read_text())
        assert run.state.acknowledged[command].message == "the budget is 6 trials"

        quiet = until_quiet(run)
        spent_s = run.state.spent_s(time.time())
        time.sleep(1.5)
        assert len(told(run, events.EpochEnded)) == quiet
        assert run.state.spent_s(time.time()) == spent_s
        assert run.status == "paused" and run.state.trials_budget == 6

        assert run.resume() == "goes on" and run.resume() == "is not paused"
        until(lambda: len(told(run, events.EpochEnded)) > quiet)
        assert run.state.spent_s(time.time()) > spent_s
        assert Counter(e.command for e in told(run, events.CommandAcknowledged)) == {
            name: 1 for name in run.state.acknowledged
        }

    def check_stop(self, run: Run) -> None:
        until(lambda: len(training(run)) == 2)
        running = [trial.number for trial in training(run)]
        assert run.stop() == "running trials end after their epoch"
        run.wait()
        assert (run.status, run.state.reason) == ("stopped", "stopped by the person")
        for number in running:
            trial = run.state.trials[number]
            assert (trial.state, trial.reason) == ("stopped", "stopped by the person")
            assert_whole(run, trial)
        assert run.trial("best").test == run.state.trials[run.trial("best").number].test
        assert run.trial("best").test.keys() == {"accuracy", "loss"}
        assert "is stopped already" in run.stop()
        until(lambda: not processes(run))
        assert_study_agrees(run)

    def test_kill_the_supervisor_and_resume(self, search: Starts) -> None:
        run = search(quick(), trials=4, epochs=12)
        until(lambda: run.state.finished() and training(run))
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

    def test_stop_twice_then_extend(self, search: Starts) -> None:
        run = search(slow(), trials=1, epochs=500)
        [trial] = until(lambda: training(run))
        # It hangs: it neither hears a word nor ends its epoch.
        worker_of(run, trial).suspend()
        assert run.stop() == "running trials end after their epoch"
        assert run.stop() == "what runs is ended at once"
        run.wait()
        assert run.status == "stopped"
        assert "stopped by the person" in run.state.reason
        trial = run.state.trials[0]
        if trial.state == "stopped":  # unless it hung while it wrote its model
            assert_whole(run, trial)
        else:
            assert trial.reason == "stopped by the person, at once"
        assert told(run, events.TestScored) == []
        until(lambda: not processes(run))

        # A stop that nobody has read is not meant for the next supervisor.
        stale = run.folder / "commands" / "1000000000-stale.json"
        stale.write_text('{"verb": "stop", "arguments": {}}')
        assert run.extend(trials=1) == "the budget is 2 trials"
        until(lambda: 1 in run.state.trials)
        assert not run.state.acknowledged[stale.stem].accepted
        assert (run.state.attempt, run.status) == (2, "running")
        supervisor(run).terminate()
        run.wait()
        assert run.status == "stopped"
        assert "the supervisor was terminated" in run.state.reason
        assert run.state.trials[1].reason.startswith("the supervisor was terminated")
        until(lambda: not processes(run))

    def test_a_budget_of_minutes_is_kept(self, search: Starts) -> None:
        run = search(slow(), minutes=0.25, epochs=500).wait()
        assert run.status == "completed"
        assert run.state.reason == "the budget of 0.25 minutes was spent"
        assert 15 <= run.state.spent_s() < PATIENCE_S
        assert run.state.finished()
        *_, last = run.state.trials.values()
        assert last.state in ("stopped", "failed")
        assert run.state.reason in last.reason
        assert run.trial("best").test
        for trial in run.state.finished():
            assert_whole(run, trial)
        until(lambda: not processes(run))


class TestARunThatCannotBe:
    def test_no_trial_finishes(self, search: Starts) -> None:
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

    def test_stop_before_there_is_anything(self, search: Starts) -> None:
        run = search(quick(), trials=2, epochs=1)
        run.stop()
        run.wait()
        assert run.status == "stopped" and run.state.trials == {}
        assert run.state.reason == "stopped by the person"
        until(lambda: not processes(run))

        run.resume()
        until(lambda: run.state.stage == "loading Keras" and run.state.attempt == 2)
        [worker] = [
            p for p in processes(run) if "--multiprocessing-fork" in p.cmdline()
        ]
        worker.kill()
        run.wait()
        assert run.status == "failed"
        assert re.search(r"could not be prepared.*ended abruptly", run.state.reason)
        until(lambda: not processes(run))

    def test_the_kernel_ends(self, search: Starts, tmp_path: Path) -> None:
        kernel = """
import sys, time
import notebook_automl as automl
search = automl.Search(automl.example("wine"), target="cultivar", trials=50, workers=1)
search.name, search.folder = "first", sys.argv[1]
run = search.start(detach=False)
time.sleep(600)
"""
        process = subprocess.Popen([sys.executable, "-c", kernel, str(tmp_path)])
        try:
            until(lambda: (tmp_path / "first" / "events.jsonl").exists())
        finally:
            process.kill()
            process.wait()
        run = automl.attach("first", str(tmp_path)).wait()
        assert run.status == "stopped"
        assert run.state.reason.startswith("the kernel ended")
        until(lambda: not [p for p in processes(run) if str(tmp_path) in p.cmdline()])

    def test_a_disk_that_was_full(self, tmp_path: Path) -> None:
        """Root may write anywhere, but not on a full disk: a small one of one's own."""
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(tmp_path)]
        tool = shutil.which("unshare")
        if tool is None or subprocess.run([tool, "-rm", *mount]).returncode:
            pytest.skip("a user may not mount here")
        script = f'{shlex.join(mount)} && exec "$0" -c "$1" "$2"'
        shell = ["sh", "-c", script, sys.executable, FULL_DISK, str(tmp_path)]
        done = subprocess.run([tool, "-rm", *shell], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        *_, status, end = done.stdout.splitlines()
        assert status in ("failed", "interrupted")
        assert end == "stopped in attempt 2, all kept: True"


class TestTheCluster:
    def test_words_come_in_order_and_who_waits_in_line_lives(self) -> None:
        heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
        cluster = Cluster(1, [], heard.put)

        def hear() -> tuple[str, str, Any]:
            message = heard.get(timeout=PATIENCE_S)
            fields = message.fields
            return message.key, message.kind, fields.get("result", fields.get("reason"))

        try:
            for key in ("first", "second", "third"):
                cluster.submit("test_supervisor:collect", key)
            assert hear() == ("first", "started", None)
            # What is said to a task that has not begun waits for it.
            for number in range(20):
                cluster.word("second", str(number))
            cluster.kill("third")
            assert hear() == ("third", "lost", "it had not begun")
            cluster.kill("first")
            key, kind, reason = hear()
            assert (key, kind) == ("first", "lost") and "ended abruptly" in reason
            assert hear() == ("second", "started", None)
            words = " ".join(map(str, range(20)))
            assert hear() == ("second", "done", words)
            cluster.submit("test_supervisor:collect", "fourth")
            assert hear()[1] == "started"
        finally:
            began_s = time.monotonic()
            cluster.close()
        assert time.monotonic() - began_s < 20
        assert heard.empty()


def collect(link: Link) -> str:
    """A task: the next twenty words."""
    return " ".join(str(link.word(timeout_s=PATIENCE_S)) for _ in range(20))


def until_quiet(run: Run) -> int:
    """Wait until no trial reports an epoch any more; gives how many were reported."""
    count, since_s = -1, 0.0
    while True:
        now = len(told(run, events.EpochEnded))
        if now != count:
            count, since_s = now, time.monotonic()
        elif time.monotonic() - since_s > 3:
            return count
        time.sleep(0.1)


def plain_answer(address: Any) -> bytes:
    """What somebody hears who does not encrypt."""
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"GET /info/main/workers.html HTTP/1.0\r\n\r\n")
        return heard(connection)


def stranger_answer(address: Any) -> bytes:
    """What somebody hears who encrypts, trusts anybody and has no key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address, timeout=5) as connection:
        try:
            with context.wrap_socket(connection) as line:
                return heard(line)
        except OSError:
            return b""


def heard(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1024)
    except ConnectionError:
        return b""
