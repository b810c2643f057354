"""Every combination once, where there is a finite number of them."""

from __future__ import annotations

import math

from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._plan import Exhausted, Known, Plan

_MOST_VALUES = 10_000


class Grid:
    """Counts through all combinations, as an odometer does.

    What was asked for last changes first. Values that only some combinations have are
    counted through where they are. The first trial has the default of everything.
    """

    def plan(self, known: Known) -> Plan | None:
        last = known.trials[-1]
        if last.state == "running" and not last.built:
            return None  # it may still ask for more
        by_name = {parameter.name: parameter for parameter in known.space}
        path = [(name, v) for name, v in last.values.items() if name in by_name]
        while path:
            name, value = path.pop()
            values = _values(by_name[name])
            following = values.index(value) + 1
            if following < len(values):
                return Plan(dict([*path, (name, values[following])]))
        raise Exhausted("every combination was tried")


def _values(parameter: Parameter) -> list[Value]:
    """All values of a parameter, its default first.

    Raises:
        Exhausted: There is no end of them.
    """
    p = parameter
    values: list[Value] = list(p.choices)
    if not values:
        step = 1 if p.whole else p.step
        step = p.step or step
        count = math.inf if step is None else (p.high - p.low) // step + 1
        if count > _MOST_VALUES:
            raise Exhausted(
                f"a grid needs a finite number of values, and {p.name} has any from "
                f"{p.low:g} to {p.high:g}"
            )
        numbers = (p.low + i * (step or 1) for i in range(int(count)))
        values = [int(number) if p.whole else number for number in numbers]
    others = [value for value in values if value != p.default]
    return [value for value in values if value == p.default] + others


PLUGIN = Grid()
