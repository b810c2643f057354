"""Laws of a tuner, over every one: what it proposes stays within the space."""

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
from notebook_automl.search._tuner import TUNERS

_KIND = Parameter("kind", choices=("conv", "dense"), default="dense")
_UNITS = Parameter("units", choices=(16, 32, 64), ordered=True, default=32)
_KERNEL = Parameter("kernel", choices=(3, 5), default=5)
_RATE = Parameter("rate", low=1e-4, high=1e-1, log=True, default=1e-3)
_LAYERS = Parameter("layers", low=1, high=7, step=2, whole=True, default=3)
_TRIALS = 25


@pytest.fixture(params=TUNERS.names())
def tuner(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def build(study: Study, number: int) -> dict[str, Value]:
    """A space whose parameters depend on one another, as AutoKeras's do."""
    values = {p.name: study.suggest(number, p) for p in (_KIND, _RATE, _LAYERS)}
    rest = _KERNEL if values["kind"] == "conv" else _UNITS
    return values | {rest.name: study.suggest(number, rest)}


def objective(values: dict[str, Value]) -> float:
    return float(values.get("units", 0)) + 10.0 * (values["kind"] == "dense")


def search(path: Path, tuner: str, seed: int = 0) -> list[dict[str, Value]]:
    study = Study(path, tuner, "max", seed)
    proposed = []
    for _ in range(_TRIALS):
        number = study.ask()
        proposed.append(build(study, number))
        study.tell(number, objective(proposed[-1]))
    return proposed


def test_stays_within_the_space(tuner: str, tmp_path: Path) -> None:
    proposed = search(tmp_path / "journal", tuner)
    assert {values["kind"] for values in proposed} == {"conv", "dense"}
    for values in proposed:
        rest = _KERNEL if values["kind"] == "conv" else _UNITS
        assert values[rest.name] in rest.choices
        assert 1e-4 <= float(values["rate"]) <= 1e-1
        assert values["layers"] in (1, 3, 5, 7)


def test_first_trial_takes_the_defaults(tuner: str, tmp_path: Path) -> None:
    first, second = search(tmp_path / "journal", tuner)[:2]
    assert first == {"kind": "dense", "rate": 1e-3, "layers": 3, "units": 32}
    assert second != first


def test_same_seed_proposes_the_same(tuner: str, tmp_path: Path) -> None:
    one, two, three = (
        search(tmp_path / name, tuner, seed)
        for name, seed in (("one", 1), ("two", 1), ("three", 2))
    )
    assert one == two
    assert one != three


def test_several_trials_at_once(tuner: str, tmp_path: Path) -> None:
    """Questions of trials that run side by side may come in any order."""
    study = Study(tmp_path / "journal", tuner, "min", 0)
    numbers = [study.ask() for _ in range(3)]
    for parameter in (_KIND, _RATE, _LAYERS):
        for number in reversed(numbers):
            study.suggest(number, parameter)
    for number in numbers:
        study.tell(number, float(number))


def test_goes_on_from_its_journal(tuner: str, tmp_path: Path) -> None:
    """A trial of a supervisor that died is failed; Optuna itself reads the journal."""
    journal = tmp_path / "journal"
    study = Study(journal, tuner, "max", 0)
    for value in (0.5, None, float("nan"), 0.75):
        number = study.ask()
        build(study, number)
        study.tell(number, value)
    for _ in range(2):
        build(study, study.ask())
    later = Study(journal, tuner, "max", 0)
    later.settle({0: 0.5, 5: 0.625})
    assert later.ask() == 6
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
    for _ in range(40):
        number = study.ask()
        values = build(study, number)
        study.tell(number, -abs(math.log10(float(values["rate"])) + 2))
    build(study, study.ask())
    written = journal.read_bytes()
    trials, shares = importance(journal)
    assert (trials, set(shares)) == (40, {"kind", "rate", "layers"})
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
