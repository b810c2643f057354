"""What a pruner is: who ends trials that others have left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from notebook_automl._registry import Room

PRUNERS = Room("notebook_automl.search.pruners", kind="pruner", field="pruner")


class Step(NamedTuple):
    """Where trials are compared: after an epoch, or after a fold.

    Args:
        unit: "epoch" or "fold".
        number: From 1.
    """

    unit: str
    number: int

    def __str__(self) -> str:
        return f"{self.unit} {self.number}"


class Pruner(Protocol):
    """Who says after a step whether a trial goes on."""

    def pruner(self, optuna: Any, most: int) -> Any:
        """An Optuna pruner.

        Args:
            optuna: The library, handed in so that no pruner imports it.
            most: Most steps of one trial.
        """

    def reason(self, trials: Sequence[Any], number: int, at: Step, mode: str) -> str:
        """Why a trial was ended.

        Args:
            trials: Optuna's frozen trials, by number.
            number: The trial that was ended.
            at: The step after which it was.
            mode: "max" or "min".

        Returns:
            What it had, and what it was not good enough for.
        """
