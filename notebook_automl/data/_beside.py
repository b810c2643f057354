"""What a person gives beside the data to split them: groups, times, sets of their own.

The person's own sets are joined to the data, behind them, so that all rows are loaded,
encoded and fingerprinted alike; the schema remembers how many rows each set has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from notebook_automl.data._columns import plain_name
from notebook_automl.data._pairs import count_of, holds_texts, is_named
from notebook_automl.data._source import source_for
from notebook_automl.errors import DataError, nearest, received
from notebook_automl.record.schema import Column, Schema

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Beside:
    """What stands beside the data.

    Args:
        group: The column, or the array beside a pair, whose values say which rows
            belong together; None for none.
        time: The same of when each row was.
        validation: Rows of the person's own that choose epoch and trial.
        test: Rows of the person's own that are scored once.
    """

    group: Any = None
    time: Any = None
    validation: Any = None
    test: Any = None

    def __bool__(self) -> bool:
        return any(value is not None for value in vars(self).values())

    def arrays(self) -> dict[str, Any]:
        """Groups or times that are no column's name, by role."""
        given = {"group": self.group, "time": self.time}
        return {
            role: values
            for role, values in given.items()
            if values is not None and not isinstance(values, str | int)
        }

    @property
    def sets(self) -> dict[str, Any]:
        """The person's own sets, by the field that each stands in."""
        given = {"validation_data": self.validation, "test_data": self.test}
        return {name: data for name, data in given.items() if data is not None}


def in_memory(data: Any) -> Any:
    """A table or a pair of arrays, read if it is in a file.

    Args:
        data: What a source accepts.
    """
    _, source = source_for(data)
    for read in ("table", "pair"):
        if hasattr(source, read):
            return getattr(source, read)(data)
    return data


def joined(data: Any, target: Any, beside: Beside) -> Any:
    """The data with the person's own sets behind them.

    Args:
        data: What a source accepts.
        target: The target column, or several, for a table.
        beside: What stands beside them.

    Returns:
        The same data where there are no such sets, else a table or a pair in memory.

    Raises:
        DataError: A set is not like the data.
    """
    if not beside.sets:
        return data
    data = in_memory(data)
    sets = {field: _read(field, given) for field, given in beside.sets.items()}
    if hasattr(data, "columns"):
        return _joined_tables(data, target, sets)
    return (_joined_parts if is_named(data) else _joined_pairs)(data, sets)


def own_rows(target: Any, beside: Beside) -> tuple[int, int]:
    """How many labelled rows the person's own validation and test sets have."""

    def rows(data: Any) -> int:
        if data is None:
            return 0
        data = in_memory(data)
        if not hasattr(data, "columns"):
            return count_of(data[1])
        return len(data.dropna(subset=_columns_of(target)))

    return rows(beside.validation), rows(beside.test)


def _read(field: str, data: Any) -> Any:
    """A set in memory; what is wrong with it is told of its own field."""
    try:
        return in_memory(data)
    except DataError as error:
        raise DataError(str(error), field=field) from error


def _columns_of(target: Any) -> list[Any]:
    return list(target) if isinstance(target, list | tuple) else [target]


def with_roles(
    schema: Schema, data: Any, own: tuple[int, int], beside: Beside
) -> Schema:
    """The schema that knows what rows are split by.

    Args:
        schema: Of the joined data.
        data: The joined data, in memory.
        own: From `own_rows`.
        beside: What stands beside the data.

    Raises:
        DataError: No such column, or one that rows cannot be split by.
    """
    schema = replace(schema, own=own)
    roles = {"group": beside.group, "time": beside.time}
    given = {role: name for role, name in roles.items() if name is not None}
    if not given:
        return schema
    if not hasattr(data, "columns"):
        return _with_codes(schema, given, schema.rows - sum(own))
    frame = data.dropna(subset=list(schema.target.columns))
    frame = frame.iloc[: schema.rows - sum(own)]
    columns = {column.name: column for column in schema.columns}
    for role, name in given.items():
        _check_column(role, name, list(columns))
        describe = _group if role == "group" else _time
        columns[name] = describe(frame[name], plain_name(name))
    if len({*given.values()}) < len(given):
        raise DataError(
            f"Expected group and time to be two columns, got {beside.group!r} "
            f"({type(beside.group).__name__}) for both. Leave out group.",
            field="group",
        )
    groups = 0 if beside.group is None else int(frame[beside.group].nunique())
    schema = replace(schema, columns=tuple(columns.values()), groups=groups)
    if not schema.features():
        names = ", ".join(map(repr, given.values()))
        raise DataError(
            f"Expected a column to learn from beside {names}, got none (DataFrame). A "
            "column that rows are split by is not learned from; if it should be, give "
            "it a second time under another name.",
            field="data",
        )
    return schema


