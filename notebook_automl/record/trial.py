"""What a trial's events come to: its state, and that of other entries."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from notebook_automl.record.events import (
    EntryEnded,
    EntryEvent,
    EntryRole,
    EntryScored,
    EpochEnded,
    TestScored,
    TrialBuilt,
    TrialEnded,
    TrialEndState,
    TrialEvent,
    TrialRetried,
    TrialStarted,
)
from notebook_automl.record.folds import FOLD, score
from notebook_automl.record.history import History


@dataclass
class TrialState:
    """What is known of one trial, or of another entry of the leaderboard.

    Attributes:
        number: From 0, in the order of the proposals; below 0 for other entries.
        flops: Operations of one sample's way forward through the model.
        memory_mib: What a training step takes, as estimated before it.
        metrics: Of the best epoch; empty while the trial runs.
        history: An epoch's metrics as a dict, its duration as "seconds", and the number
            of its "fold" where there are folds.
        best_epoch: From 1.
        epochs: How many were planned.
        epochs_trained: How many were trained.
        seconds: How long it ran; while it runs, the sum over its epochs.
        started_s: Unix seconds.
        ended_s: Unix seconds; None while it runs, and of one that never said so.
        test: Metrics on the test rows, if the trial was chosen.
        versions: Of the packages that it ran with.
        role: "trial", "baseline" or "ensemble".
        name: By which an entry that is no trial is known.
        weights: How often each member of an ensemble counts, by its number.
    """

    number: int
    state: Literal["running"] | TrialEndState = "running"
    reason: str = ""
    values: dict[str, str | int | float | bool] = field(default_factory=dict)
    parameters: int | None = None
    flops: int | None = None
    memory_mib: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: History = field(default_factory=History)
    best_epoch: int | None = None
    epochs: int = 0
    epochs_trained: int = 0
    seconds: float = 0.0
    worker: str = ""
    started_s: float | None = None
    ended_s: float | None = None
    test: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    role: Literal["trial"] | EntryRole = "trial"
    name: str = ""
    weights: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> int | str:
        """The number of a trial, the name of another entry."""
        return self.name or self.number

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        if self.role == "trial":
            return f"trial {self.number}"
        return self.name if self.role == "ensemble" else f"baseline {self.name}"

    def apply(self, event: TrialEvent | EntryEvent) -> None:
        """Take in what happened to this trial or entry."""
        match event:
            case EntryEnded():
                self.state, self.reason = event.state, event.reason
                self.metrics, self.weights = event.metrics, event.weights
                self.seconds, self.ended_s = event.seconds, event.time_s
                self.started_s = event.time_s - event.seconds
                self.role, self.test = event.role, {}
            case EntryScored():
                self.test = event.metrics
            case EpochEnded():
                fold = {} if event.fold is None else {FOLD: event.fold}
                self.history.append({**event.metrics, "seconds": event.seconds, **fold})
                self.epochs, self.epochs_trained = event.epochs, event.epoch
                self.seconds += event.seconds
            case TrialStarted():
                self.worker, self.started_s = event.worker, event.time_s
            case TrialRetried():
                self.reason = event.reason
            case TrialBuilt():
                self.values, self.parameters = event.values, event.parameters
                self.flops, self.memory_mib = event.flops, event.memory_mib
            case TrialEnded():
                self.state, self.reason = event.state, event.reason
                self.metrics, self.best_epoch = event.metrics, event.best_epoch
                self.epochs_trained, self.seconds = event.epochs, event.seconds
                self.ended_s = event.time_s
            case TestScored():
                self.test = event.metrics

    def objective(self, metric: str, mode: Literal["max", "min"]) -> float | None:
        """Say what counts of a metric: the best epoch's, while it runs the best so far.

        Args:
            metric: A name in the metrics, such as "val_accuracy".
            mode: Whether more or less is better.
        """
        if self.state != "running":
            return self.metrics.get(metric)
        if FOLD in self.history.names:
            so_far = score(self.history, metric, mode)
            return so_far.metrics.get(metric) if so_far else None
        known = [v for v in self.history.column(metric) if not math.isnan(v)]
        return (max if mode == "max" else min)(known, default=None)

    def abandon(self, reason: str) -> None:
        """Count as failed what runs no longer and never said how it ended."""
        if self.state == "running":
            self.state, self.reason = "failed", reason

    def copy(self) -> TrialState:
        """One that later events leave alone."""
        return replace(self, history=self.history.copy())
