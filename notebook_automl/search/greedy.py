"""AutoKeras's own tuner: the best trial so far, with a group of values drawn anew."""

from __future__ import annotations

from dataclasses import dataclass, field

from notebook_automl.record.parameters import Value
from notebook_automl.search._plan import (
    MOST_COLLISIONS,
    Draws,
    Exhausted,
    Known,
    Past,
    Plan,
    key_of,
)


@dataclass
class _Node:
    """A part of the parameters' paths; groups are the nodes of this tree.

    Args:
        name: The parameter that ends here.
        leaves: How many parameters end in or below it.
    """

    name: str = ""
    leaves: int = 0
    children: dict[str, _Node] = field(default_factory=dict)

    def nodes(self) -> list[_Node]:
        """This one and all below it."""
        below = (node for child in self.children.values() for node in child.nodes())
        return [self, *below]

    def names(self) -> list[str]:
        """The parameters of the group."""
        if not self.children:
            return [self.name]
        return [name for child in self.children.values() for name in child.names()]


class Greedy:
    """Redraws a group of the best trial's values, keeping the rest.

    A group is one parameter or all below a part of a path, the smaller the likelier: by
    1 / its size. Parameters that the best trial does not have are drawn, too. The first
    trials are AutoKeras's initial configurations for the task.

    Source: `GreedyOracle` in `autokeras/tuners/greedy.py`. There the group is drawn
    from numpy's global state, so that no search could be repeated; here from a state
    whose seed is the run's plus the trial's number.
    """

    initial = True

    def plan(self, known: Known) -> Plan | None:
        import numpy as np

        chance = np.random.RandomState((known.seed + len(known.trials)) % 2**32)
        ranked = known.ranked(known.completed())
        best = (ranked or known.trials)[0]
        root = _tree(known, best)
        nodes = root.nodes()
        shares = [1 / node.leaves for node in nodes] if len(nodes) > 1 else []
        draws = Draws(known)
        for _ in range(MOST_COLLISIONS):
            group: list[str] = []
            if shares:
                drawn = chance.choice(len(nodes), p=np.array(shares) / sum(shares))
                group = nodes[drawn].names()
            plan = _redrawn(known, best, set(group), draws)
            if plan is not None:
                return plan
        raise Exhausted("all that is near the best trial was tried")


def _tree(known: Known, best: Past) -> _Node:
    """The parts of the paths of all that the best trial has."""
    root = _Node()
    for parameter in known.space:
        if parameter.name not in best.values:
            continue
        node, path, new = root, [root], False
        for part in parameter.name.split("/"):
            new = new or part not in node.children
            node = node.children.setdefault(part, _Node())
            path.append(node)
        node.name = parameter.name
        for part_of in path if new else ():
            part_of.leaves += 1
    return root


def _redrawn(known: Known, best: Past, group: set[str], draws: Draws) -> Plan | None:
    """The best trial's values with a group drawn anew; None if all were tried."""
    tried = known.tried()
    for _ in range(MOST_COLLISIONS + 1):
        values: dict[str, Value] = {}
        for parameter in known.space:
            name = parameter.name
            if not parameter.active(values):
                continue
            kept = name in best.values and name not in group
            values[name] = best.values[name] if kept else draws.value(parameter)
        if key_of(values) not in tried:
            return Plan(values, draws.used)
    return None


PLUGIN = Greedy()
