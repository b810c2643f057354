"""A run's events as messages for its view: what changed, or everything again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from notebook_automl.record.events import (
    EntryEvent,
    EpochEnded,
    Event,
    TrialEvent,
    TrialRetried,
    TrialStarted,
    spell,
)
from notebook_automl.record.files import encode
from notebook_automl.record.folds import FOLD
from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# A longer message holds up what comes behind it.
_MOST_BYTES = 524_288
_FLOAT_BYTES = 4
_HEAD_FLOATS = 3
_MOST_TRIALS = 1000

Frame = tuple[dict[str, Any], bytes]
# The names of metrics, the number of pieces, and the numbers.
_Part = tuple[Sequence[str], int, bytes]


class Frames:
    """Folds events, and remembers which of them a view has not seen.

    Epochs travel as pieces of curves, in float32: for each of a message's pieces the
    trial, its first epoch and how many there are; then for each of its metrics the
    values of all pieces, one after the other, NaN where an epoch has none. A view that
    begins is sent the objective of all trials first, as that is what it draws.

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
        # What happened since the last message.
        self._epochs: list[EpochEnded] = []
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
                anew = isinstance(event, TrialStarted | TrialRetried)
                if anew and event.trial in self.state.trials:
                    self._again = True  # its curve begins anew
            else:
                self._changed.update(self._running())  # the run may end them
            self.state.apply(event)
            if isinstance(event, EntryEvent):
                self._changed.add(self.state.entries[event.name].number)
            if isinstance(event, EpochEnded):
                self._know(event.metrics)
                self._epochs.append(event)
            if self._again:
                self._epochs.clear()

    def again(self) -> None:
        """Send everything with the next messages, because a view begins."""
        self._again = True

    @property
    def waiting(self) -> bool:
        """Whether there is something that a view has not seen."""
        return self._again or bool(self._changed or self._epochs)

    def next(self, run: dict[str, Any], gone: bool = False) -> Iterator[Frame]:
        """The messages that bring a view up to date; they count as sent.

        Args:
            run: What is known of the run as a whole.
            gone: Whether nobody drives the run any more, nor the trials that it left.

        Returns:
            Each message with its numbers; the first one may say "reset", and "more"
            says that the next one belongs to the same picture.
        """
        reset, self._again = self._again, False
        if reset:
            self._changed.update(self.state.trials)
            self._changed.update(e.number for e in self.state.entries.values())
        if gone:
            self._changed.update(self._running())
        # Baselines first: their numbers are below 0.
        numbers = sorted(self._changed)
        run = {**run, "metrics": list(self.metrics)}
        parts = self._everything() if reset else self._news(self._epochs)
        self._changed, self._epochs = set(), []
        part, first = next(parts, None), True
        while first or part or numbers:
            columns, pieces, values = part or ((), 0, b"")
            rows = [self._row(number, gone) for number in numbers[:_MOST_TRIALS]]
            numbers, part = numbers[_MOST_TRIALS:], next(parts, None)
            more = bool(numbers or (part and tuple(part[0]) == tuple(columns)))
            told = {"reset": reset and first, "again": reset, "more": more, "run": run}
            form = {"trials": rows, "columns": list(columns), "pieces": pieces}
            yield told | form, values
            first = False

    def _running(self) -> list[int]:
        trials = self.state.trials.values()
        return [trial.number for trial in trials if trial.state == "running"]

    def _everything(self) -> Iterator[_Part]:
        """All trials' curves, made as they are needed: there may be millions."""
        first = [name for name in self.metrics if name == self._metric]
        rest = [name for name in self.metrics if name != self._metric]
        for columns in [first, rest] if rest else [first]:
            numbers = sorted(self.state.trials)
            for begin in range(0, len(numbers), _MOST_TRIALS):
                alike: dict[tuple[str, ...], list[TrialState]] = {}
                for number in numbers[begin : begin + _MOST_TRIALS]:
                    trial = self.state.trials[number]
                    alike.setdefault(trial.history.names, []).append(trial)
                for names, trials in alike.items():
                    if names:  # there is an epoch
                        yield from _cut(columns, *_table(trials, names, columns))

    def _news(self, epochs: list[EpochEnded]) -> Iterator[_Part]:
        """The epochs that ended since the last message, a piece each."""
        if not epochs:
            return
        import numpy as np

        heads = np.array([(e.trial, e.epoch, 1) for e in epochs])
        values = [[e.metrics.get(n, math.nan) for e in epochs] for n in self.metrics]
        yield from _cut(self.metrics, heads, _narrow(values, len(epochs)))

    def _know(self, names: Iterable[str]) -> None:
        """Take in the names of metrics."""
        self.metrics += tuple(sorted({*names} - {*self.metrics, "seconds", FOLD}))

    def _of(self, number: int) -> TrialState:
        entries = self.state.entries.values()
        if number < 0:
            return next(entry for entry in entries if entry.number == number)
        return self.state.trials[number]

    def _row(self, number: int, gone: bool) -> dict[str, Any]:
        """One trial, as it stands on the leaderboard."""
        trial = self._of(number)
        running = trial.state == "running"
        return {
            "trial": number,
            "role": trial.role,
            "name": trial.name,
            "state": "interrupted" if running and gone else trial.state,
            "objective": spell(trial.objective(self._metric, self._mode)),
            "spread": spell(trial.metrics.get(f"{self._metric}_std")),
            "test": spell(trial.test.get(self._metric.removeprefix("val_"))),
            "epochs": trial.epochs_trained,
            "planned": trial.epochs if running and not gone else 0,
            "seconds": trial.seconds,
            "started_s": trial.started_s,
            "ended_s": trial.ended_s,
            "parameters": trial.parameters,
            "flops": trial.flops,
            "memory_mib": trial.memory_mib,
            "best_epoch": trial.best_epoch,
            "reason": trial.reason,
            "worker": trial.worker,
            "values": encode(trial.values),
        }


