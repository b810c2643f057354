"""The form's line of Python says what the form holds, and is read back as that."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_automl import Search, SearchError
from notebook_automl.ui import candidates, form, options

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.fixed_dictionaries(
    {"data": st.sampled_from(["df", "(x, y)", "größe"])},
    optional={
        "target": TEXTS | st.integers(0, 10**6),
        "minutes": st.floats(0.01, 1e6) | st.integers(1, 1000),
        "trials": st.integers(1, 1000),
        "name": TEXTS,
        "seed": st.integers(0, 2**32 - 1),
        "task": st.sampled_from(["tabular_regression", "image_classification"]),
    },
)


def different(values: dict[str, Any]) -> dict[str, Any]:
    """What is not a default: the line leaves those out."""
    return {
        name: value
        for name, value in values.items()
        if name == "data" or value != form.FIELDS[name].default
    }


@given(VALUES)
def test_the_line_is_read_back_as_the_form(values: dict[str, Any]) -> None:
    source = form.new_cell(values, "automl", known=False)
    ast.parse(source)
    assert form.read(source) == (different(values), {})


@given(VALUES, VALUES, TEXTS)
def test_a_form_rewrites_its_call_and_nothing_else(
    old: dict[str, Any], new: dict[str, Any], remark: str
) -> None:
    remark = " ".join(remark.split())
    if not remark.isprintable():
        remark = "ü"
    around = f"# {remark}\nresult = {{}}.start(detach=False)  # {remark}\nresult"
    before = around.replace("{}", form.call(old, "automl"))
    after = around.replace("{}", form.call(new, "automl"))
    assert form.written(before, new) == after


def test_a_call_may_stand_over_several_lines_and_be_imported_by_its_name() -> None:
    source = 'é = 1; run = Search(\n    df,  # mine\n    target="ü",\n).start()\n'
    assert form.read(source) == ({"data": "df", "target": "ü"}, {})
    assert form.written(source, {"data": "df", "trials": 3}) == (
        "é = 1; run = Search(df, trials=3).start()\n"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("run = ", "line 1"),
        ("run = 1", "without it"),
        ("", "without it"),
    ],
)
def test_a_cell_without_a_search_is_told_as_such(source: str, said: str) -> None:
    with pytest.raises(SearchError, match=said):
        form.read(source)


def test_what_only_the_cell_can_evaluate_stays_as_it_stands() -> None:
    source = "run = Search(df.dropna(), minutes=2 * n, trials=4, **more).start()"
    values, errors = form.read(source)
    assert not errors
    assert values == {
        "data": "df.dropna()",
        "minutes": "2 * n",
        "trials": 4,
        "**": "more",
    }
    assert form.literals(values) == {"trials": 4}
    assert form.written(source, values | {"seed": 3}) == (
        "run = Search(df.dropna(), minutes=2 * n, trials=4, seed=3, **more).start()"
    )


def test_what_is_spread_into_the_call_is_kept_or_refused() -> None:
    source = "Search(df, seed=1, **one, **two)"
    values, errors = form.read(source)
    assert not errors
    assert form.written(source, values | {"seed": 2}) == (
        "Search(df, seed=2, **one, **two)"
    )
    _, errors = form.read("Search(df, *rest)")
    assert "'*'" in errors[""]


def test_an_option_that_is_none_is_told() -> None:
    _, errors = form.read("Search(df, epoch=3)")
    assert "Did you mean 'epochs'?" in errors[""]


@pytest.mark.parametrize(
    "source",
    [
        "%time run = automl.Search(df, trials=4).start()",
        "%%time\nrün = automl.Search(df, trials=4).start()\nrün",
        "!ls -l\n%pip list\nautoml.Search(df, trials=4)  # 10 %",
        "x = (7\n% 4)\nautoml.Search(df, trials=4)",
    ],
)
def test_magics_stand_beside_a_search(source: str) -> None:
    assert form.read(source) == ({"data": "df", "trials": 4}, {})
    new = form.written(source, {"data": "df", "trials": 5})
    assert new == source.replace("trials=4", "trials=5")


def test_variables_are_listed_with_shape_and_types() -> None:
    class Odd:
        """Has no shape."""

        def __array__(self) -> None: ...

    class ModelInput(Odd):
        """As Keras's own, which generated code leaves in a notebook."""

        shape = (None, 8, 8)

    names = {
        "df": pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
        "x": np.zeros((5, 8, 8)),
        "y": np.zeros(5, dtype=int),
        "other": np.zeros(7),
        "scalar": np.float64(1),
        "odd": Odd(),
        "inputs": ModelInput(),
        "_hidden": pd.DataFrame({"a": [1]}),
        "Frame": pd.DataFrame,
        "pair": (np.zeros((3, 4, 4)), np.zeros(3)),
        "lists": ({"text": ["so", "many"] * 999}, {"kind": [True, False] * 999}),
    }
    found = {choice.value: choice.detail for choice in candidates.variables(names)}
    assert list(found) == ["df", "pair", "lists", "(x, y)"]
    assert found["lists"] == "text: 1,998 values; kind: 1,998 values"
    assert found["df"].startswith("table 2 x 2: 1 float64, 1 ")
    assert found["(x, y)"] == "array 5 x 8 x 8, float64; array 5, int64"
    for expression in found:
        data = candidates.evaluate(expression, names)
        Search(data)
    assert candidates.evaluate("(x, y)", names)[1] is names["y"]


