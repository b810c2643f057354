"""What AutoKeras 3.0.0 gets wrong with data and predictions, and we must get right.

Each test names a defect that was seen there, and fails if ours has it, too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracle import Oracle
from spaces import BATCH_SIZE, EPOCHS, Bench, bench

import notebook_automl as automl
from notebook_automl.data._source import Origin, source_for
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.source.code import Code
from notebook_automl.source.program import assemble
from notebook_automl.tasks._task import TASKS, propose, split_sizes

ROWS = 100


def cells(
    data: Any, target: Any = None, seed: int = 0, task_name: str = ""
) -> dict[str, Any]:
    """What the generated cells around the model leave for these data."""
    _, source = source_for(data)
    pair = isinstance(data, tuple)
    variables = ("given_x", "given_y") if pair else ("given",)
    schema = source.describe(data, target, variables)
    task = TASKS.get(task_name or propose(schema))
    task.check(schema)
    load = source.load_code(schema, Origin("variable", variables))
    parts = {
        "setup": Code(("import keras", *load.imports), load.source),
        "split": task.split(
            schema, split_sizes(schema, 0.2, 0.2, task.classes(schema))
        ),
        "prepare": task.prepare(schema),
        # Its last lines show some predictions of the model.
        "predict": Code(source=task.predict(schema).source.partition("print(")[0]),
    }
    program = assemble(parts, {})
    namespace = dict(zip(variables, data if pair else (data,), strict=True))
    namespace |= {"SEED": seed}
    for cell in parts:
        exec(compile(program[cell], cell, "exec"), namespace)
    return namespace


def table() -> pd.DataFrame:
    """Sorted by class; a category that only the last rows have; missing values."""
    place = ["north"] * 40 + ["south"] * 40 + ["west"] * 15 + ["east"] * 5
    place[3] = place[70] = None
    place[4] = np.nan
    half = ROWS // 2
    return pd.DataFrame(
        {"place": pd.Series(place, dtype=object), "y": [*["a"] * half, *["b"] * half]}
    )


def texts() -> tuple[list[str], list[str]]:
    """Sorted by class; words that only the last rows have, first in the alphabet."""
    first = [f"zebra number {n % 7} was seen here" for n in range(50)]
    last = [f"aardvark number {n % 7} was not seen" for n in range(50)]
    return [*first, *last], ["yes"] * 50 + ["no"] * 50


@pytest.mark.parametrize("seed", range(5))
def test_rows_mean_to_predict_what_they_meant_in_training(seed: int) -> None:
    """There, another fit's encoding: accuracy 1.000 becomes 0.177 on training rows."""
    left = cells(table(), "y", seed)
    for name in ("train", "validation", "test"):
        rows = left["frame"].iloc[left[f"{name}_rows"]].drop(columns="y")
        np.testing.assert_array_equal(left["prepare"](rows), left[f"x_{name}"])
    # One column a category in the training rows, and none for what these do not hold.
    seen = left["frame"].iloc[left["train_rows"]]["place"].fillna("missing").unique()
    assert left["x_train"].shape[1] == len(seen)


@pytest.mark.parametrize("seed", range(5))
def test_texts_mean_to_predict_what_they_meant_in_training(seed: int) -> None:
    """There, the order of the vocabulary depends on the rows of another fit."""
    left = cells(texts(), seed=seed)
    x, rows = np.array(texts()[0], dtype=object), left["train_rows"]
    np.testing.assert_array_equal(left["prepare"](x[rows]), left["x_train"])
    turned = left["prepare"](x[rows][::-1])[::-1]
    np.testing.assert_array_equal(turned, left["x_train"])
    words = {word for text in x[rows] for word in text.split()}
    assert set(left["VOCABULARY"]) <= words


def test_every_class_is_learned_from_a_sorted_file() -> None:
    """There, the last rows validate: of a sorted file, a class never seen."""
    for data, target in ((table(), "y"), (texts(), None)):
        left = cells(data, target)
        for name in ("train", "validation", "test"):
            assert set(np.unique(left[f"y_{name}"])) == {0.0, 1.0}


