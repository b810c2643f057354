"""Covariance matrix adaptation (Hansen 2016), by Optuna's own library `cmaes`."""

from __future__ import annotations

from typing import Any

from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._plan import (
    Draws,
    Exhausted,
    Known,
    Past,
    Plan,
    random_plan,
    value_at,
)

_SIGMA = 1 / 6
_LEAST_DIMENSIONS = 2


class CMAES:
    """Moves a cloud of trials through all parameters that every trial has.

    Choices stand in the order in which AutoKeras has them; a margin (Hamano et al.
    2022) keeps the cloud from settling on one of them too soon. Parameters that only
    some trials have are drawn at random. Each trial remembers its place and its
    generation, from which the cloud is made again when a search is resumed; Optuna's
    own sampler would read a pickle from the run folder.
    """

    def plan(self, known: Known) -> Plan | None:
        space = _dimensions(known)
        if len(space) < _LEAST_DIMENSIONS:
            plan = random_plan(known)
            if plan is None:
                raise Exhausted("new values are hardly to be found any more")
            return plan
        cloud, generation = _cloud(known, space)
        # A seed for each trial: a resumed search draws as it would have.
        cloud._cma._rng.seed((known.seed + len(known.trials)) % 2**32)
        place, told = cloud.ask()
        by_name = dict(zip((p.name for p in space), place, strict=True))
        draws, values = Draws(known), dict[str, Value]()
        for parameter in known.space:
            name = parameter.name
            if name in by_name:
                share = min(max(float(by_name[name]), 0.0), 1.0)
                values[name] = value_at(parameter, share)
            elif parameter.active(values):
                values[name] = draws.value(parameter)
        raw = tuple(map(float, told))
        return Plan(values, draws.used, generation=generation, place=raw)


def _dimensions(known: Known) -> list[Parameter]:
    """What the first trial that was built has, whatever its other values."""
    built = next((t for t in known.trials if t.state == "completed"), known.trials[0])
    names = built.values.keys()
    several = [p for p in known.space if len(p.choices) > 1 or p.low < p.high]
    return [p for p in several if not p.conditions and p.name in names]


def _cloud(known: Known, space: list[Parameter]) -> tuple[Any, int]:
    """The cloud of the newest generation, and the number of that."""
    import numpy as np

    names = tuple(parameter.name for parameter in space)
    if names not in known.memory:
        known.memory[names] = _new(known, space), 0
    cloud, generation = known.memory[names]
    sign = -1.0 if known.mode == "max" else 1.0
    ended = _ended(known)
    while len(ended.get(generation, ())) >= cloud.population_size:
        trials = ended[generation][: cloud.population_size]
        cloud.tell([(np.array(t.plan.place), sign * (t.score or 0.0)) for t in trials])
        generation += 1
    known.memory[names] = cloud, generation
    return cloud, generation


def _new(known: Known, space: list[Parameter]) -> Any:
    """A cloud around the middle of everything."""
    import numpy as np
    from cmaes import CMAwM

    steps = np.array([_step(parameter) for parameter in space])
    # A trifle less than the whole, or rounding makes one step more of it.
    bounds = np.stack([steps / 2, 1 - steps / 2 - 1e-9 * (steps > 0)], axis=1)
    mean = np.full(len(space), 0.5)
    return CMAwM(mean, _SIGMA, bounds, seed=known.seed, steps=steps)


def _step(parameter: Parameter) -> float:
    """From one value to the next on a way of length 1; 0 where there is no next."""
    p = parameter
    if p.choices:
        return 1.0 / len(p.choices)
    return 0.0 if p.step is None else 1.0 / ((p.high - p.low) // p.step + 1)


def _ended(known: Known) -> dict[int, list[Past]]:
    """The trials with a score, by their generation."""
    found: dict[int, list[Past]] = {}
    for trial in known.completed():
        if trial.plan.generation is not None:
            found.setdefault(trial.plan.generation, []).append(trial)
    return found


PLUGIN = CMAES()
