"""A history behaves as the list of dicts that it stands for."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_automl.record.history import History

NAMES = ["loss", "val_loss", "acc", "seconds"]
EPOCHS = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.floats(allow_nan=False), min_size=1),
    max_size=12,
)


@given(EPOCHS, st.slices(12))
def test_it_is_the_list_of_what_was_appended(epochs: list[Any], part: slice) -> None:
    history = History(epochs)
    assert history == epochs and history == History(epochs)
    assert list(history) == [history[place] for place in range(len(epochs))] == epochs
    assert [history[-place] for place in range(1, len(epochs) + 1)] == epochs[::-1]
    assert history[part] == epochs[part]
    assert len(history) == len(epochs) and bool(history) == bool(epochs)
    assert history != [*epochs, {"loss": 0.0}]
    assert repr(history) == repr(list(history))
    for place in (len(epochs), -len(epochs) - 1):
        with pytest.raises(IndexError):
            history[place]


@given(EPOCHS)
def test_a_column_has_a_number_an_epoch(epochs: list[Any]) -> None:
    history = History(epochs)
    assert {*history.names} == {name for epoch in epochs for name in epoch}
    for name in [*NAMES, "never"]:
        expected = [epoch.get(name, math.nan) for epoch in epochs]
        assert repr(list(history.column(name))) == repr(expected)


@given(EPOCHS)
def test_its_table_makes_it_again(epochs: list[Any]) -> None:
    history = History(epochs)
    made = History.of(history.table())
    assert made == epochs
    made.append({"new": 1.0})
    assert made == [*epochs, {"new": 1.0}]
    assert history == epochs


@given(EPOCHS, EPOCHS, EPOCHS)
def test_a_copy_and_what_it_was_taken_of_go_different_ways(
    before: list[Any], here: list[Any], there: list[Any]
) -> None:
    history = History(before)
    first, second = history.copy(), copy.deepcopy(history)
    third = first.copy()
    for epoch in here:
        history.append(epoch)
    assert first == second == third == before
    for epoch in there:
        first.append(epoch)
    assert history == before + here
    assert first == before + there
    assert second == third == before
    assert pickle.loads(pickle.dumps(second)) == before
    assert History.of(third.table()) == before


def test_what_is_missing_is_not_nan() -> None:
    history = History([{"loss": math.nan}, {"acc": 1.0}, {"loss": 2.0, "acc": 3.0}])
    assert [list(epoch) for epoch in history] == [["loss"], ["acc"], ["loss", "acc"]]
    assert math.isnan(history[0]["loss"])
    assert not hasattr(history, "__dict__")


def test_half_a_row_is_no_history() -> None:
    table = History([{"loss": 1.0, "acc": 2.0}]).table()
    table.values.pop()
    with pytest.raises(ValueError, match="rows of 2"):
        History.of(table)
