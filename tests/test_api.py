"""Run, Trial, attach and runs over records written by hand; nothing is searched."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest
from handmade import begun, ended, happened, over, started, write_run

import notebook_automl as automl
from notebook_automl.api.helper import Helper
from notebook_automl.api.names import names_of
from notebook_automl.api.run import Run
from notebook_automl.data._source import SOURCES, Origin
from notebook_automl.errors import (
    AutoMLError,
    DataError,
    HelperError,
    NoTrialError,
    RunFolderError,
    RunNotFoundError,
    SearchError,
    UnknownNameError,
)
from notebook_automl.export._exporter import Chosen
from notebook_automl.export._names import renamed, unlike
from notebook_automl.export._texts import code
from notebook_automl.export.notebook import _printed_metrics
from notebook_automl.record import events as kinds
from notebook_automl.record.commands import pending
from notebook_automl.record.files import write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import RunLock
from notebook_automl.record.trial import TrialState
from notebook_automl.record.writer import EventWriter
from notebook_automl.source.code import Code
from notebook_automl.source.program import Program, assemble
from notebook_automl.source.renaming import assigned

NAN = float("nan")


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs are kept, as seen from the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "automl_runs"
    folder.mkdir()
    return folder


def finished(number: int, **metrics: float) -> list[Any]:
    return [*begun(number, epochs=1, **metrics), ended(number, **metrics)]


@pytest.fixture
def done(parent: Path) -> Run:
    """A run that has ended, with three trials."""
    first, second = finished(0, val_accuracy=0.5), finished(1, val_accuracy=0.75)
    third = [*begun(2), ended(2, state="failed", reason="out of memory")]
    write_run(parent, "done", *started(), *first, *second, *third, over())
    return automl.attach("done")


class Played:
    """A supervisor that a test plays: it holds the run, and says what it is told."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @contextmanager
    def held(self) -> Iterator[Callable[..., None]]:
        with RunLock(self.folder), EventWriter(self.folder.events) as writer:

            def say(*events: kinds.Event) -> None:
                for event in events:
                    writer.append(event)

            yield say


class TestAttach:
    def test_takes_the_newest_and_running_ones_first(self, parent: Path) -> None:
        now_s = time.time()
        live = write_run(parent, "live", *started(), started_s=now_s - 9)
        for name, age_s in (("older", 5), ("newest", 1)):
            write_run(parent, name, *started(), over(), started_s=now_s - age_s)
        assert automl.attach().name == "newest"
        with Played(live).held():
            assert automl.attach().name == "live"
            assert automl.attach("older").name == "older"

    def test_says_what_there_is(self, parent: Path) -> None:
        with pytest.raises(RunNotFoundError, match=r"got none. Start one with"):
            automl.attach()
        write_run(parent, "penguins", *started(), over())
        message = "got 'pinguins' .str.*Did you mean 'penguins'.*There are: penguins"
        with pytest.raises(RunNotFoundError, match=message):
            automl.attach("pinguins")
        with pytest.raises(RunNotFoundError, match=r"got 5 .int"):
            automl.attach(5)  # type: ignore[arg-type]
        with pytest.raises(RunNotFoundError):
            automl.attach("../automl_runs/penguins")

    def test_passes_over_what_is_damaged_unless_it_is_named(self, parent: Path) -> None:
        (parent / "notes").mkdir()
        write_run(parent, "good", *started(), over())
        for name, content in (("list", []), ("empty", {}), ("text", "no")):
            write_json(write_run(parent, name).search, content)
        write_run(parent, "torn").search.write_text('{"task": "ta')
        assert automl.attach().name == "good"
        assert list(automl.runs()["name"]) == ["good"]
        for name in ("list", "empty", "text", "torn"):
            with pytest.raises(RunFolderError, match=f"Cannot read .*{name}/search"):
                automl.attach(name)

    def test_a_folder_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RunFolderError, match="Not a directory"):
            automl.runs(str(tmp_path / "file"))


