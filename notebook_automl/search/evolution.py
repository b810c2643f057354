"""Genetic search by NSGA-II (Deb et al. 2002), Optuna's own."""

from __future__ import annotations

from typing import Any

# Optuna's 50 would be random trials for most of a search of minutes.
_POPULATION = 20


class Evolution:
    """Crosses and mutates the best trials, twenty a generation."""

    weighs = True

    def sampler(self, optuna: Any, seed: int) -> Any:
        return optuna.samplers.NSGAIISampler(population_size=_POPULATION, seed=seed)


PLUGIN = Evolution()
