"""Several inputs and several outputs of one model: one search, whatever their names."""

from __future__ import annotations

import ast
import itertools
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live import Starts, quick, searches
from sklearn.linear_model import LogisticRegression
from spaces import Bench, bench
from test_generated_names import NASTY

import notebook_automl as automl
from notebook_automl.api.names import names_of
from notebook_automl.data._examples import example
from notebook_automl.data._source import SOURCES, Origin
from notebook_automl.errors import DataError, SearchError, UnknownNameError
from notebook_automl.record.layout import RunFolder
from notebook_automl.source.backends import BACKENDS
from notebook_automl.source.code import Code
from notebook_automl.source.part_names import part_names
from notebook_automl.source.program import Program
from notebook_automl.source.renaming import assigned
from notebook_automl.tasks._split import plan_split
from notebook_automl.tasks._task import TASKS
from notebook_automl.workers import folds, space
from notebook_automl.workers.baselines import program
from notebook_automl.workers.cells import execute, set_up
from notebook_automl.workers.graph import check_model
from notebook_automl.workers.prepared import load

ROWS = 160
SEVERAL = SOURCES.get("several")
TASK = TASKS.get("multi_modal")
# What `prepare_sets` of a number called "price_test" gives.
LEFT_BY_FOLDS = (
    *("x_train", "y_train", "x_validation", "y_validation"),
    *("TARGET_MEAN_PRICE_TEST", "TARGET_STD_PRICE_TEST", "prepare"),
)


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


def code_of(data: Any, origin: Origin, folder: Path) -> dict[str, Any]:
    """What load, split and prepare leave for such data."""
    schema = SEVERAL.describe(data, None, ("given",))
    shares = {"validation_split": 0.2, "test_split": 0.2}
    TASK.check(schema)
    split = plan_split(schema, shares, TASK.classes(schema))
    cells = [
        Code(("import keras",), "SEED = 0\n"),
        SEVERAL.load_code(schema, origin),
        TASK.split(schema, split),
        TASK.prepare(schema),
    ]
    text = "\n".join(line for cell in cells for line in cell.imports)
    text += "\n" + "\n\n".join(cell.source for cell in cells)
    assert "INJECTED" not in {
        node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)
    }
    namespace: dict[str, Any] = {"given": data}
    exec(compile(text, "cells", "exec"), namespace)
    return namespace


def small() -> tuple[list[Any], list[Any]]:
    """Two tables, images and texts; two classes, numbers and labels."""
    rows = 30
    table = pd.DataFrame({"a": np.arange(rows) % 7, "b": ["u", "v", "w"] * 10})
    images = np.arange(rows * 4 * 3).reshape(rows, 4, 3)
    texts = [f"so many {n % 5} words in it" for n in range(rows)]
    matrix = np.arange(rows * 2.0).reshape(rows, 2)
    labels = np.arange(rows * 2).reshape(rows, 2) % 3 % 2
    classes = ["yes", "no", "no"] * 10
    return [table, images, texts, matrix], [classes, np.arange(rows) * 0.5, labels]


WORDS = st.sampled_from(
    (
        *("photo", "photo_train", "prepare_photo", "labels_kind", "kind", "class"),
        *("x", "y", "text", "texts", "scaler", "dense", "merge", "len", "np", "CODES"),
        *("train_rows", "model", "1st", "Photo", "photo!", "archive", "prepared"),
        *(name for name in NASTY if name.strip()),
    )
)
NAMES = st.lists(WORDS, min_size=4, max_size=4, unique=True)


