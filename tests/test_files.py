"""Files as data, and several labels at once: from a path to a notebook of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

import notebook_automl as automl
from notebook_automl.data._files import seen
from notebook_automl.data._source import source_for
from notebook_automl.errors import DataError
from notebook_automl.tasks._task import TASKS, propose
from notebook_automl.ui import candidates, form, options


def plants() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    size, colour = draw.normal(size=150), draw.choice(["red", "blue"], 150)
    table = pd.DataFrame({"size": size.round(3), "colour": colour})
    table["tall"] = size > 0
    return table.assign(hot=(colour == "red") & (size > -1))


@pytest.fixture
def csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    plants().to_csv("plants.csv", index=False)
    return tmp_path / "plants.csv"


def test_a_file_is_searched_exported_and_replayed(csv: Path) -> None:
    options = {"trials": 1, "epochs": 2, "workers": 1}
    run = automl.Search("plants.csv", target=["tall", "hot"], **options).start()
    run.wait()
    assert run.status == "completed", run
    assert run.search["task"] == "multi_label"
    assert 'pd.read_csv("plants.csv")' in str(run.export("cells"))
    predicted = run.predict(csv)
    assert (predicted.shape, predicted.dtype) == ((150, 2), bool)
    one = run.predict({"size": 2.0, "colour": "red"})
    assert one.shape == (1, 2)

    path = run.export("notebook", csv.parent / "best.ipynb", replay=True)
    notebook = nbformat.read(path, as_version=4)
    assert "reproduced" in notebook.metadata["notebook_automl"]
    (load,) = (cell.source for cell in notebook.cells if cell.id == "load")
    assert 'pd.read_csv("plants.csv")' in load
    assert not path.with_suffix(".parquet").exists()

    # Of a file that is another one now, what was searched is brought along.
    plants()[:100].to_csv(csv, index=False)
    path = run.export("notebook", csv.parent / "again.ipynb")
    assert path.with_suffix(".parquet").exists()
    assert "read_csv" not in path.read_text("utf-8")
    assert "read_csv" not in str(run.export("cells"))


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_may_be_a_text_or_a_path(csv: Path, kind: Any) -> None:
    schema = automl.Search(kind("plants.csv"), target="colour").schema()
    assert (schema.source, schema.path) == ("csv", str(csv))
    assert schema.rows == 150


def test_a_file_that_is_not_there_is_named(csv: Path) -> None:
    with pytest.raises(DataError, match=r"'plant.csv'.*there is none in") as caught:
        automl.Search("plant.csv", target="colour").schema()
    assert caught.value.field == "data"


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_other_marks_between_columns_are_named(csv: Path, mark: str) -> None:
    plants().to_csv(csv, index=False, sep=mark)
    with pytest.raises(DataError, match=r"commas.*read_csv\('plants.csv', sep="):
        automl.Search("plants.csv", target="colour").schema()


def test_a_form_looks_at_the_first_rows_of_a_file(csv: Path) -> None:
    values, errors = form.read('automl.Search("plants.csv", target="tall").start()')
    assert not errors
    data = candidates.evaluate(values["data"], {})
    assert [choice.value for choice in candidates.targets(data)] == list(
        plants().columns
    )
    assert '"plants.csv"' in form.line(values).replace("'", '"')
    assert [choice.value for choice in candidates.files()] == ['"plants.csv"']
    assert options.shown({"target": ["tall", "hot"]}) == {"target": '["tall", "hot"]'}
    assert options.typed("target", "tall") == "tall"
    assert seen(data) is seen(Path("plants.csv"))
    plants().assign(more=1).to_csv(csv, index=False)
    os.utime(csv, (0, 0))
    assert "more" in seen(data)


def test_several_targets_are_typed_behind_commas(csv: Path) -> None:
    assert options.column("plants.csv", "tall,hot") == ["tall", "hot"]
    assert options.column("plants.csv", "tall") == "tall"
    table = pd.DataFrame(columns=["a,b", 3, 4])
    assert options.column(table, "a,b") == "a,b"
    assert options.column(table, "3, 4") == [3, 4]


IMAGES = np.arange(60 * 12, dtype="uint8").reshape(60, 4, 3)
TEXTS = [f"text number {n}" for n in range(60)]
MARKS = np.array([[n % 2, n % 3 == 0, n % 5 == 0] for n in range(60)])


@pytest.mark.parametrize("x", [IMAGES, TEXTS], ids=["images", "texts"])
@pytest.mark.parametrize("dtype", [int, bool, float, object])
def test_a_matrix_of_marks_holds_labels(x: Any, dtype: Any) -> None:
    data = (x, MARKS.astype(dtype))
    _, source = source_for(data)
    schema = source.describe(data, None, ())
    assert schema.target.labels == (0, 1, 2)
    assert schema.target.counts == (30, 20, 12)
    assert propose(schema) == "multi_label"
    TASKS.get("multi_label").check(schema)
    with pytest.raises(DataError, match=r'3 labels.*task="multi_label"'):
        TASKS.get("image_classification").check(schema)


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (np.eye(3)[np.arange(60) % 3], "argmax"),
        (MARKS * 2, "argmax"),
        (MARKS[:, :, None], "shape"),
    ],
)
def test_a_matrix_of_other_numbers_is_refused(y: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        automl.Search((IMAGES, y)).schema()


def test_a_label_that_hardly_occurs_is_refused(csv: Path) -> None:
    table = plants().assign(rare=[True, *[False] * 149])
    search = automl.Search(table, target=["tall", "rare"])
    with pytest.raises(DataError, match="got 1 of 150 rows with 'rare'"):
        search.description(search.schema())


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (["tall", "size"], "labels of 0 and 1"),
        (["tall", "tall"], "each once"),
        (["tall"], "two columns"),
        ([], "two columns"),
        (["tall", "hott"], "Did you mean 'hot'"),
    ],
)
def test_targets_that_cannot_be_learned_together(target: Any, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        automl.Search(plants(), target=target).schema()
    assert caught.value.field == "target"
