"""Laws of tuners and pruners, over every one."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._study import Study, importance
from notebook_automl.search._terms import Ended
from notebook_automl.search._tuner import TUNERS
from notebook_automl.search.pruners._pruner import PRUNERS

_KIND = Parameter("kind", choices=("conv", "dense"), default="dense")
_UNITS = Parameter("units", choices=(16, 32, 64), ordered=True, default=32)
_KERNEL = Parameter("kernel", choices=(3, 5), default=5)
_RATE = Parameter("rate", low=1e-4, high=1e-1, log=True, default=1e-3)
_LAYERS = Parameter("layers", low=1, high=7, step=2, whole=True, default=3)
# A grid counts through what is finite.
_RATES = Parameter("rate", choices=(1e-4, 1e-3, 1e-2, 1e-1), ordered=True, default=1e-3)
_TRIALS = 25


@pytest.fixture(params=TUNERS.names())
def tuner(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def build(study: Study, number: int, tuner: str) -> dict[str, Value]:
    """A space whose parameters depend on one another, as AutoKeras's do."""
    rate = _RATES if tuner == "grid" else _RATE
    values = {p.name: study.suggest(number, p) for p in (_KIND, rate, _LAYERS)}
    rest = _KERNEL if values["kind"] == "conv" else _UNITS
    values[rest.name] = study.suggest(number, rest)
    study.built(number)
    return values


def objective(values: dict[str, Value]) -> float:
    return float(values.get("units", 0)) + 10.0 * (values["kind"] == "dense")


def begin(study: Study) -> int:
    """The number of a trial that can begin at once."""
    proposal = study.ask()
    assert proposal is not None
    return proposal.number


def _trials(tuner: str) -> int:
    """How many tell enough of a tuner; a few of those that take their time."""
    return 18 if tuner == "bayesian" else _TRIALS


def search(
    path: Path, tuner: str, seed: int = 0, trials: int = _TRIALS
) -> list[dict[str, Value]]:
    study = Study(path, tuner, "max", seed)
    proposed: list[dict[str, Value]] = []
    for _ in range(trials):
        number = begin(study)
        values = build(study, number, tuner)
        study.tell(number, objective(values))
        proposed.append(values)
    return proposed


def test_stays_within_the_space(tuner: str, tmp_path: Path) -> None:
    # A grid comes to the other kind after all combinations of the first.
    trials = 50 if tuner == "grid" else _trials(tuner)
    proposed = search(tmp_path / "journal", tuner, trials=trials)
    assert {values["kind"] for values in proposed} == {"conv", "dense"}
    for values in proposed:
        rest = _KERNEL if values["kind"] == "conv" else _UNITS
        assert values[rest.name] in rest.choices
        assert 1e-4 <= float(values["rate"]) <= 1e-1
        assert values["layers"] in (1, 3, 5, 7)


def test_first_trial_takes_the_defaults(tuner: str, tmp_path: Path) -> None:
    first, second = search(tmp_path / "journal", tuner, trials=2)
    assert first == {"kind": "dense", "rate": 1e-3, "layers": 3, "units": 32}
    assert second != first


def test_same_seed_proposes_the_same(tuner: str, tmp_path: Path) -> None:
    one, two, three = (
        search(tmp_path / name, tuner, seed, _trials(tuner))
        for name, seed in (("one", 1), ("two", 1), ("three", 2))
    )
    assert one == two
    assert tuner == "grid" or one != three


def test_several_trials_at_once(tuner: str, tmp_path: Path) -> None:
    """Questions of trials that run side by side may come in any order."""
    study = Study(tmp_path / "journal", tuner, "min", 0)
    ended: list[int] = []
    while len(ended) < 9:
        asked = [proposal for _ in range(3) if (proposal := study.ask())]
        assert asked
        numbers = [proposal.number for proposal in asked]
        for parameter in (_KIND, _RATES, _LAYERS):
            for number in reversed(numbers):
                study.suggest(number, parameter)
        for number in numbers:
            study.built(number)
        for number in numbers:
            study.tell(number, float(number))
        ended += numbers
    assert ended == list(range(len(ended)))