def test_missing_texts_in_a_column_are_a_category() -> None:
    """There, None or NaN in a column of texts is a TypeError."""
    left = cells(table(), "y")
    rows = pd.DataFrame({"place": [None, np.nan, "north", "never seen"]})
    missing, nan, north, unknown = left["prepare"](rows)
    np.testing.assert_array_equal(missing, nan)
    assert not np.array_equal(missing, north)
    assert not np.array_equal(unknown, missing)


def test_texts_may_be_held_in_any_way() -> None:
    """There, an object array of texts is a TypeError, a list or a Series refused."""
    x, y = texts()
    expected = cells((x, y))["x_train"]
    for held in (
        np.array(x, dtype=object),
        np.array(x),
        np.array(x, dtype=object)[:, None],
        pd.Series(x),
        pd.Series(x, dtype="string"),
        tuple(x),
    ):
        np.testing.assert_array_equal(cells((held, y))["x_train"], expected)
    frame = cells(
        pd.DataFrame({"text": [f"{t} {n}" for n, t in enumerate(x)], "y": y}), "y"
    )
    assert frame["x_train"].dtype == np.int32


def test_an_unknown_word_is_not_padding() -> None:
    """There, both are 0, so that a text of unknown words is an empty one."""
    left = cells(texts())
    empty, unknown, known = left["prepare"](["", "platypus", "zebra"])
    assert set(empty) == {0}
    assert unknown[-1] == 1
    assert known[-1] > 1
    # The training rows hold such words, so that something is learned about them.
    rare = [f"word{n} occurs" for n in range(50)]
    assert 1 in cells((rare, ["a", "b"] * 25))["x_train"]


def test_a_vocabulary_has_thousands_of_words_in_any_case() -> None:
    """There, 500 words are kept, and "Good", "good" and "good!" are three."""
    words = [f"word{n}" for n in range(3000)]
    draw = np.random.default_rng(0)
    lines = [" ".join(draw.permutation(words)[:600]) for _ in range(120)]
    left = cells((lines, ["a", "b"] * 60))
    assert len(left["VOCABULARY"]) == 3000
    codes = left["prepare"](["word7", "WORD7", "word7!"])
    assert codes[0][-1] == codes[1][-1] == codes[2][-2] > 1


def test_frequent_words_have_low_codes_and_each_its_own() -> None:
    left = cells(texts())
    codes = list(left["VOCABULARY"].values())
    assert codes == list(range(2, 2 + len(codes)))
    assert left["CODES"] == 2 + len(codes)
    assert set(list(left["VOCABULARY"])[:3]) == {"number", "seen", "was"}


def test_chinese_and_japanese_texts_have_words() -> None:
    """There, words are what stands between spaces, of which these have none."""
    lines = ["この映画は良い", "この映画は悪い"] * 30
    left = cells((lines, ["good", "bad"] * 30))
    assert {"良", "悪"} <= set(left["VOCABULARY"])


@pytest.mark.parametrize(
    "y",
    [
        [True, False] * 50,
        [0, 1] * 50,
        [1, 2] * 50,
        [1, 2, 3, 4] * 25,
        [0.5, 1.5] * 50,
        ["no", "yes"] * 50,
        np.array([1, 2] * 50, dtype="uint8"),
    ],
)
@pytest.mark.parametrize("samples", ["images", "texts", "table"])
def test_labels_come_back_as_they_came(samples: str, y: Any) -> None:
    """There, 1 and 2 come back as "1" and "2", True and False as 1.0 and 0.0."""
    x = {
        "images": np.zeros((ROWS, 2, 2)),
        "texts": ["a text"] * ROWS,
        "table": pd.DataFrame({"size": np.arange(ROWS) % 7, "y": y}),
    }[samples]
    data, target = (x, "y") if samples == "table" else ((x, y), None)
    kind = {"images": "image", "texts": "text", "table": "tabular"}[samples]
    left = cells(data, target, task_name=f"{kind}_classification")
    left["model"] = Oracle(left["labels"], len(left["CLASSES"]))
    rows = left["frame"] if samples == "table" else left["x"]
    predicted = left["predict"](rows)
    assert predicted.tolist() == np.asarray(y).tolist()
    assert predicted.dtype == (object if y[0] == "no" else np.asarray(y).dtype)