@settings(max_examples=10)
@given(NAMES, NAMES)
def test_inputs_and_outputs_of_any_names(ins: list[str], outs: list[str]) -> None:
    samples, labels = small()
    data = dict(zip(ins, samples, strict=True)), dict(zip(outs, labels, strict=False))
    schema = SEVERAL.describe(data, None, ("given",))
    of_inputs, of_outputs = part_names(data[0], data[1])
    assert len({*of_inputs.values(), *of_outputs.values()}) == len(ins) + 3
    with tempfile.TemporaryDirectory() as name:
        saved = Path(name, "saved")
        saved.mkdir()
        SEVERAL.save(data, schema, saved)
        beside = SEVERAL.save_beside(saved, saved / "best.ipynb")
        for origin in (
            Origin("variable", ("given",)),
            Origin("copy", (str(saved),)),
            Origin("file", (str(beside),)),
        ):
            left = code_of(data, origin, saved)
            rows = left["train_rows"]
            images = left["x_train"][of_inputs[ins[1]]]
            np.testing.assert_array_equal(images[..., 0], samples[1][rows])
            matrix = left["x_train"][of_inputs[ins[3]]]
            np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-6)
            kept = left["y_train"][of_outputs[outs[2]]]
            np.testing.assert_array_equal(kept, labels[2][rows])
            again = left["prepare"](
                {own: left[of_inputs[own]] for own in ins} | {ins[3]: samples[3]}
            )
            for part, array in again.items():
                np.testing.assert_array_equal(array[rows], left["x_train"][part])


@pytest.mark.parametrize(
    ("ins", "outs"),
    [
        (["photo", "facts", "text", "matrix"], ["kind", "price", "marks"]),
        (["dense", "merge", "class", "größe"], ["softmax_1", "dense_1", "val/"]),
    ],
)
def test_code_is_autokeras_graph_under_any_names(
    ins: list[str], outs: list[str], tmp_path: Path
) -> None:
    samples, labels = small()
    data = dict(zip(ins, samples, strict=True)), dict(zip(outs, labels, strict=True))
    text, written, namespace = built(data, tmp_path)
    assert_nobodys(
        text, *(name for names in part_names(*data) for name in names.values())
    )
    check_model(written, namespace["model"])
    history = namespace["model"].fit(
        *(namespace[name] for name in ("x_train", "y_train")), epochs=1, verbose=0
    )
    assert set(history.history) > {f"{name}_loss" for name in written.names[1]}


@pytest.mark.parametrize("folds_", [0, 3])
@pytest.mark.parametrize(
    ("ins", "outs"),
    [
        (["photo", "facts", "text", "matrix"], ["kind", "price", "marks"]),
        (["facts", "matrix"], ["price"]),
        (["text"], ["kind"]),
    ],
)
def test_simple_models_of_any_parts(
    ins: list[str], outs: list[str], folds_: int, tmp_path: Path
) -> None:
    """Their programs run and give what a trial's model gives, named as theirs."""
    samples, labels = small()
    every = dict(zip(["facts", "photo", "text", "matrix"], samples, strict=True))
    told = dict(zip(["kind", "price", "marks"], labels, strict=True))
    data = {name: every[name] for name in ins}, {name: told[name] for name in outs}
    ready = bench("multi_modal", tmp_path, data=data, folds=folds_)
    values = ready.kept.values | folds.stand_in(ready.asked, ready.kept)
    found = ready.asked.task.baselines(ready.asked.schema, ready.prepared)
    assert ("boosting" in found) == (not {"photo", "text"} & {*ins})
    for baseline in found.values():
        text = program(ready.asked, ready.shared, baseline, ready.prepared)
        assert_nobodys(text, *ins, *outs)
        namespace = set_up(None, text) | values
        for cell in ("build", "compile", "train", "evaluate"):
            execute(text, cell, namespace)
        given, y_test = namespace["outputs"](namespace["x_test"]), values["y_test"]
        assert {n: each.shape for n, each in given.items()} == {
            n: each.shape for n, each in y_test.items()
        }
        assert {*TASK.usual(ready.asked.schema), "loss"} <= {*namespace["test_metrics"]}


def assert_nobodys(program: Program, *parts: str) -> None:
    """What programs call their own things, no part can be called."""
    left = assigned("\n".join(cell.source for cell in program.cells))
    ours = {n for n in left if n == n.lower() and not any(part in n for part in parts)}
    assert len(ours) > 10
    assert {name for name in ours if part_names([name], [])[0][name] == name} == set()


