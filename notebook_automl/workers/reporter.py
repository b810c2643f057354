"""The one thing that we add to a program: a callback that reports each epoch."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from notebook_automl.workers.link import Link

# An epoch that takes longer than this tells on its way that it gets on.
_SIGN_S = 2.0
# What an epoch takes is told once so many batches were trained, or for so long.
_BATCHES, _MEASURED_S = 5, 1.0
# Validation goes forward only.
_FORWARD = 0.4


class CutShort(Exception):
    """Leaves `fit` within an epoch, which then counts for nothing."""


class FoldsEnded(Exception):
    """Leaves a train cell between two folds: the trial has ended."""


class Reporter(keras.callbacks.Callback):
    """Reports each epoch, and obeys the supervisor's words.

    "stop", "prune" and "hold" wait for the epoch's end; "cut" is obeyed at the next
    batch: the epoch is dropped, so that the program trains what its checkpoint has
    seen.

    Args:
        link: The supervisor.
        objective: The metric that must stay a finite number ("val_accuracy").
        validation_share: Rows that validate, for each one that is trained on.
        folds: Whether the train cell fits once for each fold.
    """

    def __init__(
        self,
        link: Link,
        objective: str,
        validation_share: float = 0.0,
        folds: bool = False,
    ) -> None:
        super().__init__()
        self._before = 0
        self._folds = folds
        self.fold = self.whole_folds = 0
        self._link = link
        self._objective = objective
        self._share = validation_share
        self._began_s = self._last_s = self._told_s = 0.0
        self._first_s = self._gap_s = 0.0
        self._validation_s: float | None = None
        self._begun_s = 0.0
        self._measured = self._sound = False
        self._words: deque[str] = deque()
        self.epochs = 0
        self.state = "completed"
        self.reason = ""

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin the next fold."""
        self._before = self.epochs
        if self._folds:
            if self.state != "completed":
                raise FoldsEnded
            self.fold += 1

    def on_train_end(self, logs: Any = None) -> None:
        """Count a fold that was trained to its end."""
        self.whole_folds += self.state == "completed"

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the epoch's clock."""
        self._began_s = self._last_s = time.perf_counter()
        self._told_s = self._began_s

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look for words, and tell what the first epoch will take."""
        self._sign()
        if self.epochs > 0:
            return
        if not self._first_s:
            # It also compiles, which no later batch does.
            self._first_s, self._gap_s = self._last_s - self._began_s, 0.0
            self._first_batch = batch
            return
        batches = batch - self._first_batch
        took_s = self._last_s - self._began_s - self._first_s
        if not self._measured and (batches >= _BATCHES or took_s >= _MEASURED_S):
            self._measured = True
            self._tell_first(batch + 1, took_s / batches)

    def on_test_begin(self, logs: Any = None) -> None:
        """Start the validation's clock."""
        self._begun_s = time.perf_counter()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look for words."""
        self._sign()

    def on_test_end(self, logs: Any = None) -> None:
        """Stop the validation's clock."""
        self._validation_s = time.perf_counter() - self._begun_s

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report the metrics, then obey."""
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        self.epochs = self._before + epoch + 1
        if self.epochs == 1:
            self._tell_pace()
        self._link.tell(
            "epoch",
            epoch=self.epochs,
            metrics=metrics,
            seconds=time.perf_counter() - self._began_s,
            **({"fold": self.fold} if self._folds else {}),
        )
        self._judge(metrics)
        word = self._word(timeout_s=0)
        while word == "hold":
            word = self._word(timeout_s=None)
        if word in ("stop", "cut") and self.state == "completed":
            self._end("stopped", f"stopped after epoch {self.epochs}")
        elif word == "prune" and self.state == "completed":
            self._end("pruned", f"pruned after epoch {self.epochs}")

    def _judge(self, metrics: dict[str, float]) -> None:
        """End a trial that has diverged; its epochs before that count, if any do."""
        for name in ("loss", self._objective):
            value = metrics.get(name, math.nan)
            if not math.isfinite(value) and self.state == "completed":
                state = "stopped" if self._sound else "failed"
                self._end(state, f"{name} became {value} in epoch {self.epochs}")
        # A fold's epochs count only together with those of the other folds.
        self._sound = self.state == "completed" and not self._folds

    def _sign(self) -> None:
        """After a batch: heed "cut", and tell now and then that there was one."""
        now_s = time.perf_counter()
        self._gap_s = max(self._gap_s, now_s - self._last_s)
        self._last_s = now_s
        word = self._link.word(timeout_s=0)
        if word == "cut":
            raise CutShort
        if word is not None:
            self._words.append(word)
        if now_s - self._told_s > _SIGN_S:
            self._tell_pace()

    def _tell_first(self, batches: int, batch_s: float) -> None:
        """Tell when the first epoch will end, as far as its first batches say."""
        steps = (self.params or {}).get("steps")
        if steps is None:
            return
        validation_s = self._share * steps * batch_s * _FORWARD
        rest_s = (steps - batches) * batch_s + validation_s
        if rest_s > _SIGN_S / 2:
            self._tell_pace(rest_s=rest_s)

    def _tell_pace(self, **fields: float) -> None:
        self._told_s = self._last_s
        self._link.tell(
            "pace",
            gap_s=self._gap_s,
            first_s=self._first_s,
            validation_s=self._validation_s,
            **fields,
        )

    def _word(self, timeout_s: float | None) -> str | None:
        """The next word, of those that were heard during the epoch first."""
        return self._words.popleft() if self._words else self._link.word(timeout_s)

    def _end(self, state: str, reason: str) -> None:
        self.state, self.reason = state, reason
        self.model.stop_training = True
