"""A space is narrowed as a person says, and what does not fit is told at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live import Starts, quick, searches
from spaces import Bench, bench

from notebook_automl import Search, SearchError, UnknownNameError
from notebook_automl.record.parameters import Parameter
from notebook_automl.tasks._limits import Fixed, check_space, fitted, limit_of
from notebook_automl.workers import space

FLOATS = Parameter("learning_rate", choices=(0.1, 0.01, 0.001), default=0.001)
WHOLE = Parameter("block/units", choices=(16, 32, 64), default=32)
NAMES = Parameter("optimizer", choices=("adam", "sgd"), default="adam")
FLAG = Parameter("block/use", choices=(False, True), default=False)
NUMBER = st.floats(1e-6, 1e6) | st.integers(1, 10**6)


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as begin:
        yield begin


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench("image_classification", tmp_path_factory.mktemp("images"))


def narrowed(ready: Bench, left: dict[str, Any]) -> Bench:
    ready.asked.search["space"] = left  # type: ignore[index]
    return ready


@given(NUMBER)
def test_numbers_that_autokeras_does_not_offer_are_taken(value: float) -> None:
    fixed = fitted(FLOATS, "learning_rate", value)
    assert fixed == Fixed(float(value)) and type(fixed.value) is float


@given(st.lists(st.integers(1, 9), min_size=2, unique=True))
def test_a_list_is_what_is_left(values: list[int]) -> None:
    left = fitted(WHOLE, "*/units", values)
    assert isinstance(left, Parameter)
    assert left.choices == tuple(values) and left.default == values[0]
    assert left.name == WHOLE.name


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 9))
def test_a_range_begins_where_autokeras_does_or_near_it(
    low: int, more: int, step: int
) -> None:
    left = fitted(WHOLE, "*", {"low": low, "high": low + more, "step": step})
    assert isinstance(left, Parameter) and left.whole and not left.choices
    assert low <= left.default <= low + more  # type: ignore[operator]
    assert (left.default - low) % step == 0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("parameter", "left"),
    [
        (FLOATS, "fast"),
        (FLOATS, True),
        (WHOLE, 2.5),
        (WHOLE, [16, "32"]),
        (FLAG, 1),
        (FLAG, {"low": 0, "high": 1}),
        (NAMES, {"low": 0, "high": 1}),
        (WHOLE, {"low": 0.5, "high": 2.5}),
    ],
)
def test_another_type_is_refused(parameter: Parameter, left: Any) -> None:
    with pytest.raises(SearchError) as refused:
        fitted(parameter, "some*", left)
    assert refused.value.field == "space" and parameter.name in str(refused.value)


def test_a_name_that_autokeras_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'adam'"):
        fitted(NAMES, "optimizer", ["adan", "sgd"])


@pytest.mark.parametrize(
    "left",
    [
        7,
        [("learning_rate", 1)],
        {3: 1},
        {"a": []},
        {"a": None},
        {"a": [[1]]},
        {"a": float("nan")},
        {"a": {"low": 1}},
        {"a": {"low": 2, "high": 1}},
        {"a": {"low": 0, "high": 1, "log": True}},
        {"a": {"low": 1, "high": 2, "steps": 1}},
        {"a": {"low": 1, "high": 2, "step": 0}},
        {"epochs": 0},
        {"batch_size": 2.5},
        {"batch_size": [16, "32"]},
    ],
)
def test_what_is_no_space_is_refused_by_the_search(left: Any) -> None:
    with pytest.raises(SearchError) as refused:
        Search(space=left)
    assert refused.value.field == "space"


@given(st.dictionaries(st.text(min_size=1), NUMBER | st.text() | st.booleans()))
def test_what_is_fixed_comes_through_json_unchanged(left: dict[str, Any]) -> None:
    assert check_space(left) == left


def test_the_first_pattern_that_matches_counts() -> None:
    left = {"image/*": 1, "*": 2}
    assert limit_of(left, "image/units") == ("image/*", 1)
    assert limit_of(left, "head/units") == ("*", 2)
    assert limit_of({"x": 1}, "head/units") is None


def test_a_person_decides_against_the_limits_of_a_task(ready: Bench) -> None:
    """Fixed values are not asked for, and stand in the code as what they are."""
    asked: list[str] = []

    def answer(parameter: Parameter) -> Any:
        asked.append(parameter.name)
        return parameter.choices[-1]

    left = {
        "image/*/kernel_size": 7,
        "image/*/filters_*": [24, 48],
        "learning_rate": 0.02,
        "epochs": [3, 7],
        "batch_size": [8, 64],
    }
    written, text = narrowed(ready, left).write(answer)
    path = "image/conv_block_1/kernel_size"
    assert written.values[path] == 7 and path not in asked
    assert "KERNEL_SIZE = 7" in text["build"] and "FILTERS_0_0 = 48" in text["build"]
    assert "LEARNING_RATE = 0.02" in text["compile"]
    assert "EPOCHS = 7\nBATCH_SIZE = 64" in text["train"]
    assert asked[:2] == ["epochs", "batch_size"]
    assert (written.epochs, written.batch_size) == (7, 64)


def test_the_schedule_of_adamw_knows_epochs_and_batch_size(ready: Bench) -> None:
    left = {"optimizer": "adam_weight_decay", "epochs": [3, 7], "batch_size": [8, 64]}
    _, text = narrowed(ready, left).write(lambda parameter: parameter.choices[0])
    steps = ready.prepared.rows // 8 * 3
    assert f"LEARNING_RATE, {steps}" in text["compile"]


def test_all_that_is_conditional_is_found(ready: Bench) -> None:
    found, fixed = space._explored(
        narrowed(ready, {}).asked, ready.prepared, lambda names: False
    )
    for path in (
        "image/image_augmentation_1/horizontal_flip",
        "image/conv_block_1/filters_2_1",
        "head/spatial_reduction_1/reduction_type",
    ):
        assert path in found
    assert fixed == {}


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ({"image/augmentt": True}, "Did you mean 'image/augment'"),
        ({"*/drop_out": 0.1}, "Did you mean '.*/dropout"),
        ({"image/normalize": "yes"}, "Expected True or False"),
    ],
)
def test_what_is_not_in_the_space_is_told_with_the_nearest_name(
    ready: Bench, left: dict[str, Any], said: str
) -> None:
    with pytest.raises(SearchError, match=said):
        space.check(narrowed(ready, left).asked, ready.prepared)


def test_a_run_searches_what_is_left(starts: Starts) -> None:
    left = {
        "table/*/num_layers": 1,
        "table/*/units_*": {"low": 5, "high": 9},
        "learning_rate": 0.01,
        "batch_size": [16, 48],
        "epochs": [2, 3],
    }
    run = starts(quick(), trials=4, space=left).wait()
    assert run.status == "completed", run
    for trial in run.state.trials.values():
        values = trial.values
        (units,) = (v for path, v in values.items() if "/units_" in path)
        assert 5 <= int(units) <= 9
        assert values["table/dense_block_1/num_layers"] == 1
        assert values["learning_rate"] == 0.01
        assert trial.epochs_trained == values["epochs"]
        source = run.trial(trial.number).source
        assert f"BATCH_SIZE = {values['batch_size']}\n" in source
    assert run.search["space"] == left


def test_a_run_ends_at_once_where_a_name_is_wrong(starts: Starts) -> None:
    run = starts(quick(), trials=1, space={"tabel/dense": 1}).wait()
    assert run.status == "failed" and not run.state.trials
    assert "'tabel/dense' (str), which matches none" in run.state.reason


def test_parameters_are_listed_before_anything_is_started(tmp_path: Path) -> None:
    search = Search(
        quick(),
        target="label",
        folder=str(tmp_path / "runs"),
        space={"batch_size": [16, 32], "optimizer": "sgd", "learning_rate": [0.1, 0.2]},
    )
    table = search.parameters()
    assert list(table.columns) == ["choices", "low", "high", "step", "log", "default"]
    assert table.loc["batch_size", "choices"] == [16, 32]
    assert table.loc["epochs", "choices"] == [50]
    assert table.loc["optimizer", "choices"] == ["sgd"]
    assert table.loc["learning_rate", "choices"] == [0.1, 0.2]
    assert "table/dense_block_1/units_2" in table.index
    assert not (tmp_path / "runs").exists()
    search.space = {"optimiser": "sgd"}
    with pytest.raises(UnknownNameError, match="Did you mean 'optimizer'") as refused:
        search.parameters()
    assert refused.value.field == "space"
