"""The trials that run: given to workers, heard, and closed in events and study."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from notebook_automl.record import events
from notebook_automl.record.files import write_text
from notebook_automl.record.folds import FOLD, score
from notebook_automl.record.front import front, objectives, told
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.parameters import Parameter
from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState
from notebook_automl.search._study import Study
from notebook_automl.source.program import Program
from notebook_automl.workers.budget import Clock, Costs, too_long
from notebook_automl.workers.cluster import Cluster, Message
from notebook_automl.workers.outcome import outcome
from notebook_automl.workers.retry import for_memory, memory_kills, next_try
from notebook_automl.workers.running import Patience, Running

_TRAIN = "notebook_automl.workers.trial:train"
_KEPT_CHECKPOINTS = 5


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
        memory_mib: What a trial may take of its device's memory; None is unknown.
        most_growth_mib: What a worker may grow by until it is replaced.
        costs: What trials take.
        clock: Tells the time.
        patience: How long a trial may say nothing.
        running: The trials, by the keys of their tasks.
        waiting: Those that are to be tried again.
        failures: How many have failed in this attempt.
        skipped: How many were skipped since the last one that was not.
    """

    folder: RunFolder
    attempt: int
    search: dict[str, Any]
    state: RunState
    emit: Callable[..., None]
    study: Study
    cluster: Cluster
    memory_mib: float | None
    most_growth_mib: float
    costs: Costs
    clock: Clock
    patience: Patience
    running: dict[str, Running] = field(default_factory=dict)
    waiting: deque[Running] = field(default_factory=deque)
    failures: int = 0
    skipped: int = 0

    def __post_init__(self) -> None:
        self.metric, self.mode = f"val_{self.search['metric']}", self.search["mode"]
        self._memory_kills = memory_kills()
        self._rss_mib: dict[str, float] = {}

    def fill(self, workers: int, trials: int | None) -> None:
        """Give each worker a trial, as far as the budget goes.

        Args:
            workers: How many may run at once.
            trials: How many the run may have in all; None is without limit.
        """
        while len(self.running) < workers:
            if any(running.alone for running in self.running.values()):
                return
            if self.waiting:
                if self.waiting[0].alone and self.running:
                    return
                self._submit(self.waiting.popleft())
            elif trials is not None and self.begun() >= trials:
                return
            else:
                proposal = self.study.ask()
                if proposal is None:
                    return
                running = Running(proposal.number, self.clock.steady())
                running.planned = proposal.epochs
                running.promoted_from = proposal.promoted_from
                self._submit(running)

    def _submit(self, running: Running) -> None:
        """Give a trial to a worker."""
        key = f"trial-{running.number}-{self.attempt}-{len(running.notes)}"
        self.running[key] = running
        given = running.number, running.halvings, self.memory_mib, running.planned
        self.cluster.submit(_TRAIN, key, *given)

    @property
    def idle(self) -> bool:
        """Whether no trial runs or waits."""
        return not self.running and not self.waiting

    def begun(self) -> int:
        """How many trials count against the budget: all of all attempts that had a
        chance."""
        trials = self.state.trials.values()
        skipped = {trial.number for trial in trials if trial.state == "skipped"}
        here = {running.number for running in (*self.running.values(), *self.waiting)}
        return len(self.state.trials.keys() - skipped | here)

    def drop(self, reason: str) -> None:
        """Give up what waits.

        Args:
            reason: Why.
        """
        while self.waiting:
            self._close(self.waiting.popleft(), "stopped", reason, {})

    def hold(self) -> None:
        """Let all trials wait after their epoch."""
        for key in self.running:
            self.cluster.word(key, "hold")

    def go(self) -> None:
        """Let them go on."""
        for key, running in self.running.items():
            self.cluster.word(key, "go")
            running.go(self.clock.steady())

    def stop(self, word: str, reason: str, kill_at_s: float) -> None:
        """Tell the trials to end; past a deadline, end their processes.

        Args:
            word: "stop" after their epoch, or "cut" at once.
            reason: Why they end.
            kill_at_s: The deadline, on the steady clock.
        """
        for key, running in self.running.items():
            running.stop_reason = running.stop_reason or reason
            if running.word not in (word, "cut"):
                running.word = word
                self.cluster.word(key, word)
            # Before its first epoch there is nothing to lose.
            late_s = kill_at_s if word == "stop" or running.epochs else -math.inf
            if self.clock.steady() > late_s:
                self._kill(key, f"{running.stop_reason}, at once")

    def mind(self, left_s: float, spent: str) -> None:
        """End the trials that hang, and those whose epoch the budget cannot pay.

        Args:
            left_s: What is left of the budget.
            spent: In words, that it is spent.
        """
        now_s = self.clock.steady()
        for key, running in self.running.items():
            if hung := running.hangs(now_s, self.patience):
                running.hung = True
                self._kill(key, hung)
            elif running.word or left_s <= 0:
                continue
            elif too_long(running.rest_s(now_s), left_s):
                running.stop_reason = f"{spent}: {running.unable(left_s)}"
                running.word, running.dear = "cut", not running.epochs
                self.cluster.word(key, "cut")

    def _kill(self, key: str, reason: str) -> None:
        """End a trial's process, once."""
        running = self.running[key]
        if not running.killed:
            running.killed, running.stop_reason = True, reason
            self.cluster.kill(key)

    def hear(self, message: Message) -> None:
        """Take in what a trial says.

        Args:
            message: One whose key is in `running`.
        """
        fields, running = message.fields, self.running[message.key]
        now_s = self.clock.steady()
        running.hear(now_s)
        if message.kind == "started":
            running.worker = fields["worker"]
            name = fields["name"]
            self.emit(events.TrialStarted, trial=running.number, worker=name)
        elif message.kind == "ask":
            parameter = Parameter.from_json(fields["parameter"])
            if parameter.name not in self.state.space:
                self.emit(events.ParameterMet, parameter=asdict(parameter))
            value = self.study.suggest(running.number, parameter)
            self.cluster.answer(message.key, value)
        elif message.kind == "built":
            self.study.built(running.number)
            self.emit(events.TrialBuilt, trial=running.number, **fields)
        elif message.kind == "pace":
            running.pace(now_s, fields, self.costs)
        elif message.kind == "epoch":
            running.epoch(now_s, fields["seconds"], self.costs)
            running.told_s = message.told_s
            chosen = self.state.trials[running.number].values
            epochs = running.planned or chosen.get("epochs", self.search["epochs"])
            epochs = int(epochs) * (self.search.get("folds") or 1)
            self.emit(events.EpochEnded, trial=running.number, epochs=epochs, **fields)
            self._compare(message.key)
        elif message.kind in ("done", "lost"):
            self._end(message)

    def _compare(self, key: str) -> None:
        """Let a trial end that others have left behind."""
        running = self.running[key]
        history = self.state.trials[running.number].history
        step, value = len(history), history[-1].get(self.metric, math.nan)
        if self.search.get("folds"):
            # An epoch of one fold says little of the others, the mean of some more.
            step = int(history[-1][FOLD]) - 1
            if len(history) < 2 or history[-2][FOLD] != step:
                return
            found = score(history, self.metric, self.search["mode"], step)
            value = math.nan if found is None else found.metrics[self.metric]
        reason = self.study.report(running.number, step, value)
        if reason and not running.prune_reason and not running.stop_reason:
            running.prune_reason = reason
            self.cluster.word(key, "prune")

    def _end(self, message: Message) -> None:
        """Close a trial, unless it is tried again."""
        running = self.running.pop(message.key)
        result = message.fields.get("result") or self._lost(running, message)
        state, reason = result["state"], result["reason"]
        if state == "stopped" and running.stop_reason:
            reason = running.stop_reason
        elif state == "pruned":
            reason = running.prune_reason
        elif state == "completed" and running.promoted_from is not None:
            reason = reason or f"promoted from trial {running.promoted_from}"
        short = state == "failed" and for_memory(reason)
        self.cluster.learn(ended=state == "completed", short=short)
        if short or self._grown(running.worker, message.fields.get("rss_mib", 0.0)):
            # Not every backend gives back what it once took.
            self.cluster.renew(running.worker)
        if short or ("result" not in message.fields and not running.killed):
            again = next_try(running, reason, self.clock.steady())
            if again is not None and not running.word:
                self.waiting.append(again)
                note = again.notes[-1]
                self.emit(events.TrialRetried, trial=running.number, reason=note)
                return
            state = "skipped" if short else state
        self._close(running, state, reason, result)

    def _grown(self, worker: str, rss_mib: float) -> bool:
        """Whether a worker holds much more than after its first trial."""
        return (
            rss_mib - self._rss_mib.setdefault(worker, rss_mib) > self.most_growth_mib
        )

    def _close(
        self, running: Running, state: str, reason: str, result: Mapping[str, Any]
    ) -> None:
        """Close a trial in the events and in the study."""
        trial = self.state.trials.get(running.number, TrialState(running.number))
        seconds = self.clock.steady() - running.started_s
        if state == "completed":
            self.costs.ended(seconds)
        best, found = outcome(self.folder, self.search, trial, result)
        if state == "pruned" and self.search.get("folds"):
            best = None  # the mean of fewer folds would stand beside that of all
        if not math.isfinite(found.get("loss", 0.0)):
            state, best = "failed", None  # its weights are no numbers either
        if best is None and state == "completed":
            state, reason = "failed", reason or "no epoch was trained"
        if best is None and state == "stopped" and "first epoch" not in reason:
            reason += ", before its first epoch had ended"
        kept = best is not None and state not in ("failed", "skipped")
        metrics = found if kept else {}
        self.failures += state == "failed"
        self.skipped = self.skipped + 1 if state == "skipped" else 0
        self.emit(
            events.TrialEnded,
            trial=running.number,
            state=state,
            reason="; ".join(filter(None, [*running.notes, reason])),
            metrics=metrics,
            best_epoch=best,
            epochs=len(trial.history),
            seconds=seconds,
        )
        pruned = state in ("pruned", "skipped") or (running.dear and not metrics)
        value = told(trial, objectives(self.search))
        self.study.tell(running.number, value, pruned)
        self._drop_checkpoints()

    def _lost(self, running: Running, message: Message) -> dict[str, Any]:
        """The result of a trial whose process is gone."""
        if not running.killed and not running.word:
            kills, self._memory_kills = self._memory_kills, memory_kills()
            memory = ": out of memory" if self._memory_kills > kills else ""
            return {"state": "failed", "reason": message.fields["reason"] + memory}
        folder = self.folder.trial(running.number)
        trained = self.state.trials.get(running.number)
        if self.search.get("folds") and trained is not None and trained.history:
            # The last fold may have lost an epoch; of the others all is known.
            whole = int(trained.history[-1][FOLD]) - 1
            return {"state": "stopped", "reason": "", "folds": whole}
        with contextlib.suppress(OSError):
            # One that was written later is half written, or of an epoch unknown to us.
            if folder.checkpoint.stat().st_mtime <= running.told_s:
                text = Program.from_text(folder.source.read_text("utf-8"))
                text = text.with_epochs(running.epochs)
                write_text(folder.source, text.to_text())
                return {"state": "stopped", "reason": ""}
        # Of one whose model is half written nothing is left.
        state = "failed" if running.epochs or running.hung else "stopped"
        return {"state": state, "reason": running.stop_reason}

    def kept(self) -> list[int]:
        """The best trials whose models are kept, the best first."""
        best = self.state.ranked(self.metric, self.mode)[:_KEPT_CHECKPOINTS]
        numbers = (trial.number for trial in best)
        return [n for n in numbers if self.folder.trial(n).checkpoint.exists()]

    def _drop_checkpoints(self) -> None:
        """Keep the models of the best few trials and of those that run."""
        ranked = self.state.ranked(self.metric, self.mode)
        kept = {trial.number for trial in ranked[:_KEPT_CHECKPOINTS]}
        sought = objectives(self.search)
        if len(sought) > 1:
            kept |= {trial.number for trial in front(self.state, sought)}
        for number, trial in self.state.trials.items():
            if number not in kept and trial.state != "running":
                with contextlib.suppress(OSError):  # a disk that refuses keeps more
                    self.folder.trial(number).checkpoint.unlink(missing_ok=True)
