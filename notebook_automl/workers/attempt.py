"""One attempt at a run: who gives trials to workers and writes what happens."""

from __future__ import annotations

import math
import os
import queue
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from notebook_automl.record import events
from notebook_automl.record.commands import Command, pending
from notebook_automl.record.layout import RunFolder, read_json
from notebook_automl.record.parameters import Parameter
from notebook_automl.record.reader import RunState, TrialState, read_state
from notebook_automl.record.writer import EventWriter
from notebook_automl.search._study import Study
from notebook_automl.source.program import Program
from notebook_automl.workers.cluster import Cluster, Message, cpu_workers
from notebook_automl.workers.devices import devices

_TRIAL = "notebook_automl.workers.trial"
_TICK_S = 0.1
_HEARTBEAT_S = 2.0
# A trial that was told to stop has this long to end its epoch once time is up.
_GRACE_S = 3.0
_KEPT_CHECKPOINTS = 5
# So many trials failing from the start mean that the next one would fail as well.
_MOST_FAILURES = 10
_PACKAGES = ("notebook-automl", "autokeras", "keras", "tensorflow", "optuna", "numpy")


@dataclass
class _Running:
    """A trial in a worker."""

    number: int
    started_s: float
    stop_reason: str = ""
    killed: bool = False


@dataclass
class _End:
    """How the run is to end, once somebody or something has said so."""

    state: str = "completed"
    reason: str = ""
    kill_at_s: float = math.inf
    asked: bool = False


