"""The data of a search together with the weights of their rows."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.api import splitting
from notebook_automl.api.names import names_of
from notebook_automl.data import _weights
from notebook_automl.data._files import TableFile, path_of_file
from notebook_automl.data._pairs import count_of
from notebook_automl.data._source import SOURCES, source_for
from notebook_automl.errors import SearchError, UnknownNameError, nearest, received
from notebook_automl.record.schema import Schema, Weight

if TYPE_CHECKING:
    from numpy.typing import NDArray


def described(data: Any, target: Any, sample_weight: Any) -> Schema:
    """Look at the data; a column of weights is none that is learned from.

    Args:
        data: What `Search` was given.
        target: The column to learn, or None.
        sample_weight: A column's name, an array with a number a row, or None.

    Raises:
        DataError: Data that cannot be searched.
        SearchError: Weights that cannot be.
    """
    variables = names_of(data)
    data = in_memory(data, sample_weight)
    _, source = source_for(data)
    if sample_weight is None:
        return source.describe(data, target, variables)
    column = _column(data, sample_weight)
    of_column = column is not None
    learned = data.drop(columns=[column]) if of_column else data
    schema = source.describe(learned, target, variables)
    weights = array(data, target, sample_weight)
    names = () if of_column else names_of(sample_weight)
    if not of_column:
        variables = (*variables, *names) if variables and names else ()
    told = Weight(column, _weights.fingerprint(weights))
    return replace(schema, weight=told, variables=variables)


def schema_of(search: Any) -> Schema:
    """Look at the data of a search, weights included.

    Args:
        search: A `Search`.

    Raises:
        DataError: Data that cannot be searched.
        SearchError: Weights that cannot be.
    """
    if search.sample_weight is None:
        return splitting.schema_of(search)
    for name in ("group", "time", "validation_data", "test_data"):
        if getattr(search, name) is not None:
            raise SearchError(
                f"Expected sample_weight or {name}, got both. Leave out one of them.",
                field="sample_weight",
            )
    return described(search.data, search.target, search.sample_weight)


def save_data(search: Any, schema: Schema, folder: Path) -> None:
    """Copy the data of a search, weights included.

    Args:
        search: A `Search`.
        schema: From `schema_of`.
        folder: Where to.
    """
    if schema.weight is None:
        splitting.save_data(search, schema, folder)
        return
    data, weight = search.data, search.sample_weight
    SOURCES.get(schema.source).save(in_memory(data, weight), schema, folder)
    _weights.save(array(data, search.target, weight), folder)


def in_memory(data: Any, sample_weight: Any) -> Any:
    """The data; the table of a file, if its rows are to be weighed.

    Args:
        data: What `Search` was given.
        sample_weight: As there.
    """
    if sample_weight is None or not isinstance(data, str | os.PathLike):
        return data
    _, source = source_for(data)
    if not isinstance(source, TableFile):
        raise _refused("weights of data in memory, or of a table's file", data)
    return source.table(path_of_file(data))


def array(data: Any, target: Any, sample_weight: Any) -> NDArray[Any]:
    """The weights of the rows that have a label, as float32.

    Args:
        data: What `Search` was given.
        target: The column to learn, or None.
        sample_weight: A column's name, or an array.

    Raises:
        SearchError: Not a finite number from 0 for each row, or all are 0.
    """
    import numpy as np

    data = in_memory(data, sample_weight)
    column = _column(data, sample_weight)
    given = sample_weight if column is None else data[column]
    rows = count_of(data[0]) if target is None else len(data)
    try:
        weights = np.asarray(given, dtype="float32")
    except (TypeError, ValueError):
        raise _refused("numbers", given) from None
    if weights.shape != (rows,):
        raise _refused(f"one number for each of {rows} rows", given)
    if target is not None:
        names = target if isinstance(target, list | tuple) else [target]
        weights = weights[data[[*names]].notna().all(axis=1).to_numpy()]
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise _refused("finite numbers from 0, not all of them 0", given)
    return weights


def _column(data: Any, sample_weight: Any) -> Any:
    """The column that is meant; None for an array."""
    if not isinstance(sample_weight, str | int):
        return None
    columns = list(getattr(data, "columns", ()))
    if sample_weight not in columns or isinstance(sample_weight, bool):
        raise SearchError(
            f"Expected an array, or the name of a column of the table, "
            f"{received(sample_weight)}.{nearest(sample_weight, columns)}",
            field="sample_weight",
        )
    return sample_weight


def _refused(expected: str, given: Any) -> SearchError:
    return SearchError(
        f"Expected sample_weight to hold {expected}, {received(given)}. Type "
        "sample_weight=None to let all rows count the same.",
        field="sample_weight",
    )


def class_weight(given: Any, schema: Schema, classes: int) -> Any:
    """How much the rows of each class count.

    Args:
        given: "balanced", or a dictionary from labels to numbers; None weighs none.
        schema: The data.
        classes: How many classes the task learns; 1 for numbers.

    Returns:
        "balanced", pairs of a label and its weight for all classes, or None.

    Raises:
        SearchError: No such label, no such weight, or no classes.
    """
    if given is None:
        return None
    labels = schema.target.classes or ()
    if classes < 2 or len(labels) != classes:
        raise SearchError(
            f"Expected a task with classes for class_weight, {received(given)} for "
            "numbers. Type sample_weight= instead.",
            field="class_weight",
        )
    if isinstance(given, str) and given == "balanced":
        return given
    if not isinstance(given, Mapping):
        raise SearchError(
            f'Expected class_weight to be "balanced" or a dictionary from labels to '
            f"numbers, {received(given)}. Type class_weight={{{labels[0]!r}: 2.0}}.",
            field="class_weight",
        )
    weights = dict.fromkeys(labels, 1.0)
    for label, weight in given.items():
        plain = label.item() if hasattr(label, "item") else label
        if plain not in weights or isinstance(plain, bool) != isinstance(
            labels[0], bool
        ):
            raise UnknownNameError(
                f"Expected labels of the target in class_weight, {received(label)}."
                f"{nearest(label, labels)} There are: "
                f"{', '.join(map(repr, labels[:20]))}.",
                field="class_weight",
            )
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight < math.inf:
            raise SearchError(
                f"Expected a number from 0 as the weight of {plain!r}, "
                f"{received(weight)}. Type class_weight={{{plain!r}: 2.0}}.",
                field="class_weight",
            )
        weights[plain] = float(weight)
    return [[label, weight] for label, weight in weights.items()]
