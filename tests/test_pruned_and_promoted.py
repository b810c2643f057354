"""Real searches that end trials early, and that train the best of them again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import live
import pytest

import notebook_automl as automl
from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import holder


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Starts]:
    with live.searches(tmp_path_factory) as starts:
        yield starts


def epochs_in_source(run: automl.Run, number: int) -> int:
    (epochs,) = re.findall(r"^EPOCHS = (\d+)$", run.trial(number).source, re.M)
    return int(epochs)


def test_a_pruned_trial_keeps_what_it_had(begin: live.Starts) -> None:
    """It is not ranked; its reason says against what, its source what was trained."""
    run = begin(live.quick(), pruner="asha", trials=9, epochs=18, tuner="random")
    run.wait()
    live.assert_study_agrees(run)
    trials = run.state.trials.values()
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        assert "was not in the best third, with" in trial.reason
        assert 2 <= len(trial.history) == trial.epochs_trained < 18
        assert epochs_in_source(run, trial.number) == trial.epochs_trained
        best = max(epoch["val_accuracy"] for epoch in trial.history)
        assert trial.metrics["val_accuracy"] == best
    ranked = run.state.ranked(run.metric, run.mode)
    assert not {t.number for t in pruned} & {t.number for t in ranked}
    table = run.leaderboard()
    shown = table[table.state == "pruned"]
    assert set(shown.reason) == {trial.reason for trial in pruned}
    with pytest.raises(automl.AutoMLError, match="Did you mean 'asha'"):
        automl.Search(live.quick(), target="label", pruner="ashe")


def test_hopeless_trials_end_after_a_fold(begin: live.Starts) -> None:
    """The mean of the folds so far is compared, and that of a few is no score."""
    fields: dict[str, Any] = {"folds": 3, "trials": 6, "epochs": 2, "tuner": "random"}
    run = begin(live.quick(), pruner="asha", **fields).wait()
    trials = run.state.trials.values()
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert pruned and len(pruned) < len(trials)
    for trial in pruned:
        (fold,) = re.findall(r"after fold (\d) was not in the best", trial.reason)
        # The next fold has begun when the one before is known to have ended.
        assert set(trial.history.column("fold")) == set(range(1, int(fold) + 2))
        assert not trial.metrics
    for trial in trials:
        assert trial.state == "pruned" or set(trial.history.column("fold")) == {1, 2, 3}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"minutes": 1}, "asha"),
        ({}, "asha"),
        ({"trials": 3}, "none"),
        ({"minutes": 1, "trials": 3}, "none"),
        ({"minutes": 1, "tuner": "greedy"}, "none"),
        ({"minutes": 1, "metric": ["accuracy", "parameters"]}, "none"),
        ({"trials": 3, "pruner": "median"}, "median"),
        ({"minutes": 3, "pruner": "none"}, "none"),
    ],
)
def test_whose_budget_is_time_has_a_pruner(
    fields: dict[str, Any], expected: str
) -> None:
    search = automl.Search(live.quick(), target="label", **fields)
    assert search.description(search.schema())["pruner"] == expected


def test_hyperband_goes_on_after_the_death_of_its_supervisor(
    begin: live.Starts,
) -> None:
    """Rounds and promotions are those of an undisturbed search of the same scores."""
    run = begin(live.quick(), tuner="hyperband", trials=16, epochs=9)
    live.until(lambda: len(live.told(run, events.TrialEnded)) >= 11)
    killed = live.supervisor(run)
    killed.kill()
    killed.wait()
    live.until(lambda: holder(RunFolder(run.folder)) is None)
    run.resume()
    run.wait()
    live.assert_study_agrees(run)
    trials = run.state.trials
    lost = [t.number for t in trials.values() if t.state == "failed"]
    assert len(lost) <= 1
    promoted = {
        t.number: int(match[1])
        for t in trials.values()
        if (match := re.fullmatch(r"promoted from trial (\d+)", t.reason))
    }
    # Epochs 9 and factor 3: 9 trials of 1 epoch, 3 of 3, 1 of 9.
    first = [trials[number] for number in range(9)]
    assert {t.epochs for t in first} == {1}
    for number, source in promoted.items():
        assert trials[number].values == trials[source].values
        assert trials[number].epochs == 3 * trials[source].epochs
        assert epochs_in_source(run, number) == trials[number].epochs_trained
    assert [trials[n].epochs for n in promoted][:4] == [3, 3, 3, 9]
    best = sorted(first, key=lambda t: (-t.metrics["val_accuracy"], t.number))
    assert {source for source in promoted.values() if source < 9} == {
        trial.number for trial in best[:3]
    }


def test_greedy_begins_as_autokeras_and_a_run_warms_another(
    begin: live.Starts, tmp_path: Path
) -> None:
    run = begin(live.quick(), tuner="greedy", trials=4, epochs=3)
    run.wait()
    first, *others = [trial.values for trial in run.state.trials.values()]
    assert first["table/dense_block_1/num_layers"] == 2
    assert first["table/dense_block_1/units_1"] == 32
    assert all(values != first for values in others)
    ranked = run.state.ranked(run.metric, run.mode)
    again = begin(live.quick(), trials=3, epochs=3, warm_start=run)
    again.wait()
    assert again.search["warm_start"] == run.name
    tried = [trial.values for trial in again.state.trials.values()]
    distinct = [t.values for t in ranked if t.values != first]
    assert tried[0] == first
    assert tried[1:] == [t.values for t in ranked][:2] or tried[1:] == distinct[:2]
    assert math.isfinite(again.trial("best").metrics["val_accuracy"])
    parent = RunFolder(run.folder).path.parent
    with pytest.raises(automl.AutoMLError, match=f"Did you mean '{run.name}'"):
        automl.Search(
            live.quick(),
            target="label",
            warm_start=f"{run.name}x",
            folder=str(parent),
        ).start()
