"""What a tuner is; known without Optuna, which the kernel does not load."""

from __future__ import annotations

from typing import Any, Protocol

from notebook_automl._registry import Room

TUNERS = Room("notebook_automl.search", kind="tuner", field="tuner")


class Tuner(Protocol):
    """Who proposes values."""

    def sampler(self, optuna: Any, seed: int) -> Any:
        """An Optuna sampler.

        Args:
            optuna: The library, handed in so that no tuner imports it.
            seed: Seed of the proposals.
        """
