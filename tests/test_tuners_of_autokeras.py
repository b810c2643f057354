"""AutoKeras's own tuners: given the same scores, ours propose what theirs do.

KerasTuner's real oracles are asked beside a study, trial by trial, over a space with
conditions and with parameters that only some trials meet. The study is opened anew
after every few trials: what a tuner needs is in the journal.

Two things are told to KerasTuner: its first trial takes the defaults, as a study's
does; and numpy's global state, from which it draws, is seeded as ours is.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import pytest
from autokeras.tuners.greedy import GreedyOracle
from keras_tuner.engine.trial import TrialStatus

from notebook_automl.search import bayesian
from notebook_automl.search._plan import Past, Plan
from notebook_automl.search._study import Study
from notebook_automl.tasks._autokeras import AskedHyperParameters

_SEED, _EPOCHS = 11, 9


def build(hp: Any) -> dict[str, Any]:
    """A space in KerasTuner's words, made as AutoKeras's blocks make theirs.

    Returns:
        What was used, by path.
    """
    used: dict[str, Any] = {}

    def ask(kind: str, name: str, *args: Any, **more: Any) -> Any:
        used[name] = getattr(hp, kind)(name, *args, **more)
        return used[name]

    block = ask("Choice", "image/block_type", ["vanilla", "resnet", "xception"])
    with hp.conditional_scope("image/block_type", ["vanilla"]):
        if block == "vanilla":
            ask("Choice", "image/conv/kernel_size", [3, 5, 7], default=3)
            for i in range(ask("Int", "image/conv/num_blocks", 1, 3, default=2)):
                filters = [16, 32, 64, 128]
                ask("Choice", f"image/conv/filters_{i}", filters, default=32)
    with hp.conditional_scope("image/block_type", ["resnet"]):
        if block == "resnet":
            ask("Choice", "image/res/version", ["a", "b"])
    ask("Boolean", "image/normalize")
    ask("Choice", "head/dropout", [0.0, 0.25, 0.5], default=0.0)
    ask("Float", "head/width", 0.5, 2.0, step=0.25, default=1.0)
    ask("Int", "head/units", 8, 512, sampling="log", default=64)
    ask("Choice", "optimizer", ["adam", "sgd"], default="adam")
    ask("Float", "learning_rate", 1e-5, 1e-1, sampling="log", default=1e-3)
    return used


def score(used: dict[str, Any], epochs: int) -> float | None:
    """How good a trial is after so many epochs; a few of them fail."""
    if used["learning_rate"] > 0.06:
        return None
    value = used["head/dropout"] * used["head/width"]
    value -= abs(math.log10(used["learning_rate"]) + 3)
    value += {"vanilla": 1.0, "resnet": 0.5, "xception": 0.0}[used["image/block_type"]]
    value += 0.1 * used.get("image/conv/filters_2", 0) / 128
    return value * (1 - math.exp(-epochs))


@dataclass(frozen=True)
class Asked:
    """A trial as both sides see it: numbers of bracket and round are Hyperband's."""

    number: int
    used: dict[str, Any]
    epochs: int = _EPOCHS
    promoted_from: int | None = None


class DefaultsFirst:
    """Told to an oracle: its first trial has the defaults, and draws nothing."""

    def populate_space(self: Any, trial_id: str) -> dict[str, Any]:
        answer = super().populate_space(trial_id)
        if not self.trials:
            self._seed_state = self.seed
            self._tried_so_far.clear()
            kept = [name for name in answer["values"] if name.startswith("tuner/")]
            values = {name: answer["values"][name] for name in kept}
            answer["values"] = self.hyperparameters.values | values
        return answer


ORACLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "random": (keras_tuner.oracles.RandomSearchOracle, {"max_trials": 1000}),
    "greedy": (GreedyOracle, {"max_trials": 1000}),
    "bayesian": (keras_tuner.oracles.BayesianOptimizationOracle, {"max_trials": 1000}),
    "hyperband": (
        keras_tuner.oracles.HyperbandOracle,
        {"max_epochs": _EPOCHS, "hyperband_iterations": None},
    ),
}