def codes_of(values: Any) -> Any:
    """Groups or times as whole numbers, in order, as the generated code computes them.

    Args:
        values: One a sample.
    """
    import numpy as np

    return np.unique(np.asarray(values), return_inverse=True)[1]


def _with_codes(schema: Schema, given: dict[str, Any], rows: int) -> Schema:
    """The schema of a pair that has arrays beside it."""
    import numpy as np
    import pandas as pd

    beside, groups = {}, 0
    for role, values in given.items():
        if schema.path:
            raise DataError(
                f"Expected arrays in memory beside {role}, got the file "
                f"{schema.path!r} (str). Load it first: Search((x, y), {role}=...).",
                field=role,
            )
        if np.shape(values) != (rows,):
            raise DataError(
                f"Expected {role} with one value for each of the {rows} samples, "
                f"{received(values)} of shape {np.shape(values)}. Type {role}= with an "
                "array or a list of them.",
                field=role,
            )
        if missing := int(pd.isna(np.asarray(values, dtype=object)).sum()):
            raise DataError(
                f"Expected a {role} for each sample, got {missing} missing values "
                f"({type(values).__name__}). Fill them or leave these samples out.",
                field=role,
            )
        codes = codes_of(values)
        beside[role] = hashlib.sha256(codes.tobytes()).hexdigest()
        groups = int(codes.max()) + 1 if role == "group" else groups
    return replace(schema, beside=beside, groups=groups)


def _joined_tables(
    data: pd.DataFrame, target: Any, sets: dict[str, Any]
) -> pd.DataFrame:
    import pandas as pd

    for field, table in sets.items():
        if not isinstance(table, pd.DataFrame):
            raise DataError(
                f"Expected {field} to be a DataFrame like the data, {received(table)}. "
                f"Type {field}=df_{field.partition('_')[0]}.",
                field=field,
            )
        if absent := [name for name in data.columns if name not in table.columns]:
            raise DataError(
                f"Expected {field} with all columns of the data, got a DataFrame "
                f"without {', '.join(map(repr, absent[:10]))}. Add them; None stands "
                "for missing values.",
                field=field,
            )
        columns = [name for name in _columns_of(target) if name in table.columns]
        if columns and table.dropna(subset=columns).empty:
            raise DataError(
                f"Expected labels in {field}, got {len(table)} rows without any "
                f"(DataFrame). Fill its column {target!r}.",
                field=field,
            )
    names = list(data.columns)
    tables = [data, *(table[names] for table in sets.values())]
    whole: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return whole


def _joined_pairs(data: Any, sets: dict[str, Any]) -> Any:
    for field, pair in sets.items():
        _check_pair(field, pair, "(x_other, y_other)")
        if len(pair[0]) != len(pair[1]) or not len(pair[0]):
            raise DataError(
                f"Expected {field} with one label for each sample, got "
                f"{len(pair[0])} samples and {len(pair[1])} labels (tuple). Leave out "
                "those without the other.",
                field=field,
            )
    return tuple(
        _appended(data[n], {field: pair[n] for field, pair in sets.items()})
        for n in (0, 1)
    )


def _joined_parts(data: Any, sets: dict[str, Any]) -> Any:
    """Inputs and outputs by name, each with those of the sets behind it."""
    joined = []
    for field, pair in sets.items():
        _check_pair(field, pair, "({...}, {...})")
        counts = {count_of(part) for side in pair for part in _by_name(side).values()}
        if len(counts) != 1 or 0 in counts:
            raise DataError(
                f"Expected {field} with as many rows of each input and output, got "
                f"{sorted(counts)} ({type(pair).__name__}). Leave out those that are "
                "not in all.",
                field=field,
            )
    for n, kind in enumerate(("input", "output")):
        parts = _by_name(data[n])
        for field, pair in sets.items():
            if parts.keys() != (given := _by_name(pair[n])).keys():
                expected = ", ".join(map(repr, parts)) if "" not in parts else "one"
                came = pair[n] if "" in given else list(given)
                raise DataError(
                    f"Expected {field} with the {kind}s of the data, {expected}, "
                    f"{received(came)}. Type {field}=({{...}}, {{...}}) with "
                    "the same names.",
                    field=field,
                )
        whole = {
            name: _appended(
                part, {field: _by_name(pair[n])[name] for field, pair in sets.items()}
            )
            for name, part in parts.items()
        }
        joined.append(whole.get("", whole))
    return tuple(joined)


