"""One attempt at a run: who gives trials to workers and writes what happens."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from notebook_automl.errors import ClusterError
from notebook_automl.record import events
from notebook_automl.record.commands import pending
from notebook_automl.record.files import read_json
from notebook_automl.record.front import best as best_trial
from notebook_automl.record.front import objectives, told
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.parameters import Parameter
from notebook_automl.record.snapshot import open_state, save
from notebook_automl.record.writer import EventWriter
from notebook_automl.search._study import Study
from notebook_automl.search._terms import Ended
from notebook_automl.source.backends import backend_of
from notebook_automl.workers.budget import (
    Budget,
    Clock,
    Costs,
    budget_text,
)
from notebook_automl.workers.cluster import NEEDS, Cluster, Message
from notebook_automl.workers.entries import Entries
from notebook_automl.workers.heal import keep_end, lost_events
from notebook_automl.workers.manning import first_worker, forget_keys, hands, heed, warm
from notebook_automl.workers.obey import End, obey
from notebook_automl.workers.pool import Pool
from notebook_automl.workers.running import Patience
from notebook_automl.workers.versions import versions

_TRIAL = "notebook_automl.workers.trial"
# Somebody waits for the answer to a command; a look takes a few microseconds.
_TICK_S = 0.02
_HEARTBEAT_S = 2.0
# A snapshot spares who opens the run the lines before it: 5 MB take a quarter second.
_SNAPSHOT_S = 60.0
_SNAPSHOT_BYTES = 5_000_000
# A trial that is cut short has this long to end its batch.
_GRACE_S = 3.0
# A start longer ago than this was not ours, or the clock was set meanwhile.
_LONGEST_START_S = 600.0
# So many trials failing from the start mean that the next one would fail as well.
_MOST_FAILURES = 10
# What it takes to end the workers, once time is up.
_CLOSING_S = 1.5
# So many in a row that are too large mean that the sampler has nothing smaller.
_MOST_SKIPPED = 100
_STAGES = ("starting", "loading Keras", "preparing data", "searching", "scoring")


@dataclass
class Attempt:
    """One attempt at a run; it holds the study and alone writes the events.

    Args:
        folder: The run.
        attempt: The attempt's number.
        writer: The run's events.
        beat: Writes the heartbeat.
        clock: Tells the time.
        patience: How long a trial may say nothing.
    """

    folder: RunFolder
    attempt: int
    writer: EventWriter
    beat: Callable[[], None]
    clock: Clock = field(default_factory=Clock)
    patience: Patience = field(default_factory=Patience)
    inbox: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.search = read_json(self.folder.search)
        self.state, self._tail = open_state(self.folder)
        self.before_s = self.state.last_s
        self._saved_s, self._saved_bytes = self.clock.steady(), self._tail.offset
        minutes, self.trials = self.search["minutes"], self.search["trials"]
        if self.state.minutes is not None or self.state.trials_budget is not None:
            minutes, self.trials = self.state.minutes, self.state.trials_budget
        self.budget = Budget(minutes, self._spent_before(), self.clock)
        self.costs = Costs(self.search["test_split"] / self.search["validation_split"])
        self.metric, self.mode = f"val_{self.search['metric']}", self.search["mode"]
        self.end: End | None = None
        self.paused, self._beaten_s = False, -math.inf
        self.joined = self.warmed = 0

    def _spent_before(self) -> float:
        """What was spent before this process began to count, in seconds."""
        if self.attempt > 1:
            return self.state.spent_s()
        since_s = self.clock.wall() - self.search["started_s"]
        return float(since_s) if 0 < since_s < _LONGEST_START_S else 0.0

    def stop(self, reason: str) -> None:
        """End the run soon, for a reason that is no command's.

        Safe in any thread and in a signal handler: the queue is reentrant.
        """
        self.inbox.put(Message("", "end", {"reason": reason}))

    def emit(self, kind: type[events.Event], **fields: Any) -> None:
        """Write an event and take it into our own view of the run."""
        event = kind(time_s=self.clock.wall(), attempt=self.attempt, **fields)
        if isinstance(event, events.TrialEnded):
            keep_end(self.folder, event, self.state.trials.get(event.trial))
        self._write(event)
        if kind is events.RunEnded:
            self._save()

    def _write(self, event: events.Event) -> None:
        self.writer.append(event)
        self.state.apply(event)

    def run(self) -> None:
        """Search until the budget is spent, the search is over, or somebody says so."""
        self.hands = hands(self.folder, self.search)
        self.emit(
            events.RunStarted,
            host=socket.gethostname(),
            pid=os.getpid(),
            device=self.search["device"],
            workers=self.hands.workers,
            versions=versions(),
        )
        self.emit(events.ClockRead, spent_s=self.budget.spent_s())
        self.emit(events.StageEntered, stage="starting")
        for lost in lost_events(self.folder, self.state):
            self._write(replace(lost, attempt=self.attempt))
        self.study = self._open_study()
        self.cluster = Cluster(
            self.folder,
            self.hands.line,
            self.inbox.put,
            backend_of(self.search).name,
            self.search["device"] == "gpu",
        )
        self.pool = Pool(
            self.folder,
            self.attempt,
            self.search,
            self.state,
            self.emit,
            self.study,
            self.cluster,
            self.hands.memory_mib,
            self.hands.growth_mib,
            self.costs,
            self.clock,
            self.patience,
        )
        self.entries = Entries(
            self.folder,
            self.attempt,
            self.state,
            self.emit,
            self.cluster,
            self.clock,
        )
        try:
            end = self._search()
            forget_keys(self.folder)
        except ClusterError as error:
            end = End("failed", str(error))
        finally:
            self.cluster.close()
        self.emit(events.RunEnded, state=end.state, reason=end.reason)

    def _open_study(self) -> Study:
        """The study, in which all that the record knows has ended."""
        search, sought = self.search, objectives(self.search)
        study = Study(
            self.folder.study,
            search["tuner"],
            self.mode,
            search["seed"],
            search["epochs"],
            search.get("pruner", "none"),
            search.get("first", ()),
            sought[1].mode if len(sought) > 1 else "",
            search.get("folds") or 0,
        )
        trials = self.state.trials.values()
        ended = {t.number: Ended(t.values, told(t, sought), t.state) for t in trials}
        known = self.state.space
        space = {name: Parameter.from_json(fields) for name, fields in known.items()}
        study.restore(ended, space)
        # What never said how it ended is lost.
        lost = {trial.number for trial in trials if trial.ended_s is None}
        study.settle({n: each for n, each in ended.items() if n not in lost})
        return study

    def _search(self) -> End:
        """Prepare, search, score; returns how it ended."""
        end = first_worker(self)
        if end is None:
            failed, data = "The search could not be prepared.", self.folder.data.name
            end = self._task("prepare", failed, needs=(*NEEDS, data))
        if end is None:
            self.entries.begin()
        while end is None:
            self._give_trials()
            # There is no end any more if the budget was extended meanwhile.
            end = self._score() or self.end
        return end

    def _give_trials(self) -> None:
        """Keep the workers busy with trials until an end is due and none runs."""
        if self.end is None:
            self.emit(events.StageEntered, stage="searching")
        while self.pool.running or self.end is None:
            self.tick()
            self.entries.mind()
            if self.paused:
                continue
            left_s = self._left_s()
            self.end = self.end or self._over(left_s)
            self.pool.mind(left_s, self._spent_text())
            if self.end is not None:
                word = self.end.word if left_s > 0 else "cut"
                self.pool.stop(word, self.end.reason, self.end.kill_at_s)
            elif left_s >= self.costs.worth_s():
                self.pool.fill(self.cluster.ready - self.entries.busy, self.trials)
        self.pool.drop(self.end.reason)

    def _score(self) -> End | None:
        """Compute the chosen trial's test metrics, once; returns what came between."""
        end = self.end or End("completed", "the search is over")
        best = best_trial(self.state, self.search)
        if best is None and end.state == "stopped":
            return End("stopped", f"{end.reason}; no trial had finished")
        if best is None:
            last = [t.reason for t in self.state.trials.values() if t.reason]
            cause = f" The last trial: {last[-1]}" if last else ""
            return End("failed", f"No trial finished ({end.reason}).{cause}")
        if end.state == "completed":
            end.kill_at_s = math.inf  # the budget has its own deadline
        failure = None
        if not best.test and end.kill_at_s >= self.clock.steady():
            failure = self._test(best.number)
        if failure is None:
            self._compare(end)
        return failure

    def _compare(self, end: End) -> None:
        """Score what the chosen trial is compared with; what fails is no end."""
        self._await_entries(end)
        if not self._late(end) and not self.search.get("folds"):
            self.entries.combine(self.pool.kept())
            self._await_entries(end)
        self.entries.give_up("there was no time left for it")
        self.entries.tell_tests()

    def _await_entries(self, end: End) -> None:
        while self.entries.busy and not self._late(end):
            self.tick()
            self.entries.mind()

    def _late(self, end: End) -> bool:
        """Whether there is no time left before the run has to end."""
        kill_at_s = min(end.kill_at_s, self.end.kill_at_s if self.end else math.inf)
        spent = self.budget.left_s() + self.budget.late_s() < _CLOSING_S
        return spent or kill_at_s < self.clock.steady()

    def _test(self, number: int) -> End | None:
        """Compute a trial's test metrics; returns what came between."""
        self.emit(events.StageEntered, stage="scoring")
        failed = f"Trial {number} could not be scored."
        needs = (*NEEDS, self.folder.name_of(number))
        failure = self._task("score", failed, number, needs=needs)
        if failure is None:
            metrics = read_json(self.folder.trial(number).test)
            self.emit(events.TestScored, trial=number, metrics=metrics)
        return failure

    def _task(
        self, name: str, failed: str, *args: Any, needs: Iterable[str]
    ) -> End | None:
        """Run a task that is no trial to its end; returns what came between."""
        key = "-".join(map(str, (name, *args, self.attempt)))
        self.cluster.submit(f"{_TRIAL}:{name}", key, *args, needs=needs)
        while True:
            if name == "prepare":
                warm(self)
            for message in self.tick():
                if message.key == key and message.kind == "lost":
                    return End("failed", f"{failed} {message.fields['reason']}")
                if message.key == key and message.kind == "done":
                    return None
            if between := self.between():
                return between

    def between(self) -> End | None:
        """What ends the run before its trials, or after them."""
        if self.end is not None and self.end.kill_at_s < self.clock.steady():
            return self.end
        if self.budget.left_s() + self.budget.late_s() < _CLOSING_S:
            reason = f"{self._spent_text()} in the stage {self.state.stage!r}"
            return End("completed" if self.state.finished() else "failed", reason)
        return None

    def tick(self) -> list[Message]:
        """Heed commands and messages for a moment; returns what concerns no trial."""
        now_s = self.clock.steady()
        if now_s - self._beaten_s > _HEARTBEAT_S:
            self.beat()
            self._beaten_s = now_s
            if now_s - self._saved_s > _SNAPSHOT_S:
                self._save(_SNAPSHOT_BYTES)
            if self.budget.was_set() and not self.paused:
                self.emit(events.ClockRead, spent_s=self.budget.spent_s())
        for command in pending(self.folder, self.state.acknowledged.keys()):
            obey(self, command)
        others = []
        with contextlib.suppress(queue.Empty):
            message = self.inbox.get(timeout=_TICK_S)
            while True:
                if message.key in self.pool.running:
                    self.pool.hear(message)
                elif self.entries.hears(message):
                    pass
                elif heed(self, message):
                    pass
                elif message.kind == "end":
                    kill_at_s = self.clock.steady() + _GRACE_S
                    self.stop_with(End("stopped", message.fields["reason"], kill_at_s))
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
                self._saved_s, self._saved_bytes = self.clock.steady(), offset
                save(self.folder, self.state, offset, self._tail.damaged)

    def _enter(self, stage: str) -> None:
        """Tell a stage that workers enter, each for itself, unless we are further."""
        if _STAGES.index(stage) > _STAGES.index(self.state.stage):
            self.emit(events.StageEntered, stage=stage)

    def _left_s(self) -> float:
        """Seconds that trials may take: what is left, without the end's own needs."""
        return self.budget.left_s() - self.costs.scoring_s()

    def _spent_text(self) -> str:
        """That the budget of time is spent, in words."""
        return f"the budget of {budget_text(self.budget.minutes, None)} was spent"

    def _over(self, left_s: float) -> End | None:
        """Whether the budget is spent, or nothing can be expected any more."""
        if left_s <= 0:
            kill_at_s = self.clock.steady() + _GRACE_S
            return End("completed", self._spent_text(), kill_at_s)
        worth_s = self.costs.worth_s()
        if left_s < worth_s and not self.pool.running:
            needs = f"{left_s:.0f} s were left, another trial takes {worth_s:.0f} s"
            return End("completed", f"{self._spent_text()}: {needs}")
        if self.trials is not None and self.pool.begun() >= self.trials:
            if self.pool.idle:
                return End("completed", f"all {self.trials} trials are done")
        if self.study.over and self.pool.idle:
            return End("completed", self.study.over)
        if self.pool.failures >= _MOST_FAILURES and not self.state.finished():
            failures = f"{self.pool.failures} trials failed and none finished"
            return End("failed", failures)
        if self.pool.skipped >= _MOST_SKIPPED:
            return End("completed", f"{self.pool.skipped} trials in a row were skipped")
        return None

    def stop_with(self, end: End) -> None:
        """Let the run end; a deadline that was set before stays."""
        if self.end is not None:
            end.kill_at_s = min(end.kill_at_s, self.end.kill_at_s)
        self.end = end
        if self.paused:
            # "stop" wakes the trials that hold; "go" would train one epoch more.
            self.go_on()

    def go_on(self) -> None:
        """End a pause."""
        self.paused = False
        self.budget.go()
        self.emit(events.RunResumed)
