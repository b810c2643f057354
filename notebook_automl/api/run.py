"""A run: a view of its folder, and the words that its supervisor understands."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from notebook_automl.api.helper import Helper
from notebook_automl.api.hooks import Hooks
from notebook_automl.api.progress import Progress
from notebook_automl.api.trial import Trial
from notebook_automl.data._source import SOURCES
from notebook_automl.errors import (
    NoTrialError,
    RunNotFoundError,
    SearchError,
    received,
)
from notebook_automl.export._exporter import EXPORTERS, Chosen
from notebook_automl.plots._summary import Summary, summary
from notebook_automl.record import commands
from notebook_automl.record.events import EpochEnded, TrialEnded
from notebook_automl.record.layout import RunFolder, read_json
from notebook_automl.record.lock import holder, spawn_detached
from notebook_automl.record.reader import RunState, TrialState, read_state
from notebook_automl.record.schema import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_POLL_S = 0.2
# From `start()` until the new process holds its run.
_LAUNCH_TIMEOUT_S = 60.0
_ACKNOWLEDGE_TIMEOUT_S = 10.0
ENDED = ("completed", "stopped", "failed", "interrupted")


class Run:
    """A search that runs, or ran, in processes of its own.

    Everything is read from the run's folder: a run may be attached from any kernel, at
    any time, and several times at once.

    Args:
        folder: The run's folder.

    Raises:
        RunNotFoundError: There is no run in it.
    """

    def __init__(self, folder: RunFolder) -> None:
        if not folder.search.exists():
            raise RunNotFoundError(
                f"Expected a run in {str(folder.path)!r}, got a folder without one. "
                "List the runs with notebook_automl.runs()."
            )
        self._folder = folder
        self.search: dict[str, Any] = read_json(folder.search)
        self.schema = Schema.from_json(read_json(folder.schema))
        self.metric = f"val_{self.search['metric']}"
        self.mode: Literal["max", "min"] = self.search["mode"]
        self._process: subprocess.Popen[bytes] | None = None
        self._hooks = Hooks(folder)
        self._helper = Helper(folder)

    @property
    def name(self) -> str:
        """The run's name."""
        return self._folder.name

    @property
    def folder(self) -> Path:
        """Where everything about the run is kept."""
        return self._folder.path

    @property
    def state(self) -> RunState:
        """All that is known now."""
        return read_state(self._folder)

    @property
    def status(self) -> str:
        """One word: starting, running, paused, completed, stopped, failed, or
        "interrupted" when the supervisor is gone without having said how it ended."""
        return self._status(self.state)

    def wait(self, timeout_s: float | None = None) -> Run:
        """Wait until the run ends, and show how it gets on.

        Args:
            timeout_s: Give the cell back after so long; None waits for the end.

        Returns:
            The run itself. Ctrl-C ends the waiting, not the search.
        """
        deadline_s = time.monotonic() + (timeout_s or float("inf"))
        with Progress() as progress:
            while True:
                state = self.state
                status = self._status(state)
                progress.show(self._summary(state, status))
                if status in ENDED or time.monotonic() > deadline_s:
                    break
                time.sleep(_POLL_S)
        return self

    def leaderboard(self) -> pd.DataFrame:
        """All trials, the best first; waits for the first that finishes.

        Returns:
            One row a trial: number, state, metrics (val_* measured on the validation
            set, test_* on the test set), epochs, seconds, parameters, reason, values.

        Raises:
            NoTrialError: The run ended and no trial finished.
        """
        import pandas as pd

        self._wait_for_trial()
        state = self.state
        sign = -1 if self.mode == "max" else 1
        worst = float("inf")
        rows = sorted(
            state.trials.values(),
            key=lambda t: (sign * t.metrics.get(self.metric, sign * worst), t.number),
        )
        return pd.DataFrame([self._row(trial) for trial in rows]).dropna(
            axis="columns", how="all"
        )

    def trial(self, number: int | str = "best") -> Trial:
        """One trial.

        Args:
            number: Its number, or "best", which waits for the first that finishes.

        Raises:
            NoTrialError: There is no such trial.
        """
        if number == "best":
            self._wait_for_trial()
            best = self.state.best(self.metric, self.mode)
            if best is None:
                raise self._no_trial(self.state)
            return Trial(self._folder.trial(best.number), best)
        trials = self.state.trials
        if number not in trials:
            raise NoTrialError(
                f'Expected "best" or a trial of {self.name!r} '
                f"({', '.join(map(str, sorted(trials))) or 'none yet'}), "
                f'{received(number)}. Type run.trial("best").'
            )
        return Trial(self._folder.trial(int(number)), trials[int(number)])

    def stop(self) -> str:
        """End the run: trials end after their epoch; a second stop ends them at once.

        Returns:
            The supervisor's answer.
        """
        return self._command("stop")

    def pause(self) -> str:
        """Hold the run: no new trials, running ones hold after their epoch.

        Returns:
            The supervisor's answer.
        """
        return self._command("pause")

    def resume(self) -> str:
        """Go on: after a pause, or with a new supervisor where the last one is gone.

        Returns:
            The supervisor's answer.
        """
        if self._status(self.state) in ENDED:
            self._launch(detach=True)
            return "a new supervisor goes on"
        return self._command("resume")

    def extend(self, minutes: float | None = None, trials: int | None = None) -> str:
        """Add to the budget; a run that has ended goes on.

        Args:
            minutes: More minutes.
            trials: More trials.

        Returns:
            The supervisor's answer.

        Raises:
            SearchError: Nothing to add, or not a number above 0.
        """
        if minutes is None and trials is None:
            raise SearchError(
                "Expected minutes or trials to add, got neither. Type "
                "run.extend(minutes=5).",
                field="minutes",
            )
        for name, more in (("minutes", minutes), ("trials", trials)):
            number = isinstance(more, int | float) and not isinstance(more, bool)
            if more is not None and not (number and more > 0):
                raise SearchError(
                    f"Expected {name} to be a number above 0, {received(more)}. Type "
                    f"run.extend({name}=5).",
                    field=name,
                )
            if more is not None and self.search[name] is None:
                raise SearchError(
                    f"Expected a budget that this run has, got {name}={more!r}, which "
                    f"it was not limited by. Type run.extend("
                    f"{'trials' if name == 'minutes' else 'minutes'}=5).",
                    field=name,
                )
        return self._command("extend", minutes=minutes, trials=trials)

    def predict(self, rows: Any, trial: int | str = "best") -> np.ndarray[Any, Any]:
        """Labels or numbers for raw rows, by a process of its own.

        Args:
            rows: Raw rows: a DataFrame with the columns that were learnt from, or an
                array (samples, height, width[, channels]).
            trial: Its number, or "best".

        Returns:
            One label a row in the type that the labels came in, or one number.

        Raises:
            DataError: The rows are not like those that were learnt from.
            HelperError: The process failed.
        """
        chosen = self.trial(trial)
        return self._helper.predict(rows, self.schema, chosen)

    def export(
        self,
        kind: str,
        path: str | os.PathLike[str] | None = None,
        trial: int | str = "best",
        replay: bool = False,
    ) -> Any:
        """Hand out a trial as plain Keras code.

        Args:
            kind: "cells" offers the code as a new cell; "notebook" writes a notebook
                with its data and requirements beside it.
            path: Where to; in the run's folder if not given.
            trial: Its number, or "best".
            replay: Run the notebook in a fresh kernel and stamp it with the recorded
                and the reproduced test metric.

        Returns:
            The code of the cells, or the path of what was written.

        Raises:
            UnknownNameError: There is no such exporter.
            ReplayError: The notebook did not run, or gave another metric.
        """
        exporter = EXPORTERS.get(kind)
        chosen = self.trial(trial)
        return exporter.export(
            Chosen(
                run=self._folder,
                search=self.search,
                schema=self.schema,
                trial=chosen.state,
                beside=SOURCES.get(self.schema.source),
                test=lambda: chosen.test or self._helper.score(chosen.number),
                execute=self._helper.execute,
            ),
            None if path is None else Path(path),
            replay,
        )

    def on_epoch(self, fn: Callable[[EpochEnded], Any]) -> None:
        """Call a function with each epoch of each trial, once, from the run's start.

        Args:
            fn: Called in a thread of its own; its errors are shown and not fatal.
        """
        self._hooks.add(EpochEnded, fn)

    def on_trial_end(self, fn: Callable[[TrialEnded], Any]) -> None:
        """Call a function with each trial's end, once, from the run's start.

        Args:
            fn: Called in a thread of its own; its errors are shown and not fatal.
        """
        self._hooks.add(TrialEnded, fn)

    def delete(self) -> None:
        """Remove the run's folder.

        Raises:
            SearchError: The run has not ended.
        """
        if self.status not in ENDED:
            raise SearchError(
                f"Expected a run that has ended, got {self.name!r}, which is "
                f"{self.status}. Type run.stop() first."
            )
        self._helper.close()
        self._folder.delete()

    def __repr__(self) -> str:
        state = self.state
        return self._summary(state, self._status(state)).text()

    def _repr_html_(self) -> str:
        state = self.state
        return self._summary(state, self._status(state)).html()

    def _summary(self, state: RunState, status: str) -> Summary:
        return summary(state, status, self.search, self.name, self.metric, self.mode)

    def _status(self, state: RunState) -> str:
        """The state, unless nobody is there any more to change it."""
        if state.state in ENDED and not self._launching(state):
            return state.state
        if holder(self._folder) is not None or self._launching(state):
            return state.state if state.state not in ENDED else "starting"
        # It may have ended between the two looks.
        state = self.state
        return state.state if state.state in ENDED else "interrupted"

    def _launching(self, state: RunState) -> bool:
        """Whether the process that we started has not written its first event yet."""
        process = self._process
        return (
            process is not None
            and process.poll() is None
            and state.attempt <= self._attempt_before
        )

    def _launch(self, detach: bool) -> None:
        """Start a supervisor."""
        self._attempt_before = self.state.attempt
        arguments = [] if detach else ["--while-stdin-open"]
        module = "notebook_automl.workers.supervisor"
        self._process = spawn_detached(
            [sys.executable, "-m", module, str(self.folder), *arguments],
            env=os.environ | {"NOTEBOOK_AUTOML_RUN": self.name},
            log_path=self._folder.log,
            keep_stdin=not detach,
        )
        # Reap it when it ends: a kernel lives long, and a dead child stays in the
        # process table until somebody waits for it.
        threading.Thread(target=self._process.wait, daemon=True).start()

    def _command(self, verb: str, **arguments: Any) -> str:
        """Send a command and wait for the answer."""
        status = self._status(self.state)
        if status in ENDED and verb != "extend":
            return f"{self.name!r} is {status} already"
        command = commands.send(self._folder, verb, **arguments)
        if status in ENDED:
            self._launch(detach=True)
        deadline_s = time.monotonic() + _ACKNOWLEDGE_TIMEOUT_S
        while time.monotonic() < deadline_s:
            answer = self.state.acknowledged.get(command)
            if answer is not None:
                return answer.message
            time.sleep(_POLL_S / 4)
        return "no answer yet: the command is obeyed as soon as the supervisor reads it"

    def _wait_for_trial(self) -> None:
        """Wait until a trial has finished.

        Raises:
            NoTrialError: The run ended before one did.
        """
        if self.state.best(self.metric, self.mode) is None:
            with Progress() as progress:
                while True:
                    state = self.state
                    status = self._status(state)
                    if self.state.best(self.metric, self.mode) is not None:
                        return
                    if status in ENDED:
                        raise self._no_trial(state)
                    progress.show(self._summary(state, status))
                    time.sleep(_POLL_S)

    def _no_trial(self, state: RunState) -> NoTrialError:
        return NoTrialError(
            f"Expected a finished trial in {self.name!r}, got none: the run is "
            f"{self._status(state)} ({state.reason or 'no reason was written'}). See "
            f"{self._folder.log}, or give it more time with run.extend(minutes=5)."
        )

    def _row(self, trial: TrialState) -> dict[str, Any]:
        test = {f"test_{name}": value for name, value in trial.test.items()}
        return {
            "trial": trial.number,
            "state": trial.state,
            self.metric: trial.metrics.get(self.metric),
            **trial.metrics,
            **test,
            "best_epoch": trial.best_epoch,
            "epochs": trial.epochs_trained,
            "seconds": round(trial.seconds, 3),
            "parameters": trial.parameters,
            "reason": trial.reason or None,
            **trial.values,
        }
