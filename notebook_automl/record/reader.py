"""Reads a run's record while it grows, and folds it into the state of the run."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from notebook_automl.record.events import (
    BudgetChanged,
    CommandAcknowledged,
    EpochEnded,
    Event,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StageEntered,
    TestScored,
    TrialBuilt,
    TrialEnded,
    TrialEvent,
    TrialStarted,
    from_line,
)
from notebook_automl.record.layout import RunFolder, folder_error


class Tail:
    """Reads a file of events again and again, each event once.

    Args:
        path: The file; it may not be there yet.

    Attributes:
        damaged: How many lines could not be read, and were skipped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.damaged = 0

    def read(self) -> list[Event]:
        """Read what is new since the last call.

        Returns:
            The events in the order of the file, without kinds that this version does
            not know. A last line that is half written is left for the next call.

        Raises:
            RunFolderError: The file is there and cannot be read.
        """
        events = []
        for line in self._new_lines():
            try:
                event = from_line(line.decode("utf-8"))
            except ValueError:
                self.damaged += 1
                continue
            if event is not None:
                events.append(event)
        return events

    def _new_lines(self) -> list[bytes]:
        try:
            with open(self._path, "rb") as file:
                # No further than the size seen now, or a busy writer never lets us go.
                new = max(0, os.fstat(file.fileno()).st_size - self._offset)
                file.seek(self._offset)
                chunk = file.read(new)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise folder_error("read", self._path, error) from error
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.split(b"\n")[:-1]


@dataclass
class TrialState:
    """What is known of one trial.

    Attributes:
        number: From 0, in the order of the proposals.
        metrics: Of the best epoch; empty while the trial runs.
        history: One dict an epoch: its metrics, and its duration as "seconds".
        best_epoch: From 1.
        epochs: How many were planned.
        epochs_trained: How many were trained.
        seconds: How long it ran; while it runs, the sum over its epochs.
        started_s: Unix seconds.
        test: Metrics on the test rows, if the trial was chosen.
        versions: Of the packages that it ran with.
    """

    number: int
    state: Literal["running", "completed", "stopped", "failed"] = "running"
    reason: str = ""
    values: dict[str, str | int | float | bool] = field(default_factory=dict)
    parameters: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None
    epochs: int = 0
    epochs_trained: int = 0
    seconds: float = 0.0
    worker: str = ""
    started_s: float | None = None
    test: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def apply(self, event: TrialEvent) -> None:
        """Take in what happened to this trial."""
        match event:
            case TrialStarted():
                self.worker, self.started_s = event.worker, event.time_s
            case TrialBuilt():
                self.values, self.parameters = event.values, event.parameters
            case EpochEnded():
                self.history.append({**event.metrics, "seconds": event.seconds})
                self.epochs, self.epochs_trained = event.epochs, event.epoch
                self.seconds += event.seconds
            case TrialEnded():
                self.state, self.reason = event.state, event.reason
                self.metrics, self.best_epoch = event.metrics, event.best_epoch
                self.epochs_trained, self.seconds = event.epochs, event.seconds
            case TestScored():
                self.test = event.metrics

    def abandon(self, reason: str) -> None:
        """Count as failed what runs no longer and never said how it ended."""
        if self.state == "running":
            self.state, self.reason = "failed", reason