def test_no_part_is_called_as_a_backend() -> None:
    for backend in BACKENDS.values():
        for line in backend.setup(accelerated=True).imports:
            assert all(part_names([n], [])[0][n] != n for n in assigned(line))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("({'photo': a, 'text': b}, {'kind': k})", "a b k"),
        ("({'photo': a}, k)", "a k"),
        ("(ins, k)", "a k"),
        ("(copies, k)", ""),
        ("(more, k)", "more k"),
        ("(more, outs)", "more outs"),
        ("both", "both"),
        ("({'photo': a + 0}, k)", ""),
    ],
)
def test_variables_are_found_wherever_the_data_are(typed: str, expected: str) -> None:
    samples, labels = small()
    a, b, k = samples[1], samples[2], np.array(labels[0])
    outs = {"kind": k.copy(), "again": k.copy()}
    names: dict[str, Any] = {
        **{"a": a, "b": b, "k": k, "ins": {"photo": a}, "copies": {"photo": a + 0}},
        **{"more": {"photo": a + 0, "text": [*b]}, "outs": outs},
        **{"both": ({"photo": a + 0, "text": [*b]}, outs), "names_of": names_of},
    }
    exec(f"data = {typed}\nfound = names_of({typed})", names)
    assert names["found"] == tuple(expected.split())
    if expected:
        schema = SEVERAL.describe(names["data"], None, names["found"])
        code = SEVERAL.load_code(schema, Origin("variable", schema.variables))
        exec("\n".join([*code.imports, code.source]), names)
        np.testing.assert_array_equal(names["photo"], a)


def test_the_form_takes_a_variable_that_holds_all() -> None:
    both = parts()
    assert "Search(both, minutes=10)" in repr(automl.Panel(both))
    with pytest.raises(SearchError, match="data that a variable holds"):
        automl.Panel(parts())


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (["photo"], []),
        (["photo", "text"], []),
        ([], ["price"]),
        ([], ["kind", "price"]),
    ],
)
def test_one_of_a_kind_needs_no_name(
    inputs: list[str], outputs: list[str], tmp_path: Path
) -> None:
    samples, labels = small()
    all_inputs = {"photo": samples[1], "text": samples[2]}
    all_outputs = {"kind": labels[0], "price": labels[1]}
    x: Any = {name: all_inputs[name] for name in inputs} or samples[1]
    y: Any = {name: all_outputs[name] for name in outputs} or labels[0]
    text, written, namespace = built((x, y), tmp_path)
    check_model(written, namespace["model"])
    assert isinstance(namespace["x_train"], dict) == isinstance(x, dict)
    assert isinstance(namespace["y_train"], dict) == isinstance(y, dict)
    namespace["callbacks"].clear()
    execute(text, "train", namespace)
    schema = SEVERAL.describe((x, y), None, ())
    measured = {*TASK.usual(schema), "loss"}
    assert measured <= set(TASK.metrics(schema)) & set(namespace["history"].history)
    rows = Path(tmp_path, "rows")
    some = {k: v[:3] for k, v in x.items()} if isinstance(x, dict) else x[:3]
    SEVERAL.save_rows(some, schema, rows)
    for cell in ("load", "split", "prepare", "predict"):
        execute(text, cell, namespace)
    found = namespace["predict"](SEVERAL.read_rows(rows, schema))
    found = found if isinstance(y, dict) else {"kind": found}
    assert [len(rows) for rows in found.values()] == [3] * max(1, len(outputs))
    assert set(found.get("kind", ["yes"])) <= {"yes", "no"}


def test_each_fold_prepares_all_parts(tmp_path: Path) -> None:
    samples, labels = small()
    # Names that end as those of sets are no sets.
    inputs = {"photo": samples[1], "facts": samples[0]}
    outputs = {"kind": labels[0], "price_test": labels[1]}
    text, written, namespace = built((inputs, outputs), tmp_path, folds=3)
    assert_nobodys(text, *inputs, *outputs)
    first = namespace["prepare_sets"](0, None)
    names = LEFT_BY_FOLDS
    check_model(written, folds.built(namespace, dict(zip(names, first, strict=True))))
    execute(text, "train", namespace)
    assert len(namespace["curves"]) == 3
    told = {f"val_{name}_std" for name in ("kind_accuracy", "price_test_rmse", "loss")}
    assert told < set(namespace["validation_metrics"])
    # The final model's rows, scaled by themselves alone.
    facts = namespace["x_train"]["facts"]
    assert len(facts) == 24
    np.testing.assert_allclose(facts[:, 0].mean(), 0, atol=1e-6)
    sets = [namespace["prepare_sets"](fold, None) for fold in range(3)]
    assert [len(x["facts"]) for x, *_ in sets] == [16, 16, 16]
    for x, *_ in sets:
        np.testing.assert_allclose(x["facts"][:, 0].mean(), 0, atol=1e-6)


