"""The one file that knows Optuna: a study in the run folder that asks and is told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.search_space import intersection_search_space
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._tuner import TUNERS

_NAME = "search"
_DIRECTIONS = {
    "max": optuna.study.StudyDirection.MAXIMIZE,
    "min": optuna.study.StudyDirection.MINIMIZE,
}
Values = float | tuple[float | None, ...] | None
"""A trial's objective, or its two."""


class Study:
    """An Optuna study whose trials are asked for value by value.

    The first trial of a study takes AutoKeras's own defaults: a sane model stands on
    the leaderboard before anything is explored.

    Args:
        journal: The study's journal file, which Optuna's dashboard opens.
        tuner: A name in `TUNERS`.
        mode: "max" or "min".
        seed: Seed of the proposals.
        second: "max" or "min" of a second objective; empty where there is none.
    """

    def __init__(
        self, journal: Path, tuner: str, mode: str, seed: int, second: str = ""
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # Whoever opens the study holds the run: a lock in here is a dead process's.
        journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
        self._sampler = TUNERS.get(tuner).sampler(optuna, seed)
        self._journal, self._modes = journal, [m for m in (mode, second) if m]
        self._open: dict[int, optuna.Trial] = {}
        try:
            self._study = self._load()
        except Exception:  # whatever is wrong with it: the events are there
            self._begin_anew()

    def _load(self) -> optuna.Study:
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(self._journal))),
            study_name=_NAME,
            sampler=self._sampler,
            directions=[_DIRECTIONS[mode] for mode in self._modes],
            load_if_exists=True,
        )

    def _begin_anew(self) -> None:
        """Put the journal aside and begin an empty one."""
        if self._journal.exists():
            self._journal.replace(self._journal.with_suffix(".damaged"))
        self._study = self._load()

    def restore(self, past: Mapping[int, Past], space: Mapping[str, Parameter]) -> None:
        """Make the study anew if it lacks trials that are known: of a damaged journal.

        Args:
            past: The trials, by number.
            space: What each parameter may be, by its name.
        """
        if len(self._study.trials) > max(past, default=-1):
            return
        self._begin_anew()
        for number in range(max(past) + 1):
            self._study.add_trial(_frozen(past.get(number, Past({}, None)), space))

    def settle(self, values: Mapping[int, Values]) -> None:
        """Close what an earlier attempt left open: its trials will not come back.

        Args:
            values: Objectives of trials that ended before the study was told, by
                number; all others have failed.
        """
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._close(trial.number, values.get(trial.number))

    def ask(self) -> int:
        """Open a trial.

        Returns:
            Its number.
        """
        trial = self._study.ask()
        self._open[trial.number] = trial
        return int(trial.number)

    def suggest(self, number: int, parameter: Parameter) -> Value:
        """A value for a parameter of an open trial.

        Args:
            number: The trial's number.
            parameter: What is asked for.

        Returns:
            The proposed value.
        """
        trial = self._open[number]
        if number > 0:
            return _suggest(trial, parameter)
        fixed = {parameter.name: parameter.default}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            sampler = optuna.samplers.PartialFixedSampler(fixed, self._sampler)
        self._study.sampler = sampler
        try:
            return _suggest(trial, parameter)
        finally:
            self._study.sampler = self._sampler

    def tell(self, number: int, value: Values) -> None:
        """Close a trial.

        Args:
            number: The trial's number.
            value: Its objective, or its two; None or a number that is not finite fails
                it.
        """
        self._open.pop(number)
        self._close(number, value)

    def skip(self, number: int) -> None:
        """Close a trial that was too large, or took too long, to be trained.

        To the samplers it is one that was pruned before it had a value: worse than all
        that have one. A failed one would tell them nothing.

        Args:
            number: The trial's number.
        """
        self._open.pop(number)
        self._study.tell(number, state=TrialState.PRUNED)

    def _close(self, number: int, value: Values) -> None:
        values = _finite(value)
        if values is None:
            self._study.tell(number, state=TrialState.FAIL)
        else:
            self._study.tell(number, values)


class Past(NamedTuple):
    """A trial that has ended.

    Args:
        values: What was proposed, by name.
        value: Its objective, or its two; None if it has none.
        skipped: Whether it was too large to be trained.
    """

    values: Mapping[str, Value]
    value: Values
    skipped: bool = False


class Importance(NamedTuple):
    """What a study tells of its parameters.

    Args:
        trials: From how many completed trials.
        shares: What each parameter has of 1, by its name; empty if none matters.
    """

    trials: int
    shares: dict[str, float]


def importance(journal: Path) -> Importance:
    """Estimate which parameters tell good trials from others, by PED-ANOVA.

    Parameters that only some of the trials have are left out: their shares would not
    be comparable.

    Args:
        journal: The study's journal file; another process may be writing it.
    """
    if not journal.exists():  # Optuna would make it
        return Importance(0, {})
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name=_NAME, storage=storage)
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    names = list(intersection_search_space(trials))
    if len(trials) < 2 or not names:
        return Importance(len(trials), {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        several = len(study.directions) > 1
        found = get_param_importances(
            study,
            evaluator=PedAnovaImportanceEvaluator(),
            params=names,
            # Of two objectives the first one's.
            target=_first_value if several else None,
            normalize=False,
        )
    total = sum(found.values())
    shares = {name: value / total for name, value in found.items()} if total else {}
    return Importance(len(trials), shares)


def _frozen(past: Past, space: Mapping[str, Parameter]) -> optuna.trial.FrozenTrial:
    """A trial that has ended, as Optuna keeps it."""
    asked = {name: space[name] for name in past.values if name in space}
    known = _finite(past.value)
    state = TrialState.PRUNED if past.skipped else TrialState.FAIL
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE if known else state,
        values=known,
        params={name: past.values[name] for name in asked},
        distributions={name: _distribution(p) for name, p in asked.items()},
    )


def _distribution(parameter: Parameter) -> BaseDistribution:
    """What a parameter may be, as `_suggest` tells it."""
    p = parameter
    if p.choices:
        return CategoricalDistribution(p.choices)
    step = None if p.log else p.step
    if p.whole:
        return IntDistribution(int(p.low), int(p.high), p.log, int(step or 1))
    return FloatDistribution(p.low, p.high, p.log, step)


def _finite(value: Values) -> list[float] | None:
    """All numbers of a trial, or None if one is missing or not finite."""
    values = value if isinstance(value, tuple) else (value,)
    found = [v for v in values if v is not None and math.isfinite(v)]
    return found if len(found) == len(values) else None


def _first_value(trial: optuna.trial.FrozenTrial) -> float:
    return float(trial.values[0])


def _suggest(trial: optuna.Trial, parameter: Parameter) -> Value:
    """Optuna's proposal for a parameter."""
    p = parameter
    if p.choices:
        return trial.suggest_categorical(p.name, p.choices)  # type: ignore[return-value]
    step = None if p.log else p.step
    if p.whole:
        low, high = int(p.low), int(p.high)
        return trial.suggest_int(p.name, low, high, log=p.log, step=int(step or 1))
    return trial.suggest_float(p.name, p.low, p.high, log=p.log, step=step)
