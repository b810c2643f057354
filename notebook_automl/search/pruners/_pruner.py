"""What a pruner is: who ends trials that others have left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from notebook_automl._registry import Room

PRUNERS = Room("notebook_automl.search.pruners", kind="pruner", field="pruner")


class Pruner(Protocol):
    """Who says after an epoch whether a trial goes on."""

    def pruner(self, optuna: Any, epochs: int) -> Any:
        """An Optuna pruner.

        Args:
            optuna: The library, handed in so that no pruner imports it.
            epochs: Most epochs of one trial.
        """

    def reason(self, trials: Sequence[Any], number: int, epoch: int, mode: str) -> str:
        """Why a trial was ended.

        Args:
            trials: Optuna's frozen trials, by number.
            number: The trial that was ended.
            epoch: The epoch after which it was.
            mode: "max" or "min".

        Returns:
            What it had, and what it was not good enough for.
        """