class TestRuns:
    def test_one_row_a_run(self, parent: Path, done: Run) -> None:
        write_run(parent, "none", *started(), over(state="failed"), started_s=1.5)
        table = automl.runs()
        assert list(table["name"]) == ["done", "none"]
        assert list(table["status"]) == ["completed", "failed"]
        assert table["best"][0] == 0.75
        assert list(table["trials"]) == [3, 0]
        # In the person's own time.
        assert table["started"][1] == pd.Timestamp.fromtimestamp(1)
        assert automl.runs(str(parent / "nowhere")).empty


class TestStatus:
    def test_a_run_just_started_elsewhere_is_starting(self, parent: Path) -> None:
        folder = write_run(parent, "new")
        assert automl.attach("new").status == "starting"
        os.utime(folder.search, (1.0, 1.0))
        assert automl.attach("new").status == "interrupted"

    def test_is_that_of_the_record_while_somebody_holds_the_run(
        self, parent: Path
    ) -> None:
        run = Run(write_run(parent, "held", *started()))
        assert run.status == "interrupted"
        with Played(RunFolder(run.folder)).held() as say:
            assert run.status == "running"
            say(happened(kinds.RunPaused, 3.0))
            assert run.status == "paused"
            say(over(state="stopped"))
            assert run.status == "stopped"
        assert run.status == "stopped"

    def test_an_end_between_two_looks_is_no_interruption(self, parent: Path) -> None:
        folder = write_run(parent, "ends", *started())
        run = Run(folder)
        before = run.state
        with EventWriter(folder.events) as writer:
            writer.append(over())
        assert run._supervisor.status(before) == "completed"

    def test_a_deleted_run_says_so(self, parent: Path, done: Run) -> None:
        done.delete()
        with pytest.raises(RunNotFoundError, match="it was deleted"):
            done.status  # noqa: B018
        assert repr(done) == "done: deleted"
        assert done._repr_html_() is None
        # Another run of that name is not this one.
        write_run(parent, "done", *started(), over())
        with pytest.raises(RunNotFoundError, match="it was deleted"):
            done.leaderboard()
        assert automl.attach("done").status == "completed"

    def test_a_live_run_is_not_deleted(self, parent: Path) -> None:
        run = Run(write_run(parent, "live", *started()))
        with Played(RunFolder(run.folder)).held():
            with pytest.raises(SearchError, match=r"which is running.*run.stop"):
                run.delete()


class TestState:
    def test_is_read_on_and_not_anew(self, done: Run) -> None:
        assert done.status == "completed"
        events = done.folder / "events.jsonl"
        # As long as before, but nothing that can be read.
        events.write_bytes(events.read_bytes().replace(b"{", b"["))
        assert done.status == "completed"
        assert sorted(done.state.trials) == [0, 1, 2]
        assert Run(RunFolder(done.folder)).state.trials == {}

    def test_what_was_read_stays(self, parent: Path) -> None:
        folder = write_run(parent, "live", *started(), *begun(0, epochs=1, loss=1.0))
        run = Run(folder)
        before = run.state
        with EventWriter(folder.events) as writer:
            for event in (*begun(1, epochs=1, loss=1.0), ended(0, loss=1.0), over()):
                writer.append(event)
        assert sorted(run.state.trials) == [0, 1]
        assert run.state.state == "completed"
        assert before.state == "running"
        assert sorted(before.trials) == [0]
        assert before.trials[0].state == "running"
        assert run.state.trials[0].state == "completed"

    def test_threads_look_while_it_grows(self, parent: Path) -> None:
        folder = write_run(parent, "live", *started())
        run = Run(folder)
        with EventWriter(folder.events) as writer, ThreadPoolExecutor(4) as pool:
            looks = [
                pool.submit(lambda: [repr(run) for _ in range(20)]) for _ in range(4)
            ]
            for number in range(200):
                for event in finished(number, val_accuracy=0.5):
                    writer.append(event)
            for look in looks:
                look.result()
        assert sorted(run.state.trials) == list(range(200))

    def test_a_copy_is_the_same_run(self, done: Run) -> None:
        for copied in (copy.deepcopy(done), pickle.loads(pickle.dumps(done))):
            assert repr(copied) == repr(done)


