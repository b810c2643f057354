"""A run's events as messages for its view: what changed, or everything again."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from notebook_automl.record.events import (
    EpochEnded,
    Event,
    TrialEvent,
    TrialStarted,
    spell,
)
from notebook_automl.record.layout import encode
from notebook_automl.record.reader import RunState, TrialState

# A longer message holds up what comes behind it.
_MOST_BYTES = 524_288
_FLOAT_BYTES = 4
_MOST_TRIALS = 1000

Frame = tuple[dict[str, Any], bytes]


class Frames:
    """Folds events, and remembers which of them a view has not seen.

    The numbers of an epoch travel as a record of float32: trial, epoch, then the
    metrics in the order of `metrics`, NaN where an epoch has none.

    Args:
        metric: The objective, such as "val_accuracy".
        mode: Whether more or less of it is better.
        state: What was taken in before; it becomes theirs.

    Attributes:
        state: All that was taken in.
        metrics: The names of all metrics.
    """

    def __init__(
        self, metric: str, mode: Literal["max", "min"], state: RunState | None = None
    ) -> None:
        self.state = state or RunState()
        self.metrics: tuple[str, ...] = ()
        self._metric, self._mode = metric, mode
        # The records of what happened since the last message.
        self._records = bytearray()
        self._changed: set[int] = set()
        self._again = True
        for trial in self.state.trials.values():
            self._know(trial.history.names)

    def take(self, events: Iterable[Event]) -> None:
        """Take in what happened.

        Args:
            events: In the order of the record.
        """
        for event in events:
            if event.attempt < self.state.attempt:
                continue  # the late write of a supervisor that is gone
            if isinstance(event, TrialEvent):
                self._changed.add(event.trial)
                if isinstance(event, TrialStarted) and event.trial in self.state.trials:
                    self._again = True  # its curve begins anew
            else:
                self._changed.update(self._running())  # the run may end them
            self.state.apply(event)
            if isinstance(event, EpochEnded):
                self._record(event)

    def again(self) -> None:
        """Send everything with the next messages, because a view begins."""
        self._again = True

    @property
    def waiting(self) -> bool:
        """Whether there is something that a view has not seen."""
        return self._again or bool(self._changed or self._records)

    def next(self, run: dict[str, Any], gone: bool = False) -> Iterator[Frame]:
        """The messages that bring a view up to date; they count as sent.

        Args:
            run: What is known of the run as a whole.
            gone: Whether nobody drives the run any more, nor the trials that it left.

        Returns:
            Each message with its records; the first one may say "reset".
        """
        reset, self._again = self._again, False
        if reset:
            self._changed.update(self.state.trials)
        if gone:
            self._changed.update(self._running())
        numbers = sorted(self._changed)
        run = {**run, "metrics": list(self.metrics)}
        parts = self._everything() if reset else self._cut(bytes(self._records))
        self._changed, self._records, first = set(), bytearray(), True
        while True:
            records = next(parts, b"")
            rows = [self._row(number, gone) for number in numbers[:_MOST_TRIALS]]
            if not (first or records or rows):
                return
            told = {"reset": reset and first, "again": reset, "run": run}
            yield told | {"trials": rows}, records
            numbers, first = numbers[_MOST_TRIALS:], False

    def _running(self) -> list[int]:
        trials = self.state.trials.values()
        return [trial.number for trial in trials if trial.state == "running"]

    def _everything(self) -> Iterator[bytes]:
        """The records of all trials, made as they are needed: there may be millions."""
        numbers = sorted(self.state.trials)
        for begin in range(0, len(numbers), _MOST_TRIALS):
            alike: dict[tuple[str, ...], list[TrialState]] = {}
            for number in numbers[begin : begin + _MOST_TRIALS]:
                trial = self.state.trials[number]
                alike.setdefault(trial.history.names, []).append(trial)
            for names, trials in alike.items():
                yield from self._cut(_records(trials, names, self.metrics))

    def _cut(self, records: bytes) -> Iterator[bytes]:
        width = _FLOAT_BYTES * (2 + len(self.metrics))
        step = _MOST_BYTES - _MOST_BYTES % width
        return (records[at : at + step] for at in range(0, len(records), step))

    def _record(self, event: EpochEnded) -> None:
        if self._know(event.metrics):
            self._again = True  # records have another width from now on
        if not self._again:
            values = (event.metrics.get(name, math.nan) for name in self.metrics)
            self._records += array("f", (event.trial, event.epoch, *values)).tobytes()

    def _know(self, names: Iterable[str]) -> bool:
        """Take in the names of metrics; returns whether there are new ones."""
        new = sorted({*names} - {*self.metrics, "seconds"})
        self.metrics += tuple(new)
        return bool(new)

    def _row(self, number: int, gone: bool) -> dict[str, Any]:
        """One trial, as it stands on the leaderboard."""
        trial = self.state.trials[number]
        running = trial.state == "running"
        return {
            "trial": number,
            "state": "interrupted" if running and gone else trial.state,
            "objective": spell(trial.objective(self._metric, self._mode)),
            "test": spell(trial.test.get(self._metric.removeprefix("val_"))),
            "epochs": trial.epochs_trained,
            "planned": trial.epochs if running and not gone else 0,
            "seconds": trial.seconds,
            "started_s": trial.started_s,
            "ended_s": trial.ended_s,
            "parameters": trial.parameters,
            "best_epoch": trial.best_epoch,
            "reason": trial.reason,
            "worker": trial.worker,
            "values": encode(trial.values),
        }


def _records(
    trials: list[TrialState], names: tuple[str, ...], metrics: tuple[str, ...]
) -> bytes:
    """The epochs of trials that have the same columns."""
    import numpy as np

    if not names:
        return b""  # they have no epoch yet
    lengths = [len(trial.history) for trial in trials]
    values = b"".join(trial.history.table().values for trial in trials)
    table = np.frombuffer(values, "f8").reshape(-1, len(names))
    records = np.full((len(table), 2 + len(metrics)), math.nan, "f4")
    records[:, 0] = np.repeat([trial.number for trial in trials], lengths)
    before = np.cumsum(lengths) - lengths
    records[:, 1] = np.arange(1, len(table) + 1) - np.repeat(before, lengths)
    with np.errstate(over="ignore"):  # it is infinite then
        for place, name in enumerate(metrics, 2):
            if name in names:
                records[:, place] = table[:, names.index(name)]
    return records.tobytes()
