"""What a proposal takes after many trials, beside Optuna in memory.

A study gets a number of finished trials of a space of fourteen parameters; then trials
are asked for, each parameter by itself as a worker asks, and told. The same is done
with Optuna's own study in memory, where the tuner is one of its samplers. Prints a
table.

    python benchmarks/proposals.py --trials 1000 10000 --tuners tpe greedy
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import optuna

from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._study import Study
from notebook_automl.search._terms import Ended, frozen, suggest
from notebook_automl.search._tuner import TUNERS

PROPOSALS = 9
# Values that every trial has; their number is that of AutoKeras's image space.
FLAG = Parameter("", choices=(False, True), default=False)
SIZE = Parameter("", choices=(16, 32, 64, 128), ordered=True, default=32)
RATES = (1e-1, 1e-2, 1e-3, 1e-4, 2e-5, 1e-5)
SPACE = [
    *(replace(FLAG, name=f"image/flag_{i}") for i in range(4)),
    *(replace(SIZE, name=f"image/size_{i}") for i in range(6)),
    Parameter("head/dropout", choices=(0.0, 0.25, 0.5), ordered=True, default=0.0),
    Parameter("head/width", low=1, high=8, step=1, whole=True, default=4),
    Parameter("optimizer", choices=("adam", "sgd", "adamw"), default="adam"),
    Parameter("learning_rate", choices=RATES, ordered=True, default=1e-3),
]


def finished(count: int) -> Iterator[Ended]:
    """Trials with random values and scores."""
    chance = random.Random(0)
    for _ in range(count):
        values = {p.name: _value(p, chance) for p in SPACE}
        yield Ended(values, chance.random(), "completed")


def _value(parameter: Parameter, chance: random.Random) -> Value:
    p = parameter
    return chance.choice(p.choices or range(int(p.low), int(p.high) + 1))


def ours(tuner: str, count: int, folder: Path) -> Mapping[str, float]:
    """Milliseconds of a study of this package."""
    journal = folder / f"{tuner}-{count}.journal"
    space = {parameter.name: parameter for parameter in SPACE}
    Study(journal, tuner, "max", 0).restore(dict(enumerate(finished(count))), space)
    began_s = time.perf_counter()
    study = Study(journal, tuner, "max", 0)
    opened_s = time.perf_counter() - began_s

    def ask() -> int:
        proposal = study.ask()
        if proposal is None:
            raise RuntimeError(f"{tuner} has nothing to propose: {study.over}")
        return proposal.number

    def end(number: int) -> None:
        study.built(number)
        study.tell(number, 0.5)

    times = measured(ask, study.suggest, end)
    return {"open": opened_s * 1e3, **times}


def in_memory(tuner: str, count: int) -> Mapping[str, float] | None:
    """Milliseconds of Optuna's own study; None of a tuner that is not Optuna's."""
    plugin = TUNERS.get(tuner)
    if not hasattr(plugin, "sampler"):
        return None
    numbered = {
        p.name: p.ordered and bool(getattr(plugin, "numeric", False)) for p in SPACE
    }
    study = optuna.create_study(direction="maximize", sampler=plugin.sampler(optuna, 0))
    space = {parameter.name: parameter for parameter in SPACE}
    study.add_trials(
        frozen(optuna, ended, space, numbered, {}) for ended in finished(count)
    )
    trials: dict[int, Any] = {}

    def ask() -> int:
        trial = study.ask()
        trials[trial.number] = trial
        return int(trial.number)

    def choose(number: int, parameter: Parameter) -> Value:
        return suggest(trials[number], parameter, numbered[parameter.name])

    return measured(ask, choose, lambda number: study.tell(number, 0.5))


def measured(
    ask: Callable[[], int],
    choose: Callable[[int, Parameter], Value],
    end: Callable[[int], None],
) -> dict[str, float]:
    """Medians in milliseconds of some proposals, one after the other."""
    asks, chosen, ends = [], [], []
    for _ in range(PROPOSALS):
        began_s = time.perf_counter()
        number = ask()
        asked_s = time.perf_counter()
        for parameter in SPACE:
            choose(number, parameter)
        chosen_s = time.perf_counter()
        end(number)
        ended_s = time.perf_counter()
        asks.append(asked_s - began_s)
        chosen.append(chosen_s - asked_s)
        ends.append(ended_s - chosen_s)
    names = {"ask": asks, "values": chosen, "tell": ends}
    return {name: median(times) * 1e3 for name, times in names.items()}


def main() -> None:
    """Print a line a tuner and number of trials."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--tuners", nargs="+", default=list(TUNERS.names()))
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    heads = "tuner", "trials", "open", "ask", "14 values", "tell"
    row(*heads, "Optuna in memory", "more, a message")
    row("---", *["--:"] * 7)
    for tuner in arguments.tuners:
        for count in arguments.trials:
            with tempfile.TemporaryDirectory() as folder:
                times = ours(tuner, count, Path(folder))
            shown = [f"{times[name]:.1f}" for name in ("open", "ask", "values", "tell")]
            row(tuner, f"{count:,}", *shown, *beside(times, in_memory(tuner, count)))


def beside(times: Mapping[str, float], plain: Mapping[str, float] | None) -> list[str]:
    """Optuna's own time for a proposal, and how much more ours takes a message."""
    if plain is None:
        return ["", ""]
    more = sum(times[name] - plain[name] for name in plain)
    return [f"{sum(plain.values()):.1f}", f"{more / (len(SPACE) + 2):.2f}"]


def row(*cells: str) -> None:
    """Print a row of the table."""
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