def built(data: Any, path: Path, **fields: Any) -> Any:
    """A program of such data, what it was written from, and its model."""
    place = bench("multi_modal", path, data=data, **fields)
    assert place.asked.schema.source == "several"
    written, text = place.write(lambda parameter: parameter.default)
    namespace = place.namespace(text)
    namespace |= folds.stand_in(place.asked, place.kept)
    for cell in ("build", "compile"):
        execute(text, cell, namespace)
    return text, written, namespace


def hits(y_true: Any, y_pred: Any) -> Any:
    return y_true == y_pred


def images() -> Any:
    return np.zeros((12, 4, 4))


CASES: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "no outputs": (
        {"photo": images()},
        {},
        "data",
        r"got {.* \(dict\).*Search\(\(inputs, outputs\)\)",
    ),
    "other rows": (
        ({"photo": images(), "facts": pd.DataFrame({"a": range(9)})}, [0, 1] * 6),
        {},
        "data",
        r"12 in 'photo' and 9 in 'facts' \(DataFrame\). Leave out",
    ),
    "other labels": (
        ({"photo": images()}, {"kind": [0, 1] * 6, "price": [1.0] * 5}),
        {},
        "data",
        r"In the output 'price': .*12 samples and 5 labels",
    ),
    "no kind": (
        ({"photo": images(), "more": object()}, [0, 1] * 6),
        {},
        "data",
        r"In the input 'more': Expected an array.*\(object\). Type numpy.asarray",
    ),
    "a text for all": (
        ({"photo": images(), "text": "one"}, [0, 1] * 6),
        {},
        "data",
        r"In the input 'text': .*got 'one' \(str\)",
    ),
    "numbers on one axis": (
        ({"photo": images(), "age": pd.Series(range(12))}, [0, 1] * 6),
        {},
        "data",
        r"In the input 'age': .*\(rows, columns\) of numbers.*Type .*DataFrame\(",
    ),
    "a table of objects": (
        ({"facts": np.array([[1, "a"], [2, "b"]] * 6, dtype=object)}, [0, 1] * 6),
        {},
        "data",
        r"In the input 'facts': .*\(ndarray\). Type .*pandas.DataFrame\(\.\.\.\) of it",
    ),
    "a name that is no text": (
        ({3: images()}, [0, 1] * 6),
        {},
        "data",
        r"names of inputs that are text, got 3 \(int\). Type Search",
    ),
    "no input": (({}, [0, 1] * 6), {}, "data", r"one input or more, got {} \(dict\)"),
    "no output": (
        ({"photo": images()}, {}),
        {},
        "data",
        r"one output or more, got {} \(dict\)",
    ),
    "one class": (
        ({"photo": images()}, {"kind": ["a"] * 12}),
        {},
        "data",
        r"In 'kind': Expected a target with two classes or more",
    ),
    "a target": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"target": "kind"},
        "target",
        r"no target beside arrays",
    ),
    "an unknown metric": (
        ({"photo": images()}, {"kind": [0, 1] * 6, "price": [1.5, 2.5, 3.5] * 4}),
        {"metric": "accuracy"},
        "metric",
        r"Did you mean 'kind_accuracy'",
    ),
    "a task of no output": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"task": {"kin": "regression"}},
        "task",
        r"tasks of the outputs 'kind', got 'kin' .*Did you mean 'kind'\?.*regression",
    ),
    "no such task": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"task": {"kind": "regresion"}},
        "task",
        r"'kind' to be classification or regression.*Did you mean 'regression'\?",
    ),
    "texts as numbers": (
        ({"photo": images()}, {"kind": ["a", "b"] * 6}),
        {"task": {"kind": "regression"}},
        "task",
        r"numbers in the output 'kind' for regression, got str. Type task={'kind'",
    ),
    "tasks of one output": (
        ({"photo": images()}, [0, 1] * 6),
        {"task": {"kind": "regression"}},
        "task",
        r"name of a task for one output, got {'kind': 'regression'} \(dict\)",
    ),
    "a group that is no array": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"group": "site"},
        "group",
        r"group with one value for each of the 12 samples, got 'site' \(str\)",
    ),
    "weights of other rows": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"sample_weight": [1.0] * 5},
        "sample_weight",
        r"one number for each of 12 rows",
    ),
    "a set without names": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"validation_data": (images(), [0, 1] * 6)},
        "validation_data",
        r"the inputs of the data, 'photo', got .*\(ndarray\). Type validation_data",
    ),
    "a set of another input": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"test_data": ({"picture": images()}, {"kind": [0, 1] * 6})},
        "test_data",
        r"the inputs of the data, 'photo', got \['picture'\] \(list\). Type test_data",
    ),
    "a set of unlike parts": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"test_data": ({"photo": images()}, {"kind": [0, 1] * 5})},
        "test_data",
        r"as many rows of each input and output, got \[10, 12\] \(tuple\)",
    ),
    "a metric without its output": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"metrics": [hits]},
        "metrics",
        r"names of metrics beside several outputs.*hits.*price_mae",
    ),
}
FIELDS = {
    "loss": "mean_squared_error",
    "class_weight": "balanced",
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_refused(case: str, tmp_path: Path) -> None:
    data, fields, field, message = CASES[case]
    with pytest.raises((DataError, SearchError, UnknownNameError), match=message) as e:
        automl.Search(data, folder=str(tmp_path / "runs"), **fields).start()
    assert e.value.field == field
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("field", FIELDS)
def test_what_knows_one_array_is_refused(field: str) -> None:
    data = ({"photo": images()}, {"kind": [0, 1] * 6})
    with pytest.raises(SearchError, match=f"Expected no {field} beside several") as e:
        automl.Search(data, **{field: FIELDS[field]}).schema()
    assert e.value.field == field


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1.0, None], [3, 4]], [[1, np.nan], [3, 4]]),
        ([1, 2], [[1, 2]]),
        (np.array([[1, 2.5]], dtype=object), [[1, 2.5]]),
        ([{0: 1.0, 1: 2.0}], [[1, 2]]),
        (pd.DataFrame([[1, 2]]), [[1, 2]]),
    ],
)
def test_rows_of_an_array_come_in_many_forms(
    rows: Any, expected: Any, tmp_path: Path
) -> None:
    data = {"matrix": np.arange(24.0).reshape(12, 2)}, [0, 1] * 6
    schema = SEVERAL.describe(data, None, ())
    SEVERAL.save_rows({"matrix": rows}, schema, tmp_path / "rows")
    found = SEVERAL.read_rows(tmp_path / "rows", schema)["matrix"]
    np.testing.assert_array_equal(found.to_numpy("float64", na_value=np.nan), expected)