@dataclass
class Theirs:
    """KerasTuner's oracle, driven as its tuners drive it."""

    oracle: Any
    trials: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, tuner: str, mode: str, folder: Path) -> Theirs:
        kind, options = ORACLES[tuner]
        oracle = type("Oracle", (DefaultsFirst, kind), {})(
            objective=keras_tuner.Objective("score", mode), seed=_SEED, **options
        )
        oracle._set_project_dir(str(folder), "theirs")
        oracle.verbose = 0
        oracle._random_state = None
        defaults = keras_tuner.HyperParameters()
        build(defaults)
        oracle.update_space(defaults)
        return cls(oracle)

    def ask(self, slot: int) -> Asked | None:
        number = len(self.oracle.trials)
        np.random.seed(_SEED + number)
        self.oracle._random_state = np.random.RandomState(_SEED + number)
        trial = self.oracle.create_trial(f"worker {slot}")
        if trial.status != TrialStatus.RUNNING:
            return None
        self.trials[number] = trial
        values = trial.hyperparameters.values
        promoted = values.get("tuner/trial_id")
        return Asked(
            number,
            build(trial.hyperparameters),
            values.get("tuner/epochs", _EPOCHS),
            None if promoted is None else int(promoted),
        )

    def tell(self, number: int, value: float | None) -> None:
        trial = self.trials[number]
        trial.status = TrialStatus.FAILED if value is None else TrialStatus.COMPLETED
        if value is not None:
            self.oracle.update_trial(trial.trial_id, {"score": value})
        self.oracle.end_trial(trial)


@dataclass
class Ours:
    """A study, driven as a pool drives it."""

    journal: Path
    tuner: str
    mode: str

    def __post_init__(self) -> None:
        self.open()

    def open(self, first: Sequence[dict[str, Any]] = ()) -> None:
        args = (self.journal, self.tuner, self.mode, _SEED, _EPOCHS)
        self.study = Study(*args, first=first)

    def ask(self, slot: int) -> Asked | None:
        proposal = self.study.ask()
        if proposal is None:
            return None
        number = proposal.number
        hp = AskedHyperParameters(lambda p: self.study.suggest(number, p), {}, {}, {})
        used = build(hp)
        self.study.built(number)
        epochs = proposal.epochs or _EPOCHS
        return Asked(number, used, epochs, proposal.promoted_from)

    def tell(self, number: int, value: float | None) -> None:
        self.study.tell(number, value)


def conforms(tuner: str, oracle: str, mode: str, trials: int, folder: Path) -> None:
    """Ask both for trials in turn, tell both the same, and compare each."""
    sign = 1.0 if mode == "max" else -1.0
    theirs = Theirs.of(oracle, mode, folder)
    ours = Ours(folder / "journal", tuner, mode)
    for number in range(trials):
        one, other = ours.ask(0), theirs.ask(0)
        assert one == other
        assert one is not None and one.number == number
        value = score(one.used, one.epochs)
        value = None if value is None else sign * value
        ours.tell(number, value)
        theirs.tell(number, value)
        if number % 5 == 4:
            ours.open()


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize(
    ("tuner", "trials"), [("random", 40), ("greedy", 60), ("hyperband", 60)]
)
def test_proposes_what_theirs_proposes(
    tuner: str, trials: int, mode: str, tmp_path: Path
) -> None:
    conforms(tuner, tuner, mode, trials, tmp_path)


def test_bayesian_starts_as_theirs(tmp_path: Path) -> None:
    """At random, until three trials a parameter have ended well."""
    conforms("bayesian", "bayesian", "max", 25, tmp_path)


