"""What a run's events come to: the state of the run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from notebook_automl.record.events import (
    BudgetChanged,
    ClockRead,
    CommandAcknowledged,
    EntryEvent,
    Event,
    ParameterMet,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StageEntered,
    TrialEvent,
    TrialRetried,
    TrialStarted,
    WorkerJoined,
    WorkerLeft,
    WorkerRefused,
)
from notebook_automl.record.trial import TrialState

_FINISHED = ("completed", "stopped")


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
        space: What each parameter may be that was asked for, by its name.
        entries: What else stands on the leaderboard, by name.
        acknowledged: The supervisor's answers, by the command's id.
        refused: The workers of a cluster that cannot be used, and why.
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
    space: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, TrialState] = field(default_factory=dict)
    acknowledged: dict[str, CommandAcknowledged] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
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
            case TrialEvent():
                self._run_on()
                self._trial(event).apply(event)
            case EntryEvent():
                self._entry(event).apply(event)
            case RunStarted():
                self._since_s = event.time_s
                self.device, self.workers = event.device, event.workers
                self.versions, self.refused = event.versions, {}
                self.started_s = self.started_s or event.time_s
            case WorkerJoined():
                self.workers, self.device = self.workers + 1, event.device
                self.refused.pop(event.worker, None)
            case WorkerRefused():
                self.refused[event.worker] = event.reason
            case WorkerLeft():
                self.workers -= event.worker not in self.refused
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
            case ParameterMet():
                self.space[event.parameter["name"]] = event.parameter
            case ClockRead():
                self._clock_s = event.spent_s
                self._since_s = self._since_s and event.time_s
            case CommandAcknowledged():
                self.acknowledged[event.command] = event
            case RunEnded():
                self._end(event)

    @property
    def last_s(self) -> float:
        """When the last event was written, in Unix seconds."""
        return self._last_s

    @property
    def left_out(self) -> str:
        """Which workers of a cluster are not used, and why; empty if all are."""
        told = (f"{worker} is not used: {why}" for worker, why in self.refused.items())
        return " ".join(told)

    @property
    def clock_runs(self) -> bool:
        """Whether the budget's clock runs, as far as the record says."""
        return self._since_s is not None

    def finished(self) -> list[TrialState]:
        """List the completed and stopped trials that have metrics, by number."""
        return [
            trial
            for _, trial in sorted(self.trials.items())
            if trial.state in _FINISHED and trial.metrics
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
        return min(self._scored(metric), key=_place(metric, mode), default=None)

    def ranked(self, metric: str, mode: Literal["max", "min"]) -> list[TrialState]:
        """Rank the finished trials that have the metric, the best first.

        Args:
            metric: A name in the trials' metrics.
            mode: Whether more or less is better.

        Returns:
            The trials; of equal ones the first comes first. NaN does not count.
        """
        return sorted(self._scored(metric), key=_place(metric, mode))

    def ordered(self, metric: str, mode: Literal["max", "min"]) -> list[TrialState]:
        """Put all trials in the one order in which they are shown.

        Args:
            metric: A name in the trials' metrics.
            mode: Whether more or less is better.

        Returns:
            The finished ones, then what runs, then what failed; among these the best
            first, those without a number last, and equal ones by their number.
        """
        # A list at once: another thread may take in events meanwhile.
        return sorted(list(self.trials.values()), key=_place(metric, mode))

    def board(self, metric: str, mode: Literal["max", "min"]) -> list[TrialState]:
        """Put all that the leaderboard shows in its order.

        Args:
            metric: A name in the trials' metrics.
            mode: Whether more or less is better.

        Returns:
            The trials as in `ordered`, and between them by the same rule the other
            entries; an entry comes before a trial that is only as good.
        """
        every = [*self.trials.values(), *self.entries.values()]
        return sorted(every, key=_place(metric, mode))

    def baseline(self, metric: str, mode: Literal["max", "min"]) -> TrialState | None:
        """Choose the best baseline.

        Args:
            metric: A name in the trials' metrics.
            mode: Whether more or less is better.

        Returns:
            The best one; ``None`` if there is none with a number.
        """
        entries = [e for e in self.board(metric, mode) if e.role == "baseline"]
        scored = (e for e in entries if not math.isnan(e.metrics.get(metric, math.nan)))
        return next(scored, None)

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
        before = self.trials.get(event.trial)
        if before is None or isinstance(event, TrialStarted | TrialRetried):
            note = before.reason if before and before.state == "running" else ""
            self.trials[event.trial] = TrialState(
                event.trial, reason=note, versions=self.versions
            )
        return self.trials[event.trial]

    def _entry(self, event: EntryEvent) -> TrialState:
        if event.name not in self.entries:
            number = -1 - len(self.entries)
            self.entries[event.name] = TrialState(
                number, state="completed", role="baseline", name=event.name
            )
        entry = self.entries[event.name]
        entry.versions = self.versions
        return entry

    def _scored(self, metric: str) -> list[TrialState]:
        return [
            trial
            for trial in list(self.trials.values())
            if trial.state in _FINISHED
            and not math.isnan(trial.metrics.get(metric, math.nan))
        ]


def _place(
    metric: str, mode: Literal["max", "min"]
) -> Callable[[TrialState], tuple[int, bool, float, int]]:
    """By what trials are sorted, see `RunState.ordered`."""

    def place(trial: TrialState) -> tuple[int, bool, float, int]:
        group = 0 if trial.state in _FINISHED else 2 - (trial.state == "running")
        value = trial.objective(metric, mode)
        if value is None or math.isnan(value):
            return group, True, 0.0, trial.number
        return group, False, -value if mode == "max" else value, trial.number

    return place
