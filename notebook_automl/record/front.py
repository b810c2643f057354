"""Two objectives: which trials no other one beats in both (the Pareto front)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState

SIZES = ("parameters", "flops", "latency_ms")
"""What may be the second objective beside a metric; less of each is better."""


class Objective(NamedTuple):
    """What is to be as good as can be.

    Args:
        name: As in a trial's metrics ("val_accuracy"), "parameters" or "flops".
        mode: "max" or "min".
    """

    name: str
    mode: Literal["max", "min"]

    def of(self, trial: TrialState) -> float | None:
        """A finished trial's value."""
        if self.name in ("parameters", "flops"):
            return trial.parameters if self.name == "parameters" else trial.flops
        return trial.metrics.get(self.name)


def objectives(search: Mapping[str, Any]) -> tuple[Objective, ...]:
    """What a run was asked for: one objective, or two.

    Args:
        search: The run's description.
    """
    first = Objective(f"val_{search['metric']}", search["mode"])
    second = search.get("second")
    return (first, Objective(*second)) if second else (first,)


def front(state: RunState, sought: Sequence[Objective]) -> list[TrialState]:
    """The finished trials that no other one beats.

    A trial beats another if it is not worse in any objective, and better in one.

    Args:
        state: The run.
        sought: Its objectives.

    Returns:
        The best in the first objective first; of equal trials all.
    """
    points: list[tuple[tuple[float, ...], TrialState]] = []
    for trial in state.finished():
        found = [objective.of(trial) for objective in sought]
        values = [value for value in found if value is not None]
        if len(values) == len(found) and not any(map(math.isnan, values)):
            points.append((_costs(values, sought), trial))
    points.sort(key=lambda point: (*point[0], point[1].number))
    kept: list[tuple[tuple[float, ...], TrialState]] = []
    for costs, trial in points:
        if not any(_beats(other, costs) for other, _ in kept):
            kept.append((costs, trial))
    return [trial for _, trial in kept]


def told(
    trial: TrialState, sought: Sequence[Objective]
) -> float | tuple[float | None, ...] | None:
    """What a study is told of a trial: its objective, or its two."""
    found = tuple(objective.of(trial) for objective in sought)
    return found if len(found) > 1 else found[0]


def best(state: RunState, search: Mapping[str, Any]) -> TrialState | None:
    """The best finished trial; of two objectives, of the front the best in the first.

    Args:
        state: The run.
        search: Its description.
    """
    sought = objectives(search)
    ahead = front(state, sought) if len(sought) > 1 else []
    return ahead[0] if ahead else state.best(*sought[0])


def _costs(values: Sequence[float], sought: Sequence[Objective]) -> tuple[float, ...]:
    """Numbers of which less is better."""
    pairs = zip(values, sought, strict=True)
    return tuple(-v if objective.mode == "max" else v for v, objective in pairs)


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
