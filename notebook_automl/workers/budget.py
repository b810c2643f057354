"""What a run may take: its clock, what its trials cost, and what can still pay."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

# By so much a run may be late: 5 % or 5 s, whichever is more.
_SHARE, _LEAST_S = 0.05, 5.0
# Ending the workers, and the last lines of the record.
_CLOSING_S = 0.5
# Of a trial that ended by itself; with less than that, another one leads nowhere.
_WORTH = 0.5
# An estimate from a few batches may be wrong by this; the deadline itself is not.
_DOUBT = 1.2


@dataclass(frozen=True)
class Clock:
    """Two clocks: one tells the time, the other one how much of it went by.

    Args:
        wall: Unix seconds. A person or a server may set it, back as well.
        steady: Seconds since some moment; a sleeping machine's do not count.
    """

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


@dataclass
class Budget:
    """The minutes of a run, counted by a clock that nobody sets.

    Args:
        minutes: The whole budget; None is without limit.
        spent: Seconds of it that are spent already.
        clock: Tells the time.
    """

    minutes: float | None
    spent: float
    clock: Clock

    def __post_init__(self) -> None:
        self._since_s: float | None = self.clock.steady()
        self._ahead_s = self._ahead()

    def hold(self) -> None:
        """Let the budget's clock stand."""
        self.spent, self._since_s = self.spent_s(), None

    def go(self) -> None:
        """Let it run on."""
        self._since_s = self.clock.steady()

    def spent_s(self) -> float:
        """How much is spent, in seconds."""
        if self._since_s is None:
            return self.spent
        return self.spent + self.clock.steady() - self._since_s

    def left_s(self) -> float:
        """How much is left, in seconds; less than 0 once it is spent."""
        return math.inf if self.minutes is None else self.minutes * 60 - self.spent_s()

    def late_s(self) -> float:
        """By how many seconds the run's end may be late."""
        return max(_LEAST_S, _SHARE * (self.minutes or 0) * 60)

    def was_set(self) -> bool:
        """Whether the time was set, or the machine slept, since this was last asked."""
        before, self._ahead_s = self._ahead_s, self._ahead()
        return abs(self._ahead_s - before) > 1.0

    def _ahead(self) -> float:
        return self.clock.wall() - self.clock.steady()


def _recent() -> deque[float]:
    """The last of many numbers, whose median is asked for all the time."""
    return deque(maxlen=51)


@dataclass
class Costs:
    """What the trials of a run took, in seconds.

    Args:
        test_share: Rows that are scored, for each one that validates.
    """

    test_share: float = 1.0
    _ended: deque[float] = field(default_factory=_recent)
    _first: deque[float] = field(default_factory=_recent)
    _validation: deque[float] = field(default_factory=_recent)
    _ready: deque[float] = field(default_factory=_recent)

    def ended(self, seconds: float) -> None:
        """A trial took so long that ended by itself."""
        self._ended.append(seconds)

    def first_epoch(self, seconds: float) -> None:
        """A trial had its first epoch so long after it was given away."""
        self._first.append(seconds)

    def validation(self, seconds: float, ready_s: float) -> None:
        """A trial's validation took so long, and the first batch with all before it."""
        self._validation.append(seconds)
        self._ready.append(ready_s)

    def worth_s(self) -> float:
        """What another trial needs to be worth its start."""
        first = median(self._first) if self._first else 0.0
        return max(first, _WORTH * median(self._ended) if self._ended else 0.0)

    def scoring_s(self) -> float:
        """What the end of the run takes: scoring the chosen trial, and closing."""
        if not self._validation:
            return _CLOSING_S
        rows_s = median(self._validation) * self.test_share
        return _CLOSING_S + rows_s + median(self._ready)


def too_long(due_s: float, left_s: float) -> bool:
    """Whether what is due in so many seconds cannot end before a budget does.

    Args:
        due_s: An estimate.
        left_s: What is left of the budget.
    """
    return due_s > left_s * _DOUBT


def is_more(name: str, value: Any) -> bool:
    """Whether a budget can be extended by a value."""
    kinds = int if name == "trials" else (int, float)
    plain = isinstance(value, kinds) and not isinstance(value, bool)
    return plain and 0 < value < math.inf


def budget_text(minutes: float | None, trials: int | None) -> str:
    """A budget in words."""
    return " and ".join(
        f"{value:g} {name[:-1] if value == 1 else name}"
        for name, value in (("minutes", minutes), ("trials", trials))
        if value is not None
    )
