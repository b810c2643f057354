"""Code of several inputs and several outputs of one model, whatever their names."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spaces import bench
from test_generated_names import NASTY

from notebook_automl.api.names import names_of
from notebook_automl.data._source import SOURCES, Origin
from notebook_automl.source.backends import BACKENDS
from notebook_automl.source.code import Code
from notebook_automl.source.part_names import part_names
from notebook_automl.source.program import Program
from notebook_automl.source.renaming import assigned
from notebook_automl.tasks._split import plan_split
from notebook_automl.tasks._task import TASKS
from notebook_automl.workers import folds
from notebook_automl.workers.baselines import program
from notebook_automl.workers.cells import execute, set_up
from notebook_automl.workers.graph import check_model

SEVERAL = SOURCES.get("several")
TASK = TASKS.get("multi_modal")
# What `prepare_sets` of a number called "price_test" gives.
LEFT_BY_FOLDS = (
    *("x_train", "y_train", "x_validation", "y_validation"),
    *("TARGET_MEAN_PRICE_TEST", "TARGET_STD_PRICE_TEST", "prepare"),
)


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
    found = ready.asked.task.baselines(ready.asked.schema, ready.prepared, 10**6)
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
