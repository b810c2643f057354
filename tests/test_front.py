"""Two objectives: the front, by brute force and in a real search."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from handmade import ended, fold, happened, started
from hypothesis import given
from hypothesis import strategies as st

import notebook_automl as automl
from notebook_automl.errors import AutoMLError
from notebook_automl.plots._plot import Shown
from notebook_automl.plots._summary import summary
from notebook_automl.plots.front import PLUGIN
from notebook_automl.record import events as kinds
from notebook_automl.record.front import Objective, best, front, objectives
from notebook_automl.record.reader import RunState

NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, float("nan"), float("inf")])
POINTS = st.lists(st.tuples(NUMBERS, st.integers(1, 6)), max_size=14)
MODES = st.sampled_from(["max", "min"])
STUDY = """
import json, sys, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
storage = JournalStorage(JournalFileBackend(sys.argv[1]))
study = optuna.load_study(study_name=None, storage=storage)
print(json.dumps([sorted(t.number for t in study.best_trials), len(study.directions)]))
"""


def run_of(points: list[tuple[float, int]]) -> RunState:
    """A run whose trials have just these numbers."""
    events = started()
    for number, (value, size) in enumerate(points):
        built = {"trial": number, "values": {}, "parameters": size}
        events.append(happened(kinds.TrialBuilt, 1.0, **built))
        events.append(ended(number, val_f1=value))
    return fold(*events)


@given(POINTS, MODES, MODES)
def test_front_is_what_nothing_beats(
    points: list[tuple[float, int]], one: Any, other: Any
) -> None:
    state = run_of(points)
    sought = Objective("val_f1", one), Objective("parameters", other)
    signs = [-1 if mode == "max" else 1 for mode in (one, other)]
    costs = {
        n: (signs[0] * value, signs[1] * size)
        for n, (value, size) in enumerate(points)
        if value == value
    }
    expected = {
        n
        for n, mine in costs.items()
        if not any(
            all(a <= b for a, b in zip(yours, mine, strict=True)) and yours != mine
            for yours in costs.values()
        )
    }
    found = front(state, sought)
    assert {trial.number for trial in found} == expected
    firsts = [signs[0] * trial.metrics["val_f1"] for trial in found]
    assert firsts == sorted(firsts)
    search = {"metric": "f1", "mode": one, "second": ["parameters", other]}
    chosen = best(state, search)
    assert chosen is (found[0] if found else None)
    # What is drawn is the same front.
    shown = Shown(state, "completed", "val_f1", one, "run", search, 9.0)
    drawn = {point.trial for point in PLUGIN.collect(shown).points if point.best}
    finite = {n for n, (value, _) in enumerate(points) if abs(value) < float("inf")}
    assert drawn == expected & finite


def test_the_front_is_marked_where_a_run_is_shown() -> None:
    state = run_of([(0.5, 1), (0.75, 9), (0.25, 4)])
    asked = {"metric": "f1", "mode": "max", "second": ["parameters", "min"]}
    shown = summary(state, "completed", asked, "run", "val_f1", "max", 9.0)
    assert [(row.trial, row.front) for row in shown.rows] == [
        (1, True),
        (0, True),
        (2, False),
    ]
    assert shown.text().count("yes") == 2
    assert "front" not in summary(state, "completed", {}, "r", "val_f1", "max").text()


def test_one_objective_is_one() -> None:
    search = {"metric": "f1", "mode": "max"}
    assert objectives(search) == (("val_f1", "max"),)
    state = run_of([(0.5, 9), (0.75, 9), (0.75, 1)])
    found = best(state, search)
    assert found is not None and found.number == 1
    weighed = best(state, search | {"second": ["parameters", "min"]})
    assert weighed is not None and weighed.number == 2


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"metric": ["accuracy", "accuracy"]}, "metric", ["'accuracy' twice"]),
        ({"metric": ["parameters", "accuracy"]}, "metric", ["first objective"]),
        ({"metric": ["a", "b", "c"]}, "metric", ["two to weigh", "(list)"]),
        ({"metric": ["accuracy", "size"]}, "metrics", ["'size' (str)"]),
    ],
)
def test_what_cannot_be_weighed_is_told(
    fields: dict[str, Any], field: str, words: list[str]
) -> None:
    with pytest.raises(AutoMLError) as caught:
        search = automl.Search(automl.example("wine"), "cultivar", **fields)
        search.description(search.schema())
    assert caught.value.field == field
    for word in words:
        assert word in str(caught.value)


def test_a_search_for_small_and_quick_models(tmp_path: Path) -> None:
    """Optuna's own front is ours; the best of it is tested and exported."""
    frame = automl.example("wine")
    search = automl.Search(
        frame,
        target="cultivar",
        metric="accuracy, latency_ms",
        metrics="mcc",
        trials=5,
        epochs=2,
        workers=1,
        folder=str(tmp_path),
    )
    run = search.start().wait()
    table, ahead = run.leaderboard(), run.front()
    table = table[table["role"] == "trial"]
    assert (table["latency_ms"] > 0).all()
    assert sorted(table.loc[table["front"], "trial"]) == sorted(ahead["trial"])
    assert ahead["val_accuracy"].is_monotonic_decreasing
    assert ahead["latency_ms"].is_monotonic_decreasing
    assert run.trial("best").number == ahead["trial"].iloc[0]
    assert run.trial("best").test
    done = subprocess.run(
        [sys.executable, "-c", STUDY, str(run.folder / "study.journal")],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == f"[{sorted(map(int, ahead['trial']))}, 2]"
    # The models of the front are kept, whatever their rank.
    for number in ahead["trial"]:
        assert run.trial(int(number)).folder.checkpoint.exists()
    assert run.plot("front").axes
    assert run.plot("front", against="parameters").axes
    assert run.plot("importance") is not None