def test_goes_on_from_its_journal(tuner: str, tmp_path: Path) -> None:
    """A trial of a supervisor that died is failed; Optuna itself reads the journal."""
    journal = tmp_path / "journal"
    study = Study(journal, tuner, "max", 0)
    for value in (0.5, None, float("nan"), 0.75):
        number = begin(study)
        build(study, number, tuner)
        study.tell(number, value)
    for _ in range(2):
        build(study, begin(study), tuner)
    later = Study(journal, tuner, "max", 0)
    later.settle({5: Ended({}, 0.625, "completed")})
    assert begin(later) == 6
    backend = JournalStorage(JournalFileBackend(str(journal)))
    (name,) = optuna.study.get_all_study_names(backend)
    read = optuna.load_study(study_name=name, storage=backend)
    failed, complete = TrialState.FAIL, TrialState.COMPLETE
    states = [trial.state for trial in read.trials]
    assert states[:4] == [complete, failed, failed, complete]
    assert states[4:6] == [failed, complete]
    assert read.trials[5].value == 0.625
    assert read.best_value == 0.75


def test_importance_tells_what_matters(tuner: str, tmp_path: Path) -> None:
    """Of parameters that all completed trials have; a killed trial stays open."""
    journal = tmp_path / "journal"
    assert importance(journal) == (0, {})
    assert not journal.exists()
    study = Study(journal, tuner, "max", 0)
    assert importance(journal) == (0, {})
    count = 25 if tuner == "bayesian" else 40
    for _ in range(count):
        number = begin(study)
        values = build(study, number, tuner)
        study.tell(number, -abs(math.log10(float(values["rate"])) + 2))
    build(study, begin(study), tuner)
    written = journal.read_bytes()
    trials, shares = importance(journal)
    assert trials == count
    # A grid comes to the other kind late, so that all have units as well.
    assert set(shares) - {"units"} == {"kind", "rate", "layers"}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert max(shares, key=shares.__getitem__) == "rate"
    assert journal.read_bytes() == written


def test_tpe_learns_what_random_does_not(tmp_path: Path) -> None:
    """After its start-up trials TPE proposes good values more often than chance."""
    means = {
        name: sum(objective(values) for values in search(tmp_path / name, name)[10:])
        for name in ("tpe", "random")
    }
    assert means["tpe"] > means["random"]


def test_a_grid_tries_every_combination_once(tmp_path: Path) -> None:
    study = Study(tmp_path / "journal", "grid", "max", 0)
    proposed = []
    while (proposal := study.ask()) is not None:
        proposed.append(build(study, proposal.number, "grid"))
        study.tell(proposal.number, None if proposal.number % 7 == 3 else 1.0)
        if proposal.number % 10 == 9:
            study = Study(tmp_path / "journal", "grid", "max", 0)
    assert len(proposed) == 4 * 4 * 3 + 4 * 4 * 2
    assert len({tuple(sorted(values.items())) for values in proposed}) == len(proposed)
    assert study.over == "every combination was tried"


def test_a_grid_says_what_is_not_finite(tmp_path: Path) -> None:
    study = Study(tmp_path / "journal", "grid", "max", 0)
    number = begin(study)
    study.suggest(number, _RATE)
    study.built(number)
    assert study.ask() is None
    assert "rate has any from 0.0001 to 0.1" in study.over


def test_a_planner_waits_until_the_space_is_known(tmp_path: Path) -> None:
    study = Study(tmp_path / "journal", "random", "max", 0)
    number = begin(study)
    assert study.ask() is None and study.ask() is None
    build(study, number, "random")
    assert begin(study) == 1
    assert study.over == ""


@pytest.mark.parametrize("tuner", ["random", "greedy", "bayesian", "hyperband"])
def test_a_small_space_is_over_some_time(tuner: str, tmp_path: Path) -> None:
    study = Study(tmp_path / "journal", tuner, "max", 0)
    seen = set()
    for _ in range(60):
        proposal = study.ask()
        if proposal is None:
            break
        seen.add(study.suggest(proposal.number, _KIND))
        study.built(proposal.number)
        study.tell(proposal.number, 1.0)
    assert seen == {"conv", "dense"}
    # A Gaussian process may go where it was before.
    assert study.over or tuner == "bayesian"


