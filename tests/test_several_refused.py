"""What cannot be several inputs and outputs, and the forms that their rows have."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import notebook_automl as automl
from notebook_automl.data._source import SOURCES
from notebook_automl.errors import DataError, SearchError, UnknownNameError
from notebook_automl.source.part_names import part_names

SEVERAL = SOURCES.get("several")


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
    "a set without labels": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"validation_data": ({"photo": images()}, None)},
        "validation_data",
        r"validation_data to be a pair \(x, y\) like the data",
    ),
    "a set with other labels": (
        ({"photo": images()}, {"kind": [0, 1] * 6}),
        {"test_data": ({"photo": images()}, {"kind": ["a", "b"] * 6})},
        "test_data",
        r"test_data with values of int64, as in the data, got <U1 \(list\)",
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
