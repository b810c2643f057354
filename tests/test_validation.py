"""Searches that validate in every way; what they score is what others compute."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from live import until
from ruff import find_ruff_bin
from sklearn.linear_model import LogisticRegression
from spaces import bench

import notebook_automl as automl
from notebook_automl.api.run import Run
from notebook_automl.api.splitting import save_data
from notebook_automl.data._source import SOURCES, Origin, source_for
from notebook_automl.record.events import EpochEnded
from notebook_automl.record.folds import best_epoch, curve_of, score
from notebook_automl.record.history import History
from notebook_automl.record.layout import RunFolder
from notebook_automl.tasks._split import plan_split
from notebook_automl.tasks._task import TASKS
from notebook_automl.workers import folds
from notebook_automl.workers.cells import execute
from notebook_automl.workers.graph import check_model
from notebook_automl.workers.prepared import load

SMALL: dict[str, Any] = {"trials": 1, "epochs": 2, "workers": 1}


def wine() -> pd.DataFrame:
    """Three cultivars; bottles of one cellar, one day after the other."""
    frame = automl.example("wine").sample(frac=1, random_state=0, ignore_index=True)
    frame["cellar"] = [f"cellar {n // 6}" for n in range(len(frame))]
    frame["bottled"] = pd.date_range("2026-01-01", periods=len(frame))[::-1]
    return frame


def searched(folder: Path, frame: Any, **fields: Any) -> Run:
    target = None if isinstance(frame, tuple) else "cultivar"
    search = automl.Search(frame, target, folder=str(folder), **SMALL | fields)
    run = search.start().wait()
    assert run.status == "completed", run
    return run


def prepared(run: Run, name: str, fold: int | None = None) -> Any:
    (folder,) = RunFolder(run.folder).prepared.iterdir()
    within = folder if fold is None else folder / f"fold-{fold}"
    return np.load(within / f"{name}.npy")


def rows_of(run: Run, data: dict[str, Any]) -> dict[str, Any]:
    """What the load and split cells of a trial leave, run here."""
    text = run.trial(0).source
    cells = dict(re.findall(r"# %% (\w+)\n(.*?)(?=\n# %%|\Z)", text, re.DOTALL))
    imports = re.findall(r"^(?:import|from) (?!keras)[^\n]+", cells["setup"], re.M)
    namespace: dict[str, Any] = {"SEED": 0, **data}
    exec("\n".join([*imports, cells["load"], cells["split"]]), namespace)
    return namespace


def replayed(run: Run, path: Path) -> dict[str, float]:
    """What the notebook's evaluate cell prints when it is run again."""
    run.export("notebook", path, replay=True)
    cells = nbformat.read(path, as_version=4).cells
    (cell,) = (cell for cell in cells if cell.id == "evaluate")
    text = "".join(output.text for output in cell.outputs if "text" in output)
    return dict(ast.literal_eval(text.strip().splitlines()[-1]))


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two trials on three folds of whole cellars."""
    folder = tmp_path_factory.mktemp("folded")
    return searched(folder, wine(), folds=3, group="cellar", trials=2, epochs=3)


def test_mean_and_spread_are_those_of_the_folds(folded: Run) -> None:
    """Computed from the epochs alone, by other means than the program and we."""
    for number in (0, 1):
        trial = folded.trial(number)
        history = trial.history
        assert history["fold"].tolist() == sorted(history["fold"])
        best = history.loc[history.groupby("fold")["val_accuracy"].idxmax()]
        assert len(best) == 3
        for name in ("accuracy", "loss", "val_accuracy", "val_loss"):
            values = best[name].tolist()
            assert trial.metrics[name] == fmean(values)
            if name.startswith("val_"):
                assert trial.metrics[f"{name}_std"] == pstdev(values)
        (epochs,) = re.findall(r"^EPOCHS = (.*)$", trial.source, re.M)
        assert ast.literal_eval(epochs) == history.groupby("fold").size().tolist()
    table = folded.leaderboard()
    assert table["val_accuracy"].is_monotonic_decreasing
    assert {"val_accuracy_std", "test_accuracy"} <= {*table.columns}
    assert "±" in repr(folded)


def test_each_fold_learns_from_its_own_rows_only(folded: Run) -> None:
    """Standardised by the fold's training rows; all rows of a cellar in one set."""
    for fold in range(3):
        x_train = prepared(folded, "x_train", fold)
        assert np.abs(x_train.mean(axis=0)).max() < 1e-5
        assert np.abs(x_train.std(axis=0) - 1).max() < 1e-3
        assert np.abs(prepared(folded, "x_validation", fold).mean(axis=0)).max() > 1e-3
    assert np.abs(prepared(folded, "x_train").mean(axis=0)).max() < 1e-5
    lengths = [len(prepared(folded, "x_validation", fold)) for fold in range(3)]
    assert sum(lengths) == len(prepared(folded, "x_train"))
    # Neither the cellar nor the days of it are learned from.
    assert prepared(folded, "x_train").shape[1] == 13
    assert folded.schema.names("group") == ["cellar"]
    assert folded.schema.groups == 30


