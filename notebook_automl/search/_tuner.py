"""What a tuner is; known without Optuna, which the kernel does not load.

A tuner is one of two things: a sampler of Optuna's, which is asked for single values,
or a planner, which decides a whole trial before it is built.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Protocol

from notebook_automl._registry import Room
from notebook_automl.errors import SearchError
from notebook_automl.search._plan import Known, Plan

TUNERS = Room("notebook_automl.search", kind="tuner", field="tuner")


class Sampler(Protocol):
    """Who proposes values one by one.

    A sampler that moves through numbers and not through choices has an attribute
    `numeric` that is true: ordered choices are then asked for as numbers from 0. One
    that needs a package which does not come with this one names it in `needs`.
    """

    def sampler(self, optuna: Any, seed: int) -> Any:
        """An Optuna sampler.

        Args:
            optuna: The library, handed in so that no tuner imports it.
            seed: Seed of the proposals.
        """


class Planner(Protocol):
    """Who decides whole trials.

    A planner that says how long each trial trains has `decides_epochs`; one that begins
    with AutoKeras's initial configurations has `initial`.

    Laws: the answer depends on nothing but what is known, and the same is answered to
    the same, so that a search goes on after the death of its process as it would have.
    """

    def plan(self, known: Known) -> Plan | None:
        """The next trial.

        Args:
            known: The space and the trials so far. It is asked for once the first
                trial, which takes AutoKeras's defaults, has told the space.

        Returns:
            The trial, or None while a trial that runs must end first.

        Raises:
            Exhausted: There is nothing more to try.
        """


def check_tuner(name: object, space: Any) -> None:
    """Refuse what is no tuner, and one that cannot search.

    Args:
        name: Anything.
        space: What a person has left of the space, or None.

    Raises:
        UnknownNameError: No tuner has this name.
        SearchError: It needs a package that is not installed, or decides itself what
            the space leaves open.
    """
    TUNERS.check(name)
    tuner = TUNERS.get(str(name))
    open_epochs = isinstance((space or {}).get("epochs"), list | tuple | dict)
    if open_epochs and getattr(tuner, "decides_epochs", False):
        raise SearchError(
            f"Expected a space without 'epochs' for the tuner {name!r}, which decides "
            f"them itself, got {space['epochs']!r}. Type epochs= for the most of them.",
            field="space",
        )
    needs = getattr(tuner, "needs", None)
    if needs and find_spec(needs) is None:
        raise SearchError(
            f"Expected the package {needs!r} for the tuner {name!r}, which is not "
            f'installed. Type pip install "notebook-automl[{needs}]", or tuner="tpe".',
            field="tuner",
        )