@dataclass
class RunState:
    """The read-only view of a run: its events, folded.

    Attributes:
        stage: What the supervisor does, in words.
        attempt: From 1; 0 before the first supervisor. A resumed run has a new one.
        started_s: When the first attempt started, in Unix seconds.
        ended_s: When the run ended, in Unix seconds.
        reason: Why it ended.
        minutes: The budget of time; ``None`` is without limit.
        trials_budget: The budget of trials; ``None`` is without limit.
        trials: By number.
        acknowledged: The supervisor's answers, by the command's id.
    """

    state: Literal[
        "starting", "running", "paused", "completed", "stopped", "failed"
    ] = "starting"
    stage: str = "starting"
    attempt: int = 0
    device: str = ""
    workers: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    started_s: float | None = None
    ended_s: float | None = None
    reason: str = ""
    minutes: float | None = None
    trials_budget: int | None = None
    trials: dict[int, TrialState] = field(default_factory=dict)
    acknowledged: dict[str, CommandAcknowledged] = field(default_factory=dict)
    _clock_s: float = 0.0
    _since_s: float | None = None
    _last_s: float = 0.0

    def apply(self, event: Event) -> None:
        """Take in the next event of the record."""
        if event.attempt < self.attempt:
            return  # the late write of a supervisor that is gone
        if event.attempt > self.attempt:
            self._begin(event.attempt)
        self._last_s = event.time_s
        match event:
            case RunStarted():
                self._since_s = event.time_s
                self.device, self.workers = event.device, event.workers
                self.versions = event.versions
                self.started_s = self.started_s or event.time_s
            case StageEntered():
                self.stage = event.stage
                if event.stage in ("searching", "scoring"):
                    self._run_on()
            case RunPaused():
                self._stand(event.time_s)
                self.state = "paused"
            case RunResumed():
                self._since_s = event.time_s
                self.state = "running"
            case BudgetChanged():
                self.minutes, self.trials_budget = event.minutes, event.trials
            case CommandAcknowledged():
                self.acknowledged[event.command] = event
            case RunEnded():
                self._end(event)
            case TrialEvent():
                self._run_on()
                self._trial(event).apply(event)

    def finished(self) -> list[TrialState]:
        """List the completed and stopped trials that have metrics, by number."""
        return [
            trial
            for _, trial in sorted(self.trials.items())
            if trial.state in ("completed", "stopped") and trial.metrics
        ]

    def best(self, metric: str, mode: Literal["max", "min"]) -> TrialState | None:
        """Choose the best finished trial.

        Args:
            metric: A name in the trials' metrics, such as "val_accuracy".
            mode: Whether more or less is better.

        Returns:
            The best one, of equal ones the first; ``None`` if no finished trial has
            the metric. NaN never wins.
        """
        return next(iter(self.ranked(metric, mode)), None)

    def ranked(self, metric: str, mode: Literal["max", "min"]) -> list[TrialState]:
        """Rank the finished trials that have the metric, the best first.

        Args:
            metric: A name in the trials' metrics.
            mode: Whether more or less is better.

        Returns:
            The trials; of equal ones the first comes first. NaN does not count.
        """
        sign = -1 if mode == "max" else 1
        scored = [
            trial
            for trial in self.finished()
            if not math.isnan(trial.metrics.get(metric, math.nan))
        ]
        return sorted(scored, key=lambda trial: sign * trial.metrics[metric])

    def spent_s(self, now_s: float | None = None) -> float:
        """Say how long the budget's clock has run, over all attempts, without pauses.

        Args:
            now_s: Unix seconds now; by default the time of the last event, as is right
                for a run that nobody drives any more.
        """
        if self._since_s is None:
            return self._clock_s
        return self._clock_s + max(0.0, (now_s or self._last_s) - self._since_s)

    def _stand(self, time_s: float) -> None:
        self._clock_s, self._since_s = self.spent_s(time_s), None

    def _begin(self, attempt: int) -> None:
        self._stand(self._last_s)
        self.attempt, self.state = attempt, "starting"
        self.stage = "starting"
        self.ended_s, self.reason = None, ""
        self._abandon("the supervisor ended while it ran")

    def _run_on(self) -> None:
        if self.state == "starting":
            self.state = "running"

    def _end(self, event: RunEnded) -> None:
        self.state, self.reason = event.state, event.reason
        self.ended_s = event.time_s
        self._stand(event.time_s)
        self._abandon("the run ended while it ran")

    def _abandon(self, reason: str) -> None:
        for trial in self.trials.values():
            trial.abandon(reason)

    def _trial(self, event: TrialEvent) -> TrialState:
        # A trial whose first line is damaged is a trial all the same.
        if isinstance(event, TrialStarted) or event.trial not in self.trials:
            self.trials[event.trial] = TrialState(event.trial, versions=self.versions)
        return self.trials[event.trial]


def read_state(folder: RunFolder) -> RunState:
    """Read the state of a run from its beginning.

    Args:
        folder: The run.

    Returns:
        The state; that of a run which is starting if nothing was written yet.

    Raises:
        RunFolderError: The events cannot be read.
    """
    state = RunState()
    for event in Tail(folder.events).read():
        state.apply(event)
    return state