def test_simple_models_learn_from_the_same_folds(folded: Run, tmp_path: Path) -> None:
    """Scored by scikit-learn itself on the folds' own arrays; replayed exactly."""
    accuracies = []
    for fold in range(3):
        x, y, x_validation, y_validation = (
            prepared(folded, name, fold)
            for name in ("x_train", "y_train", "x_validation", "y_validation")
        )
        model = LogisticRegression(max_iter=200).fit(x, y.argmax(axis=1))
        labels = y_validation.argmax(axis=1)
        accuracies.append(float(np.mean(model.predict(x_validation) == labels)))
    linear = folded.trial("linear")
    assert linear.metrics["val_accuracy"] == pytest.approx(fmean(accuracies))
    assert linear.metrics["val_accuracy_std"] == pytest.approx(pstdev(accuracies))
    # It predicts as it is tested: learned from the rows of all folds.
    frame = wine()
    rows = rows_of(folded, {})["test_rows"]
    predicted = folded.predict(frame.iloc[rows], trial="linear")
    right = float(np.mean(predicted == frame["cultivar"].iloc[rows].to_numpy()))
    assert linear.test["accuracy"] == pytest.approx(right, abs=1e-6)
    board = folded.leaderboard().set_index("trial")
    assert board.loc["linear", "test_accuracy"] == linear.test["accuracy"]
    path = tmp_path / "linear.ipynb"
    folded.export("notebook", path, trial="linear", replay=True)
    text = nbformat.read(path, as_version=4).cells[0].source
    assert "of 3 folds" in text and "±" in text and "**differs**" not in text


@pytest.mark.timeout(600)
def test_folds_replay_exactly(folded: Run, tmp_path: Path) -> None:
    """Mean, spread and the final model's test score, in a fresh kernel."""
    best = folded.trial("best")
    again = replayed(folded, tmp_path / "folds.ipynb")
    assert again == best.metrics | best.test


def test_any_trial_of_folds_predicts(folded: Run) -> None:
    """One that was not chosen gets its final model when it is asked for."""
    other = 1 - folded.trial("best").number
    assert not folded.trial(other).folder.checkpoint.exists()
    labels = folded.predict(wine().head(30), trial=other)
    assert {*labels} <= {*wine()["cultivar"]}
    assert folded.trial(other).folder.checkpoint.exists()


@pytest.mark.timeout(600)
def test_groups_replay_exactly(tmp_path: Path) -> None:
    frame = wine()
    run = searched(tmp_path / "runs", frame, group="cellar")
    assert replayed(run, tmp_path / "groups.ipynb") == run.trial("best").test
    left = rows_of(run, {"frame": frame})
    cellars = [
        {*left["frame"]["cellar"].iloc[left[f"{name}_rows"]]}
        for name in ("train", "validation", "test")
    ]
    assert not cellars[0] & cellars[1] and not (cellars[0] | cellars[1]) & cellars[2]


def test_time_decides(tmp_path: Path) -> None:
    """A month of the newest bottles is tested, none is learned from."""
    run = searched(tmp_path, wine(), time="bottled")
    left = rows_of(run, {})
    days = left["frame"]["bottled"].to_numpy()
    train, validation, test = (
        days[left[f"{name}_rows"]] for name in ("train", "validation", "test")
    )
    assert train.max() < validation.min() <= validation.max() < test.min()
    assert (len(validation), len(test)) == (36, 36)
    assert run.trial("best").test


def test_sets_of_ones_own(tmp_path: Path) -> None:
    """Of a table: what is scored is just what was given."""
    frame = wine().drop(columns=["cellar", "bottled"])
    valid, test = frame.iloc[::5], frame.iloc[1::5]
    first = frame.drop(index=[*valid.index, *test.index])
    sets: dict[str, Any] = {"validation_data": valid, "test_data": test}
    run = automl.Search(
        first, "cultivar", folder=str(tmp_path), **sets, **SMALL
    ).start()
    run.wait()
    assert run.schema.variables == ("first", "valid", "test")
    labels = prepared(run, "y_validation").argmax(axis=1)
    classes = run.schema.target.classes
    assert [classes[n] for n in labels] == valid["cultivar"].tolist()
    predicted = run.predict(test)
    right = float(np.mean(predicted == test["cultivar"].to_numpy()))
    assert run.trial("best").test["accuracy"] == pytest.approx(right, abs=1e-6)
    # The cells below read the person's own three variables.
    code = str(run.export("cells"))
    assert "pd.concat([first, valid, test], ignore_index=True)" in code


