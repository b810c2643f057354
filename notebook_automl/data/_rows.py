"""Raw rows that a person wants predicted, checked against what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from notebook_automl.errors import DataError, nearest, received
from notebook_automl.record.schema import Column, Schema

if TYPE_CHECKING:
    import pandas as pd

_TEXTS = ("category", "object", "str")


def check_rows(rows: Any, schema: Schema) -> pd.DataFrame:
    """Bring rows into the columns and dtypes that were learned from.

    Args:
        rows: A DataFrame, one row as a dict, or a list of such dicts; columns beyond
            the learned ones are ignored, missing values are fine.
        schema: What was learned from.

    Returns:
        The numeric columns, then the categorical ones, then those of text.

    Raises:
        DataError: Not rows, none, a column is missing, or a value does not fit.
    """
    import pandas as pd

    table = _table(rows)
    names = schema.features()
    given: list[Any] = list(table.columns)
    if not len(table):
        raise DataError(
            f"Expected one row or more, got none ({type(rows).__name__}). "
            "Type predict(rows) with rows of the table."
        )
    if absent := [name for name in names if name not in given]:
        raise DataError(
            f"Expected rows with the columns {names}, without {absent} "
            f"{received(given)}.{nearest(absent[0], given)} Type predict(rows) with "
            "these columns, too; None stands for a missing value."
        )
    if twice := [name for name in names if given.count(name) > 1]:
        raise DataError(
            f"Expected each column once, {received(twice[0])} {given.count(twice[0])} "
            "times. Type predict(rows.loc[:, ~rows.columns.duplicated()]), or give the "
            "columns other names."
        )
    by_name = {column.name: column for column in schema.columns}
    series = [_fitted(table[name], by_name[name]) for name in names]
    return pd.concat(series, axis=1).reset_index(drop=True)


def _table(rows: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        return rows
    if isinstance(rows, Mapping):
        rows = [rows]
    if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
        return pd.DataFrame(rows)
    raise DataError(
        f"Expected a DataFrame, one dict or a list of dicts, {received(rows)}. "
        "Type predict(df.iloc[:5]), or predict({...}) with a value for each column."
    )


def _fitted(values: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """Numbers as numbers; categories in the dtype whose text was learned."""
    import pandas as pd

    if column.role == "numeric":
        fitted = pd.to_numeric(values, errors="coerce")
        wrong = values[fitted.isna() & values.notna()]
        if wrong.empty:
            return fitted.astype("Float64")
        raise _misfit(column, wrong.iloc[0])
    # Only the nullable dtype of bool keeps missing values.
    dtype: Any = "boolean" if column.dtype == "bool" else column.dtype
    try:
        return values.astype("string" if dtype in _TEXTS else dtype)
    except (TypeError, ValueError) as error:
        raise _misfit(column, values.iloc[0]) from error


def _misfit(column: Column, value: object) -> DataError:
    kind = "numbers" if column.role == "numeric" else f"values of dtype {column.dtype}"
    return DataError(
        f"Expected {kind} in the column {column.name!r}, {received(value)}. Type "
        "predict(rows) with such values there; None stands for a missing one."
    )
