"""What a pruner is: who ends trials that others have left behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from notebook_automl._registry import Room
from notebook_automl.search._tuner import TUNERS

PRUNERS = Room("notebook_automl.search.pruners", kind="pruner", field="pruner")


def check_pruner(name: object) -> None:
    """Refuse what is no pruner, and is not left to us.

    Args:
        name: Anything.

    Raises:
        UnknownNameError: No pruner has this name.
    """
    if not isinstance(name, str) or name != "auto":
        PRUNERS.check(name)


def chosen_pruner(search: Any, two: bool) -> str:
    """What "auto" means: whoever counts trials wants all of them trained.

    Args:
        search: A `Search`.
        two: Whether two objectives are weighed against each other.
    """
    if search.pruner != "auto":
        return str(search.pruner)
    # Planners count on scores that are those of whole trials.
    proposes = hasattr(TUNERS.get(search.tuner), "sampler")
    return "asha" if proposes and search.trials is None and not two else "none"


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