class TestNoTrial:
    """What is advised fits the run."""

    def told(self, parent: Path, *events: Any, **search: Any) -> str:
        folder = write_run(parent, "none", *started(), *events, **search)
        with pytest.raises(NoTrialError) as caught:
            Run(folder).trial()
        return str(caught.value).partition("). ")[2]

    def test_after_an_interruption_it_goes_on(self, parent: Path) -> None:
        log = parent / "none" / "supervisor.log"
        assert self.told(parent) == f"See {log}, or go on with run.resume()."

    @pytest.mark.parametrize(
        ("minutes", "trials", "typed"),
        [(10, None, "minutes=5"), (None, 3, "trials=5"), (9, 3, "minutes=5, trials=5")],
    )
    def test_a_budget_that_it_has(
        self, parent: Path, minutes: Any, trials: Any, typed: str
    ) -> None:
        told = self.told(parent, over(), minutes=minutes, trials=trials)
        assert f"run.extend({typed})" in told
        assert f"run.extend({typed})" in Run(RunFolder(parent / "none")).resume()

    def test_after_failures_their_reasons(self, parent: Path) -> None:
        bad = [*begun(0), ended(0, state="failed", reason="no memory")]
        told = self.told(parent, *bad, over(state="failed", reason="all failed"))
        log = parent / "none" / "trials" / "0000" / "log.txt"
        assert told == f"See the reasons on run.leaderboard() and {log}."


class TestLeaderboard:
    def board(self, parent: Path, *events: Any, **search: Any) -> pd.DataFrame:
        folder = write_run(parent, "board", *started(), *events, over(), **search)
        return Run(folder).leaderboard()

    def test_the_best_first_then_those_without_a_number(self, parent: Path) -> None:
        scores = {0: 0.2, 1: NAN, 2: 0.9, 4: 0.9, 5: float("-inf")}
        events = [e for n, v in scores.items() for e in finished(n, val_accuracy=v)]
        board = self.board(parent, *events, *begun(3))
        assert list(board["trial"]) == [2, 4, 0, 5, 1, 3]

    def test_less_may_be_better(self, parent: Path) -> None:
        scores = {0: 0.2, 1: NAN, 2: 0.1}
        events = [e for n, v in scores.items() for e in finished(n, val_loss=v)]
        board = self.board(parent, *events, metric="loss", mode="min")
        assert list(board["trial"]) == [2, 0, 1]

    def test_only_nan_or_failures_are_shown_as_well(self, parent: Path) -> None:
        failed = [*begun(1), ended(1, state="failed", reason="no memory")]
        board = self.board(parent, *finished(0, val_accuracy=NAN), *failed)
        assert list(board["trial"]) == [0, 1]
        assert board["val_accuracy"].isna().all()
        assert board["reason"][1] == "no memory"
        with pytest.raises(NoTrialError, match=r"got none.*completed .done"):
            Run(RunFolder(parent / "board")).trial()

    def test_values_that_differ_between_trials(self, parent: Path) -> None:
        events = []
        for number, values in enumerate([{"units": 8, "drop": 0.5}, {"kind": "b"}]):
            first, built, *_ = begun(number)
            built = happened(
                kinds.TrialBuilt, 1.0, trial=number, values=values, parameters=9
            )
            events += [first, built, ended(number, val_accuracy=0.5)]
        board = self.board(parent, *events)
        # Whole numbers stay whole where some trials have none.
        assert board["units"].to_list() == [8, pd.NA]
        assert board["kind"][1] == "b"
        assert board["drop"][0] == 0.5 and np.isnan(board["drop"][1])

    def test_without_any_trial(self, parent: Path) -> None:
        write_run(parent, "no", *started(), over(state="failed", reason="No data."))
        with pytest.raises(NoTrialError, match=r"is failed \(No data\)\. See .*log"):
            automl.attach("no").leaderboard()


