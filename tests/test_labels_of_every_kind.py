"""Labels of every dtype: proposed, split, encoded and decoded as what they are."""

from __future__ import annotations

import decimal
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracle import Oracle

from notebook_automl.data._source import SOURCES, Origin, source_for
from notebook_automl.errors import DataError, SearchError
from notebook_automl.record.schema import Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.program import assemble
from notebook_automl.tasks._split import split_code
from notebook_automl.tasks._task import TASKS, Split, propose, split_sizes

ROWS = 60
WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NULLABLE = ["Int8", "Int64", "UInt8", "UInt64", "Float32", "Float64"]
ARROW = ["int64[pyarrow]", "uint8[pyarrow]", "float[pyarrow]", "double[pyarrow]"]
D = decimal.Decimal


def labels(values: list[Any], dtype: Any = None) -> pd.Series[Any]:
    return pd.Series(values * (ROWS // len(values)), dtype=dtype)


LABELS: dict[str, pd.Series[Any]] = {
    **{dtype: labels([1, 2], dtype) for dtype in [*WHOLE, *NULLABLE, *ARROW]},
    **{dtype: labels([0.1, 2.5], dtype) for dtype in ("float16", "float32", "float")},
    "three of Int64": labels([3, 1, 2], "Int64"),
    "large uint64": labels([1, 2**64 - 1], "uint64"),
    "large UInt64": labels([1, 2**64 - 1], "UInt64"),
    "large uint64[pyarrow]": labels([1, 2**64 - 1], "uint64[pyarrow]"),
    "category of large": labels([1, 2**64 - 1], "uint64").astype("category"),
    "Int64 with missing ones": labels([1, 2, None], "Int64"),
    "float with missing ones": labels([0, 1, None], "float"),
    "boolean with missing ones": labels([True, False, None], "boolean"),
    "bool[pyarrow] with missing ones": labels([True, False, None], "bool[pyarrow]"),
    "bool": labels([True, False], "bool"),
    "boolean": labels([True, False], "boolean"),
    "bool[pyarrow]": labels([True, False], "bool[pyarrow]"),
    "bool objects": labels([True, False], object),
    "int objects": labels([1, 2], object),
    "decimals": labels([D("0.5"), D("2.25")], object),
    "sparse": labels([0, 2], pd.SparseDtype("int64", 0)),
    "str": labels(["a", "b"], "str"),
    "str objects": labels(["a", "b"], object),
    "string": labels(["a", "b"], "string"),
    "string[pyarrow]": labels(["a", "b"], "string[pyarrow]"),
    "large_string[pyarrow]": labels(["a", "b"], "large_string[pyarrow]"),
    "category of str": labels(["a", "b"], "category"),
    "category of int": labels([1, 2], "category"),
    "category of float": labels([0.5, 2.5], "category"),
    "category of bool": labels([True, False], "category"),
    "category of Int64": labels([1, 2], "Int64").astype("category"),
    "category of boolean": labels([True, False], "boolean").astype("category"),
    "category of bool[pyarrow]": labels([True, False], "bool[pyarrow]").astype(
        "category"
    ),
    "category of float32": labels([0.1, 2.5], "float32").astype("category"),
    "halffloat[pyarrow]": labels([0.5, 2.5], "halffloat[pyarrow]"),
    "category of int64[pyarrow]": labels([1, 2], "int64[pyarrow]").astype("category"),
    "category with missing ones": labels([1, 2, None], "category"),
}


def decoded(schema: Schema, task_name: str, origin: Origin, data: Any) -> Any:
    """What the generated cells, run in order, predict for all rows."""
    source, task = SOURCES.get(schema.source), TASKS.get(task_name)
    task.check(schema)
    classes = task.classes(schema)
    program = assemble(
        {
            "setup": Code(("import keras",), ""),
            "load": source.load_code(schema, origin),
            "split": task.split(schema, split_sizes(schema, 0.2, 0.2, classes)),
            "prepare": task.prepare(schema),
            "predict": task.predict(schema),
        },
        {},
    )
    left: dict[str, Any] = {"given": data, "SEED": 0}
    for cell in ("setup", "load", "split", "prepare"):
        exec(compile(program[cell], cell, "exec"), left)
    left["model"] = Oracle(left["labels"], classes)
    exec(compile(program["predict"], "predict", "exec"), left)
    return left["predict"](left["frame"] if "frame" in left else left["x"])


@pytest.mark.parametrize("kind", LABELS)
def test_a_table_decodes_to_its_labels(kind: str, tmp_path: Path) -> None:
    values = LABELS[kind]
    frame = pd.DataFrame({"size": np.arange(ROWS) % 7, "y": values})
    source = SOURCES.get("frame")
    schema = source.describe(frame, "y", ("given",))
    source.save(frame, schema, tmp_path)
    expected = [schema.target.classes[0].__class__(v) for v in values.dropna()]
    for origin in (Origin("variable", ("given",)), Origin("copy", (str(tmp_path),))):
        predicted = decoded(schema, "tabular_classification", origin, frame)
        assert predicted.tolist() == expected
        assert {type(label) for label in predicted.tolist()} == {type(expected[0])}
    # What was learned from can be learned again.
    again = source.describe(frame.assign(y=values), "y", ("given",))
    assert again == Schema.from_json(schema.to_json())


@pytest.mark.parametrize("kind", LABELS)
def test_arrays_decode_to_their_labels(kind: str) -> None:
    values = LABELS[kind].dropna().reset_index(drop=True)
    x = np.arange(len(values) * 4, dtype="float32").reshape(-1, 2, 2)
    schema = SOURCES.get("arrays").describe((x, values), None, ("x", "y"))
    expected = [schema.target.classes[0].__class__(v) for v in values]
    given = Origin("variable", ("given[0]", "given[1]"))
    predicted = decoded(schema, "image_classification", given, (x, values))
    assert predicted.tolist() == expected


# --- what task="auto" makes of them


def table(y: Any) -> Schema:
    frame = pd.DataFrame({"size": np.arange(len(y)), "y": y})
    return SOURCES.get("frame").describe(frame, "y", ())


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (pd.Categorical([1, 2, 3] * 20), "classification"),
        (pd.Categorical([1.5, 2.5] * 30), "classification"),
        (pd.Categorical(list(range(30)) * 3), "classification"),
        ([0, 1, None] * 20, "classification"),
        ([0.0, 1.0, 2.0] * 20, "classification"),
        (list(map(float, range(20))) * 3, "classification"),
        (list(map(float, range(21))) * 3, "regression"),
        ([0.5, 1.0] * 30, "regression"),
        ([0, 1] * 30, "classification"),
        ([0, 1] * 30 + [2], "regression"),
        ([0.0, 1.0] * 30 + [2.0, 2.0], "regression"),
        (["a", "b"] * 30 + ["c"], "classification"),
        ([True] * 30 + [False], "classification"),
        (pd.Categorical([1, 2] * 30 + [3]), "classification"),
    ],
)
def test_auto_tells_classes_from_a_quantity(y: Any, kind: str) -> None:
    assert propose(table(y)) == f"tabular_{kind}"


