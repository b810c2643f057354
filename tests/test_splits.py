"""Laws of every split: whose rows are where, whatever the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import notebook_automl as automl
from notebook_automl.errors import AutoMLError
from notebook_automl.tasks._split import split_code
from notebook_automl.tasks._task import Split

SEEDS = st.integers(0, 2**16)
FOLDS = st.integers(2, 6)


def drawn(split: Split, stratified: bool, seed: int, **values: Any) -> dict[str, Any]:
    """What the code of a split leaves."""
    code = split_code(split, "labels", stratified)
    namespace: dict[str, Any] = {"SEED": seed, **values}
    exec("\n".join([*code.imports, code.source]), namespace)
    return namespace


def sets(left: dict[str, Any]) -> list[list[Any]]:
    """Training, validation and test rows of each fold, or of the one split."""
    folds = left.get("folds") or [(left["train_rows"], left["validation_rows"])]
    return [[train, validation, left["test_rows"]] for train, validation in folds]


def assert_apart(left: dict[str, Any], rows: int, whole: bool = True) -> None:
    """No row is in two sets; unless it is split by time, each row is in one."""
    for parts in sets(left):
        together = np.concatenate(parts)
        assert len(set(together)) == len(together)
        assert all(len(part) for part in parts)
        if whole:
            assert sorted(together) == list(range(rows))
    if "folds" in left:
        validated = np.concatenate([validation for _, validation in left["folds"]])
        assert len(set(validated)) == len(validated)
        if whole:
            assert sorted(validated) == sorted(left["rows"])


def assert_every_class(left: dict[str, Any], labels: Any) -> None:
    for train, _, _ in sets(left):
        assert set(labels[train]) == set(labels)


@settings(max_examples=40)
@given(st.lists(st.integers(6, 30), min_size=2, max_size=5), FOLDS, SEEDS)
def test_folds_of_classes(counts: list[int], folds: int, seed: int) -> None:
    """Disjoint and complete, every class in each training set, in equal shares."""
    labels = np.repeat(np.arange(len(counts)), counts)
    rows, test = len(labels), len(labels) // 5
    split = Split(0, test, rows, folds=folds)
    # What cannot be is told before, see below.
    assume(max(counts) * (rows - test) // rows >= folds)
    left = drawn(split, True, seed, labels=labels)
    assert_apart(left, rows)
    assert_every_class(left, labels)
    assert len(left["test_rows"]) == test and len(left["folds"]) == folds
    for label in set(labels):
        each = [int((labels[v] == label).sum()) for _, v in left["folds"]]
        assert max(each) - min(each) <= 1
    again = drawn(split, True, seed, labels=labels)
    assert [list(t) for t, _ in again["folds"]] == [list(t) for t, _ in left["folds"]]


@settings(max_examples=25)
@given(st.integers(20, 90), FOLDS, SEEDS)
def test_folds_of_numbers(rows: int, folds: int, seed: int) -> None:
    left = drawn(
        Split(0, rows // 5, rows, folds=folds), False, seed, labels=range(rows)
    )
    assert_apart(left, rows)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=9, max_size=25),
    st.sampled_from([0, 2, 3]),
    st.booleans(),
    SEEDS,
)
def test_groups_never_cross(
    groups: list[tuple[int, int]], folds: int, stratified: bool, seed: int
) -> None:
    """Groups of any size; those of one class as well as mixed ones."""
    names = np.repeat(
        [f"group {n}" for n in range(len(groups))], [g[0] for g in groups]
    )
    labels = np.repeat([g[1] for g in groups], [g[0] for g in groups])
    labels[::3] = (labels[::3] + 1) % 3
    count, rows = len(groups), len(labels)
    split = Split(
        0 if folds else 2, 2, rows, folds=folds, groups="groups", group_count=count
    )
    try:
        left = drawn(split, stratified, seed, labels=labels, groups=names)
    except ValueError as error:  # the code refuses what cannot be learned from
        assume("Expected every class" not in str(error))
        raise
    assert_apart(left, rows)
    for parts in sets(left):
        found = [set(names[part]) for part in parts]
        assert not (found[0] & found[1] or found[0] & found[2] or found[1] & found[2])
    if stratified:
        assert_every_class(left, labels)
    if not folds and not stratified:
        assert len(set(names[left["test_rows"]])) == 2


@settings(max_examples=40)
@given(st.integers(24, 80), st.sampled_from([0, 2, 4]), SEEDS)
def test_time_goes_on(rows: int, folds: int, seed: int) -> None:
    """What is validated is later than what teaches it; the test is the last of all."""
    times = np.random.default_rng(seed).integers(0, rows // 2, rows)
    split = Split(0 if folds else 5, 4, rows, folds=folds, times="times")
    left = drawn(split, False, seed, labels=times, times=times)
    assert_apart(left, rows, whole=not folds)
    for train, validation, test in sets(left):
        assert times[train].max() <= times[validation].min()
        assert times[validation].max() <= times[test].min()
    assert len(left["test_rows"]) == 4


@settings(max_examples=30)
@given(
    st.integers(0, 12),
    st.integers(0, 12),
    st.sampled_from(["", "times"]),
    st.booleans(),
)
def test_sets_of_ones_own_are_kept(
    validation: int, test: int, times: str, stratified: bool
) -> None:
    assume(validation or test)
    first = 40
    rows = first + validation + test
    labels = np.arange(rows) % 3
    split = Split(
        0 if validation else 8, 0 if test else 6, rows, (validation, test), times=times
    )
    left = drawn(split, stratified, 0, labels=labels, times=np.arange(first)[::-1])
    assert_apart(left, rows)
    if validation:
        own = range(first, first + validation)
        assert list(left["validation_rows"]) == list(own)
    if test:
        assert list(left["test_rows"]) == list(range(first + validation, rows))


def test_a_class_that_is_lost_is_told() -> None:
    """One group holds all of a class: wherever it goes, two sets lack it."""
    labels, groups = np.array([0, 0, 1, 1] * 5), np.repeat(np.arange(5), 4)
    labels[:4], labels[4:] = 2, labels[4:] % 2
    split = Split(1, 1, 20, groups="groups", group_count=5)
    lost = 0
    for seed in range(8):
        try:
            left = drawn(split, True, seed, labels=labels, groups=groups)
        except ValueError as error:
            assert "every class" in str(error) and "got 2 of 3" in str(error)
            lost += 1
        else:
            assert_every_class(left, labels)
    assert lost


def table(rows: int = 60) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(rows, 3)), columns=["a", "b", "c"])
    frame["site"] = [f"site {n % 12}" for n in range(rows)]
    frame["day"] = pd.date_range("2026-01-01", periods=rows)[::-1]
    frame["label"] = np.where(frame["a"] > 0, "yes", "no")
    return frame


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"folds": 1}, "folds", ["from 2 to 100", "1 (int)", "folds=5"]),
        ({"folds": 2.5}, "folds", ["2.5 (float)"]),
        ({"folds": 60}, "folds", ["60 rows", "fewer folds"]),
        ({"folds": 40}, "folds", ["40 rows or more", "fewer folds"]),
        ({"target": "rare", "folds": 2, "test_split": 0.5}, "folds", ["'b' (str)"]),
        ({"group": "sit"}, "group", ["'sit' (str)", "Did you mean 'site'"]),
        ({"group": ["site"]}, "group", ["['site'] (list)", "'site', 'day'"]),
        ({"group": 2.5}, "group", ["2.5 (float)", 'group="site"']),
        ({"time": "site"}, "time", ["'site'", "pandas.to_datetime"]),
        ({"time": "label"}, "time", ["'label' (str)", "beside the target"]),
        ({"group": "site", "time": "day"}, "group", ["'site'", "'day'", "Leave out"]),
        (
            {"group": "few", "folds": 5},
            "folds",
            ["4 groups", "fewer folds"],
        ),
        (
            {"folds": 3, "validation_data": table(9)},
            "validation_data",
            ["folds=3", "Leave out one"],
        ),
        ({"validation_data": 3}, "validation_data", ["DataFrame", "3 (int)"]),
        (
            {"test_data": table(9).drop(columns="b")},
            "test_data",
            ["without 'b'", "Add them"],
        ),
        (
            {"test_data": table(9).assign(label=None)},
            "test_data",
            ["labels in test_data", "9 rows"],
        ),
        ({"group": "holes"}, "group", ["20 missing", "'holes'"]),
    ],
)
def test_what_cannot_split_is_told(
    fields: dict[str, Any], field: str, words: list[str]
) -> None:
    frame = table()
    frame["rare"] = ["b"] * 3 + ["a"] * (len(frame) - 3)
    frame["few"] = [n % 4 for n in range(len(frame))]
    frame["holes"] = [None if n % 3 == 0 else "x" + str(n) for n in range(len(frame))]
    for name in ("validation_data", "test_data"):
        if isinstance(fields.get(name), pd.DataFrame) and field == name:
            given = fields[name]
            fields = {**fields, name: given.assign(few=0, holes="x", rare="a")}
    with pytest.raises(AutoMLError) as caught:
        search = automl.Search(frame, **{"target": "label"} | fields)
        search.description(search.schema())
    assert caught.value.field == field
    for word in words:
        assert word in str(caught.value)
