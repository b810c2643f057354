"""Tree-structured Parzen estimator (Bergstra et al. 2011), Optuna's own."""

from __future__ import annotations

import warnings
from typing import Any


class TPE:
    """Proposes what good trials have in common, parameters taken together."""

    weighs = True

    def sampler(self, optuna: Any, seed: int) -> Any:
        with warnings.catch_warnings():
            # `group` is what conditional spaces need; marked experimental.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.TPESampler(
                seed=seed, multivariate=True, group=True, constant_liar=True
            )


PLUGIN = TPE()
