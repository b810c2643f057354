"""Simple models on the leaderboard: same rows, same metrics, code that is shown."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade import begun, ended, fold, happened, started
from live import STUDY, Starts, quick, searches, told
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from spaces import Bench, bench

from notebook_automl.api.leaderboard import leaderboard
from notebook_automl.api.run import Run
from notebook_automl.errors import NoTrialError
from notebook_automl.plots._summary import behind
from notebook_automl.record import events
from notebook_automl.record.events import Event
from notebook_automl.tasks._baselines import IMAGES, TABLE, classes, simple
from notebook_automl.tasks._task import TASKS, Prepared
from notebook_automl.workers.baselines import program
from notebook_automl.workers.cells import execute, set_up
from notebook_automl.workers.folds import stand_in

OURS = {"majority": DummyClassifier(), "linear": LogisticRegression(max_iter=200)}
MOST = 20_000_000
OURS["boosting"] = HistGradientBoostingClassifier(random_state=0)


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as starts:
        yield starts


@pytest.fixture(scope="module")
def run(search: Starts) -> Run:
    """Two trials, and a third one of a second attempt."""
    run = search(quick(), trials=2, epochs=2).wait()
    run.extend(trials=1)
    return run.wait()


def names(run: Run, kind: type[Event]) -> list[str]:
    return [event.name for event in told(run, kind) if event.name in OURS]


class TestRun:
    def test_they_stand_there_before_any_trial_and_once(self, run: Run) -> None:
        every = [type(event) for event in told(run)]
        first = every.index(events.TrialStarted)
        assert every[:first].count(events.EntryEnded) == 3
        assert names(run, events.EntryEnded) == [*OURS]
        assert names(run, events.EntryScored) == [*OURS]

    def test_scikit_learn_finds_the_same_numbers(self, run: Run) -> None:
        frame = quick()
        x, y = frame.drop(columns="label").to_numpy("float64"), frame["label"]
        rest, test = train_test_split(
            np.arange(len(y)), test_size=36, random_state=0, stratify=y
        )
        train, validation = train_test_split(
            rest, test_size=36, random_state=0, stratify=y[rest]
        )
        for name, model in OURS.items():
            pipe = make_pipeline(StandardScaler(), model).fit(x[train], y[train])
            entry = run.trial(name)
            for rows, prefix, found in (
                (validation, "val_", entry.metrics),
                (test, "", entry.test),
            ):
                scores = pipe.predict_proba(x[rows])
                labels = pipe.classes_[scores.argmax(axis=1)]
                accuracy = accuracy_score(y[rows], labels)
                assert found[f"{prefix}accuracy"] == pytest.approx(accuracy, rel=1e-6)
                loss = log_loss(y[rows], scores)
                assert found[f"{prefix}loss"] == pytest.approx(loss, rel=1e-3)

    def test_they_are_no_trials(self, run: Run) -> None:
        assert sorted(run.state.trials) == [0, 1, 2]
        assert isinstance(run.trial("best").state.key, int)
        journal = str(run.folder / "study.journal")
        command = [sys.executable, "-c", STUDY, journal]
        answer = subprocess.run(command, capture_output=True, check=True, text=True)
        assert [number for number, _, _ in json.loads(answer.stdout)] == [0, 1, 2]

    def test_the_leaderboard_is_sorted_with_them(self, run: Run) -> None:
        board = run.leaderboard()
        scores = board["val_accuracy"].dropna().to_list()  # an ensemble may have none
        assert scores == sorted(scores, reverse=True)
        simple = board[board["role"] == "baseline"]
        assert {*simple["trial"]} == {*OURS}
        assert simple["test_accuracy"].notna().all()
        assert {*board[board["role"] == "trial"]["trial"]} == {0, 1, 2}

    def test_its_notebook_reproduces_its_score(self, run: Run, tmp_path: Path) -> None:
        path = run.export("notebook", tmp_path / "b.ipynb", trial="linear", replay=True)
        text = path.read_text("utf-8")
        assert "equal to the last digit" in text and "**differs**" not in text

    def test_it_predicts_raw_rows(self, run: Run) -> None:
        rows = quick().head(20)
        found = run.predict(rows.drop(columns="label"), trial="linear")
        assert (found == rows["label"]).mean() > 0.9

    def test_it_has_no_keras_model(self, run: Run) -> None:
        with pytest.raises(NoTrialError, match="baseline linear, which has none"):
            run.trial("linear").load_model()


# Each task, and with folds one of each kind of output and of inputs.
READY = [(name, {}) for name in TASKS.names()]
READY += [
    (name, {"folds": 3})
    for name in ("multi_modal", "tabular_regression", "text_classification")
]


@pytest.fixture(scope="module", params=READY, ids=lambda p: "-".join([p[0], *p[1]]))
def ready(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Bench:
    name, fields = request.param
    return bench(name, tmp_path_factory.mktemp(name), **fields)


def test_each_task_has_some_that_its_models_can_be_compared_with(ready: Bench) -> None:
    asked, kept = ready.asked, ready.kept
    scores = []
    for baseline in asked.task.baselines(asked.schema, ready.prepared, MOST).values():
        text = program(asked, ready.shared, baseline, ready.prepared)
        modules = {
            node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(ast.parse(text.to_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert not [
            m for m in modules if m.startswith(("notebook_automl", "autokeras"))
        ]
        space = set_up(None, text) | kept.values | stand_in(asked, kept)
        for cell in ("build", "compile", "train", "evaluate"):
            execute(text, cell, space)
        check_given(space["outputs"](space["x_test"]), space["y_test"])
        assert "model." not in text["predict"] and "outputs(" in text["predict"]
        metric = f"val_{asked.metric}" if asked.folds else asked.metric
        scores.append(space["validation_metrics"][metric])
    assert len(scores) >= 2
    best = max(scores[1:]) if asked.mode == "max" else -min(scores[1:])
    assert best > (scores[0] if asked.mode == "max" else -scores[0])


def check_given(given: Any, labels: Any) -> None:
    """What simple models give has the form of labels, each output under its name."""
    if isinstance(labels, dict):
        assert given.keys() == labels.keys()
        for name in labels:
            check_given(given[name], labels[name])
        return
    assert given.shape == labels.shape
    assert given.dtype == "float32" and np.isfinite(given).all()


def test_large_data_are_learned_in_part_and_it_is_told() -> None:
    large = Prepared({"": (32, 32, 3)}, {"": (10,)}, 50_000, {}, False)
    found = simple(large, {"": IMAGES}, {"": classes(10)}, MOST)
    assert found["majority"].note == ""
    assert found["linear"].note == (
        "learned from 1,000 of 50,000 rows, to take seconds"
    )
    # Rows may be in the order of their classes.
    assert "x_train[::50]" in found["linear"].fit
    long = Prepared({"": (4,)}, {"": (1,)}, 500_000, {}, False)
    notes = [
        simple(long, {"": TABLE}, {"": classes(1)}, most)["boosting"].note
        for most in (MOST, MOST // 10)
    ]
    assert notes == ["", "learned from 100,000 of 500,000 rows, to take seconds"]


def test_a_label_that_no_training_row_has(tmp_path: Path) -> None:
    """The least stands on the leaderboard all the same."""
    ready = bench("multi_label", tmp_path)
    found = ready.asked.task.baselines(ready.asked.schema, ready.prepared, MOST)
    text = program(ready.asked, ready.shared, found["majority"], ready.prepared)
    space = set_up(None, text) | ready.kept.values
    space["y_train"] = space["y_train"] * [0, 1, 1]
    for cell in ("build", "compile", "train"):
        execute(text, cell, space)
    given = space["outputs"](space["x_test"])
    assert given.shape == space["y_test"].shape and not given[:, 0].any()


def entry(name: str, number: float | None, at_s: float = 1.0) -> Event:
    metrics = {} if number is None else {"val_accuracy": number}
    state = "failed" if number is None else "completed"
    reason = "ValueError: it is" if number is None else ""
    fields: dict[str, Any] = {"name": name, "role": "baseline", "state": state}
    fields |= {"reason": reason, "metrics": metrics, "weights": {}, "seconds": 0.5}
    return happened(events.EntryEnded, at_s, **fields)


class TestRecord:
    def test_a_failed_one_is_told_and_counts_for_nothing(self) -> None:
        state = fold(*started(), entry("linear", None), *begun(0), ended(0))
        assert state.baseline("val_accuracy", "max") is None
        board = leaderboard(state, "val_accuracy", "max").set_index("trial")
        assert board.loc["linear", "reason"] == "ValueError: it is"

    def test_it_is_said_where_no_trial_is_better(self) -> None:
        simple = [*started(), entry("majority", 0.4), entry("linear", 0.9)]
        lines = []
        for score in (0.3, 0.9, 0.91):
            trial = [*begun(0), ended(0, val_accuracy=score)]
            lines.append(behind(fold(*simple, *trial), "val_accuracy", "max"))
        assert "baseline linear" in lines[0] and "0.3000" in lines[0]
        assert lines[1] and not lines[2]
        assert behind(fold(*simple), "val_accuracy", "max") == ""

    def test_an_equal_one_stands_before_the_trial(self) -> None:
        state = fold(*started(), entry("linear", 0.9), *begun(0))
        state.apply(ended(0, val_accuracy=0.9))
        keys = [each.key for each in state.board("val_accuracy", "max")]
        assert keys == ["linear", 0]
        best = state.best("val_accuracy", "max")
        assert best is not None and best.key == 0