def test_rows_that_do_not_fit_an_array_are_refused(tmp_path: Path) -> None:
    data = {"matrix": np.arange(24.0).reshape(12, 2)}, [0, 1] * 6
    schema = SEVERAL.describe(data, None, ())
    with pytest.raises(DataError, match=r"In the input 'matrix': .*numbers.*'x'"):
        SEVERAL.save_rows({"matrix": [[1, "x"]]}, schema, tmp_path / "rows")


def test_one_long_text_costs_the_others_nothing(tmp_path: Path) -> None:
    texts = ["x" * 1_000_000, *(f"so many {n} words" for n in range(299))]
    data = {"text": texts}, ["yes", "no", "no"] * 100
    tracemalloc.start()
    try:
        schema = SEVERAL.describe(data, None, ())
        SEVERAL.save(data, schema, tmp_path)
        SEVERAL.save_rows({"text": texts}, schema, tmp_path / "rows")
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()


def test_no_two_parts_share_a_name() -> None:
    words = ["photo", "Photo", "photo!", "", "photo_train", "train", "prepare_photo"]
    long = part_names(["a" * 300, "a" * 400], [])[0]
    assert len(set(long.values())) == 2 and max(map(len, long.values())) < 80
    for metrics in (["kind", "test_kind"], ["test", "loss"]):
        kind, other = part_names([], metrics)[1].values()
        assert other not in (f"test_{kind}", "loss") and kind != "test"
    for ins, outs in itertools.combinations(itertools.permutations(words[:4], 3), 2):
        named = [n for names in part_names(ins, outs) for n in names.values() if n]
        assert len(set(named)) == len(named) and all(map(str.isidentifier, named))
