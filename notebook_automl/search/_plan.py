"""What a planner knows and answers: whole trials, where a sampler gives single values.

KerasTuner's tuners decide all values of a trial before it is built. What they know is
here what the study's trials say, so that it outlives the process that asked. Ranges and
draws are those of `keras_tuner/src/engine/hyperparameters` and `engine/oracle.py`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from notebook_automl.record.parameters import Parameter, Value

# So many sets of values may have been tried before (KerasTuner's `_max_collisions`).
MOST_COLLISIONS = 20


class Exhausted(Exception):
    """A planner has nothing more to propose, for the reason that it carries."""


@dataclass(frozen=True)
class Plan:
    """What one trial is to be.

    Args:
        values: Parameters by path; one that is not in it takes its default.
        draws: How many random draws the planner has used up, this trial's included.
        epochs: Epochs to train, where the planner decides them.
        bracket: Which of Hyperband's brackets it is in, counted from 0 without end.
        rung: Its round in there.
        promoted_from: The trial whose values it trains longer.
        generation: Of which cloud of trials it is one, for CMA-ES.
        place: Where it stands in there.
    """

    values: dict[str, Value] = field(default_factory=dict)
    draws: int = 0
    epochs: int | None = None
    bracket: int | None = None
    rung: int = 0
    promoted_from: int | None = None
    generation: int | None = None
    place: tuple[float, ...] = ()


@dataclass
class Past:
    """A trial that was planned.

    Args:
        number: From 0.
        plan: What it was to be.
        values: What was planned, then what was asked for, in that order.
        state: How it ended.
        score: Its objective.
        built: Whether all of its parameters have been asked for.
        lost: Whether it ended with the process that had asked for it.
    """

    number: int
    plan: Plan
    values: dict[str, Value] = field(default_factory=dict)
    state: Literal["running", "completed", "pruned", "failed"] = "running"
    score: float | None = None
    built: bool = False
    lost: bool = False
    _key: str = ""

    def key(self) -> str:
        """What two trials with the same values have in common."""
        if not self._key or self.state == "running":
            self._key = key_of(self.values)
        return self._key


@dataclass
class Known:
    """What a planner knows.

    Args:
        mode: "max" or "min".
        seed: Of all draws.
        epochs: Most epochs of one trial.
        space: Every parameter that was ever asked for, parents before children.
        trials: By their numbers.
        memory: What a planner has worked out and could work out again.
    """

    mode: str
    seed: int
    epochs: int
    space: list[Parameter] = field(default_factory=list)
    trials: list[Past] = field(default_factory=list)
    memory: dict[Any, Any] = field(default_factory=dict)

    @property
    def draws(self) -> int:
        """How many draws were used up before."""
        return self.trials[-1].plan.draws if self.trials else 0

    @property
    def running(self) -> bool:
        """Whether any trial has not ended."""
        return any(trial.state == "running" for trial in self.trials)

    def completed(self) -> list[Past]:
        """The trials that have ended as they should."""
        return [trial for trial in self.trials if trial.state == "completed"]

    def tried(self) -> set[str]:
        """The keys of all values so far."""
        return {trial.key() for trial in self.trials}

    def ranked(self, trials: list[Past]) -> list[Past]:
        """Put trials that have a score in order, the best first."""
        scores = [t for t in trials if t.score is not None]
        return sorted(scores, key=lambda t: t.score or 0.0, reverse=self.mode == "max")


class Draws:
    """KerasTuner's random values: the n-th draw has the seed plus n as its seed.

    Args:
        known: Tells the seed and how many were drawn before.
    """

    def __init__(self, known: Known) -> None:
        self._seed = known.seed
        self.used = known.draws

    def value(self, parameter: Parameter) -> Value:
        """The next random value of a parameter."""
        share = random.Random(self._seed + self.used).random()
        self.used += 1
        return value_at(parameter, share)


def random_plan(known: Known) -> Plan | None:
    """A trial of values that were never tried, each drawn by itself.

    Args:
        known: What is known.

    Returns:
        The plan; None if every draw had been tried before.
    """
    draws, tried = Draws(known), known.tried()
    for _ in range(MOST_COLLISIONS + 1):
        values: dict[str, Value] = {}
        for parameter in known.space:
            if parameter.active(values):
                values[parameter.name] = draws.value(parameter)
        if key_of(values) not in tried:
            return Plan(values, draws.used)
    return None


def key_of(values: Mapping[str, Value]) -> str:
    """The same text for the same values."""
    return repr(sorted(values.items()))


def value_at(parameter: Parameter, share: float) -> Value:
    """The value at a share of the way through a parameter's values.

    Args:
        parameter: Of KerasTuner's kinds.
        share: From 0 to 1.
    """
    p = parameter
    if p.choices:
        return p.choices[_index(share, len(p.choices))]
    if p.step is not None:
        steps = int((p.high - p.low) // p.step + 1)
        value = p.low + _index(share, steps) * p.step
        return int(value) if p.whole else value
    # One more for whole numbers, so that the last one has its share, too.
    high = p.high + 1 if p.whole else p.high
    if p.log:
        value = p.low * math.pow(high / p.low, share)
    else:
        value = share * (high - p.low) + p.low
    return min(int(value), int(p.high)) if p.whole else value


def share_of(parameter: Parameter, value: Value) -> float:
    """Where a value stands among a parameter's values, from 0 to 1."""
    p = parameter
    if p.choices:
        return (p.choices.index(value) + 0.5) / len(p.choices)
    number = float(value)
    if p.step is not None:
        steps = int((p.high - p.low) // p.step + 1)
        return ((number - p.low) // p.step + 0.5) / steps
    high = p.high + 1 if p.whole else p.high
    number += 0.5 if p.whole else 0.0
    if high == p.low:
        return 0.5
    if p.log:
        return math.log(number / p.low) / math.log(high / p.low)
    return (number - p.low) / (high - p.low)


def possible(parameter: Parameter, value: Value | None) -> bool:
    """Whether a parameter can have a value."""
    p = parameter
    if p.choices:
        # False is 0 and True is 1, but no number is a yes or a no.
        plain = isinstance(value, bool)
        return any(c == value and isinstance(c, bool) == plain for c in p.choices)
    if not isinstance(value, int if p.whole else int | float):
        return False
    if isinstance(value, bool) or not p.low <= value <= p.high:
        return False
    return p.step is None or abs(math.remainder(value - p.low, p.step)) < 1e-9


def _index(share: float, length: int) -> int:
    return min(math.floor(share / (1 / length)), length - 1)