@pytest.mark.parametrize("expression", ["nothing", "df[0]", "f()", "1", "(", "(x, 1)"])
def test_only_names_are_looked_up(expression: str) -> None:
    with pytest.raises(SearchError) as caught:
        candidates.evaluate(expression, {"x": 1})
    assert caught.value.field == "data"


def test_every_field_of_a_search_is_in_the_form_with_its_own_error() -> None:
    table = pd.DataFrame({"a": [1.0], 7: ["x"]})
    listed = form.form_fields(table, "auto", [candidates.Choice("df", "df")])
    # Further data and functions are typed in the cell.
    typed = {"validation_data", "test_data", "callbacks"}
    assert {field["name"] for field in listed} == set(form.FIELDS) - typed
    by_name = {field["name"]: field for field in listed}
    assert [c["value"] for c in by_name["target"]["choices"]] == ["a", 7]
    assert by_name["minutes"]["kind"] == "float"
    assert by_name["trials"]["kind"] == "int"
    assert "tpe" in [c["value"] for c in by_name["tuner"]["choices"]]
    errors = form.check({"minutes": -1, "epochs": "many", "tuner": "tpee", "seed": 1})
    assert set(errors) == {"minutes", "epochs", "tuner"}
    assert "Did you mean 'tpe'?" in errors["tuner"]


def test_sets_of_ones_own_stay_in_the_cell() -> None:
    """The form does not draw them, and writes them back as they were typed."""
    source = 'run = automl.Search(df, validation_data=late, group="site").start()'
    values, errors = form.read(source)
    assert not errors and form.check(values) == {}
    assert form.written(source, values | {"trials": 3}) == (
        'run = automl.Search(df, trials=3, group="site", validation_data=late).start()'
    )


def test_without_data_there_is_no_line() -> None:
    assert form.line({"minutes": 3}) == ""
    assert form.line({"data": "df"}) == "automl.Search(df).start()"


@given(
    st.dictionaries(TEXTS, st.integers() | TEXTS | st.lists(TEXTS, max_size=2)) | TEXTS
)
def test_what_is_typed_as_a_literal_comes_back_as_it_was(value: Any) -> None:
    for name in ("space", "class_weight", "graph"):
        text = options.shown({name: value})[name]
        assert isinstance(text, str) and "\n" not in text
        assert options.typed(name, text) == value


def test_what_a_form_cannot_carry_is_left_out_and_an_expression_stays() -> None:
    names = [field["name"] for field in form.form_fields(None, "auto", [])]
    assert "callbacks" not in names and {"space", "loss", "graph"} <= set(names)
    source = "Search(df, callbacks=[Mine], loss=mine, space={'a': 1})"
    values, errors = form.read(source)
    assert errors == {}
    assert options.shown(values) == {**values, "space": '{"a": 1}'}
    assert form.written("Search()", values) == (
        'Search(df, loss=mine, callbacks=[Mine], space={"a": 1})'
    )
