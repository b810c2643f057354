"""Independent random draws, KerasTuner's `RandomSearch`."""

from __future__ import annotations

from notebook_automl.search._plan import Exhausted, Known, Plan, random_plan


class Random:
    """Draws each value at random, whatever came before, and no set of values twice.

    Source: `RandomSearchOracle` in `keras_tuner/src/tuners/randomsearch.py`.
    """

    weighs = True

    def plan(self, known: Known) -> Plan | None:
        plan = random_plan(known)
        if plan is None:
            raise Exhausted("new values are hardly to be found any more")
        return plan


PLUGIN = Random()
