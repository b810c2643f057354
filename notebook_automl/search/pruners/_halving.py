"""What pruners by successive halving share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notebook_automl.search.pruners._pruner import Step

FACTOR = 3


def first_step(most: int) -> int:
    """The step after which trials are compared first: two more comparisons follow."""
    return max(1, most // FACTOR**2)


def reason(trials: Sequence[Any], number: int, at: Step) -> str:
    """What a trial was not good enough for; see `Pruner.reason`."""
    value = trials[number].intermediate_values[at.number]
    others = sum(at.number in trial.intermediate_values for trial in trials) - 1
    several = "trials" if others != 1 else "trial"
    return (
        f"{value:.4g} after {at} was not in the best third, with {others} "
        f"other {several} there"
    )
