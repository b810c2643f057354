"""What a person brings of their own trains, is measured, and leaves as plain code."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import nbformat
import numpy as np
import pytest
from keras import ops
from live import Starts, quick, searches
from sklearn.utils.class_weight import compute_class_weight
from spaces import Bench, bench

import notebook_automl as automl
from notebook_automl import SearchError
from notebook_automl.errors import UnsupportedLayerError
from notebook_automl.record.layout import RunFolder
from notebook_automl.workers import folds, space
from notebook_automl.workers.cells import execute

GAMMA = 2.0
FAR = 100.0
GRAPH = """\
class Narrow(ak.Block):
    def build(self, hp, inputs=None):
        node = keras.layers.Flatten()(inputs[0])
        units = hp.Int("units", 8, 32, step=8)
        return keras.layers.Dense(units, activation="relu")(node)

node = ak.ImageInput()
node = ak.ConvBlock(num_blocks=1, num_layers=1, max_pooling=True)(node)
node = Narrow(name="narrow")(node)
node = ak.ClassificationHead(dropout=0.0)(node)
"""


def focal(y_true: Any, y_pred: Any) -> Any:
    """Never below 100: whoever trains with another loss shows it."""
    likely = ops.clip(y_pred, 1e-7, 1 - 1e-7)
    return FAR + ops.sum(-y_true * (1 - likely) ** GAMMA * ops.log(likely), axis=-1)


def hits(y_true: Any, y_pred: Any) -> Any:
    return ops.cast(ops.argmax(y_true, -1) == ops.argmax(y_pred, -1), "float32")


class HitRate(keras.metrics.Mean):
    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().update_state(self.factor * hits(y_true, y_pred), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Notes(keras.callbacks.Callback):
    """Writes down what it is told, in its trial's folder."""

    def __init__(self, trial: int, values: dict[str, Any], word: str) -> None:
        super().__init__()
        self.line = f"{trial} {values['optimizer']} {word}\n"

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with open("notes.txt", "a", encoding="utf-8") as file:
            file.write(self.line)


class Counted(keras.callbacks.Callback):
    """Writes down how many epochs it has seen; each fold has its own one."""

    def __init__(self, trial: int) -> None:
        super().__init__()
        self.trial, self.epochs = trial, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs += 1
        with open("counted.txt", "a", encoding="utf-8") as file:
            file.write(f"{self.trial}:{self.epochs}\n")


def largest(y_true: Any, y_pred: Any) -> Any:
    return ops.max(y_true)


def relative(y_true: Any, y_pred: Any) -> Any:
    return 100 * ops.mean(ops.abs((y_true - y_pred) / y_true), axis=-1)


