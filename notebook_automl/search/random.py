"""Independent uniform draws."""

from __future__ import annotations

from typing import Any


class Random:
    """Proposes each value at random, whatever came before."""

    weighs = True

    def sampler(self, optuna: Any, seed: int) -> Any:
        return optuna.samplers.RandomSampler(seed=seed)


PLUGIN = Random()
