"""The data as a search sees them: with what the person gave to split them by."""

from __future__ import annotations

from typing import Any

from notebook_automl.api.names import names_of
from notebook_automl.data._beside import (
    Beside,
    codes_of,
    in_memory,
    joined,
    own_rows,
    with_roles,
)
from notebook_automl.data._pairs import is_named, save_beside_pair
from notebook_automl.data._source import SOURCES, source_for
from notebook_automl.data.frame import measured
from notebook_automl.errors import SearchError, received
from notebook_automl.record.schema import Schema

ASIDE = ("validation_data", "test_data")
"""Fields that hold data, and are no part of a description."""


def check_splitting(search: Any) -> None:
    """Refuse what cannot say how rows are split.

    Args:
        search: A `Search`.

    Raises:
        SearchError: It is no column's name, or two fields exclude each other.
    """
    for field in ("group", "time"):
        name = getattr(search, field)
        several = isinstance(name, list | tuple) or hasattr(name, "__array__")
        named = isinstance(name, str | int) and not isinstance(name, bool)
        if name is not None and not (named or several):
            raise SearchError(
                f"Expected {field} to be the name of a column, or an array beside "
                f'arrays (x, y), {received(name)}. Type {field}="site", with the '
                "values in that column of the table.",
                field=field,
            )
    if search.folds is not None and search.validation_data is not None:
        raise SearchError(
            f"Expected either folds or a validation set, got folds={search.folds} and "
            f"validation_data ({type(search.validation_data).__name__}). Leave out one "
            "of them.",
            field="validation_data",
        )
    if search.group is not None and search.time is not None:
        raise SearchError(
            f"Expected rows to be split by group or by time, {received(search.group)} "
            f"as group and {received(search.time)} as time. Leave out one of them.",
            field="group",
        )


def schema_of(search: Any) -> Schema:
    """Look at the data of a search.

    Args:
        search: A `Search`.

    Raises:
        DataError: Data that cannot be searched.
    """
    beside = _beside(search)
    data = joined(search.data, search.target, beside)
    # Sets of one's own beside a file are read, and are then in memory.
    _, source = source_for(data)
    arrays = [(values,) for values in beside.arrays().values()]
    parts = (search.data, *beside.sets.values(), *arrays)
    names = [names_of(part) for part in parts]
    variables = tuple(n for part in names for n in part) if all(names) else ()
    read = in_memory(search.data) is not search.data
    if beside.sets and (read or is_named(search.data)):
        variables = ()
    schema = source.describe(data, search.target, variables)
    if not beside:
        return schema
    loaded = in_memory(data)
    schema = with_roles(schema, loaded, own_rows(search.target, beside), beside)
    # Columns that rows are split by are loaded as well.
    return measured(loaded, schema) if hasattr(loaded, "columns") else schema


def save_data(search: Any, schema: Schema, folder: Any) -> None:
    """Copy the data of a search.

    Args:
        search: A `Search`.
        schema: From `schema_of`.
        folder: Where to.
    """
    data = joined(search.data, search.target, _beside(search))
    SOURCES.get(schema.source).save(data, schema, folder)
    arrays = _beside(search).arrays()
    save_beside_pair(folder, {role: codes_of(arrays[role]) for role in schema.beside})


def described(search: Any) -> dict[str, Any]:
    """Groups and times as a description names them: an array by its being one.

    Args:
        search: A `Search`.
    """
    return {role: "array" for role in _beside(search).arrays()}


def _beside(search: Any) -> Beside:
    return Beside(search.group, search.time, search.validation_data, search.test_data)
