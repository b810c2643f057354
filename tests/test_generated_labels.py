"""Whatever a person calls columns and labels, the program learns and decodes these."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import Oracle

from notebook_automl.data._source import Origin, source_for
from notebook_automl.source.program import assemble
from notebook_automl.tasks._task import TASKS, split_sizes

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=0, max_size=12
)
_HOSTILE = [
    "",
    "it's",
    '"""',
    "back\\slash\\",
    "line\nbreak",
    "{braces} %s {0}",
    "</script><script>",
    "line\u2028separator",
    "\u202egnirts",
    "名前",
    '"); import os; os.abort() #',
    "# %% build",
]
_TEXTS = st.sampled_from(_HOSTILE) | _TEXT
_LABELS = (
    st.lists(_TEXTS, min_size=2, max_size=5, unique=True)
    | st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=5, unique=True)
    | st.just([True, False])
)


def cells(table: pd.DataFrame, target: str, task_name: str) -> Any:
    """The program's cells that do not need Keras, and the schema."""
    _, source = source_for(table)
    schema = source.describe(table, target, ("table",))
    task = TASKS.get(task_name)
    task.check(schema)
    split = split_sizes(schema, 0.2, 0.2, task.classes(schema))
    parts = {
        "setup": source.load_code(schema, Origin("variable", ("table",))),
        "load": source.load_code(schema, Origin("variable", ("table",))),
        "split": task.split(schema, split),
        "prepare": task.prepare(schema),
        "predict": task.predict(schema),
    }
    return assemble(parts, {}), schema


@settings(max_examples=60)
@given(
    column=_TEXTS,
    target=_TEXTS,
    labels=_LABELS,
    categories=st.lists(_TEXTS, min_size=2, max_size=4, unique=True),
)
@example("a", "b", ["1", "01"], ["x", "missing"])
@example("TARGET", "NUMERIC", ["frame", "CLASSES"], ["True", "False"])
def test_decodes_to_that_very_label(
    column: str, target: str, labels: list[Any], categories: list[str]
) -> None:
    if target in (column, "size"):
        target += "2"
    if column == "size":
        column += "2"
    rows = 6 * len(labels)
    table = pd.DataFrame(
        {
            "size": np.arange(rows) % 7,
            column: [categories[row % len(categories)] for row in range(rows)],
            target: [labels[row % len(labels)] for row in range(rows)],
        }
    )
    program, schema = cells(table, target, "tabular_classification")
    classes = list(schema.target.classes)
    assert sorted(classes, key=repr) == sorted(labels, key=repr)
    codes = [classes.index(label) for label in table[target]]
    namespace: dict[str, Any] = {"table": table, "SEED": 0}
    for cell in ("setup", "split", "prepare", "predict"):
        namespace["keras"] = __import__("keras")
        namespace["model"] = Oracle(codes, len(labels))
        exec(compile(program[cell], cell, "exec"), namespace)
    assert list(namespace["labels"]) == codes
    decoded = namespace["predict"](table)
    assert decoded.tolist() == table[target].tolist()
    assert {type(label) for label in decoded.tolist()} == {type(labels[0])}
    # One-hot columns tell each category apart.
    prepared = namespace["prepare"](table)
    known = table.assign(code=[tuple(row) for row in prepared])
    assert known.groupby("code")[column].nunique().max() == 1
    assert known.groupby([column, "size"], dropna=False)["code"].nunique().max() == 1


@settings(max_examples=25)
@given(
    values=st.lists(
        st.none() | st.floats(width=32) | st.booleans() | st.integers(-5, 5),
        min_size=12,
        max_size=24,
    )
)
def test_prepares_any_column_to_finite_numbers(values: list[Any]) -> None:
    table = pd.DataFrame(
        {
            "size": np.arange(len(values)) % 5,
            "odd": pd.Series(values, dtype=object),
            "target": np.linspace(0, 9, len(values)),
        }
    )
    program, _ = cells(table, "target", "tabular_regression")
    namespace: dict[str, Any] = {"table": table, "SEED": 0}
    for cell in ("setup", "split", "prepare"):
        exec(compile(program[cell], cell, "exec"), namespace)
    for name in ("x_train", "x_validation", "x_test"):
        assert namespace[name].dtype == np.float32
        assert np.isfinite(namespace[name]).all()