@pytest.mark.parametrize("oracle", ["random", "greedy", "hyperband", "bayesian"])
def test_another_tuner_does_not_pass_for_it(oracle: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        conforms("tpe", oracle, "max", 25, tmp_path)


@pytest.mark.parametrize("tuner", ["hyperband", "tpe"])
def test_hyperband_promotes_as_theirs_side_by_side(tuner: str, tmp_path: Path) -> None:
    """Brackets, rounds and promotions, three trials at once that end in any order.

    What trials meet late comes in another order then, so values are not compared.
    """
    same = side_by_side(tuner, tmp_path)
    assert same == (tuner == "hyperband")


def side_by_side(tuner: str, folder: Path) -> bool:
    """Whether a tuner and their Hyperband begin the same trials, 80 of them."""
    chance = random.Random(5)
    theirs = Theirs.of("hyperband", "max", folder)
    ours = Ours(folder / "journal", tuner, "max")
    running: dict[int, Asked] = {}
    waited, number = 0, 0
    while number < 80:
        slot = chance.randrange(3)
        if slot in running:
            asked = running.pop(slot)
            value = None if asked.number % 11 == 10 else (asked.number * 37 % 101) / 101
            ours.tell(asked.number, value)
            theirs.tell(asked.number, value)
            continue
        one, other = ours.ask(slot), theirs.ask(slot)
        if one is None or other is None:
            if one != other:
                return False
            waited += 1
            continue
        shapes = [(a.number, a.epochs, a.promoted_from) for a in (one, other)]
        if shapes[0] != shapes[1]:
            return False
        running[slot], number = one, number + 1
    return True


def test_hyperband_gives_the_place_of_a_lost_trial_to_another(tmp_path: Path) -> None:
    """KerasTuner tries such a trial again; one that failed by itself stays failed."""
    ours = Ours(tmp_path / "journal", "hyperband", "max")
    for number in range(9):
        assert ours.ask(0) is not None
        ours.tell(number, float(number))
    lost = ours.ask(0)
    assert lost is not None and (lost.epochs, lost.promoted_from) == (3, 8)
    for _ in range(2):  # what is lost stays known as such
        ours.open()
        ours.study.settle({})
    again, other = ours.ask(0), ours.ask(1)
    assert again is not None and other is not None
    assert (again.number, again.epochs, again.promoted_from) == (10, 3, 8)
    assert other.promoted_from == 7


def test_bayesian_goes_where_theirs_would_and_tpe_does_not(tmp_path: Path) -> None:
    """After the start ours has their process, and finds as low a bound in it."""
    theirs, ours = begun(tmp_path)
    known = ours.study._known
    tpe = Ours(tmp_path / "tpe", "tpe", "max")
    tpe.open([trial.values for trial in known.trials])
    for trial in known.trials:
        assert tpe.ask(0) is not None
        tpe.tell(trial.number, trial.score)
    process = bayesian.fitted(known)
    asked = [side.ask(0) for side in (ours, theirs, tpe)]
    places = np.random.default_rng(0).uniform(size=(20, len(known.space)))
    for answer, expected in zip(
        process.predict(places, return_std=True),
        theirs.oracle.gpr.predict(places, return_std=True),
        strict=True,
    ):
        assert answer == pytest.approx(expected, rel=1e-3, abs=1e-4)
    for place in places:
        value, gradient = bayesian.bound_at(place, process)
        assert value == pytest.approx(bound(theirs, place), rel=1e-3, abs=1e-3)
        assert gradient == pytest.approx(slope(process, place), rel=1e-3, abs=1e-3)
    our, their, other = (
        bound(theirs, bayesian._place(known.space, Past(0, Plan(), trial.used)))
        for trial in asked
        if trial is not None
    )
    assert our == pytest.approx(their, abs=0.02)
    assert other > their + 0.05


def begun(folder: Path) -> tuple[Theirs, Ours]:
    """Both after the random start, with the same trials."""
    theirs = Theirs.of("bayesian", "max", folder)
    ours = Ours(folder / "journal", "bayesian", "max")
    known = ours.study._known
    while len(known.completed()) < max(3, 3 * len(known.space)):
        one, same = ours.ask(0), theirs.ask(0)
        assert one is not None and one == same
        value = score(one.used, one.epochs)
        ours.tell(one.number, value)
        theirs.tell(one.number, value)
    return theirs, ours


def bound(theirs: Theirs, place: Any) -> float:
    """Their acquisition, which they minimise."""
    mean, deviation = theirs.oracle.gpr.predict(np.array([place]), return_std=True)
    return float(mean[0] - theirs.oracle.beta * deviation[0])


def slope(process: Any, place: Any) -> list[float]:
    """The bound's gradient from differences."""
    steps = np.eye(len(place)) * 1e-5
    values = [
        [bayesian.bound_at(place + sign * step, process)[0] for sign in (1, -1)]
        for step in steps
    ]
    return [(above - below) / 2e-5 for above, below in values]
