"""The trials that run: given to workers, heard, and closed in events and study."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder, write_text
from notebook_automl.record.parameters import Parameter
from notebook_automl.record.reader import RunState, TrialState
from notebook_automl.search._study import Study
from notebook_automl.source.program import Program
from notebook_automl.workers.cluster import Cluster, Message

_TRAIN = "notebook_automl.workers.trial:train"
_KEPT_CHECKPOINTS = 5


@dataclass
class _Running:
    """A trial in a worker; times in Unix seconds.

    Args:
        number: From 0.
        started_s: When it was given away.
        told_s: When its last reported epoch had ended.
        stop_reason: Why it was told to stop, once it was.
        killed: Whether we ended its process.
    """

    number: int
    started_s: float
    told_s: float = 0.0
    stop_reason: str = ""
    killed: bool = False


@dataclass
class Pool:
    """The trials in workers.

    Args:
        folder: The run.
        attempt: The attempt's number.
        search: The run's description.
        state: What the events say; `emit` keeps it up to date.
        emit: Writes an event.
        study: Who proposes values.
        cluster: Where trials run.
        running: The trials, by the keys of their tasks.
        failures: How many have failed in this attempt.
    """

    folder: RunFolder
    attempt: int
    search: dict[str, Any]
    state: RunState
    emit: Callable[..., None]
    study: Study
    cluster: Cluster
    running: dict[str, _Running] = field(default_factory=dict)
    failures: int = 0

    def __post_init__(self) -> None:
        self.metric, self.mode = f"val_{self.search['metric']}", self.search["mode"]

    def fill(self, workers: int, trials: int | None) -> None:
        """Give each worker a trial, as far as the budget goes.

        Args:
            workers: How many may run at once.
            trials: How many the run may have in all; None is without limit.
        """
        while len(self.running) < workers:
            if trials is not None and self.begun() >= trials:
                return
            number = self.study.ask()
            key = f"trial-{number}-{self.attempt}"
            self.running[key] = _Running(number, time.time())
            self.cluster.submit(_TRAIN, key, str(self.folder.path), number)

    def begun(self) -> int:
        """How many trials count against the budget: all of all attempts."""
        return len(self.state.trials.keys() | {r.number for r in self.running.values()})

    def say(self, word: str) -> None:
        """Say "hold" or "go" to all trials."""
        for key in self.running:
            self.cluster.word(key, word)

    def stop(self, reason: str, kill_at_s: float) -> None:
        """Tell the trials to end; past a deadline, end their processes.

        Args:
            reason: Why they end.
            kill_at_s: The deadline, in Unix seconds.
        """
        for key, running in self.running.items():
            if not running.stop_reason:
                running.stop_reason = reason
                self.cluster.word(key, "stop")
            if time.time() > kill_at_s and not running.killed:
                running.killed = True
                self.cluster.kill(key)

    def hear(self, message: Message) -> None:
        """Take in what a trial says.

        Args:
            message: One whose key is in `running`.
        """
        fields, running = message.fields, self.running[message.key]
        if message.kind == "started":
            worker = fields["worker"]
            self.emit(events.TrialStarted, trial=running.number, worker=worker)
        elif message.kind == "ask":
            choices = tuple(fields["parameter"].pop("choices"))
            parameter = Parameter(choices=choices, **fields["parameter"])
            value = self.study.suggest(running.number, parameter)
            self.cluster.answer(message.key, value)
        elif message.kind == "built":
            self.emit(events.TrialBuilt, trial=running.number, **fields)
        elif message.kind == "epoch":
            running.told_s = message.told_s
            chosen = self.state.trials[running.number].values
            epochs = int(chosen.get("epochs", self.search["epochs"]))
            self.emit(events.EpochEnded, trial=running.number, epochs=epochs, **fields)
        elif message.kind in ("done", "lost"):
            self._end(message)

    def _end(self, message: Message) -> None:
        """Close a trial in the events and in the study."""
        running = self.running.pop(message.key)
        trial = self.state.trials.get(running.number, TrialState(running.number))
        result = message.fields.get("result") or self._lost(running, message, trial)
        state, reason = result["state"], result["reason"]
        if state == "stopped" and running.stop_reason:
            reason = running.stop_reason
        best = _best_epoch(trial.history.column(self.metric), self.mode)
        if best is None and state != "failed":
            state, reason = "failed", reason or "no epoch was trained"
        metrics = dict(trial.history[best - 1]) if best and state != "failed" else {}
        metrics.pop("seconds", None)
        self.failures += state == "failed"
        self.emit(
            events.TrialEnded,
            trial=running.number,
            state=state,
            reason=reason,
            metrics=metrics,
            best_epoch=best,
            epochs=len(trial.history),
            seconds=time.time() - running.started_s,
        )
        self.study.tell(running.number, metrics.get(self.metric))
        self._drop_checkpoints()

    def _lost(
        self, running: _Running, message: Message, trial: TrialState
    ) -> dict[str, str]:
        """The result of a trial whose process is gone."""
        if not running.killed:
            return {"state": "failed", "reason": message.fields["reason"]}
        folder = self.folder.trial(running.number)
        with contextlib.suppress(OSError):
            # One that was written later is half written, or of an epoch unknown to us.
            if folder.checkpoint.stat().st_mtime <= running.told_s:
                text = Program.from_text(folder.source.read_text("utf-8"))
                text = text.with_epochs(len(trial.history))
                write_text(folder.source, text.to_text())
                return {"state": "stopped", "reason": ""}
        return {"state": "failed", "reason": f"{running.stop_reason}, at once"}

    def _drop_checkpoints(self) -> None:
        """Keep the models of the best few trials and of those that run."""
        ranked = self.state.ranked(self.metric, self.mode)
        kept = {trial.number for trial in ranked[:_KEPT_CHECKPOINTS]}
        for number, trial in self.state.trials.items():
            if number not in kept and trial.state != "running":
                with contextlib.suppress(OSError):  # a disk that refuses keeps more
                    self.folder.trial(number).checkpoint.unlink(missing_ok=True)


def _best_epoch(values: Iterable[float], mode: str) -> int | None:
    """The epoch (from 1) whose checkpoint is kept: the first of the best."""
    sign = 1 if mode == "max" else -1
    scores = [sign * value for value in values]
    finite = [score for score in scores if math.isfinite(score)]
    return scores.index(max(finite)) + 1 if finite else None
