"""A trial in a worker: when it was last heard, and when its epoch will end."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from notebook_automl.workers.budget import Costs


@dataclass(frozen=True)
class Patience:
    """How long a trial may say nothing before it hangs, in seconds.

    Args:
        first_s: Until its first batch: models are built, and compiled.
        least_s: Between two batches.
        times: So many times what its batches took, if that is longer.
    """

    first_s: float = 600.0
    least_s: float = 60.0
    times: float = 20.0


@dataclass
class Running:
    """A trial in a worker; times in seconds of the clock that nobody sets.

    Args:
        number: From 0.
        started_s: When it was given away.
        told_s: When its last reported epoch had ended, in Unix seconds.
        word: What it was told to do, "stop" or "cut", once it was.
        stop_reason: Why.
        planned: How many epochs it shall train, where the tuner has decided it.
        promoted_from: The trial whose values it trains longer.
        prune_reason: What it was not good enough for, once it was not.
        killed: Whether we ended its process.
        hung: Whether that was because it hung.
        epochs: How many it has reported.
        dear: Whether the budget cannot pay even its first epoch.
        worker: That process's address.
        notes: Why it was tried again, each time.
        deaths: How often its process has ended abruptly.
        short: How often its memory was short.
        alone: Whether no other trial may run beside it.
        halvings: How often its batch was halved.
    """

    number: int
    started_s: float
    told_s: float = 0.0
    word: str = ""
    stop_reason: str = ""
    planned: int | None = None
    promoted_from: int | None = None
    prune_reason: str = ""
    killed: bool = False
    hung: bool = False
    epochs: int = 0
    dear: bool = False
    worker: str = ""
    notes: list[str] = field(default_factory=list)
    deaths: int = 0
    short: int = 0
    alone: bool = False
    halvings: int = 0
    _heard_s: float = 0.0
    _gap_s: float = 0.0
    _first: bool = True
    _epoch_s: float = math.inf
    _due_s: float = math.inf

    def __post_init__(self) -> None:
        self._heard_s = self.started_s

    def hear(self, now_s: float) -> None:
        """It has said something."""
        self._heard_s = now_s

    def pace(self, now_s: float, told: dict[str, Any], costs: Costs) -> None:
        """It has told how fast it gets on.

        Args:
            now_s: Now.
            told: What the reporter tells.
            costs: Learn from it.
        """
        self._first, self._gap_s = False, told["gap_s"]
        if "rest_s" in told:
            self._due_s = now_s + told["rest_s"]
            self._epoch_s = told["rest_s"]
        elif told["validation_s"] is not None:
            costs.validation(told["validation_s"], told["first_s"])

    def epoch(self, now_s: float, seconds: float, costs: Costs) -> None:
        """An epoch has ended, and the next one begins.

        Args:
            now_s: Now.
            seconds: What the epoch took.
            costs: Learn from it.
        """
        if not self.epochs:
            costs.first_epoch(now_s - self.started_s)
        self._first, self.epochs, self._epoch_s = False, self.epochs + 1, seconds
        self._due_s = now_s + seconds

    def go(self, now_s: float) -> None:
        """It goes on after a pause."""
        self._heard_s, self._due_s = now_s, now_s + self._epoch_s

    def rest_s(self, now_s: float) -> float:
        """When its epoch will end, as far as is known; 0 if nothing is."""
        return 0.0 if self._due_s == math.inf else self._due_s - now_s

    def unable(self, left_s: float) -> str:
        """Say why its epoch cannot be paid.

        Args:
            left_s: What is left of the budget.
        """
        what = "an epoch" if self.epochs else "its first epoch"
        rest = f"{max(0.0, left_s):.0f} s were left"
        return f"{rest}, and {what} takes about {self._epoch_s:.0f} s"

    def hangs(self, now_s: float, patience: Patience) -> str:
        """Say that it hangs, and since when; empty while it does not.

        Args:
            now_s: Now.
            patience: How long it may say nothing.
        """
        silent_s = now_s - self._heard_s
        usual = patience.first_s
        if not self._first:
            usual = max(patience.least_s, patience.times * self._gap_s)
        if silent_s <= usual:
            return ""
        if self._first:
            return f"it hung: nothing for {silent_s:.0f} s before its first batch"
        return (
            f"it hung: no batch for {silent_s:.0f} s, where the longest had taken "
            f"{self._gap_s:.2g} s"
        )