def test_sets_of_ones_own_of_several_inputs(tmp_path: Path) -> None:
    """Each input and output has its rows of each set; the leaderboard scores these."""
    digits, labels = automl.example("digits")
    facts = pd.DataFrame({"light": digits.sum(axis=(1, 2)), "half": labels // 5})

    def rows(first: int, last: int) -> tuple[dict[str, Any], dict[str, Any]]:
        texts = [f"a digit of half {n}" for n in facts["half"][first:last]]
        table = facts[["light"]].iloc[first:last]
        inputs = {"image": digits[first:last], "facts": table, "text": texts}
        return inputs, {"digit": labels[first:last], "half": facts["half"][first:last]}

    valid, test = rows(500, 560), rows(600, 650)
    run = searched(tmp_path, rows(0, 200), validation_data=valid, test_data=test)
    (folder,) = RunFolder(run.folder).prepared.iterdir()
    kept = load(folder).arrays
    for name, first, last in (("validation", 500, 560), ("test", 600, 650)):
        found = kept[f"y_{name}"]["digit"].argmax(axis=1)
        np.testing.assert_array_equal(found, labels[first:last])
        images = kept[f"x_{name}"]["image"][..., 0]
        np.testing.assert_array_equal(images, digits[first:last])
        assert len(kept[f"x_{name}"]["text"]) == len(kept[f"x_{name}"]["facts"])
    predicted = run.predict(test[0])["digit"]
    right = float(np.mean(predicted == test[1]["digit"]))
    assert run.trial("best").test["digit_accuracy"] == pytest.approx(right, abs=1e-6)
    again = replayed(run, tmp_path / "sets.ipynb")
    assert again == run.trial("best").test


def test_a_set_of_ones_own_beside_arrays(tmp_path: Path) -> None:
    x, y = automl.example("digits")
    x_late, y_late = x[500:560], y[500:560]
    x_early, y_early = x[:200], y[:200]
    run = searched(
        tmp_path,
        (x_early, y_early),
        validation_data=(x_late, y_late),
        space={"image/block_type": ["vanilla"]},
    )
    assert np.array_equal(prepared(run, "y_validation").argmax(axis=1), y_late)
    assert np.array_equal(prepared(run, "x_validation")[..., 0], x_late)
    assert len(prepared(run, "y_test")) == 40


@pytest.mark.parametrize("kind", ["images", "texts", "several"])
def test_groups_beside_arrays(kind: str, tmp_path: Path) -> None:
    """From the person's variable, the run's copy and the notebook's file."""
    x, y = automl.example("digits")
    x, y = x[:240], y[:240] % 2
    if kind == "several":
        x = {"image": x, "facts": pd.DataFrame({"light": x.sum(axis=(1, 2))})}
        y = {"odd": y, "sum": x["facts"]["light"].to_numpy() / 3}
    if kind == "texts":
        x = np.array([f"digit {image.sum():.0f} of {image.max()}" for image in x])
    sites = [f"site {n % 24}" for n in range(240)]
    search = automl.Search((x, y), group=sites, folds=2, trials=3)
    schema = search.schema()
    assert (schema.variables, schema.groups) == (("x", "y", "sites"), 24)
    description = search.description(schema)
    assert description["group"] == "array"
    folder = tmp_path / "data"
    folder.mkdir()
    save_data(search, schema, folder)
    source = SOURCES.get(schema.source)
    beside = source.save_beside(folder, tmp_path / "best.ipynb")
    task = TASKS.get(description["task"])
    plan = plan_split(schema, description, task.classes(schema))
    split = task.split(schema, plan)
    found = []
    for origin in (
        Origin("variable", schema.variables),
        Origin("copy", (str(folder),)),
        Origin("file", (str(beside),)),
    ):
        load = source.load_code(schema, origin)
        lines = [*load.imports, *split.imports, "SEED = 0", load.source, split.source]
        namespace: dict[str, Any] = {"x": x, "y": y, "sites": sites}
        exec("\n".join(lines), namespace)
        found.append([rows.tolist() for fold in namespace["folds"] for rows in fold])
        for train, validation in namespace["folds"]:
            names = [{sites[row] for row in rows} for rows in (train, validation)]
            assert not names[0] & names[1]
    assert found[0] == found[1] == found[2]
    with pytest.raises(ValueError, match="not the groups"):
        load = source.load_code(schema, Origin("variable", schema.variables))
        others = {"x": x, "y": y, "sites": sites[::-1]}
        exec("\n".join([*load.imports, load.source]), others)


def test_a_stopped_trial_counts_its_whole_folds(tmp_path: Path) -> None:
    """What was cut is left out of the program, too; the model is trained when asked."""
    fields = {"folds": 3, "trials": 2, "epochs": 4000, "workers": 1}
    space = {"optimizer": "adam", "learning_rate": 1e-4}  # it learns on and on
    search = automl.Search(
        wine(), "cultivar", group="cellar", space=space, folder=str(tmp_path), **fields
    )
    run = search.start()

    def fold() -> int:
        trial = run.state.trials.get(0)
        return int(trial.history[-1]["fold"]) if trial and trial.history else 0

    until(lambda: fold() == 1)
    run.stop()
    run.wait()
    trial = run.trial("best")
    assert (trial.state.state, trial.number) == ("stopped", 0)
    assert trial.history["fold"].max() == 1
    (epochs,) = re.findall(r"^EPOCHS = (.*)$", trial.source, re.M)
    assert ast.literal_eval(epochs) == [len(trial.history)]
    assert trial.metrics["val_accuracy"] == trial.history["val_accuracy"].max()
    assert trial.metrics["val_accuracy_std"] == 0


def history(*folds: list[float]) -> History:
    return History(
        {"val_accuracy": value, "loss": -value, "seconds": 1.0, "fold": number}
        for number, values in enumerate(folds, 1)
        for value in values
    )


def test_a_fold_that_was_cut_counts_only_alone() -> None:
    whole = history([0.5, 0.75], [0.25, 0.5, 0.5])
    found = score(whole, "val_accuracy", "max", 2)
    assert found is not None
    assert (found.best_epochs, found.epochs) == ((2, 2), (2, 3))
    assert found.metrics == {
        "val_accuracy": 0.625,
        "val_accuracy_std": 0.125,
        "loss": -0.625,
    }
    cut = score(whole, "val_accuracy", "max", 1)
    assert cut is not None and cut.epochs == (2,)
    alone = score(history([0.5]), "val_accuracy", "max", 0)
    assert alone is not None and alone.metrics["val_accuracy"] == 0.5
    assert score(history([float("nan")]), "val_accuracy", "max") is None
    assert score(History(), "val_accuracy", "max") is None
    assert curve_of(whole, "val_accuracy") == (0.375, 0.625, 0.5)
    assert best_epoch([0.1, 0.1], "min") == 1


def test_a_run_says_which_fold_it_trains(folded: Run) -> None:
    from notebook_automl.record.tail import Tail

    events = Tail(RunFolder(folded.folder).events).read()
    epochs = [e for e in events if isinstance(e, EpochEnded) and e.trial == 0]
    assert [e.epoch for e in epochs] == list(range(1, len(epochs) + 1))
    assert {e.fold for e in epochs} == {1, 2, 3}
    assert {e.epochs for e in epochs} == {9}


@pytest.mark.parametrize(
    "task_name", ["image_classification", "tabular_regression", "text_classification"]
)
def test_folds_of_each_kind_of_input(task_name: str, tmp_path: Path) -> None:
    """Clean code with every metric of the task; a fold's model is AutoKeras's own."""
    task = TASKS.get(task_name)
    data = automl.example(task.example)
    _, source = source_for(data)
    every = list(task.metrics(source.describe(data, task.example_target, ())))
    ready = bench(task_name, tmp_path, every, folds=2)
    written, text = ready.write(lambda parameter: parameter.default)
    path = tmp_path / "program.py"
    path.write_text(text.to_text(), "utf-8")
    for arguments in (
        ["check", "--isolated", "--select=E,F,W,I,B,UP", "--ignore=E501"],
        ["format", "--isolated", "--check"],
    ):
        run = [find_ruff_bin(), *arguments, str(path)]
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    namespace = ready.namespace(text) | folds.stand_in(ready.asked, ready.kept)
    for cell in ("build", "compile"):
        execute(text, cell, namespace)
    assert len(ready.kept.folds) == 2
    model = folds.built(namespace, ready.kept.folds[0].values)
    check_model(written, model)
    execute(text.with_epochs([1]), "train", namespace)
    assert len(namespace["curves"]) == 1
    assert {f"val_{name}" for name in every} < {*namespace["validation_metrics"]}