def _by_name(side: Any) -> Mapping[Any, Any]:
    """Inputs or outputs by name; "" for the only one that has none."""
    return side if isinstance(side, Mapping) else {"": side}


def _check_pair(field: str, pair: Any, typed: str) -> None:
    two = isinstance(pair, tuple | list) and len(pair) == 2
    sides = [part for side in pair for part in _by_name(side).values()] if two else []
    if not two or not all(hasattr(part, "__len__") for part in sides):
        raise DataError(
            f"Expected {field} to be a pair (x, y) like the data, {received(pair)}. "
            f"Type {field}={typed}.",
            field=field,
        )


def _appended(first: Any, sets: dict[str, Any]) -> Any:
    """Samples or labels with those of the sets behind them.

    Raises:
        DataError: They have other columns, or another shape.
    """
    import numpy as np

    if hasattr(first, "columns"):
        return _joined_tables(first, (), sets)
    if holds_texts(first) and getattr(first, "ndim", 1) == 1:
        # In one array each would take as much as the longest.
        return [text for part in (first, *sets.values()) for text in part]
    shape = np.shape(np.asarray(first))[1:]
    dtype = np.asarray(first).dtype
    for field, more in sets.items():
        other = np.asarray(more).dtype
        kinds = {dtype.kind, other.kind}
        # Objects may be anything, and are looked at once all are together.
        if len(kinds) > 1 and "U" in kinds and "O" not in kinds:
            raise DataError(
                f"Expected {field} with values of {dtype}, as in the "
                f"data, got {other} ({type(more).__name__}). Type np.asarray(...) of "
                "that type.",
                field=field,
            )
        if shape != (got := np.shape(np.asarray(more))[1:]):
            raise DataError(
                f"Expected {field} with samples of shape {shape}, got {got} "
                f"({type(more).__name__}). Type x = x.reshape(...).",
                field=field,
            )
    return np.concatenate([np.asarray(part) for part in (first, *sets.values())])


def _check_column(role: str, name: Any, names: list[Any]) -> None:
    if not isinstance(name, str | int) or name not in names:
        raise DataError(
            f"Expected {role} to name a column beside the target, {received(name)}."
            f"{nearest(name, names)} Type {role}= with one of: "
            f"{', '.join(map(repr, names[:20]))}.",
            field=role,
        )


def _group(values: pd.Series[Any], name: str | int) -> Column:
    """A column whose values say which rows belong together."""
    import pandas as pd

    _check_complete(values, name, "group")
    whole = pd.api.types.is_integer_dtype(values.dtype) and not hasattr(
        values.dtype, "numpy_dtype"
    )
    return Column(name, "group", str(values.dtype), cast="" if whole else "string")


def _time(values: pd.Series[Any], name: str | int) -> Column:
    """A column that says when each row was."""
    import pandas as pd

    _check_complete(values, name, "time")
    dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return Column(name, "time", str(dtype), cast="datetime64[ns, UTC]")
    if pd.api.types.is_datetime64_dtype(dtype):
        return Column(name, "time", str(dtype), cast="datetime64[ns]")
    if pd.api.types.is_bool_dtype(dtype) or not pd.api.types.is_numeric_dtype(dtype):
        raise DataError(
            f"Expected dates or numbers in the time column, {received(values.iloc[0])} "
            f"in {name!r}. Type df[{name!r}] = pandas.to_datetime(df[{name!r}]).",
            field="time",
        )
    return Column(name, "time", str(dtype), cast="float64")


def _check_complete(values: pd.Series[Any], name: str | int, role: str) -> None:
    if missing := int(values.isna().sum()):
        raise DataError(
            f"Expected a {role} for every row with a label, got {missing} missing "
            f"values in {name!r} ({values.dtype}). Fill them or leave out these rows.",
            field=role,
        )
