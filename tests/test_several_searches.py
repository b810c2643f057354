"""Searches with several inputs and outputs, in real processes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from live import Starts, quick, searches
from sklearn.linear_model import LogisticRegression
from spaces import Bench, bench

import notebook_automl as automl
from notebook_automl.data._examples import example
from notebook_automl.errors import DataError, SearchError
from notebook_automl.record.layout import RunFolder
from notebook_automl.tasks._task import TASKS
from notebook_automl.workers import space
from notebook_automl.workers.prepared import load

ROWS = 160
TASK = TASKS.get("multi_modal")


def parts() -> tuple[dict[str, Any], dict[str, Any]]:
    inputs, outputs = example("digits_and_angles")
    few = {name: values[:ROWS] for name, values in inputs.items()}
    return few, {name: values[:ROWS] for name, values in outputs.items()}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as begin:
        yield begin


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench("multi_modal", tmp_path_factory.mktemp("ready"))


@pytest.fixture(scope="module")
def run(start: Starts) -> automl.Run:
    space = {"image/augment": [True], "image/conv_block_1/num_blocks": 1}
    begun = start(parts(), target=None, trials=2, epochs=1, space=space)
    return begun.wait(timeout_s=240)


class TestSearch:
    def test_each_output_has_metrics(self, run: automl.Run) -> None:
        assert run.status == "completed"
        assert run.search["metric"] == "digit_accuracy"
        table = run.leaderboard().set_index("trial")
        for name in ("digit_accuracy", "digit_loss", "angle_rmse", "angle_loss"):
            assert np.isfinite(table.loc[0, f"val_{name}"])
            assert f"val_{name}" in run.state.trials[0].history[0]
        assert table["image/augment"].loc[[0, 1]].tolist() == [True, True]
        assert "image/block_type" not in table or table["image/block_type"].isna().all()

    def test_what_it_does_without_is_told(self, run: automl.Run) -> None:
        assert run.state.entries["ensemble"].state == "skipped"

    def test_simple_models_stand_beside_it(self, run: automl.Run) -> None:
        """As good as scikit-learn's by hand on the same rows and numbers."""
        table = run.leaderboard().set_index("trial")
        assert {"constant", "linear"} < set(table.index)
        (folder,) = RunFolder(run.folder).prepared.iterdir()
        kept = load(folder).arrays
        x, y = (
            {s: kept[f"{axis}_{s}"] for s in ("train", "validation")} for axis in "xy"
        )
        rows = {
            s: np.hstack([x[s]["image"].reshape(len(x[s]["image"]), -1), x[s]["facts"]])
            for s in x
        }
        digits = LogisticRegression(max_iter=2000)
        digits.fit(rows["train"] / 16, y["train"]["digit"].argmax(axis=1))
        right = digits.predict(rows["validation"] / 16)
        expected = np.mean(right == y["validation"]["digit"].argmax(axis=1))
        found = table.loc["linear", "val_digit_accuracy"]
        assert abs(found - expected) < 0.15 and found > 0.4
        least = np.sqrt(np.mean(y["validation"]["angle"] ** 2))
        constant = table.loc["constant", "val_angle_rmse"]
        assert constant == pytest.approx(least, rel=1e-5)

    def test_a_simple_model_predicts_and_replays(
        self, run: automl.Run, tmp_path: Path
    ) -> None:
        inputs, outputs = parts()
        some = {name: rows[:40] for name, rows in inputs.items()}
        found = run.predict(some, trial="linear")
        assert np.mean(found["digit"] == outputs["digit"][:40]) > 0.6
        path = tmp_path / "linear.ipynb"
        run.export("notebook", path, trial="linear", replay=True)
        text = nbformat.read(path, as_version=4).cells[0].source
        assert "equal to the last digit" in text and "**differs**" not in text

    def test_it_predicts_each_output_in_its_own_type(self, run: automl.Run) -> None:
        inputs, outputs = parts()
        found = run.predict(
            {"facts": inputs["facts"][:3], "image": inputs["image"][:3]}
        )
        assert isinstance(found, dict) and list(found) == ["digit", "angle"]
        assert found["digit"].dtype == outputs["digit"].dtype
        assert found["angle"].dtype == "float64" and len(found["angle"]) == 3
        with pytest.raises(DataError, match=r"without 'facts' got.*predict\({"):
            run.predict({"image": inputs["image"][:3]})
        typo = {"image": inputs["image"][:3], "fact": inputs["facts"][:3]}
        with pytest.raises(
            DataError, match=r"without 'facts' .*Did you mean 'facts'\?"
        ):
            run.predict(typo)
        with pytest.raises(DataError, match="as many rows of each input"):
            run.predict({"facts": inputs["facts"][:2], "image": inputs["image"][:3]})
        with pytest.raises(DataError, match="dictionary with rows of 'image', 'facts'"):
            run.predict(inputs["image"][:3])

    def test_its_code_is_plain_and_replays(
        self, run: automl.Run, tmp_path: Path
    ) -> None:
        path = run.export("notebook", tmp_path / "both.ipynb", replay=True)
        notebook = nbformat.read(path, as_version=4)
        text = notebook.cells[0].source
        assert "image: 160 samples of 8 by 8 numbers" in text
        assert "equal to the last digit" in text and "**differs**" not in text
        source = run.trial("best").source
        assert not {"notebook_automl", "autokeras"} & {
            name.partition(".")[0]
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
        }
        assert 'keras.Input((8, 8, 1), name="image")' in source