@pytest.mark.parametrize("tuner", ["tpe", "greedy", "hyperband"])
def test_first_trials_can_be_given(tuner: str, tmp_path: Path) -> None:
    """What is not given, or is not in the space, takes its default."""
    first = [{"kind": "conv", "kernel": 3}, {"kind": "dance", "units": 64, "layers": 2}]
    study = Study(tmp_path / "journal", tuner, "max", 0, 9, first=first)
    one, two = (build(study, begin(study), tuner) for _ in range(2))
    assert one == {"kind": "conv", "rate": 1e-3, "layers": 3, "kernel": 3}
    assert two == {"kind": "dense", "rate": 1e-3, "layers": 3, "units": 64}
    assert study.ask() is not None


@pytest.fixture(params=PRUNERS.names())
def pruner(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def trained(study: Study, levels: list[float], sign: int) -> dict[int, str]:
    """Train a trial for each level, and give the reasons of those that were pruned."""
    reasons = {}
    for level in levels:
        number = begin(study)
        build(study, number, "tpe")
        for epoch in range(1, 28):
            reason = study.report(number, epoch, sign * level * epoch / 27)
            if reason:
                reasons[number] = reason
                break
        value = sign * level * epoch / 27
        study.tell(number, value, pruned=number in reasons)
    return reasons


@pytest.mark.parametrize("mode", ["max", "min"])
def test_a_pruner_ends_what_is_hopeless(pruner: str, mode: str, tmp_path: Path) -> None:
    """The best goes on; the journal has the state, and the value that was last."""
    sign = 1 if mode == "max" else -1
    journal = tmp_path / "journal"
    levels = [0.9, 0.5, 0.6, 0.55, 0.65, *[0.1] * 12, 0.95]
    study = Study(journal, "tpe", mode, 0, 27, pruner)
    reasons = trained(study, levels, sign)
    assert bool(reasons) == (pruner != "none")
    assert not reasons.keys() & {0, len(levels) - 1}
    backend = JournalStorage(JournalFileBackend(str(journal)))
    trials = optuna.load_study(study_name=None, storage=backend).trials
    for trial in trials:
        pruned = trial.number in reasons
        assert trial.state == (TrialState.PRUNED if pruned else TrialState.COMPLETE)
        if pruned:
            epoch = max(trial.intermediate_values)
            assert (
                f"{trial.value:.4g} after epoch {epoch} was " in reasons[trial.number]
            )


def test_the_median_is_named(tmp_path: Path) -> None:
    levels = [0.9, 0.5, 0.6, 0.55, 0.65, 0.27]
    study = Study(tmp_path / "journal", "tpe", "max", 0, 27, "median")
    assert trained(study, levels, 1) == {
        5: "0.02 after epoch 2 was below the median 0.04444 of 5 trials"
    }


def test_folds_are_compared_by_their_number(tmp_path: Path) -> None:
    study = Study(tmp_path / "journal", "tpe", "max", 0, 27, "asha", folds=5)
    for level in (0.9, 0.5):
        number = begin(study)
        build(study, number, "tpe")
        reason = study.report(number, 1, level)
        study.tell(number, level, pruned=reason is not None)
    others = "with 1 other trial there"
    assert reason == f"0.5 after fold 1 was not in the best third, {others}"


def test_hyperband_as_a_tuner_prunes_nothing(tmp_path: Path) -> None:
    study = Study(tmp_path / "journal", "hyperband", "max", 0, 27, "asha")
    assert trained(study, [0.9, *[0.1] * 9], 1) == {}


def test_a_journal_remembers_who_was_pruned(tmp_path: Path) -> None:
    """Also one whose end the events tell and the study was never told."""
    journal = tmp_path / "journal"
    study = Study(journal, "tpe", "max", 0, 27, "median")
    trained(study, [0.9, 0.5, 0.6, 0.55, 0.65], 1)
    number = begin(study)
    for epoch in range(1, 4):
        study.report(number, epoch, 0.1)
    later = Study(journal, "tpe", "max", 0, 27, "median")
    later.settle({number: Ended({}, 0.2, "pruned")})
    backend = JournalStorage(JournalFileBackend(str(journal)))
    last = optuna.load_study(study_name=None, storage=backend).trials[-1]
    assert (last.state, last.value) == (TrialState.PRUNED, 0.1)
