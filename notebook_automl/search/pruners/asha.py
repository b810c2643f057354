"""Asynchronous successive halving (Li et al. 2020), Optuna's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notebook_automl.search.pruners import _halving


class ASHA:
    """Lets the best third go on, three times as long each time."""

    def pruner(self, optuna: Any, epochs: int) -> Any:
        return optuna.pruners.SuccessiveHalvingPruner(
            min_resource=_halving.first_epochs(epochs),
            reduction_factor=_halving.FACTOR,
        )

    def reason(self, trials: Sequence[Any], number: int, epoch: int, mode: str) -> str:
        return _halving.reason(trials, number, epoch)


PLUGIN = ASHA()