class TestTrial:
    def test_shows_what_it_was(self, done: Run) -> None:
        assert done.trial().number == 1
        assert repr(done.trial(1)).splitlines() == [
            "Trial 1: completed",
            "  12,345 parameters, 7 epochs in 4.2 s",
            "  val_accuracy 0.75",
        ]
        assert repr(done.trial(2)).startswith("Trial 2: failed (out of memory)\n")
        assert done.trial(0).history.index.to_list() == [1]
        assert done.trial(2).history.empty

    @pytest.mark.parametrize("number", [7, -1, "Best", None, [0], 0.5, True])
    def test_no_such_trial(self, done: Run, number: Any) -> None:
        with pytest.raises(NoTrialError, match=r'0, 1, 2\), got .*Type run\.trial\("b'):
            done.trial(number)

    @pytest.mark.parametrize("number", [1, np.int64(1), np.uint8(1)])
    def test_a_number_from_a_table(self, done: Run, number: Any) -> None:
        assert done.trial(number).number == 1

    def test_is_the_callers_own(self, done: Run) -> None:
        done.trial(1).metrics.clear()
        done.trial().metrics.clear()
        assert done.trial().metrics == {"val_accuracy": 0.75}

    def test_what_is_not_kept_is_named(self, done: Run) -> None:
        with pytest.raises(NoTrialError, match="program of trial 0"):
            done.trial(0).source  # noqa: B018
        with pytest.raises(NoTrialError, match="model of trial 0"):
            done.trial(0).load_model()
        with pytest.raises(NoTrialError, match="model of trial 1"):
            done.predict([{"petal length": 1.0}])
        with pytest.raises(NoTrialError, match=r"trial 2, which is failed \(out of m"):
            done.predict([{"petal length": 1.0}], trial=2)
        with pytest.raises(NoTrialError, match="trial 2, which is failed"):
            done.export("cells", trial=2)


class TestWait:
    def test_ends_at_once_where_nothing_is_to_come(self, done: Run) -> None:
        assert done.wait() is done

    def test_gives_the_cell_back(self, parent: Path) -> None:
        run = Run(write_run(parent, "live", *started()))
        with Played(RunFolder(run.folder)).held():
            for timeout_s in (0, 0.3):
                began_s = time.monotonic()
                assert run.wait(timeout_s).status == "running"
                assert time.monotonic() - began_s < timeout_s + 2

    def test_ctrl_c_ends_the_waiting_only(self, parent: Path) -> None:
        run = Run(write_run(parent, "live", *started()))
        with Played(RunFolder(run.folder)).held():
            timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                run.wait()
            assert run.status == "running"

    def test_what_needs_a_trial_waits_for_it(self, parent: Path) -> None:
        run = Run(write_run(parent, "live", *started()))
        with Played(RunFolder(run.folder)).held() as say:
            timer = threading.Timer(0.4, say, finished(0, val_accuracy=0.5))
            timer.start()
            assert run.trial().number == 0

    def test_ends_with_a_run_that_is_deleted(self, parent: Path) -> None:
        run = Run(write_run(parent, "live", *started()))
        timer = threading.Timer(0.4, shutil.rmtree, (run.folder,))
        with Played(RunFolder(run.folder)).held():
            timer.start()
            run.wait()


