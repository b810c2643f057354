"""Many trials for few epochs, the best again for more: KerasTuner's `Hyperband`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from notebook_automl.search._plan import Exhausted, Known, Past, Plan, random_plan

_FACTOR = 3


@dataclass
class _Bracket:
    """A number of trials of which a third goes on to each next round.

    Args:
        index: From 0, without end: a new one begins when the others can only wait.
        halvings: How often it chooses; it has one round more than that.
        rounds: Its trials, by round.
    """

    index: int
    halvings: int
    rounds: list[list[Past]]

    def size(self, epochs: int, rung: int) -> int:
        """How many trials a round has."""
        last = math.ceil(1 + math.log(epochs, _FACTOR)) / (self.halvings + 1)
        return math.ceil(last * float(_FACTOR) ** (self.halvings - rung))

    def epochs(self, most: int, rung: int) -> int:
        """How many epochs a round trains."""
        return math.ceil(most / float(_FACTOR) ** (self.halvings - rung))


class Hyperband:
    """Hyperband (Li et al. 2018): successive halving, from greedy to patient brackets.

    Source: `HyperbandOracle` in `keras_tuner/src/tuners/hyperband.py`, with
    `Search.epochs` as its `max_epochs` and rounds of brackets without end, as a budget
    ends the search. There a promoted trial goes on from a checkpoint; here it trains
    the same values from the beginning for all the epochs of its round, because a
    replay needs one program that trains from its beginning. AutoKeras 3.0 itself loses
    promoted trials, as it never writes the file that KerasTuner looks for.
    """

    decides_epochs = True

    def plan(self, known: Known) -> Plan | None:
        brackets = _brackets(known)
        for bracket in brackets:
            if len(bracket.rounds[0]) < bracket.size(known.epochs, 0):
                return _new_trial(known, bracket)
            for rung in range(1, bracket.halvings + 1):
                best = _promotable(known, bracket, rung)
                if best is not None:
                    return Plan(
                        dict(best.values),
                        known.draws,
                        bracket.epochs(known.epochs, rung),
                        bracket.index,
                        rung,
                        best.number,
                    )
        index = brackets[-1].index + 1 if brackets else 0
        return _new_trial(known, _bracket(known, index))


def _bracket(known: Known, index: int) -> _Bracket:
    """A bracket without trials; the first of each turn chooses most often."""
    turn, epochs = 0, float(known.epochs)
    while epochs >= 1:
        epochs, turn = epochs / _FACTOR, turn + 1
    halvings = turn - 1 - index % turn
    return _Bracket(index, halvings, [[] for _ in range(halvings + 1)])


def _brackets(known: Known) -> list[_Bracket]:
    """All brackets that were begun, complete ones, too: these offer nothing."""
    found: list[_Bracket] = []
    for trial in known.trials:
        index = trial.plan.bracket
        if index is not None and not trial.lost:  # its place is free again
            while len(found) <= index:
                found.append(_bracket(known, len(found)))
            found[index].rounds[trial.plan.rung].append(trial)
    return found


def _promotable(known: Known, bracket: _Bracket, rung: int) -> Past | None:
    """The best of the round before that is not in this one, if it may go on already.

    It may once more trials are ready than will be left behind.
    """
    past, most = bracket.size(known.epochs, rung - 1), bracket.size(known.epochs, rung)
    gone_on = {trial.plan.promoted_from for trial in bracket.rounds[rung]}
    ready = [
        trial
        for trial in bracket.rounds[rung - 1]
        if trial.number not in gone_on and trial.state == "completed"
    ]
    return known.ranked(ready)[0] if len(ready) > past - most else None


def _new_trial(known: Known, bracket: _Bracket) -> Plan | None:
    """The next trial of a bracket's first round; the search's first has defaults."""
    plan = random_plan(known) if known.trials else Plan()
    if plan is not None:
        epochs = bracket.epochs(known.epochs, 0)
        return replace(plan, epochs=epochs, bracket=bracket.index)
    if known.running:
        return None
    raise Exhausted("new values are hardly to be found any more")


PLUGIN = Hyperband()