GRAPH = """\
image, facts = ak.ImageInput(name="image"), ak.Input(name="facts")
seen = ak.ConvBlock(num_blocks=1, num_layers=1, max_pooling=True)(image)
both = ak.Merge(merge_type="concatenate")([ak.Flatten()(seen), facts])
shared = ak.DenseBlock(num_layers=1, name="shared")(both)
digit = ak.ClassificationHead(name="digit", dropout=0.0)(shared)
angle = ak.RegressionHead(name="angle", dropout=0.0)(facts)
"""


def test_a_graph_joins_and_parts_them(start: Starts, tmp_path: Path) -> None:
    """Inputs and heads are found by their names, whatever order they stand in."""
    run = start(parts(), target=None, trials=1, epochs=1, graph=GRAPH).wait()
    assert run.status == "completed", run
    names = set(run.trial("best").values)
    assert "shared/units_0" in names and not {n for n in names if n.startswith("image")}
    assert np.isfinite(run.trial("best").metrics["val_angle_rmse"])
    inputs, _ = parts()
    assert set(run.predict(inputs)["digit"]) <= set(range(10))
    path = run.export("notebook", tmp_path / "graph.ipynb", replay=True)
    stamp = nbformat.read(path, as_version=4).metadata["notebook_automl"]
    assert stamp["reproduced"] == stamp["recorded"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'name="facts"',
            'name="fact"',
            r"inputs 'facts', 'image'.*\['image', 'fact'\]",
        ),
        ('"digit"', '"digits"', r"heads 'angle', 'digit'.*\['digits', 'angle'\]"),
        ("ak.RegressionHead(", "ak.ClassificationHead(", "got ClassificationHead"),
        ("ak.ClassificationHead(", "ak.RegressionHead(", "got RegressionHead"),
    ],
)
def test_a_graph_of_other_parts_is_refused(
    old: str, new: str, said: str, ready: Bench
) -> None:
    ready.asked.search["graph"] = GRAPH.replace(old, new)  # type: ignore[index]
    with pytest.raises(SearchError, match=said) as refused:
        space.check(ready.asked, ready.prepared)
    assert refused.value.field == "graph"


def test_an_output_is_what_the_person_says(start: Starts) -> None:
    """Ratings are numbers, and numbers are classes, where they say so."""
    frame = quick()
    stars, year = np.arange(len(frame)) % 5 + 1, np.arange(len(frame)) % 3 + 0.5
    inputs = {"wine": frame.drop(columns="label")}
    outputs = {"stars": stars, "year": year, "label": frame["label"]}
    assert "stars_accuracy" in TASK.metrics(automl.Search((inputs, outputs)).schema())
    task = {"stars": "regression", "year": "classification"}
    run = start((inputs, outputs), target=None, task=task, trials=1, epochs=1).wait()
    assert run.status == "completed", run
    expected = {"val_stars_rmse", "val_year_accuracy", "val_label_accuracy"}
    assert expected < run.trial("best").metrics.keys()
    found = run.predict(inputs)
    assert set(found["year"]) <= {0.5, 1.5, 2.5} and len(set(found["stars"])) > 5


def test_rows_count_as_an_array_says(start: Starts, tmp_path: Path) -> None:
    """Rows that weigh nothing teach no output anything."""
    frame = quick()
    weights = (frame["label"] != "class_1").to_numpy("float64")
    inputs = {"wine": frame.drop(columns="label")}
    outputs = {"label": frame["label"], "hue": frame["hue"]}
    space = {"optimizer": "adam", "learning_rate": 0.01}
    fields = {"trials": 1, "epochs": 20, "space": space, "sample_weight": weights}
    run = start((inputs, outputs), target=None, **fields).wait()
    assert run.status == "completed", run
    predicted = run.predict(inputs)["label"]
    assert np.mean(predicted == "class_1") < 0.02 < np.mean(predicted == "class_2")
    path = run.export("notebook", tmp_path / "weighted.ipynb", replay=True)
    stamp = nbformat.read(path, as_version=4).metadata["notebook_automl"]
    assert stamp["reproduced"] == stamp["recorded"]


def test_the_form_takes_a_variable_that_holds_all() -> None:
    both = parts()
    assert "Search(both, minutes=10)" in repr(automl.Panel(both))
    with pytest.raises(SearchError, match="data that a variable holds"):
        automl.Panel(parts())
