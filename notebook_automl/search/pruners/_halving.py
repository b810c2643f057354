"""What pruners by successive halving share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FACTOR = 3


def first_epochs(epochs: int) -> int:
    """The epoch after which trials are compared first: two more comparisons follow."""
    return max(1, epochs // FACTOR**2)


def reason(trials: Sequence[Any], number: int, epoch: int) -> str:
    """What a trial was not good enough for; see `Pruner.reason`."""
    value = trials[number].intermediate_values[epoch]
    others = sum(epoch in trial.intermediate_values for trial in trials) - 1
    several = "trials" if others != 1 else "trial"
    return (
        f"{value:.4g} after epoch {epoch} was not in the best third, with {others} "
        f"other {several} there"
    )
