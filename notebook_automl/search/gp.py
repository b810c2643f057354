"""Gaussian process with expected improvement, Optuna's own; it needs PyTorch."""

from __future__ import annotations

import warnings
from typing import Any


class GP:
    """Proposes where a Gaussian process expects the most improvement."""

    numeric = True
    needs = "torch"

    def sampler(self, optuna: Any, seed: int) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.GPSampler(
                seed=seed,
                deterministic_objective=False,
                warn_independent_sampling=False,
            )


PLUGIN = GP()