def _table(
    trials: list[TrialState], names: tuple[str, ...], columns: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The epochs of trials that have the same names: heads and values as for `_cut`."""
    import numpy as np

    lengths = [len(trial.history) for trial in trials]
    every = b"".join(trial.history.table().values for trial in trials)
    table = np.frombuffer(every, "f8").reshape(-1, len(names))
    heads = [(trial.number, 1, n) for trial, n in zip(trials, lengths, strict=True)]
    known = [table[:, names.index(n)] if n in names else math.nan for n in columns]
    return np.array(heads), _narrow(known, len(table))


def _narrow(values: Sequence[Any], rows: int) -> npt.NDArray[np.float32]:
    """As float32, a line for each metric."""
    import numpy as np

    narrow = np.empty((len(values), rows), "<f4")
    with np.errstate(over="ignore"):  # it is infinite then
        for line, column in zip(narrow, values, strict=True):
            line[:] = column
    return narrow


def _cut(
    columns: Sequence[str],
    heads: npt.NDArray[np.int64],
    values: npt.NDArray[np.float32],
) -> Iterator[_Part]:
    """Pieces of curves as messages that are not too long.

    Args:
        columns: The names of the metrics.
        heads: Of each piece the trial, its first epoch and how many: (pieces, 3).
        values: One piece after the other: (columns, epochs).
    """
    import numpy as np

    trials, firsts, counts = heads.T
    ends = np.cumsum(counts)
    begins = ends - counts
    # Room for a head to each row, where pieces are that short.
    most = _MOST_BYTES // _FLOAT_BYTES
    width = max(1, len(columns))
    step = max(
        most // (width + _HEAD_FLOATS), (most - _HEAD_FLOATS * len(heads)) // width
    )
    for at in range(0, values.shape[1], step):
        low, high = np.maximum(begins, at), np.minimum(ends, at + step)
        here = low < high
        parts = (trials, firsts + low - begins, high - low)
        told = np.stack(parts, axis=1)[here].astype("<f4")
        numbers = values[:, at : at + step]
        yield columns, len(told), told.tobytes() + numbers.tobytes()
