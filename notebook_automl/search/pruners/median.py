"""The median of what others had after as many epochs, Optuna's own."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from notebook_automl.search.pruners._pruner import Step

_FIRST_TRIALS = 5
_LEAST_TRIALS = 3


class Median:
    """Ends a trial whose best epoch so far is worse than the median of others there.

    The first five trials all train to their end, and no trial ends in the first tenth
    of its epochs. With folds it is its mean that counts, after any fold.
    """

    def pruner(self, optuna: Any, most: int) -> Any:
        return optuna.pruners.MedianPruner(
            n_startup_trials=_FIRST_TRIALS,
            n_warmup_steps=max(1, most // 10),
            n_min_trials=_LEAST_TRIALS,
        )

    def reason(self, trials: Sequence[Any], number: int, at: Step, mode: str) -> str:
        best = max if mode == "max" else min
        value = best(trials[number].intermediate_values.values())
        others = [
            trial.intermediate_values[at.number]
            for trial in trials
            if trial.state.name == "COMPLETE" and at.number in trial.intermediate_values
        ]
        side = "below" if mode == "max" else "above"
        return (
            f"{value:.4g} after {at} was {side} the median "
            f"{median(others):.4g} of {len(others)} trials"
        )


PLUGIN = Median()