@pytest.mark.parametrize(
    ("y", "offered"),
    [
        ([0, 1] * 30 + [2], True),
        ([0.5, 1.5] * 30 + [2.5], True),
        (["a", "b"] * 30 + ["c"], False),
        (list(range(1001)), True),
        ([f"id {row}" for row in range(1001)], False),
    ],
)
def test_regression_is_offered_where_it_fits(y: list[Any], offered: bool) -> None:
    with pytest.raises(DataError, match="lasses") as caught:
        TASKS.get("tabular_classification").check(table(y))
    assert ('task="tabular_regression"' in str(caught.value)) is offered


@pytest.mark.parametrize("y", [[0] * 6, [0, 1] * 30 + [2], list(range(1001))])
@pytest.mark.parametrize("kind", ["image", "text"])
def test_labels_of_arrays_are_called_y(kind: str, y: list[int]) -> None:
    x = {"image": np.zeros((len(y), 2, 2)), "text": ["some text"] * len(y)}[kind]
    _, source = source_for((x, y))
    schema = source.describe((x, y), None, ())
    with pytest.raises(DataError, match=r" y[.] ") as caught:
        TASKS.get(f"{kind}_classification").check(schema)
    assert "None" not in str(caught.value)
    assert (f'task="{kind}_regression"' in str(caught.value)) is (len(set(y)) > 1)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([3, 4, 8] * 10, "classification"),
        (["a", "b", "c"] * 10, "classification"),
        (list(range(100)) * 3, "classification"),
        (list(range(100)) * 2, "regression"),
        (list(range(1, 100)) * 3, "regression"),
        ([0.5, 1.5] * 15, "regression"),
    ],
)
@pytest.mark.parametrize("samples", ["image", "text"])
def test_auto_tells_codes_from_a_quantity(samples: str, y: Any, kind: str) -> None:
    x = {"image": np.zeros((len(y), 2, 2)), "text": ["some text"] * len(y)}[samples]
    _, source = source_for((x, y))
    assert propose(source.describe((x, y), None, ())) == f"{samples}_{kind}"


