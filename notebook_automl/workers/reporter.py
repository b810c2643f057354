"""The one thing that we add to a program: a callback that reports each epoch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from notebook_automl.workers.link import Link


class Reporter(keras.callbacks.Callback):
    """Reports each epoch, and obeys stop and pause after it.

    Args:
        link: The supervisor.
        objective: The metric that must stay a finite number ("val_accuracy").
    """

    def __init__(self, link: Link, objective: str) -> None:
        super().__init__()
        self._link = link
        self._objective = objective
        self._began_s = 0.0
        self.epochs = 0
        self.state = "completed"
        self.reason = ""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the epoch's clock."""
        self._began_s = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report the metrics, then look for words from the supervisor."""
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        self.epochs = epoch + 1
        self._link.tell(
            "epoch",
            epoch=self.epochs,
            metrics=metrics,
            seconds=time.perf_counter() - self._began_s,
        )
        value = metrics[self._objective]
        if not math.isfinite(value):
            reason = f"{self._objective} became {value} in epoch {self.epochs}"
            self._end("failed", reason)
        word = self._link.word(timeout_s=0)
        while word == "hold":
            word = self._link.word(timeout_s=None)
        if word == "stop":
            self._end("stopped", f"stopped after epoch {self.epochs}")

    def _end(self, state: str, reason: str) -> None:
        self.state, self.reason = state, reason
        self.model.stop_training = True
