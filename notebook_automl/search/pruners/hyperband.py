"""Successive halving in several brackets, Optuna's own Hyperband."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notebook_automl.search.pruners import _halving
from notebook_automl.search.pruners._pruner import Step


class Hyperband:
    """As `asha`, but some trials are compared later, and some never."""

    def pruner(self, optuna: Any, most: int) -> Any:
        return optuna.pruners.HyperbandPruner(
            min_resource=_halving.first_step(most),
            max_resource=most,
            reduction_factor=_halving.FACTOR,
        )

    def reason(self, trials: Sequence[Any], number: int, at: Step, mode: str) -> str:
        return _halving.reason(trials, number, at)


PLUGIN = Hyperband()
