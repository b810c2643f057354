"""One question of a search space: what a worker asks and the study answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = str | int | float | bool


@dataclass(frozen=True)
class Parameter:
    """A parameter of the search space, in words that cross processes.

    Args:
        name: Its path in the space, the same in each build ("image/normalize").
        choices: The values to choose from; empty for a range.
        ordered: Whether the choices stand in an order that means something.
        low: Smallest value of a range.
        high: Largest value of a range, itself included.
        step: Distance between two values of a range; None for none.
        log: Whether the range is searched on a logarithmic scale.
        whole: Whether the range holds whole numbers only.
        default: AutoKeras's own default, which the first trial uses.
        conditions: Paths of other parameters and the values that each must have for
            this one to be in the space; without these it may be unused all the same.
    """

    name: str
    choices: tuple[Value, ...] = ()
    ordered: bool = False
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    whole: bool = False
    default: Value = 0
    conditions: tuple[tuple[str, tuple[Value, ...]], ...] = ()

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Parameter:
        """Read what `dataclasses.asdict` gave, maybe through JSON without tuples."""
        conditions = tuple((name, tuple(left)) for name, left in fields["conditions"])
        tuples = {"choices": tuple(fields["choices"]), "conditions": conditions}
        return cls(**{**fields, **tuples})

    def active(self, values: Mapping[str, Value]) -> bool:
        """Whether it is in the space, given the values of those that came before."""
        return all(values.get(name) in allowed for name, allowed in self.conditions)