class TestHooks:
    def test_each_event_once_and_all_before_wait_returns(self, parent: Path) -> None:
        run = Run(write_run(parent, "live", *started(), *finished(0, val_loss=1.0)))
        seen: list[int] = []
        ends: list[int] = []

        @run.on_epoch
        def slow(event: kinds.EpochEnded) -> None:
            time.sleep(0.02)
            seen.append(event.trial)

        with Played(RunFolder(run.folder)).held() as say:
            for number in range(1, 10):
                say(*finished(number, val_loss=1.0))
            # One that comes late sees everything as well.
            run.on_trial_end(lambda event: ends.append(event.trial))
            say(over())
            run.wait()
        assert seen == ends == list(range(10))
        assert slow.__name__ == "slow"

    def test_what_a_hook_raises_is_shown(
        self, done: Run, capsys: pytest.CaptureFixture[str]
    ) -> None:
        seen = []

        def broken(event: kinds.TrialEnded) -> None:
            seen.append(event.trial)
            raise SystemExit(f"after {event.trial}")

        done.on_trial_end(broken)
        done.wait()
        assert seen == [0, 1, 2]
        shown = capsys.readouterr().err
        assert shown.count("The hook broken failed:") == 3
        assert "SystemExit: after 2" in shown

    def test_late_writes_of_a_dead_supervisor_are_ignored(self, parent: Path) -> None:
        late = ended(0, val_loss=1.0)
        again = happened(kinds.TrialEnded, 7.0, attempt=2, **ended_fields())
        folder = write_run(parent, "r", *started(), *started(attempt=2), late, again)
        seen: list[Any] = []
        run = Run(folder)
        run.on_trial_end(seen.append)
        run.wait()
        assert seen == [again]

    def test_another_run_of_that_name_is_another_run(
        self, parent: Path, done: Run
    ) -> None:
        seen: list[Any] = []
        before = threading.active_count()
        done.on_trial_end(seen.append)
        done.wait()
        done.delete()
        write_run(parent, "done", *started(), *finished(0, val_accuracy=0.1), over())
        time.sleep(1.5)
        assert len(seen) == 3
        assert threading.active_count() == before

    def test_waiting_in_a_hook(self, done: Run) -> None:
        statuses: list[str] = []
        done.on_trial_end(lambda event: statuses.append(done.wait().status))
        done.wait()
        assert statuses == ["completed"] * 3

    def test_something_that_is_no_function(self, done: Run) -> None:
        with pytest.raises(SearchError, match=r"takes an event, got 'f' \(str\)"):
            done.on_epoch("f")  # type: ignore[type-var]


def ended_fields() -> dict[str, Any]:
    event = ended(0, val_loss=2.0)
    return {k: v for k, v in vars(event).items() if k not in ("time_s", "attempt")}