def test_a_seed_of_zero_is_one() -> None:
    """There, seed 0 means none, and each search is another one."""
    zero, again, one = (cells(texts(), seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(zero["train_rows"], again["train_rows"])
    assert not np.array_equal(zero["train_rows"], one["train_rows"])


@pytest.fixture(scope="module")
def docstrings(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench("text_classification", tmp_path_factory.mktemp("texts"))


def default(parameter: Parameter) -> Value:
    return parameter.default


def test_the_embedding_fits_the_vocabulary(docstrings: Bench) -> None:
    """There, 500 words meet an embedding of 5,000 or 20,000."""
    _, text = docstrings.write(default)
    assert "layers.Embedding(CODES, EMBEDDING_DIM)" in text["build"]
    codes = docstrings.kept.constants["CODES"]
    assert docstrings.kept.arrays["x_train"].max() == codes - 1
    assert docstrings.kept.arrays["x_test"].max() < codes


def test_the_schedule_of_adamw_is_as_long_as_the_training(docstrings: Bench) -> None:
    """There, the learning rate is 0 after as many steps as there are epochs."""

    def answer(parameter: Parameter) -> Value:
        if parameter.name == "optimizer":
            return "adam_weight_decay"
        return parameter.default

    written, text = docstrings.write(answer)
    steps = EPOCHS * (len(docstrings.kept.arrays["x_train"]) // BATCH_SIZE)
    assert written.optimizer_config["learning_rate"]["config"]["decay_steps"] == steps
    code = " ".join(text["compile"].split())
    assert re.search(rf"PolynomialDecay\( ?LEARNING_RATE, {steps}, end", code)


def test_the_first_trial_can_learn(docstrings: Bench) -> None:
    """There, the one default of texts is AdamW from 2e-5 down: 0.50 after 20 epochs."""
    written, _ = docstrings.write(default)
    assert written.values["optimizer"] == "adam"
    assert written.values["learning_rate"] == 1e-3


def test_grey_images_of_bytes_get_a_channel() -> None:
    """There, a custom layer adds it, which no model loads without AutoKeras."""
    x = np.arange(ROWS * 12, dtype="uint8").reshape(ROWS, 4, 3)
    left = cells((x, [0, 1] * 50))
    assert left["x_train"].shape[1:] == (4, 3, 1)
    assert left["x_train"].dtype == np.float32
    np.testing.assert_array_equal(left["prepare"](x)[..., 0], x)


def test_nothing_is_searched_that_is_not_used(tmp_path: Path) -> None:
    """There, a zoom is chosen for each trial, and applied to none."""
    images = bench("image_classification", tmp_path)
    asked = []

    def last(parameter: Parameter) -> Value:
        asked.append(parameter.name)
        return parameter.choices[-1]

    images.write(last)
    assert any("contrast" in name for name in asked)
    assert not [name for name in asked if "zoom" in name]


def test_a_search_whose_trials_all_fail_says_so(tmp_path: Path) -> None:
    """There, `fit` succeeds, and `evaluate` finds no file."""
    draw = np.random.default_rng(0)
    x = draw.choice([-3e38, 3e38], size=(60, 6, 6))
    y = draw.normal(size=60)
    folder = str(tmp_path)
    run = automl.Search((x, y), trials=1, epochs=1, workers=1, folder=folder).start()
    run.wait()
    trial = run.trial(0).state
    assert (trial.state, trial.reason) == ("failed", "loss became nan in epoch 1")
    with pytest.raises(automl.NoTrialError, match="loss became nan"):
        run.predict(x[:2])
    run.delete()


def test_what_was_trained_predicts_on_its_training_rows(tmp_path: Path) -> None:
    """All of it at once, in a real search: sorted, missing values, a late category."""
    data = pd.concat([table()] * 3, ignore_index=True)
    data["y"] = np.where(data["place"].isin(["east", "south"]), "a", "b")
    data = data.sort_values("y", ignore_index=True)
    run = automl.Search(
        data, target="y", trials=1, epochs=10, workers=1, folder=str(tmp_path)
    ).start()
    run.wait()
    assert run.status == "completed", run
    right = run.predict(data.drop(columns="y")) == data["y"]
    assert right.mean() > 0.95
    run.delete()