# --- which splits keep every class in train


def counted(counts: list[int]) -> Schema:
    names = tuple(f"class {number}" for number in range(len(counts)))
    target = Target("y", "str", names, tuple(counts), len(counts), dtype="object")
    return Schema("frame", (), sum(counts), (), None, "", target, "", 0)


def every_class_is_trained(
    counts: list[int], validation: float, test: float, seeds: int
) -> bool:
    """Whether the generated split works with each of some seeds."""
    schema = counted(counts)
    classes = len(counts)
    rows = sum(counts)
    sizes = [max(round(rows * share), classes) for share in (validation, test)]
    assert len(schema.target.counts or ()) == classes
    code = split_code(Split(*sizes), "given", stratified=True)
    text = compile("\n".join([*code.imports, code.source]), "split", "exec")
    given = np.repeat(np.arange(classes), counts)
    for seed in range(seeds):
        left = {"given": given, "SEED": seed}
        try:
            exec(text, left)
        except ValueError:
            return False
        if len(np.unique(given[left["train_rows"]])) < classes:
            return False
    return True


@pytest.mark.parametrize(
    ("counts", "validation", "test"),
    [([3, 97], 0.2, 0.5), ([3, 3, 30], 0.2, 0.5), ([3, 3, 3, 91], 0.49, 0.3)],
)
def test_a_split_that_loses_a_class_is_refused(
    counts: list[int], validation: float, test: float
) -> None:
    assert not every_class_is_trained(counts, validation, test, 20)
    with pytest.raises(SearchError, match=r"Expected .*validation_split=.*Type") as e:
        split_sizes(counted(counts), validation, test, len(counts))
    assert e.value.field == "validation_split"
    assert "'class 0' (str) with 3 of" in str(e.value)


def accepted(counts: list[int], validation: float, test: float) -> bool:
    try:
        split_sizes(counted(counts), validation, test, len(counts))
    except SearchError:
        return False
    return True


def test_an_accepted_split_trains_on_every_class() -> None:
    """Brute force: over many counts and shares, no seed loses a class or fails."""
    draw = random.Random(0)
    taken = wrongly_refused = 0
    for _ in range(150):
        counts = [
            draw.choice([3, 3, 4, 5, 8, 30, 97]) for _ in range(draw.randint(2, 5))
        ]
        validation, test = (draw.choice([0.05, 0.2, 0.3, 0.4, 0.5]) for _ in range(2))
        if sum(counts) * (1 - validation - test) < len(counts):
            continue
        works = every_class_is_trained(counts, validation, test, 8)
        if accepted(counts, validation, test):
            taken += 1
            assert works, (counts, validation, test)
        else:
            wrongly_refused += works
    assert taken > 30
    assert wrongly_refused < 10, wrongly_refused


def test_three_rows_a_class_do_with_the_default_shares() -> None:
    draw = random.Random(1)
    for _ in range(2000):
        most = draw.choice([3, 4, 6, 40])
        counts = [draw.randint(3, most) for _ in range(draw.randint(2, 40))]
        assert accepted([3, *counts], 0.2, 0.2), counts
