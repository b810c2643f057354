"""One attempt at a run: who gives trials to workers and writes what happens."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import queue
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from notebook_automl.record import events
from notebook_automl.record.commands import Command, pending
from notebook_automl.record.layout import RunFolder, read_json
from notebook_automl.record.snapshot import open_state, save
from notebook_automl.record.writer import EventWriter
from notebook_automl.search._study import Study
from notebook_automl.workers.cluster import Cluster, Message, cpu_workers
from notebook_automl.workers.devices import devices
from notebook_automl.workers.pool import Pool

_TRIAL = "notebook_automl.workers.trial"
# Somebody waits for the answer to a command; a look takes a few microseconds.
_TICK_S = 0.02
_HEARTBEAT_S = 2.0
# A snapshot spares who opens the run the lines before it: 5 MB take a quarter second.
_SNAPSHOT_S = 60.0
_SNAPSHOT_BYTES = 5_000_000
# A trial that was told to stop has this long to end its epoch once time is up.
_GRACE_S = 3.0
# So many trials failing from the start mean that the next one would fail as well.
_MOST_FAILURES = 10
_PACKAGES = (
    *("notebook-automl", "autokeras", "keras", "tensorflow", "optuna", "numpy"),
    *("pandas", "pyarrow", "scikit-learn", "ipykernel"),
)
_STAGES = ("starting", "loading Keras", "preparing data", "searching", "scoring")


@dataclass
class _End:
    """How the run is to end, once somebody or something has said so.

    Args:
        state: As in `RunEnded`.
        reason: Why.
        kill_at_s: When what still runs is ended, in Unix seconds.
        asked: Whether a person has said so.
    """

    state: str
    reason: str
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
        self.state, self._tail = open_state(self.folder)
        self._before_s = self.state.last_s
        self._saved_s, self._saved_bytes = time.time(), self._tail.offset
        self.minutes, self.trials = self.search["minutes"], self.search["trials"]
        if self.state.minutes is not None or self.state.trials_budget is not None:
            self.minutes, self.trials = self.state.minutes, self.state.trials_budget
        self.metric, self.mode = f"val_{self.search['metric']}", self.search["mode"]
        self.end: _End | None = None
        self.paused = False
        self._beaten_s = 0.0

    def stop(self, reason: str) -> None:
        """End the run soon, for a reason that is no command's.

        Safe in any thread and in a signal handler: the queue is reentrant.
        """
        self.inbox.put(Message("", "end", {"reason": reason}))

    def emit(self, kind: type[events.Event], **fields: Any) -> None:
        """Write an event and take it into our own view of the run."""
        event = kind(time_s=time.time(), attempt=self.attempt, **fields)
        self.writer.append(event)
        self.state.apply(event)
        if kind is events.RunEnded:
            self._save()

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
            versions=_versions(),
        )
        self.emit(events.StageEntered, stage="starting")
        # Optuna would append to a half-written line, and then never read it again.
        EventWriter(self.folder.study).close()
        self.study = Study(
            self.folder.study, self.search["tuner"], self.mode, self.search["seed"]
        )
        finished = self.state.finished()
        self.study.settle({t.number: t.metrics.get(self.metric) for t in finished})
        self.cluster = Cluster(workers, gpus, self.inbox.put)
        self.pool = Pool(
            self.folder,
            self.attempt,
            self.search,
            self.state,
            self.emit,
            self.study,
            self.cluster,
        )
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
        end = self._task("prepare", "The search could not be prepared.")
        while end is None:
            self._give_trials(workers)
            # There is no end any more if the budget was extended meanwhile.
            end = self._score() or self.end
        return end

    def _give_trials(self, workers: int) -> None:
        """Keep the workers busy with trials until an end is due and none runs."""
        if self.end is None:
            self.emit(events.StageEntered, stage="searching")
        while self.pool.running or self.end is None:
            self._tick()
            if self.end is None and not self.paused:
                self.end = self._over()
            if self.end is not None:
                self.pool.stop(self.end.reason, self.end.kill_at_s)
            elif not self.paused:
                self.pool.fill(workers, self.trials)

    def _score(self) -> _End | None:
        """Compute the chosen trial's test metrics, once; returns what came between."""
        end = self.end or _End("completed", "the search is over")
        best = self.state.best(self.metric, self.mode)
        if best is None and end.state == "stopped":
            return _End("stopped", f"{end.reason}; no trial had finished")
        if best is None:
            last = [t.reason for t in self.state.trials.values() if t.reason]
            cause = f" The last trial: {last[-1]}" if last else ""
            return _End("failed", f"No trial finished ({end.reason}).{cause}")
        if end.state == "completed":
            end.kill_at_s = math.inf  # the budget is one of trials
        if best.test or end.kill_at_s < time.time():
            return None
        self.emit(events.StageEntered, stage="scoring")
        failed = f"Trial {best.number} could not be scored."
        failure = self._task("score", failed, best.number)
        if failure is None:
            metrics = read_json(self.folder.trial(best.number).test)
            self.emit(events.TestScored, trial=best.number, metrics=metrics)
        return failure

    def _task(self, name: str, failed: str, *args: Any) -> _End | None:
        """Run a task that is no trial to its end; returns what came between."""
        key = "-".join(map(str, (name, *args, self.attempt)))
        self.cluster.submit(f"{_TRIAL}:{name}", key, str(self.folder.path), *args)
        while True:
            for message in self._tick():
                if message.key == key and message.kind == "lost":
                    return _End("failed", f"{failed} {message.fields['reason']}")
                if message.key == key and message.kind == "done":
                    return None
            if self.end is not None and self.end.kill_at_s < time.time():
                return self.end

    def _tick(self) -> list[Message]:
        """Heed commands and messages for a moment; returns what concerns no trial."""
        if time.time() - self._beaten_s > _HEARTBEAT_S:
            self.beat()
            self._beaten_s = time.time()
            if time.time() - self._saved_s > _SNAPSHOT_S:
                self._save(_SNAPSHOT_BYTES)
        for command in pending(self.folder, self.state.acknowledged.keys()):
            self._obey(command)
        others = []
        with contextlib.suppress(queue.Empty):
            message = self.inbox.get(timeout=_TICK_S)
            while True:
                if message.key in self.pool.running:
                    self.pool.hear(message)
                elif message.kind == "end":
                    self._stop(message.fields["reason"], time.time() + _GRACE_S)
                elif message.kind == "stage":
                    self._enter(message.fields["stage"])
                else:
                    others.append(message)
                message = self.inbox.get_nowait()
        return others

    def _save(self, least_bytes: int = 0) -> None:
        """Save what the events come to, if there are so many more; not if it fails."""
        with contextlib.suppress(OSError):
            offset = self.writer.offset
            if offset is not None and offset >= self._saved_bytes + least_bytes:
                self._saved_s, self._saved_bytes = time.time(), offset
                save(self.folder, self.state, offset, self._tail.damaged)

    def _enter(self, stage: str) -> None:
        """Tell a stage that workers enter, each for itself, unless we are further."""
        if _STAGES.index(stage) > _STAGES.index(self.state.stage):
            self.emit(events.StageEntered, stage=stage)

    def _over(self) -> _End | None:
        """Whether the budget is spent, or nothing can be expected any more."""
        if (
            self.minutes is not None
            and self.state.spent_s(time.time()) >= self.minutes * 60
        ):
            reason = f"the budget of {_budget_text(self.minutes, None)} was spent"
            return _End("completed", reason, time.time() + _GRACE_S)
        if self.trials is not None and self.pool.begun() >= self.trials:
            if not self.pool.running:
                return _End("completed", f"all {self.trials} trials are done")
        if self.pool.failures >= _MOST_FAILURES and not self.state.finished():
            return _End(
                "failed", f"{self.pool.failures} trials failed and none finished"
            )
        return None

    def _stop(self, reason: str, kill_at_s: float, asked: bool = False) -> None:
        """Let the run end; a deadline that was set before stays."""
        if self.end is not None:
            kill_at_s = min(kill_at_s, self.end.kill_at_s)
        self.end = _End("stopped", reason, kill_at_s, asked)
        if self.paused:
            # "stop" wakes the trials that hold; "go" would train one epoch more.
            self.paused = False
            self.emit(events.RunResumed)

    def _obey(self, command: Command) -> None:
        """Carry out a command and acknowledge it."""
        obey = {
            "stop": self._obey_stop,
            "pause": self._obey_pause,
            "resume": self._obey_resume,
            "extend": self._obey_extend,
        }.get(command.verb)
        if obey is None:
            accepted, answer = False, f"cannot be read as a command ({command.verb})"
        elif command.verb != "extend" and _sent_s(command) < self._before_s:
            accepted, answer = False, "was meant for a supervisor that is gone"
        else:
            accepted, answer = obey(command.arguments)
        self.emit(
            events.CommandAcknowledged,
            command=command.id,
            verb=command.verb,
            accepted=accepted,
            message=answer,
        )

    def _obey_stop(self, _: dict[str, Any]) -> tuple[bool, str]:
        reason = "stopped by the person"
        again = self.end is not None and self.end.asked
        if again or self.state.stage != "searching":
            self._stop(reason, 0.0, asked=True)
            return True, "what runs is ended at once"
        self._stop(reason, math.inf, asked=True)
        return True, "running trials end after their epoch"

    def _obey_pause(self, _: dict[str, Any]) -> tuple[bool, str]:
        if self.end is not None:
            return False, "the run is ending"
        if self.paused:
            return True, "is paused already"
        self.paused = True
        self.pool.say("hold")
        self.emit(events.RunPaused)
        return True, "running trials hold after their epoch; the budget's clock stands"

    def _obey_resume(self, _: dict[str, Any]) -> tuple[bool, str]:
        if not self.paused:
            return True, "is not paused"
        self.paused = False
        self.pool.say("go")
        self.emit(events.RunResumed)
        return True, "goes on"

    def _obey_extend(self, more: dict[str, Any]) -> tuple[bool, str]:
        budget = {"minutes": self.minutes, "trials": self.trials}
        given = {name: value for name, value in more.items() if value is not None}
        for name, value in given.items():
            if budget.get(name) is None or not _is_more(name, value):
                return False, f"cannot add {name}={value!r} to a budget of {budget}"
        self.minutes, self.trials = (
            value and value + given.get(name, 0) for name, value in budget.items()
        )
        self.emit(events.BudgetChanged, minutes=self.minutes, trials=self.trials)
        if self.end is not None and self.end.state == "completed":
            self.end = None
        return True, f"the budget is {_budget_text(self.minutes, self.trials)}"


def _is_more(name: str, value: Any) -> bool:
    """Whether a budget can be extended by a value."""
    kinds = int if name == "trials" else (int, float)
    plain = isinstance(value, kinds) and not isinstance(value, bool)
    return plain and 0 < value < math.inf


def _budget_text(minutes: float | None, trials: int | None) -> str:
    """A budget in words."""
    return " and ".join(
        f"{value:g} {name[:-1] if value == 1 else name}"
        for name, value in (("minutes", minutes), ("trials", trials))
        if value is not None
    )


def _sent_s(command: Command) -> float:
    """When a command was sent, in Unix seconds; a foreign one counts as new."""
    nanoseconds, _, _ = command.id.partition("-")
    return int(nanoseconds) / 1e9 if nanoseconds.isdecimal() else math.inf


def _versions() -> dict[str, str]:
    """Versions of what decides over a run's numbers, as far as they are known."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