class Relative(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return relative(y_true, y_pred)


def second(y_true: Any, y_pred: Any) -> Any:
    """Which share is taken for the second class."""
    return ops.cast(ops.argmax(y_pred, -1) == 1, "float32")


def broken(y_true: Any, y_pred: Any) -> Any:
    raise ValueError("nothing to count")


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as begin:
        yield begin


@pytest.fixture(scope="module")
def mine(starts: Starts) -> automl.Run:
    """A search with everything of one's own."""
    return starts(
        quick(),
        trials=2,
        epochs=3,
        metric=hits,
        mode="max",
        metrics=[HitRate(0.5), "auc"],
        loss=focal,
        callbacks=[functools.partial(Notes, word="noted"), "TerminateOnNaN"],
        class_weight={"class_1": 2},
    ).wait()


def test_own_functions_and_classes_train_and_measure(mine: automl.Run) -> None:
    assert mine.status == "completed", mine
    for trial in mine.state.trials.values():
        last = trial.history[-1]
        assert {"val_hits", "val_hit_rate", "val_auc"} <= set(last)
        assert last["val_hits"] == pytest.approx(2 * last["val_hit_rate"])
        # AutoKeras's ClassificationHead would have taken its own loss.
        assert last["val_loss"] > FAR
        assert trial.metrics["val_hits"] == max(e["val_hits"] for e in trial.history)


def test_own_callbacks_know_their_trial(mine: automl.Run) -> None:
    for number, trial in mine.state.trials.items():
        notes = (mine.trial(number).folder.path / "notes.txt").read_text("utf-8")
        line = f"{number} {trial.values['optimizer']} noted\n"
        assert notes == line * trial.epochs_trained


def test_the_code_has_all_of_it_and_no_import_of_ours(mine: automl.Run) -> None:
    source = mine.trial(1).source
    for line in (
        "GAMMA = 2.0",
        "import layers, ops",
        "loss=focal",
        "hits,",
        'HitRate(factor=0.5, name="hit_rate")',
        "TRIAL = 1",
        'Notes(trial=TRIAL, values=VALUES, word="noted")',
        "keras.callbacks.TerminateOnNaN()",
        '1: 2.0,  # "class_1"',
        "class_weight=CLASS_WEIGHT",
    ):
        assert line in source
    ast.parse(source)
    assert "notebook_automl" not in source and "autokeras" not in source


def test_it_reproduces_in_a_fresh_kernel(mine: automl.Run, tmp_path: Path) -> None:
    path = mine.export("notebook", tmp_path / "mine.ipynb", replay=True)
    stamp = nbformat.read(path, as_version=4).metadata["notebook_automl"]
    assert stamp["reproduced"] == stamp["recorded"] == mine.trial("best").test
    assert set(mine.predict(quick().head(9))) <= {"class_0", "class_1", "class_2"}
    assert str(mine.export("cells")).count("def focal") == 1
    assert mine.trial("best").load_model().count_params() > 0


def test_numbers_are_measured_as_they_came(tmp_path: Path) -> None:
    """The model learns differences from the mean; own code never sees them."""
    table = automl.example("diabetes")
    run = (
        automl.Search(
            table,
            target="progression",
            trials=1,
            epochs=2,
            workers=1,
            folder=str(tmp_path),
            metric="mape",
            metrics=[relative, largest],
            loss=Relative(),
        )
        .start()
        .wait()
    )
    assert run.status == "completed", run
    last = run.state.trials[0].history[-1]
    assert last["val_largest"] > 0.6 * table["progression"].max()
    assert last["val_relative"] == pytest.approx(last["val_mape"], rel=1e-4)
    assert last["val_loss"] == pytest.approx(last["val_mape"], rel=1e-4)
    assert set(run.trial("best").test) >= {"relative", "largest", "mape"}


def test_a_metric_that_raises_fails_its_trial_with_the_place(starts: Starts) -> None:
    run = starts(quick(), trials=1, metrics=[broken]).wait()
    (trial,) = run.state.trials.values()
    assert trial.state == "failed"
    assert "nothing to count (in <cell define>, line 2)" in trial.reason


def test_a_name_of_the_programs_own_is_refused(starts: Starts) -> None:
    def prepare(y_true: Any, y_pred: Any) -> Any:
        return y_true

    run = starts(quick(), trials=1, metrics=[prepare]).wait()
    assert run.status == "failed" and not run.state.trials
    assert "got prepare. Give them other names" in run.state.reason


def test_rows_count_as_a_column_says(starts: Starts, tmp_path: Path) -> None:
    """A class whose rows weigh nothing is not learned; the column is no feature."""
    frame = quick()
    frame["weight"] = (frame["label"] != "class_1").astype(float)
    run = starts(
        frame,
        trials=1,
        epochs=20,
        space={"optimizer": "adam", "learning_rate": 0.01},
        sample_weight="weight",
        metric=second,
        mode="min",
    ).wait()
    assert run.status == "completed", run
    named = [column.name for column in run.schema.columns]
    assert "weight" not in named and len(named) == frame.shape[1] - 2
    predicted = run.predict(frame.drop(columns=["label", "weight"]))
    assert np.mean(predicted == "class_1") < 0.02 < np.mean(predicted == "class_2")
    path = run.export("notebook", tmp_path / "weighted.ipynb", replay=True)
    stamp = nbformat.read(path, as_version=4).metadata["notebook_automl"]
    assert stamp["reproduced"] == stamp["recorded"]
    # Validation rows count the same, so that a third of them is lost.
    assert stamp["recorded"]["accuracy"] < 0.8


def test_folds_have_weights_and_callbacks(starts: Starts, tmp_path: Path) -> None:
    """Each fold weighs its own rows and has a callback that knows no other fold."""
    frame = quick()
    frame["weight"] = (frame["label"] != "class_1").astype(float)
    run = starts(
        frame,
        trials=1,
        epochs=12,
        folds=2,
        space={"optimizer": "adam", "learning_rate": 0.01},
        sample_weight="weight",
        callbacks=[Counted],
        metric=second,
        mode="min",
    ).wait()
    assert run.status == "completed", run
    for fold in (0, 1):
        within = RunFolder(run.folder).prepared
        (path,) = within.glob(f"*/fold-{fold}/sample_weight_train.npy")
        labels = np.load(path.with_name("y_train.npy")).argmax(axis=1)
        np.testing.assert_array_equal(np.load(path), labels != 1)
    predicted = run.predict(frame.drop(columns=["label", "weight"]))
    assert np.mean(predicted == "class_1") < 0.05 < np.mean(predicted == "class_2")
    notes = (
        RunFolder(run.folder).trial(0).path.joinpath("counted.txt").read_text().split()
    )
    epochs = run.trial(0).history.groupby("fold").size().tolist()
    final = run.trial(0).state.best_epoch
    assert notes == [f"0:{n}" for most in (*epochs, final) for n in range(1, most + 1)]
    path = run.export("notebook", tmp_path / "weighted.ipynb", replay=True)
    stamp = nbformat.read(path, as_version=4).metadata["notebook_automl"]
    assert stamp["reproduced"] == stamp["recorded"]


def test_each_fold_balances_its_own_classes(tmp_path: Path) -> None:
    fields = {"class_weight": "balanced", "folds": 2}
    ready = bench("tabular_classification", tmp_path, **fields)
    _, text = ready.write(lambda parameter: parameter.default)
    for cell in ("train", "evaluate"):
        assert "class_weight=balanced(y_train)" in text[cell]
    namespace = ready.namespace(text) | folds.stand_in(ready.asked, ready.kept)
    for cell in ("build", "compile", "train"):
        execute(text, cell, namespace)
    assert len(namespace["curves"]) == 2
    for fold in ready.kept.folds:
        labels = fold.arrays["y_train"][:, 0].astype(int)
        classes = np.unique(labels)
        weights = compute_class_weight("balanced", classes=classes, y=labels)
        found = namespace["balanced"](fold.arrays["y_train"])
        assert found == pytest.approx(dict(zip(classes, weights, strict=True)))
    # The final model is trained where the train cell has not run.
    final = ready.namespace(text) | ready.kept.values
    final |= {"best_epochs": [1, 2], "validation_metrics": {}}
    for cell in ("build", "compile", "evaluate"):
        execute(text, cell, final)
    assert np.isfinite(final["test_metrics"]["accuracy"])


def test_a_graph_of_ones_own_is_searched(starts: Starts, tmp_path: Path) -> None:
    x, y = automl.example("digits")
    x, y, weights = x[:300], y[:300], np.linspace(0.5, 1.5, 300)
    search = automl.Search(
        (x, y),
        trials=2,
        epochs=2,
        workers=1,
        folder=str(tmp_path),
        graph=GRAPH,
        sample_weight=weights,
        class_weight=None,
        space={"conv_block_1/filters_0_0": 8, "*/kernel_size": [3, 5]},
    )
    run = search.start().wait()
    assert run.status == "completed", run
    for trial in run.state.trials.values():
        assert trial.values["narrow/units"] in (8, 16, 24, 32)
        assert trial.values["conv_block_1/filters_0_0"] == 8
    code = str(run.export("cells"))
    assert 'layers.Dense(UNITS, activation="relu")' in code
    assert 'np.asarray(weights, "float32")' in code
    assert run.search["graph"] == GRAPH


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench("image_classification", tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ak.ConvBlock", "ak.ConvBlok", "ConvBlok.* in line 8"),
        ("layers.Flatten()", "layers.Flaten()", "Flaten.* in line 3"),
        ("ak.ClassificationHead(dropout=0.0)", "ak.RegressionHead()", "got Regress"),
        ("ak.ClassificationHead(dropout=0.0)", "ak.Flatten()", "and 0 heads"),
        ("dropout=0.0", "metrics=['auc']", r"Search\(loss=..., metrics"),
        ("dropout=0.0", "num_classes=3", "num_classes=3"),
        ("class Narrow", "1 / 0\nclass Narrow", "ZeroDivisionError.* in line 1"),
    ],
)
def test_a_wrong_graph_is_told_with_its_line(
    images: Bench, old: str, new: str, said: str
) -> None:
    images.asked.search["graph"] = GRAPH.replace(old, new)  # type: ignore[index]
    with pytest.raises(SearchError, match=said) as refused:
        space.check(images.asked, images.prepared)
    assert refused.value.field == "graph"


