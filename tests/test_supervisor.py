"""Real supervisors with real Dask workers: commands, budgets, a worker that dies."""

from __future__ import annotations

import json
import random
import re
import stat
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import (
    PATIENCE_S,
    Starts,
    assert_snapshot_agrees,
    assert_study_agrees,
    assert_whole,
    listening,
    processes,
    quick,
    searches,
    slow,
    supervisor,
    told,
    training,
    until,
    until_quiet,
    worker_of,
)

from notebook_automl.api.run import Run
from notebook_automl.record import events
from notebook_automl.record.commands import send
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.tail import Tail


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as begin:
        yield begin


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

    def test_a_snapshot_is_left(self, run: Run) -> None:
        assert_snapshot_agrees(run)

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
        self.check_killed_worker(run)
        self.check_address(run)
        self.check_odd_commands(run)
        self.check_pause(run)
        self.check_stop(run)

    def check_address(self, run: Run) -> None:
        addresses = [a for p in processes(run) for a in listening(p)]
        assert len(addresses) >= 3 and {a.ip for a in addresses} == {"127.0.0.1"}

    def check_killed_worker(self, run: Run) -> None:
        victim, other = training(run)
        worker_of(run, victim).kill()
        until(lambda: run.state.trials[victim.number].reason)
        [retried] = told(run, events.TrialRetried)
        why = "tried again, because its worker process ended abruptly"
        assert retried.reason == run.state.trials[victim.number].reason == why
        until(lambda: victim.number in {trial.number for trial in training(run)})
        assert run.state.trials[victim.number].reason == why
        assert run.state.trials[other.number].reason == ""
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
            assert trial.state == "stopped"
            assert trial.reason.endswith("stopped by the person")
            assert_whole(run, trial)
        assert run.trial("best").test == run.state.trials[run.trial("best").number].test
        assert run.trial("best").test.keys() == {"accuracy", "loss"}
        assert "is stopped already" in run.stop()
        until(lambda: not processes(run))
        assert_snapshot_agrees(run)
        assert_study_agrees(run)

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
        # The second attempt began where the first one's snapshot ends.
        assert_snapshot_agrees(run)

    def test_a_budget_of_minutes_is_kept(self, search: Starts) -> None:
        # Noise stops a trial early, but not before the minute is over: so many rows.
        run = search(slow(400_000), minutes=1.0, epochs=500).wait()
        assert run.status == "completed"
        assert run.state.reason.startswith("the budget of 1 minute was spent")
        assert run.state.spent_s() < PATIENCE_S
        assert run.state.finished()
        *_, last = run.state.trials.values()
        assert last.state == "stopped"
        assert last.reason.startswith("the budget of 1 minute was spent")
        assert run.trial("best").test
        for trial in run.state.finished():
            assert_whole(run, trial)
        until(lambda: not processes(run))