class TestCommands:
    def test_an_ended_run_is_not_asked(self, done: Run) -> None:
        assert done.stop() == "'done' is completed already"
        assert done.pause() == "'done' is completed already"
        # A later supervisor finds nothing to obey.
        assert pending(RunFolder(done.folder), set()) == []

    def test_the_answer_comes_back(self, parent: Path) -> None:
        folder = write_run(parent, "live", *started())
        run = Run(folder)
        answers: list[str] = []
        with Played(folder).held() as say:
            asking = threading.Thread(target=lambda: answers.append(run.pause()))
            asking.start()
            while not (commands := pending(folder, set())):
                time.sleep(0.01)
            say(
                happened(
                    kinds.CommandAcknowledged,
                    4.0,
                    command=commands[0].id,
                    verb="pause",
                    accepted=True,
                    message="holds",
                )
            )
            asking.join(5)
        assert answers == ["holds"]

    def test_a_run_that_ends_meanwhile_leaves_no_command(self, parent: Path) -> None:
        folder = write_run(parent, "live", *started())
        run = Run(folder)
        with Played(folder).held() as say:
            threading.Timer(0.3, say, [over()]).start()
            assert run.stop() == "'live' is completed already"
        assert pending(folder, set()) == []

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({}, "Expected minutes or trials to add, got neither"),
            ({"minutes": 0}, r"Expected minutes .* above 0, got 0 \(int\)"),
            ({"minutes": True}, r"got True \(bool\)"),
            ({"minutes": NAN}, r"got nan \(float\)"),
            ({"minutes": float("inf")}, r"got inf \(float\)"),
            ({"trials": 1.5}, r"whole number above 0, got 1.5 \(float\)"),
            ({"trials": 5}, r"not limited by. Type run.extend\(minutes=5\)"),
        ],
    )
    def test_what_cannot_be_added(
        self, done: Run, more: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(SearchError, match=message):
            done.extend(**more)
        assert pending(RunFolder(done.folder), set()) == []


class TestExport:
    def test_arguments_that_cannot_be(self, done: Run, tmp_path: Path) -> None:
        with pytest.raises(UnknownNameError, match="Did you mean 'notebook'"):
            done.export("notebok")
        with pytest.raises(SearchError, match=r"Expected no path.*'a' \(str\)"):
            done.export("cells", "a")
        with pytest.raises(SearchError, match=r"got True \(bool\)"):
            done.export("cells", replay=True)
        with pytest.raises(SearchError, match=r"got 5 \(int\)"):
            done.export("notebook", 5)  # type: ignore[arg-type]
        for kind in (["notebook"], None):
            with pytest.raises(UnknownNameError, match="name of an exporter, got"):
                done.export(kind)  # type: ignore[arg-type]
        with pytest.raises(SearchError, match="as text, got '~nobody-at-all/"):
            done.export("notebook", "~nobody-at-all/best.ipynb")

    @pytest.mark.parametrize("name", ["a\nb", "a\0b", "\x1b[2J", "a\u2028b", "\ud800"])
    def test_a_name_that_would_break_out(self, done: Run, name: str) -> None:
        with pytest.raises(SearchError, match="without control characters, got"):
            done.export("notebook", f"{name}.ipynb")

    @pytest.mark.parametrize("path", ["/proc/best.ipynb", f"{'x' * 300}.ipynb"])
    def test_where_nothing_can_be_written(self, done: Run, path: str) -> None:
        source, frame = (
            SOURCES.get("frame"),
            pd.DataFrame({"a": [1.0, 2], "b": list("cd")}),
        )
        data = RunFolder(done.folder).data
        source.save(frame, source.describe(frame, "b", ("frame",)), data)
        done.trial(1).folder.create()
        write_json(done.trial(1).folder.test, {"accuracy": 0.5})
        with pytest.raises(SearchError, match=r"can be written, got '.* .str"):
            done.export("notebook", path)

    def test_code_in_markdown(self) -> None:
        assert code("pip install") == "`pip install`"
        assert code("a`b``c") == "``` a`b``c ```"

    @pytest.mark.parametrize("path", ["best", "best.html", "", ".", "best.ipynb/"])
    def test_a_path_that_is_no_notebooks(self, done: Run, path: str) -> None:
        os.mkdir("best.ipynb")
        with pytest.raises(SearchError, match=r"Expected a .*path"):
            done.export("notebook", path)

    def test_a_folder_that_is_not_there(self, done: Run) -> None:
        with pytest.raises(SearchError, match=r"Expected a folder.*nowhere"):
            done.export("notebook", "nowhere/best.ipynb")

    @pytest.mark.parametrize(
        "content",
        ["", "{}", '"notebook-automl"', '{"metadata": {"notebook_automl": {}}}'],
    )
    def test_what_is_not_ours_stays(self, done: Run, content: str) -> None:
        path = Path("mine.ipynb")
        path.write_text(content)
        with pytest.raises(SearchError, match="Expected a new path"):
            done.export("notebook", path)
        path.unlink()
        requirements = Path("mine.requirements.txt")
        requirements.write_text(content)
        with pytest.raises(SearchError, match="where the requirements go"):
            done.export("notebook", path)
        assert requirements.read_text() == content
        assert sorted(os.listdir()) == ["automl_runs", "mine.requirements.txt"]

    def test_printed_metrics_may_be_no_numbers(self) -> None:
        printed = "{'loss': nan, 'accuracy': 0.1, 'f1': -inf, 'mae': 1e-07}"
        output = nbformat.v4.new_output("stream", name="stdout", text=f"x\n{printed}\n")
        cell = nbformat.v4.new_code_cell(id="evaluate", outputs=[output])
        read = _printed_metrics(nbformat.v4.new_notebook(cells=[cell]))
        assert repr(read) == printed


def runs_module(process: psutil.Process, name: str) -> bool:
    """Whether a process lives and was started with this module."""
    try:
        return name in process.cmdline()
    except psutil.Error:  # ended, or ends now
        return False


def helpers() -> set[psutil.Process]:
    """Helper processes that this one started and that have not ended."""
    children = psutil.Process().children()
    return {c for c in children if runs_module(c, "notebook_automl.workers.helper")}


class TestHelper:
    """The process itself: a recorded score needs no Keras."""

    @pytest.fixture
    def helper(self) -> Iterator[Helper]:
        helper = Helper()
        self.others = helpers()
        yield helper
        helper.close()
        psutil.wait_procs(helpers() - self.others, timeout=10)

    @pytest.fixture
    def folder(self, done: Run) -> RunFolder:
        folder = RunFolder(done.folder)
        folder.trial(1).create()
        write_json(folder.trial(1).test, {"accuracy": 0.25, "loss": NAN})
        return folder

    def process(self) -> psutil.Process:
        (found,) = helpers() - self.others
        return found

    def test_answers_again_and_again(self, helper: Helper, folder: RunFolder) -> None:
        # A file of the person's that is called like a library.
        Path("json.py").write_text("raise SystemExit('the wrong one')")
        first = helper.score(folder, 1)
        assert first["accuracy"] == 0.25 and np.isnan(first["loss"])
        process = self.process()
        assert helper.score(folder, 1)["accuracy"] == 0.25
        assert self.process() == process

    def test_a_killed_one_is_replaced(self, helper: Helper, folder: RunFolder) -> None:
        for wait in (True, False):
            helper.score(folder, 1)
            process = self.process()
            process.kill()
            if wait:
                process.wait(5)
            assert helper.score(folder, 1)["accuracy"] == 0.25

    def test_an_interrupted_cell_does_not_end_it(
        self, helper: Helper, folder: RunFolder
    ) -> None:
        helper.score(folder, 1)
        process = self.process()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        helper.score(folder, 1)
        assert self.process() == process

    def test_a_late_answer_is_nobody_elses(
        self, helper: Helper, folder: RunFolder
    ) -> None:
        helper.score(folder, 1)
        process = self.process()
        process.suspend()
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            helper.score(folder, 1)
        process.resume()
        write_json(folder.trial(1).test, {"accuracy": 0.5})
        assert helper.score(folder, 1) == {"accuracy": 0.5}

    def test_ends_when_asked(self, helper: Helper, folder: RunFolder) -> None:
        helper.score(folder, 1)
        process = self.process()
        helper.close()
        process.wait(5)

    def test_its_errors_are_ours(self, helper: Helper, folder: RunFolder) -> None:
        with pytest.raises(HelperError, match=r"FileNotFoundError: .*source.py"):
            helper.score(folder, 2)
        # It goes on, and what went wrong stands in the run's log.
        assert helper.score(folder, 1)["accuracy"] == 0.25
        assert "FileNotFoundError" in folder.log.read_text("utf-8")

    def test_threads_take_turns(self, helper: Helper, folder: RunFolder) -> None:
        scores: list[float] = []
        threads = [
            threading.Thread(
                target=lambda: scores.append(helper.score(folder, 1)["accuracy"])
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert scores == [0.25] * 8

    def test_a_notebook_is_executed_elsewhere(
        self, helper: Helper, folder: RunFolder, tmp_path: Path
    ) -> None:
        path = tmp_path / "größe.ipynb"
        code = ["import os, sys\nprint(sys.executable, os.getcwd())", "1 / 0"]
        cells = [nbformat.v4.new_code_cell(text) for text in code]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        before = path.read_bytes()
        executed = helper.execute(folder, path)
        assert executed.error == "ZeroDivisionError: division by zero"
        first = nbformat.reads(executed.notebook, as_version=4).cells[0]
        assert first.outputs[0].text == f"{sys.executable} {tmp_path}\n"
        assert path.read_bytes() == before
        below = psutil.Process().children(recursive=True)
        assert not [c for c in below if runs_module(c, "ipykernel_launcher")]


class TestNames:
    def test_those_of_whoever_calls(self) -> None:
        table, x, y = pd.DataFrame(), np.zeros(1), np.ones(1)
        assert names_of(table) == ("table",)
        assert names_of((y, x)) == ("y", "x")
        assert names_of((x, y + 1)) == ()
        assert names_of(pd.DataFrame()) == ()

    def test_only_names_that_code_may_use(self) -> None:
        value = object()
        scope = {"_1": value, "two words": value, "class": value, "größe": value}
        exec("found = names_of(größe)", {"names_of": names_of} | scope, scope)
        assert scope["found"] == ("größe",)


PARTS = {
    "setup": Code(
        ("import hashlib", "import numpy as np", "import keras"),
        "SEED = len(keras.__name__)",
    ),
    "load": Code(),
    "split": Code(
        source="""\
labels = np.unique(y, return_inverse=True)[1]  # labels, not the person's
rows = dict(labels=labels[0], x=x.shape, y=[y for y in y[:1]], text="x {labels}")
SHOWN = f"{labels.shape} {{labels}} {y.x if False else len(y)}"
def prepare(rows):
    return rows[labels[:1]] + SEED
out = prepare(x)
"""
    ),
}


class TestProgramHere:
    """What runs in the person's notebook leaves their data alone."""

    @pytest.fixture(autouse=True)
    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))

    def program(self, run: RunFolder, data: Any, names: tuple[str, ...]) -> Program:
        source = SOURCES.get("arrays")
        schema = source.describe(data, None, names)
        load = source.load_code(schema, Origin("copy", ("data",)))
        run.trial(0).create()
        text = assemble(PARTS | {"load": load}, {}).to_text()
        run.trial(0).source.write_text(text, "utf-8")
        chosen = Chosen(
            run=run,
            search={},
            schema=schema,
            trial=TrialState(0),
            beside=source,
            test=dict,
            execute=lambda path: None,  # type: ignore[arg-type, return-value]
        )
        return chosen.program_here()

    @pytest.mark.parametrize(
        "names",
        [
            "x y",
            "y x",
            "images labels",
            "labels x",
            "SEED out",
            "np keras",
            "prepare rows",
            "hashlib trial_x",
            "SHOWN data_0_SHOWN",
            "größe FINGERPRINT",
        ],
    )
    def test_whatever_their_names_are(self, folder: RunFolder, names: str) -> None:
        data = np.arange(24.0).reshape(2, 3, 4), np.array([7, 5])
        first, second = names.split()
        text = self.program(folder, data, (first, second)).to_text()
        theirs = dict(zip((first, second), data, strict=True))
        namespace: dict[str, Any] = dict(theirs)
        exec(text, namespace)
        for _ in range(2):  # and so again
            # Where they are called x and y, they may be views of the same arrays.
            for name, array in theirs.items():
                np.testing.assert_array_equal(namespace[name], array, strict=True)
            (rows,) = [
                v for v in namespace.values() if isinstance(v, dict) and "text" in v
            ]
            assert rows == {"labels": 1, "x": (2, 3, 4), "y": [7], "text": "x {labels}"}
            texts = [v for v in namespace.values() if isinstance(v, str)]
            assert "(2,) {labels} 2" in texts
            exec(text, namespace)

    def test_common_names_are_kept(self, folder: RunFolder) -> None:
        data = np.zeros((2, 3, 4)), np.array([7, 5])
        assert "trial_" not in self.program(folder, data, ("x", "y")).to_text()
        images = self.program(folder, data, ("images", "digits")).to_text()
        assert "x, y = images, digits\n" in images
        assert "trial_" not in images

    def test_no_name_is_taken(self) -> None:
        assert unlike("x", {"x", "trial_x"}) == "trial_trial_x"
        assert unlike("SEED", {"SEED"}) == "TRIAL_SEED"
        program = assemble(PARTS, {"A": "b"})
        taken = assigned(program.to_text())
        names = {name: unlike(name, taken) for name in taken}
        others = renamed(program, names)
        assert assigned(others.to_text()) == set(names.values())
        assert "import os as trial_os" in others["setup"]
        back = renamed(others, {new: old for old, new in names.items()})
        compile(back.to_text(), "back", "exec")


def test_all_errors_are_of_one_tree() -> None:
    for error in (DataError, HelperError, NoTrialError, RunFolderError, SearchError):
        assert issubclass(error, AutoMLError)