def test_a_layer_that_the_generator_does_not_know_is_named(images: Bench) -> None:
    graph = GRAPH.replace("keras.layers.Flatten()", "keras.layers.UnitNormalization()")
    images.asked.search["graph"] = graph  # type: ignore[index]
    with pytest.raises(UnsupportedLayerError, match="UnitNormalization"):
        images.write(lambda p: p.choices[0] if p.choices else int(p.low))


def test_a_run_with_a_wrong_graph_ends_before_its_first_trial(starts: Starts) -> None:
    graph = "node = ak.StructuredDataInput()\nnode = ak.DenseBlock()(nod)\n"
    run = starts(quick(), trials=1, graph=graph).wait()
    assert run.status == "failed" and not run.state.trials
    assert "NameError: name 'nod' is not defined in line 2" in run.state.reason


def test_a_graph_learns_a_quantity_in_its_own_unit(tmp_path: Path) -> None:
    ready = bench("tabular_regression", tmp_path)
    graph = "node = ak.StructuredDataInput()\nnode = ak.RegressionHead()(node)\n"
    ready.asked.search["graph"] = graph  # type: ignore[index]
    space.check(ready.asked, ready.prepared)
    _, text = ready.write(lambda p: p.choices[0] if p.choices else p.low)
    assert "outputs = layers.Rescaling(TARGET_STD)(hidden)" in text["build"]
