"""Asynchronous successive halving (Li et al. 2020), Optuna's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notebook_automl.search.pruners import _halving
from notebook_automl.search.pruners._pruner import Step


class ASHA:
    """Lets the best third go on, three times as long each time."""

    def pruner(self, optuna: Any, most: int) -> Any:
        return optuna.pruners.SuccessiveHalvingPruner(
            min_resource=_halving.first_step(most),
            reduction_factor=_halving.FACTOR,
        )

    def reason(self, trials: Sequence[Any], number: int, at: Step, mode: str) -> str:
        return _halving.reason(trials, number, at)


PLUGIN = ASHA()
