"""Parameters and trials in Optuna's terms; the library is handed in where needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notebook_automl.record.parameters import Parameter, Value

Values = float | tuple[float | None, ...] | None
"""A trial's objective, or its two."""


@dataclass(frozen=True)
class Ended:
    """A trial that has ended, as the events tell it.

    Args:
        values: What was proposed, by name.
        value: Its objective, or its two; None if it has none.
        state: As in `TrialEnded`.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    value: Values = None
    state: str = "failed"

    @property
    def pruned(self) -> bool:
        """Whether it ended before its time, by a pruner or by its size."""
        return self.state in ("pruned", "skipped")


@dataclass(frozen=True)
class Proposal:
    """A trial that shall be trained.

    Args:
        number: From 0.
        epochs: For how long at most, where the tuner decides it.
        promoted_from: The trial whose values it trains longer.
    """

    number: int
    epochs: int | None = None
    promoted_from: int | None = None


def finite(value: Values) -> list[float] | None:
    """All numbers of a trial, or None if one is missing or not finite."""
    values = value if isinstance(value, tuple) else (value,)
    found = [v for v in values if v is not None and math.isfinite(v)]
    return found if len(found) == len(values) else None


def suggest(trial: Any, parameter: Parameter, numbered: bool) -> Value:
    """Optuna's proposal for a parameter.

    Args:
        trial: An Optuna trial.
        parameter: What is asked for.
        numbered: Whether choices are asked for as numbers, in their order.
    """
    p = parameter
    value: Value
    step = None if p.log else p.step
    if numbered:
        value = p.choices[trial.suggest_int(p.name, 0, len(p.choices) - 1)]
    elif p.choices:
        value = trial.suggest_categorical(p.name, p.choices)
    elif p.whole:
        low, high, step = int(p.low), int(p.high), int(step or 1)
        value = trial.suggest_int(p.name, low, high, log=p.log, step=step)
    else:
        value = trial.suggest_float(p.name, p.low, p.high, log=p.log, step=step)
    return value


def frozen(
    optuna: Any,
    ended: Ended,
    space: Mapping[str, Parameter],
    numbered: Mapping[str, bool],
    attributes: Mapping[str, Any],
) -> Any:
    """A trial that has ended, as Optuna keeps it.

    Args:
        optuna: The library.
        ended: The trial.
        space: What each parameter may be, by its name.
        numbered: Which are asked for as numbers.
        attributes: Of the trial.
    """
    asked = {name: space[name] for name in ended.values if name in space}
    states, known = optuna.trial.TrialState, finite(ended.value)
    state = states.COMPLETE if known else states.FAIL
    return optuna.trial.create_trial(
        state=states.PRUNED if ended.pruned else state,
        values=known,
        params={
            name: p.choices.index(ended.values[name])
            if numbered[name]
            else ended.values[name]
            for name, p in asked.items()
        },
        distributions={
            name: _distribution(optuna, p, numbered[name]) for name, p in asked.items()
        },
        user_attrs=dict(attributes),
    )


def _distribution(optuna: Any, parameter: Parameter, numbered: bool) -> Any:
    """What a parameter may be, as `suggest` tells it."""
    p, kinds = parameter, optuna.distributions
    if numbered:
        return kinds.IntDistribution(0, len(p.choices) - 1)
    if p.choices:
        return kinds.CategoricalDistribution(p.choices)
    step = None if p.log else p.step
    if p.whole:
        return kinds.IntDistribution(int(p.low), int(p.high), p.log, int(step or 1))
    return kinds.FloatDistribution(p.low, p.high, p.log, step)
