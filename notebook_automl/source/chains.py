"""In which order the layers of a graph are written, and what their outputs are called.

Keras keeps layers by their depth; written chain by chain a graph of several inputs can
be read. Variables are `hidden` along a chain and have names where chains meet or part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Step:
    """One layer of a graph with the steps that feed it.

    Args:
        layer: The Keras layer.
        sources: Positions of the steps whose outputs it takes.
        users: Positions of the steps that take its output.
    """

    layer: Any
    sources: tuple[int, ...]
    users: list[int] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The layer's class name."""
        return type(self.layer).__name__


def chain_by_chain(steps: Sequence[Step], ends: Iterable[int]) -> list[Step]:
    """The steps that lead to some ends, each chain whole before the next one.

    Args:
        steps: In any order in which sources come first.
        ends: Positions of the last ones.

    Returns:
        New steps, with positions in the new order.
    """
    order: dict[int, int] = {}
    for end in ends:
        waiting = [end]
        while waiting:
            place = waiting[-1]
            missing = [n for n in steps[place].sources if n not in order]
            if missing:
                waiting.append(missing[0])
            else:
                order.setdefault(waiting.pop(), len(order))
    found = [
        Step(steps[place].layer, tuple(order[n] for n in steps[place].sources))
        for place in order
    ]
    for place, step in enumerate(found):
        for source in step.sources:
            found[source].users.append(place)
    return found


@dataclass(frozen=True)
class Chains:
    """The steps of a graph as they are written.

    Args:
        steps: From `chain_by_chain`.
        inputs: Positions of the inputs, in the order of the model's.
        outputs: Positions of the outputs likewise.
        input_names: Their names; none for the only one.
        output_names: Their names; none for the only one.
    """

    steps: Sequence[Step]
    inputs: Sequence[int]
    outputs: Sequence[int]
    input_names: Sequence[str] = ()
    output_names: Sequence[str] = ()

    def name(self, place: int) -> str:
        """The name that an input or output has in Keras; "" for any other step."""
        names = {
            **dict(zip(self.inputs, self.input_names, strict=False)),
            **dict(zip(self.outputs, self.output_names, strict=False)),
        }
        return names.get(place, "")

    def variables(self) -> list[str]:
        """What the output of each step is called."""
        return [self._variable(place) for place in range(len(self.steps))]

    def _variable(self, place: int) -> str:
        step = self.steps[place]
        for ends, word in ((self.inputs, "inputs"), (self.outputs, "outputs")):
            if place in ends:
                name = self.name(place) or (len(ends) > 1 and step.layer.name)
                return f"{name}_{word}" if name else word
        if end := self._end_of_input(place):
            return f"{end}_features"
        if set(step.users) == {place + 1}:
            return "hidden"
        return f"{step.layer.name}_outputs"

    def _end_of_input(self, place: int) -> str:
        """The name of the only input before a step where it meets others; else ""."""
        user, *others = self.steps[place].users
        if others or len(self.steps[user].sources) < 2:
            return ""
        before, waiting = set(), [place]
        while waiting:
            one = waiting.pop()
            before |= {self.name(one)} if one in self.inputs else set()
            waiting += self.steps[one].sources
        return before.pop() if len(before) == 1 else ""
