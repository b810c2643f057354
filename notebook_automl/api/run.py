"""A run: a view of its folder, and the words that its supervisor understands."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from notebook_automl.api import told
from notebook_automl.api.checks import check_more, extension, path_of
from notebook_automl.api.helper import HELPER
from notebook_automl.api.hooks import CatchesUp, Hooks, birth
from notebook_automl.api.leaderboard import leaderboard
from notebook_automl.api.progress import Progress
from notebook_automl.api.supervisor import ENDED, Supervisor
from notebook_automl.api.trial import Trial, entry_of
from notebook_automl.errors import (
    NoTrialError,
    RunNotFoundError,
    SearchError,
    received,
)
from notebook_automl.export._exporter import EXPORTERS
from notebook_automl.plots._plot import plot
from notebook_automl.plots._summary import Summary, summary
from notebook_automl.record.events import EpochEnded, TrialEnded
from notebook_automl.record.files import folder_error, read_json
from notebook_automl.record.front import best as best_trial
from notebook_automl.record.front import front, objectives
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.schema import Schema
from notebook_automl.record.tail import Tail

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

_POLL_S = 0.2
OnEpoch = TypeVar("OnEpoch", bound=Callable[[EpochEnded], Any])
OnTrialEnd = TypeVar("OnTrialEnd", bound=Callable[[TrialEnded], Any])


class Run:
    """A search that runs, or ran, in processes of its own.

    Everything is read from the run's folder: a run may be attached from any kernel, at
    any time, and several times at once.

    Args:
        folder: The run's folder.

    Raises:
        RunNotFoundError: There is no run in it.
        RunFolderError: What was asked for cannot be read.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._birth = birth(folder)
        if self._birth is None:
            raise RunNotFoundError(
                f"Expected a run in {str(folder.path)!r}, got a folder without one. "
                "List the runs with notebook_automl.runs()."
            )
        try:
            self.search: dict[str, Any] = read_json(folder.search)
            self.schema = Schema.from_json(read_json(folder.schema))
            self.metric = f"val_{self.search['metric']}"
            self.mode: Literal["max", "min"] = self.search["mode"]
            self.started_s = float(self.search["started_s"])
        except (LookupError, TypeError) as error:
            raise folder_error("read", folder.search, error) from error
        self._supervisor = Supervisor(folder)
        self._hooks = Hooks(folder)

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
        """All that is known now.

        Raises:
            RunNotFoundError: The run was deleted.
        """
        if birth(self._folder) != self._birth:
            raise RunNotFoundError(
                f"Expected the run {self.name!r}, got {str(self.folder)!r} without it: "
                "it was deleted. Type notebook_automl.attach() for another one."
            )
        return self._supervisor.view.read()

    def follow(self) -> tuple[RunState, Tail]:
        """All that is known now, and what comes after it, for who looks all the time.

        Returns:
            A state of the caller's own, and a tail whose events bring it up to date.
        """
        return self._supervisor.view.follow()

    @property
    def status(self) -> str:
        """One word: starting, running, paused, completed, stopped, failed, or
        "interrupted" when the supervisor is gone without having said how it ended."""
        return self._supervisor.status(self.state)

    def status_of(self, state: RunState) -> str:
        """The status now, for who has read the record already.

        Args:
            state: What was read of it.

        Returns:
            The same as `status`, or "deleted".
        """
        if birth(self._folder) != self._birth:
            return "deleted"
        return self._supervisor.status(state)

    def wait(self, timeout_s: float | None = None) -> Run:
        """Wait until the run ends and its hooks are done, and show how it gets on.

        Args:
            timeout_s: Give the cell back after so long; None waits for the end.

        Returns:
            The run itself. Ctrl-C ends the waiting, not the search.
        """
        until_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        self._watch(lambda state: False, until_s)
        self._hooks.catch_up(until_s)
        return self

    def leaderboard(self) -> pd.DataFrame:
        """All trials and baselines, the best first; waits for the first that finishes.

        Returns:
            One row a trial: number, state, metrics (val_* measured on the validation
            set, test_* on the test set), epochs, seconds, parameters, reason, values.
            Baselines and the ensemble have a name as their number, and a role.

        Raises:
            NoTrialError: The run ended before a trial began.
        """
        state = self._wait_for_trial()
        if not state.trials:
            raise told.no_trial(self)
        return leaderboard(state, self.metric, self.mode, told.front(self, state))

    def front(self) -> pd.DataFrame:
        """The trials that no other one beats; waits for the first that finishes.

        With one objective these are the best trial and those that equal it. With two,
        `Search(metric=["accuracy", "parameters"])`, each is better than any other one
        in one of them.

        Returns:
            Their rows of the leaderboard, the best in the first objective first.

        Raises:
            NoTrialError: No trial has finished, and none will.
        """
        state = self._wait_for_trial()
        numbers = [trial.number for trial in front(state, objectives(self.search))]
        if not numbers:
            raise told.no_trial(self)
        table = leaderboard(state, self.metric, self.mode)
        return table.set_index("trial").loc[numbers].reset_index()

    def trial(self, number: int | str = "best") -> Trial:
        """One trial, one baseline or the ensemble.

        Args:
            number: Its number; "best", which waits for the first that finishes; or a
                name on the leaderboard, such as "linear" or "ensemble".

        Returns:
            The trial as it is now.

        Raises:
            NoTrialError: There is no such trial.
        """
        if isinstance(number, str) and number == "best":
            state = self._wait_for_trial()
            best = best_trial(state, self.search)
            if best is None:
                raise told.no_trial(self)
            return Trial(self._folder.trial(best.number), deepcopy(best))
        state = self.state
        found = entry_of(state, number)
        if found is None:
            known = [*sorted(state.trials), *map(repr, state.entries)]
            raise NoTrialError(
                f'Expected "best" or a trial of {self.name!r} '
                f"({', '.join(map(str, known)) or 'none yet'}), "
                f'{received(number)}. Type run.trial("best").'
            )
        # A copy, because this is the caller's own, and the state is looked at again.
        return Trial(self._folder.trial(found.key), deepcopy(found))

    def stop(self) -> str:
        """End the run: trials end after their epoch; a second stop ends them at once.

        Returns:
            The supervisor's answer.
        """
        return self._ask("stop")

    def pause(self) -> str:
        """Hold the run: no new trials, running ones hold after their epoch.

        Returns:
            The supervisor's answer.
        """
        return self._ask("pause")

    def resume(self) -> str:
        """Go on: after a pause, or with a new supervisor where the last one is gone.

        Returns:
            The supervisor's answer.
        """
        status = self.status
        if status == "completed":
            return (
                f"{self.name!r} is completed; {extension(self.search)} adds to its "
                "budget and goes on"
            )
        if status in ENDED:
            self._supervisor.go_on()
            return "a new supervisor goes on"
        return self._ask("resume")

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
                f"{extension(self.search)}.",
                field="minutes",
            )
        check_more(self.search, "minutes", minutes)
        check_more(self.search, "trials", trials)
        return self._ask("extend", minutes=minutes, trials=trials)

    def predict(
        self, rows: Any, trial: int | str = "best"
    ) -> np.ndarray[Any, Any] | dict[str, np.ndarray[Any, Any]]:
        """Labels or numbers for raw rows, by a process of its own.

        Args:
            rows: Raw rows: a DataFrame with the columns that were learnt from, texts,
                or an array (samples, height, width[, channels]); of several inputs a
                dictionary of such by name.
            trial: Its number, "best", or a name on the leaderboard.

        Returns:
            One label a row in the type that the labels came in, or one number; of
            several outputs a dictionary of such arrays by name.

        Raises:
            DataError: The rows are not like those that were learnt from.
            NoTrialError: There is no such trial, or its model is not kept.
            HelperError: The process failed.
        """
        chosen = self.trial(trial)
        chosen.check_predicts()
        return HELPER.predict(self._folder, rows, self.schema, chosen.state.key)

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
            trial: Its number, "best", or a name on the leaderboard.
            replay: Run the notebook in a fresh kernel and stamp it with the recorded
                and the reproduced test metric.

        Returns:
            The code of the cells, or the path of what was written.

        Raises:
            UnknownNameError: There is no such exporter.
            NoTrialError: There is no such trial, or it did not finish.
            SearchError: A path that cannot be written to.
            ReplayError: The notebook did not run, or gave another metric.
        """
        exporter = EXPORTERS.get(kind)
        where = path_of(path)
        chosen = self.trial(trial)
        chosen.check_finished()
        return exporter.export(told.chosen(self, chosen), where, replay)

    def plot(self, name: str = "curves", **options: Any) -> Figure:
        """Draw the run.

        Args:
            name: "curves" (`metric=` draws another one than the objective), "history",
                "parallel", "importance", "timeline" or "front" (`against=` weighs the
                objective against something else).
            **options: Of that plot.

        Returns:
            A matplotlib figure, which shows itself as a cell's value.

        Raises:
            UnknownNameError: There is no such plot, option or metric.
        """
        return plot(name, told.shown(self), options)

    def on_epoch(self, fn: OnEpoch) -> OnEpoch:
        """Call a function with each epoch of each trial, once, from the run's start.

        Args:
            fn: Called in a thread of its own; its errors are shown and not fatal.

        Returns:
            The function, so that this may stand over its definition: `@run.on_epoch`.
        """
        self._hooks.add(EpochEnded, fn)
        return fn

    def on_trial_end(self, fn: OnTrialEnd) -> OnTrialEnd:
        """Call a function with each trial's end, once, from the run's start.

        Args:
            fn: Called in a thread of its own; its errors are shown and not fatal.

        Returns:
            The function.
        """
        self._hooks.add(TrialEnded, fn)
        return fn

    def accompany(self, follower: CatchesUp) -> None:
        """Let `wait` also wait for somebody who follows the run.

        Args:
            follower: Say a view that is saved with the notebook.
        """
        self._hooks.join(follower)

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
        self._folder.delete()

    def __repr__(self) -> str:
        try:
            return self.summary().text()
        except RunNotFoundError:
            return f"{self.name}: deleted"

    def _repr_html_(self) -> str | None:
        try:
            return self.summary().html()
        except RunNotFoundError:
            return None

    def __reduce__(self) -> tuple[type[Run], tuple[RunFolder]]:
        return Run, (self._folder,)  # attached anew, wherever it is copied to

    def _launch(self, detach: bool) -> None:
        """Start a supervisor."""
        self._supervisor.start(detach)

    def _ask(self, verb: str, **arguments: object) -> str:
        """Ask something of the supervisor of this very run."""
        _ = self.state
        return self._supervisor.ask(verb, **arguments)

    def summary(self) -> Summary:
        """The run in one look."""
        status = self.status
        return self._summary(self.state, status)  # no older than the status

    def _summary(self, state: RunState, status: str) -> Summary:
        return summary(state, status, self.search, self.name, self.metric, self.mode)

    def _watch(self, enough: Callable[[RunState], bool], until_s: float) -> RunState:
        """Show the run until it has ended, enough is known or the time is up."""
        view = self._supervisor.view
        with Progress() as progress:
            while True:
                status = self._supervisor.status(view.read())
                state = view.read()  # no older than the status
                if enough(state):
                    return state
                progress.show(self._summary(state, status))
                if status in ENDED or time.monotonic() >= until_s:
                    return state
                time.sleep(_POLL_S)

    def _wait_for_trial(self) -> RunState:
        """Wait until a trial has finished, or the run has ended before one did."""

        def scored(state: RunState) -> bool:
            return state.best(self.metric, self.mode) is not None

        state = self.state
        return state if scored(state) else self._watch(scored, math.inf)