@dataclass
class Attempt:
    """One attempt at a run; it holds the study and alone writes the events.

    Args:
        folder: The run.
        attempt: The attempt's number.
        writer: The run's events.
        beat: Writes the heartbeat.
    """

    folder: RunFolder
    attempt: int
    writer: EventWriter
    beat: Callable[[], None]
    inbox: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.search = read_json(self.folder.search)
        self.state: RunState = read_state(self.folder)
        self.minutes, self.trials = self.search["minutes"], self.search["trials"]
        if self.state.minutes is not None or self.state.trials_budget is not None:
            self.minutes, self.trials = self.state.minutes, self.state.trials_budget
        self.metric, self.mode = f"val_{self.search['metric']}", self.search["mode"]
        self.running: dict[str, _Running] = {}
        self.end: _End | None = None
        self.paused = False
        self._beaten_s = 0.0

    def stop(self, reason: str) -> None:
        """End the run soon, for a reason that is no command's; safe in any thread."""
        self.end = _End("stopped", reason, time.time() + _GRACE_S)

    def emit(self, kind: type[events.Event], **fields: Any) -> None:
        """Write an event and take it into our own view of the run."""
        event = kind(time_s=time.time(), attempt=self.attempt, **fields)
        self.writer.append(event)
        self.state.apply(event)

    def run(self) -> None:
        """Search until the budget is spent, the search is over, or somebody says so."""
        gpus = [d.id for d in devices().gpus] if self.search["device"] == "gpu" else []
        workers = self.search["workers"] or len(gpus) or cpu_workers()
        self.emit(
            events.RunStarted,
            host=socket.gethostname(),
            pid=os.getpid(),
            device=self.search["device"],
            workers=workers,
            versions={name: version(name) for name in _PACKAGES},
        )
        self.emit(events.StageEntered, stage="starting")
        self.study = Study(
            self.folder.study, self.search["tuner"], self.mode, self.search["seed"]
        )
        self.study.fail_running()
        self.cluster = Cluster(workers, gpus, self.inbox.put)
        try:
            end = self._search(workers)
        finally:
            self.cluster.close()
        self.emit(events.RunEnded, state=end.state, reason=end.reason)

    def _search(self, workers: int) -> _End:
        """Prepare, search, score; returns how it ended."""
        for other in range(1, workers):
            key = f"warm-{other}-{self.attempt}"
            self.cluster.submit(f"{_TRIAL}:warm", key, str(self.folder.path))
        failure = self._task("prepare", f"{_TRIAL}:prepare")
        if failure:
            return _End("failed", f"The data could not be prepared. {failure}")
        if self.end is None:
            self.emit(events.StageEntered, stage="searching")
        while self.running or self.end is None:
            self._tick()
            if self.end is None:
                self.end = self._over()
            while self.end is None and not self.paused and len(self.running) < workers:
                if not self._start_trial():
                    break
            if self.end is not None:
                self._stop_running(self.end)
                if not self.end.asked and not self.running:
                    break
        return self._score(self.end or _End())

    def _score(self, end: _End) -> _End:
        """Compute the chosen trial's test metrics, once."""
        best = self.state.best(self.metric, self.mode)
        if best is None:
            last = [t.reason for t in self.state.trials.values() if t.reason]
            cause = f" The last trial: {last[-1]}" if last else ""
            reason = end.reason or "the search is over"
            return _End("failed", f"No trial finished ({reason}).{cause}")
        if best.test:
            return end
        self.emit(events.StageEntered, stage="scoring")
        self.end = None
        failure = self._task("score", f"{_TRIAL}:score", best.number)
        if failure:
            return _End("failed", f"Trial {best.number} could not be scored. {failure}")
        metrics = read_json(self.folder.trial(best.number).test)
        self.emit(events.TestScored, trial=best.number, metrics=metrics)
        return end

    def _task(self, name: str, entry: str, *args: Any) -> str:
        """Run a task that is no trial to its end; returns why it failed, or nothing."""
        key = f"{name}-{self.attempt}"
        self.cluster.submit(entry, key, str(self.folder.path), *args)
        while True:
            for message in self._tick():
                if message.key == key and message.kind == "lost":
                    return str(message.fields["reason"])
                if message.key == key and message.kind == "done":
                    return ""
            if self.end is not None and self.end.kill_at_s < time.time():
                return self.end.reason

    def _tick(self) -> list[Message]:
        """Heed commands and messages for a moment; returns what concerns no trial."""
        if time.time() - self._beaten_s > _HEARTBEAT_S:
            self.beat()
            self._beaten_s = time.time()
        for command in pending(self.folder, set(self.state.acknowledged)):
            self._obey(command)
        others = []
        try:
            message = self.inbox.get(timeout=_TICK_S)
            while True:
                if message.key in self.running or message.kind in ("ask", "stage"):
                    self._hear(message)
                else:
                    others.append(message)
                message = self.inbox.get_nowait()
        except queue.Empty:
            return others

    def _hear(self, message: Message) -> None:
        """Take in what a worker says."""
        fields = message.fields
        if message.kind == "stage":
            if self.state.stage != "searching":
                self.emit(events.StageEntered, stage=fields["stage"])
            return
        trial = self.running[message.key].number
        if message.kind == "started":
            self.emit(events.TrialStarted, trial=trial, worker=fields["worker"])
        elif message.kind == "ask":
            choices = tuple(fields["parameter"].pop("choices"))
            parameter = Parameter(choices=choices, **fields["parameter"])
            self.cluster.answer(message.key, self.study.suggest(trial, parameter))
        elif message.kind == "built":
            self.emit(events.TrialBuilt, trial=trial, **fields)
        elif message.kind == "epoch":
            epochs = self.search["epochs"]
            self.emit(events.EpochEnded, trial=trial, epochs=epochs, **fields)
        elif message.kind in ("done", "lost"):
            self._end_trial(message)

    def _start_trial(self) -> bool:
        """Give a trial to a worker, if the budget has one left."""
        if self.trials is not None and self._begun() >= self.trials:
            return False
        number = self.study.ask()
        key = f"trial-{number}-{self.attempt}"
        self.running[key] = _Running(number, time.time())
        self.cluster.submit(f"{_TRIAL}:train", key, str(self.folder.path), number)
        return True

    def _begun(self) -> int:
        """Trials that count against the budget."""
        return len(self.state.trials.keys() | {r.number for r in self.running.values()})

    def _end_trial(self, message: Message) -> None:
        """Close a trial in the events and in the study."""
        running = self.running[message.key]
        trial = self.state.trials.setdefault(running.number, TrialState(running.number))
        result = message.fields.get("result") or self._lost(running, message, trial)
        if result["epochs"] > len(trial.history):
            self.inbox.put(message)  # its last epochs are still on their way
            return
        del self.running[message.key]
        state, reason = result["state"], result["reason"]
        if state == "stopped" and running.stop_reason:
            reason = running.stop_reason
        best = _best_epoch(trial.history, self.metric, self.mode)
        if best is None and state != "failed":
            state, reason = "failed", reason or "no epoch was trained"
        metrics = dict(trial.history[best - 1]) if best and state != "failed" else {}
        metrics.pop("seconds", None)
        self.emit(
            events.TrialEnded,
            trial=running.number,
            state=state,
            reason=reason,
            metrics=metrics,
            best_epoch=best,
            epochs=result["epochs"],
            seconds=time.time() - running.started_s,
        )
        self.study.tell(running.number, metrics.get(self.metric))
        self._drop_checkpoints()

    def _lost(
        self, running: _Running, message: Message, trial: TrialState
    ) -> dict[str, Any]:
        """The result of a trial whose process is gone."""
        trained = len(trial.history)
        folder = self.folder.trial(running.number)
        if running.killed and trained and folder.checkpoint.exists():
            text = Program.from_text(folder.source.read_text("utf-8"))
            folder.source.write_text(text.with_epochs(trained).to_text(), "utf-8")
            return {"state": "stopped", "reason": "", "epochs": trained}
        reason = running.stop_reason if running.killed else message.fields["reason"]
        return {"state": "failed", "reason": reason, "epochs": trained}

    def _over(self) -> _End | None:
        """Whether the budget is spent, or nothing can be expected any more."""
        if (
            self.minutes is not None
            and self.state.spent_s(time.time()) >= self.minutes * 60
        ):
            reason = f"the budget of {self.minutes:g} minutes was spent"
            return _End("completed", reason, time.time() + _GRACE_S)
        if self.trials is not None and self._begun() >= self.trials:
            if not self.running:
                return _End("completed", f"all {self.trials} trials are done")
        failed = [t for t in self.state.trials.values() if t.state == "failed"]
        if len(failed) >= _MOST_FAILURES and not self.state.finished():
            return _End("failed", f"{len(failed)} trials failed and none finished")
        return None

    def _stop_running(self, end: _End) -> None:
        """Tell running trials to end; past the deadline, end their processes."""
        for key, running in self.running.items():
            if not running.stop_reason:
                running.stop_reason = end.reason
                self.cluster.word(key, "stop")
            if time.time() > end.kill_at_s and not running.killed:
                running.killed = True
                self.cluster.kill(key)

    def _obey(self, command: Command) -> None:
        """Carry out a command and acknowledge it."""
        obey = {
            "stop": self._obey_stop,
            "pause": self._obey_pause,
            "resume": self._obey_resume,
            "extend": self._obey_extend,
        }.get(command.verb)
        accepted, answer = False, f"cannot be read as a command ({command.verb})"
        if obey is not None:
            accepted, answer = obey(command.arguments)
        self.emit(
            events.CommandAcknowledged,
            command=command.id,
            verb=command.verb,
            accepted=accepted,
            message=answer,
        )

    def _obey_stop(self, _: dict[str, Any]) -> tuple[bool, str]:
        if self.end is not None and self.end.asked:
            self.end.kill_at_s = 0.0
            return True, "running trials are ended at once"
        self.end = _End("stopped", "stopped by the person", asked=True)
        if self.paused:
            self._obey_resume({})
        if not self.running:
            self.end.kill_at_s = 0.0
        return True, "running trials end after their epoch"

    def _obey_pause(self, _: dict[str, Any]) -> tuple[bool, str]:
        if self.paused:
            return True, "is paused already"
        self.paused = True
        for key in self.running:
            self.cluster.word(key, "hold")
        self.emit(events.RunPaused)
        return True, "running trials hold after their epoch; the budget's clock stands"

    def _obey_resume(self, _: dict[str, Any]) -> tuple[bool, str]:
        if not self.paused:
            return True, "is not paused"
        self.paused = False
        for key in self.running:
            self.cluster.word(key, "go")
        self.emit(events.RunResumed)
        return True, "goes on"

    def _obey_extend(self, more: dict[str, Any]) -> tuple[bool, str]:
        if self.minutes is not None and more.get("minutes"):
            self.minutes += more["minutes"]
        if self.trials is not None and more.get("trials"):
            self.trials += more["trials"]
        self.emit(events.BudgetChanged, minutes=self.minutes, trials=self.trials)
        return True, f"the budget is {self.minutes} minutes, {self.trials} trials"

    def _drop_checkpoints(self) -> None:
        """Keep the models of the best few trials only."""
        sign = -1 if self.mode == "max" else 1
        ranked = sorted(
            self.state.finished(), key=lambda t: sign * t.metrics[self.metric]
        )
        for trial in ranked[_KEPT_CHECKPOINTS:]:
            self.folder.trial(trial.number).checkpoint.unlink(missing_ok=True)


def _best_epoch(history: list[dict[str, float]], metric: str, mode: str) -> int | None:
    """The epoch (from 1) whose checkpoint is kept: the first of the best."""
    sign = 1 if mode == "max" else -1
    scores = [sign * epoch[metric] for epoch in history]
    finite = [score for score in scores if math.isfinite(score)]
    return scores.index(max(finite)) + 1 if finite else None
