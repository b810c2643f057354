"""The one file that knows Optuna: a study in the run folder that asks and is told."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.search_space import intersection_search_space
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._journal import Journal
from notebook_automl.search._plan import Exhausted, Known, Past, Plan, possible
from notebook_automl.search._terms import (
    Ended,
    Proposal,
    Values,
    finite,
    frozen,
    suggest,
)
from notebook_automl.search._tuner import TUNERS
from notebook_automl.search.pruners._pruner import PRUNERS, Step

_NAME = "search"
_DIRECTIONS = {
    "max": optuna.study.StudyDirection.MAXIMIZE,
    "min": optuna.study.StudyDirection.MINIMIZE,
}
# Attributes of a trial and of the study, which Optuna's dashboard shows as well.
_PLAN = "plan"
_LOST = "lost"
_LOST_DRAWS = 1000
_PARAMETER = "parameter "
_STATES = {
    TrialState.COMPLETE: "completed",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class Study:
    """An Optuna study whose trials are asked for value by value.

    The first trial of a study takes AutoKeras's own defaults: a sane model stands on
    the leaderboard before anything is explored, and its questions tell the space. All
    that a tuner needs to go on is in the journal.

    Args:
        journal: The study's journal file, which Optuna's dashboard opens.
        tuner: A name in `TUNERS`.
        mode: "max" or "min".
        seed: Seed of the proposals.
        epochs: Most epochs of one trial.
        pruner: A name in `PRUNERS`.
        first: Values of the first trials, by path; what is not in them takes its
            default.
        second: "max" or "min" of a second objective; empty where there is none.
        folds: How many folds a trial trains on, after each of which it is compared; 0
            for one validation set, where it is after each epoch.

    Attributes:
        over: Why nothing more is proposed; empty as long as something may be.
    """

    def __init__(
        self,
        journal: Path,
        tuner: str,
        mode: str,
        seed: int,
        epochs: int = 50,
        pruner: str = "none",
        first: Sequence[Mapping[str, Value]] = (),
        second: str = "",
        folds: int = 0,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._tuner, self._pruner = TUNERS.get(tuner), PRUNERS.get(pruner)
        self._plans = hasattr(self._tuner, "plan")
        self._modes = [each for each in (mode, second) if each]
        plain = not second and not _decides_epochs(self._tuner)
        self._prunes = pruner != "none" and plain
        if self._plans:
            self._sampler = optuna.samplers.RandomSampler(seed=seed)
        else:
            self._sampler = self._tuner.sampler(optuna, seed)
        self._first = [dict(values) for values in first] or [{}]
        self._open: dict[int, optuna.Trial] = {}
        self._folds = folds
        self._journal, self._known = journal, Known(mode, seed, epochs)
        self._waits, self.over = False, ""
        try:
            self._load()
        except Exception:  # whatever is wrong with it: the events are there
            self._begin_anew()

    def _load(self) -> None:
        """Open the study, and read what the tuner knows."""
        known = Known(self._known.mode, self._known.seed, self._known.epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._study = optuna.create_study(
                storage=JournalStorage(Journal(self._journal)),  # type: ignore[arg-type]
                study_name=_NAME,
                sampler=self._sampler,
                pruner=self._pruner.pruner(optuna, self._folds or known.epochs),
                directions=[_DIRECTIONS[each] for each in self._modes],
                load_if_exists=True,
            )
        self._known = self._read(known)

    def _begin_anew(self) -> None:
        """Put the journal aside and begin an empty one."""
        if self._journal.exists():
            self._journal.replace(self._journal.with_suffix(".damaged"))
        self._load()

    def restore(
        self, ended: Mapping[int, Ended], space: Mapping[str, Parameter]
    ) -> None:
        """Make the study anew if it lacks trials that are known: of a damaged journal.

        Values and scores come back, and with them what most tuners go by; brackets of
        Hyperband and the cloud of CMA-ES begin anew.

        Args:
            ended: The trials, by number; others have failed.
            space: What each parameter may be, by its name.
        """
        if len(self._known.trials) > max(ended, default=-1):
            return
        self._begin_anew()
        for parameter in space.values():
            self._learn(parameter)
        numbered = {name: self._is_numbered(p) for name, p in space.items()}
        for number in range(max(ended) + 1):
            each = ended.get(number, Ended())
            # Further than any draws that were used up, so that none comes twice.
            plan = Plan(dict(each.values), _LOST_DRAWS * (number + 1))
            attributes = {_PLAN: asdict(plan)} if self._plans else {}
            trial = frozen(optuna, each, space, numbered, attributes)
            self._study.add_trial(trial)
        self._known.trials = [_past(t) for t in self._study.get_trials(deepcopy=False)]

    def settle(self, ended: Mapping[int, Ended]) -> None:
        """Close what an earlier attempt left open: its trials will not come back.

        Args:
            ended: Trials that ended before the study was told, by number; all others
                are lost.
        """
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            number = trial.number
            if number not in ended:
                self._known.trials[number].lost = True
                optuna.Trial(self._study, trial._trial_id).set_user_attr(_LOST, True)
            each = ended.get(number, Ended())
            self._close(number, each.value, each.pruned)

    def ask(self) -> Proposal | None:
        """Open a trial.

        Returns:
            The trial; None while one that runs must come further first, and if there is
            nothing more to propose, which `over` says.
        """
        if self.over or self._waits:
            return None
        try:
            plan = self._next()
        except Exhausted as end:
            self.over = str(end)
            return None
        if plan is None:
            self._waits = True
            return None
        trial = self._study.ask()
        if self._plans:
            trial.set_user_attr(_PLAN, asdict(plan))
        self._open[trial.number] = trial
        self._known.trials.append(Past(trial.number, plan, dict(plan.values)))
        return Proposal(int(trial.number), plan.epochs, plan.promoted_from)

    def suggest(self, number: int, parameter: Parameter) -> Value:
        """A value for a parameter of an open trial.

        Args:
            number: The trial's number.
            parameter: What is asked for.

        Returns:
            The proposed value.
        """
        self._learn(parameter)
        trial, past = self._open[number], self._known.trials[number]
        numbered = self._is_numbered(parameter)
        if self._plans or number < len(self._first):
            value = past.plan.values.get(parameter.name)
            if value is None or not possible(parameter, value):
                value = parameter.default
            with self._fixing(parameter, value):
                value = suggest(trial, parameter, numbered)
        else:
            value = suggest(trial, parameter, numbered)
        past.values[parameter.name] = value
        return value

    def built(self, number: int) -> None:
        """Hear that a trial will ask for nothing more.

        Args:
            number: The trial's number.
        """
        self._known.trials[number].built = True
        self._waits = False

    def report(self, number: int, step: int, value: float) -> str | None:
        """Hear of an epoch, or of a fold.

        Args:
            number: The trial's number.
            step: From 1.
            value: The objective after it.

        Returns:
            Why the trial should end here; None if it should go on.
        """
        if not self._prunes or not math.isfinite(value):
            return None
        self._known.trials[number].score = value
        trial = self._open[number]
        with warnings.catch_warnings():  # it reports steps again when it is tried again
            warnings.simplefilter("ignore", UserWarning)
            trial.report(value, step)
        # The first trials are compared with, but train to their end.
        if not trial.should_prune() or number < len(self._first):
            return None
        trials = self._study.get_trials(deepcopy=False)
        at = Step("fold" if self._folds else "epoch", step)
        return str(self._pruner.reason(trials, number, at, self._known.mode))

    def tell(self, number: int, value: Values, pruned: bool = False) -> None:
        """Close a trial.

        Args:
            number: The trial's number.
            value: Its objective, or its two; None or a number that is not finite fails
                it.
            pruned: Whether it was ended as `report` said, with its last value; or was
                too large or too slow to be trained. To the samplers one without a value
                is worse than all that have one; a failed one would tell them nothing.
        """
        self._open.pop(number)
        self._close(number, value, pruned)

    def _next(self) -> Plan | None:
        """The next trial as a whole; empty where a sampler gives the values."""
        known, number = self._known, len(self._known.trials)
        given = self._first[number] if number < len(self._first) else None
        if given is not None and not _decides_epochs(self._tuner):
            return Plan(dict(given), known.draws)
        if not self._plans:
            return Plan()
        if number and not any(t.built or t.state != "running" for t in known.trials):
            return None  # the space is not known yet
        if number and not known.space:
            return None if known.running else Plan()
        plan: Plan | None = self._tuner.plan(known)
        if given and plan is not None and plan.promoted_from is None:
            plan = replace(plan, values=dict(given))
        return plan

    def _learn(self, parameter: Parameter) -> None:
        """Take a parameter into the space, if it is new."""
        key = parameter.name, parameter.conditions
        if self._plans and key not in self._keys:
            self._keys.add(key)
            name = f"{_PARAMETER}{len(self._known.space)}"
            self._known.space.append(parameter)
            self._study.set_user_attr(name, asdict(parameter))

    @contextmanager
    def _fixing(self, parameter: Parameter, value: Value) -> Iterator[None]:
        """Let Optuna propose a value that was decided before."""
        numbered = self._is_numbered(parameter)
        internal = parameter.choices.index(value) if numbered else value
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fixed = {parameter.name: internal}
            sampler = optuna.samplers.PartialFixedSampler(fixed, self._sampler)
        self._study.sampler = sampler
        try:
            yield
        finally:
            self._study.sampler = self._sampler

    def _is_numbered(self, parameter: Parameter) -> bool:
        """Whether choices are asked for as numbers, in their order."""
        return parameter.ordered and bool(getattr(self._tuner, "numeric", False))

    def _close(self, number: int, value: Values, pruned: bool) -> None:
        past, values = self._known.trials[number], finite(value)
        if pruned:
            past.state = "pruned"
            self._study.tell(number, state=TrialState.PRUNED)
        elif values is None:
            past.state, past.score = "failed", None
            self._study.tell(number, state=TrialState.FAIL)
        else:
            past.state, past.score = "completed", values[0]
            self._study.tell(number, values)
        self._waits = False

    def _read(self, known: Known) -> Known:
        """What the journal says."""
        attributes = self._study.user_attrs
        found = [name for name in attributes if name.startswith(_PARAMETER)]
        for name in sorted(found, key=lambda name: int(name.removeprefix(_PARAMETER))):
            known.space.append(Parameter.from_json(attributes[name]))
        self._keys = {(p.name, p.conditions) for p in known.space}
        known.trials += map(_past, self._study.get_trials(deepcopy=False))
        return known


def _past(trial: FrozenTrial) -> Past:
    """A trial of the journal; one that runs there runs no more, see `settle`."""
    plan = Plan(**trial.user_attrs.get(_PLAN, {}))
    state = _STATES.get(trial.state, "running")
    values = plan.values | trial.params
    score = trial.values[0] if trial.values else None
    lost = _LOST in trial.user_attrs
    return Past(trial.number, plan, values, state, score, True, lost)  # type: ignore[arg-type]


def _decides_epochs(tuner: Any) -> bool:
    """Whether a tuner says how long each trial trains."""
    return bool(getattr(tuner, "decides_epochs", False))


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
    # It loads scikit-learn, which a supervisor does without.
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

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


def _first_value(trial: FrozenTrial) -> float:
    return float(trial.values[0])
