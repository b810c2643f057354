"""What the columns of a table are: their roles, their dtypes, their target."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

from notebook_automl.data._labels import (
    KINDS,
    check_finite,
    count_labels,
    label_target,
)
from notebook_automl.errors import DataError, nearest, received
from notebook_automl.record.schema import Column, Kind, Target

if TYPE_CHECKING:
    import pandas as pd

_DATES = "dates and times are not learned from"
_DROPPED = {
    **dict.fromkeys(("datetime64", "datetime", "date", "period"), _DATES),
    **dict.fromkeys(("timedelta64", "timedelta", "time"), _DATES),
    "complex": "complex numbers are not learned from",
    "bytes": "bytes are not learned from",
    "empty": "every value is missing",
}
_NULLABLE = {"bool": "boolean", "int": "Int64", "float": "Float64"}
_COMPLETE = {"bool": "bool", "int": "int64", "float": "float64", "str": "str"}
# Fewer different texts than this may differ by chance.
_FEWEST_DIFFERENT = 20
# Most columns show in their first rows that they are neither constant nor unique.
_FIRST_ROWS = 1000
# Free text has some words a row, fewer are a name; signs of Chinese and Japanese are
# not parted by spaces.
_FEWEST_WORDS = 4
_WORD = re.compile(r"[^\s\u3040-\u30ff\u3400-\u9fff]+|[\u3040-\u30ff\u3400-\u9fff]")


def check_table(data: pd.DataFrame, target: Any) -> list[str | int]:
    """Check what a table is made of, and find its target or targets.

    Returns:
        Names as plain str or int.

    Raises:
        DataError: No rows, names or numbers that cannot be used, or no such target.
    """
    names = check_names(data)
    several = isinstance(target, list | tuple)
    targets = list(target) if several else [target]
    for name in targets:
        if not _is_name(name) or name not in names:
            shown = ", ".join(map(repr, names[:20])) + ", ..." * (len(names) > 20)
            raise DataError(
                f"Expected the name of the column to predict, {received(name)}."
                f"{nearest(name, names)} Type target= with one of: {shown}.",
                field="target",
            )
    if several and (len(targets) < 2 or len({*targets}) < len(targets)):
        raise DataError(
            f"Expected two columns or more to predict, each once, {received(target)}. "
            "Type target= with one name, or with a list of several.",
            field="target",
        )
    return [plain_name(name) for name in targets]


def check_names(data: pd.DataFrame) -> list[Any]:
    """Check that a table has rows and columns that can be named; returns their names.

    Raises:
        DataError: No rows, names or numbers that cannot be used.
    """
    if not len(data):
        raise DataError(
            f"Expected a table with rows, got {len(data)} rows and "
            f"{len(data.columns)} columns (DataFrame). Check how it was made.",
            field="data",
        )
    names = list(data.columns)
    _check_names(names)
    _check_byte_order(data)
    return names


def _check_names(names: list[Any]) -> None:
    if odd := [name for name in names if not _is_name(name)]:
        raise DataError(
            "Expected column names that are str or int and can be encoded in UTF-8, "
            f"{received(odd[0])}. Type df.columns = [...] with other names.",
            field="data",
        )
    count = Counter(map(str, names))
    if same := [name for name in names if count[str(name)] > 1]:
        raise DataError(
            f"Expected column names that differ as text, {received(same)}. "
            "Type df.columns = [...] with other names.",
            field="data",
        )


def _check_byte_order(data: pd.DataFrame) -> None:
    import numpy as np

    for name, dtype in data.dtypes.items():
        if isinstance(dtype, np.dtype) and not dtype.isnative:
            raise DataError(
                f"Expected numbers in this machine's byte order, got {name!r} "
                f"({dtype.str}). Type df[{name!r}] = df[{name!r}].astype(float).",
                field="data",
            )


def _is_name(name: object) -> bool:
    if isinstance(name, str):
        return name.encode("utf-8", "ignore").decode() == name
    return isinstance(name, Integral) and not isinstance(name, bool)


def plain_name(name: Any) -> str | int:
    """A column's name without numpy's types."""
    return str(name) if isinstance(name, str) else int(name)


def describe_column(column: pd.Series[Any]) -> Column:
    """Choose a column's role, and the cast that makes it the same from every origin."""
    import pandas as pd

    name = plain_name(column.name)
    seen = _seen(column)
    if _is_free_text(column, seen):
        # Missing values make no difference to what text is.
        wrapped = _is_wrapped(column, seen)
        dtype = "string" if wrapped else str(column.dtype)
        return Column(name, "text", dtype, cast="string" if wrapped else "")
    if reason := _reason(column, seen):
        return Column(name, "dropped", str(column.dtype), reason)
    kind = KINDS.get(seen, "str")
    category = isinstance(column.dtype, pd.CategoricalDtype)
    number = kind in ("int", "float") and not category
    cast = ""
    if seen not in KINDS:
        cast = "string"
    elif _is_wrapped(column, seen) and kind != "str":
        # Whole numbers held as objects may be larger than any integer dtype.
        wide = number and column.dtype == object
        cast = "Float64" if wide else _NULLABLE[kind]
    return Column(
        name=name,
        role="numeric" if number else "categorical",
        dtype=cast or str(column.dtype),
        cast=cast,
    )


def _seen(column: pd.Series[Any]) -> str:
    """What pandas sees in the values; of a category column, in its categories."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.api.types.infer_dtype(column.cat.categories, skipna=True)
    return pd.api.types.infer_dtype(column, skipna=True)


def _is_free_text(column: pd.Series[Any], seen: str) -> bool:
    """Whether values are texts to be read: several words each, hardly repeated.

    A column whose dtype says category stays one.
    """
    if seen != "string" or _is_category(column):
        return False
    head = column.dropna().head(_FIRST_ROWS)
    words = sum(len(_WORD.findall(text)) for text in head)
    different = head.nunique()
    repeated = different < _FEWEST_DIFFERENT or different < len(head) / 2
    return words >= _FEWEST_WORDS * len(head) and not repeated


def _is_wrapped(column: pd.Series[Any], seen: str) -> bool:
    """Whether Arrow or Parquet may give these values back in another dtype."""
    import pandas as pd

    dtype = column.dtype
    is_object = pd.api.types.is_object_dtype(dtype)
    odd = isinstance(dtype, pd.CategoricalDtype | pd.SparseDtype) or is_object
    longer = seen == "floating" and getattr(dtype, "itemsize", 8) > 8
    return odd or longer or seen == "decimal"


def _reason(column: pd.Series[Any], seen: str) -> str:
    """Why nothing can be learned from a column; "" if something can."""
    import pandas as pd

    if seen in _DROPPED:
        return _DROPPED[seen]
    if column.isna().all():
        return _DROPPED["empty"]
    text = seen == "string"
    if seen not in KINDS:
        text = True
        if not all(map(pd.api.types.is_scalar, column.dropna())):
            return "lists and other objects are not learned from"
    head = column.head(_FIRST_ROWS)
    distinct = head.nunique(dropna=False)
    if distinct == 1 and column.nunique(dropna=False) == 1:
        return "every row has the same value"
    long = len(column) >= _FEWEST_DIFFERENT
    if text and long and distinct == len(head) and column.is_unique:
        return "every row has another text"
    return ""


def describe_target(column: pd.Series[Any], missing: int) -> Target:
    """Say what the labels are.

    Args:
        column: The target's values that are not missing.
        missing: How many rows were left out because their label is missing.

    Raises:
        DataError: No labels, labels of other or several types, or infinite ones.
    """
    name = plain_name(column.name)
    if column.empty:
        raise DataError(
            f"Expected labels in the target {name!r}, got {missing} missing values "
            f"({column.dtype}). Choose another target.",
            field="target",
        )
    seen = _seen(column)
    if seen not in KINDS:
        raise DataError(
            f"Expected a target of str, bool, int or float values, {name!r} has values "
            f"that pandas calls {seen}, {received(column.iloc[0])}. Type "
            f"df[{name!r}] = df[{name!r}].astype(str), or float, or choose another.",
            field="target",
        )
    kind = KINDS[seen]
    cast_to = _label_cast(column, kind)
    labels = cast(column.to_frame(), {name: cast_to} if cast_to else {})[column.name]
    check_finite(labels, kind)
    return Target(
        name,
        kind,
        *count_labels(labels, kind),
        # numpy's name, also of bools that are held as objects.
        dtype=kind if kind == "bool" else str(labels.dtype),
        cast=cast_to,
        category=_is_category(column),
    )


def describe_labels(columns: pd.DataFrame, missing: int) -> Target:
    """Say what several columns of 0 and 1 are, which are predicted together.

    Args:
        columns: Those of the target, without rows in which one is missing.
        missing: How many rows were left out.

    Raises:
        DataError: One of them holds something else.
    """
    names = tuple(plain_name(name) for name in columns)
    found = [describe_target(columns[name], missing) for name in columns]
    for target in found:
        if not set(target.classes or (2,)) <= {0, 1}:
            shown = ", ".join(map(repr, (target.classes or ("many",))[:5]))
            raise DataError(
                "Expected labels of 0 and 1, or of False and True, in each of several "
                f"target columns, got {shown} ({target.kind}) in {target.name!r}. "
                "Choose one target, or make such columns with pandas.get_dummies.",
                field="target",
            )
    dtype = "bool" if all(target.kind == "bool" for target in found) else "int64"
    labels = cast(columns, dict.fromkeys(columns, dtype)).to_numpy()
    return label_target(labels, names, cast=dtype)


def _label_cast(column: pd.Series[Any], kind: Kind) -> str:
    """The numpy dtype that complete labels become; "" if they stay as they came.

    The generated code hands its name to numpy, which knows none of pandas' own.
    """
    import numpy as np
    import pandas as pd

    category = _is_category(column)
    if kind == "str":
        sparse = isinstance(column.dtype, pd.SparseDtype)
        return _COMPLETE[kind] if category or sparse else ""
    held = column.cat.categories.dtype if category else column.dtype
    # Nullable and Arrow's dtypes say what numpy calls them.
    plain = getattr(held, "numpy_dtype", held)
    name = _COMPLETE[kind]
    if isinstance(plain, np.dtype) and plain.kind in "biuf" and plain.itemsize <= 8:
        # No index of pandas holds float16, and a list of classes becomes one.
        name = "float32" if plain == "float16" else str(plain.newbyteorder("="))
    if category and kind == "bool" and plain is not held:
        # pandas warns when it casts these to bool.
        name = "object"
    return "" if str(column.dtype) == name else name


def _is_category(column: pd.Series[Any]) -> bool:
    import pandas as pd

    return isinstance(column.dtype, pd.CategoricalDtype)


def cast(frame: pd.DataFrame, casts: Mapping[Any, str]) -> pd.DataFrame:
    """Cast columns as the generated code does.

    Raises:
        DataError: A value does not fit its dtype.
    """
    if not casts:
        return frame
    try:
        return frame.astype(casts)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            # pandas names the column.
            f"Expected values that fit {dict(casts)}, got others (DataFrame): {error}. "
            "Type df[...] = df[...].astype(str) for that column, or drop it.",
            field="data",
        ) from error


def fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 over the hashes of all rows, as the generated code computes it.

    Raises:
        DataError: A text cannot be encoded.
    """
    import pandas as pd

    try:
        hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    except UnicodeEncodeError as error:
        raise DataError(
            "Expected text that can be encoded in UTF-8, "
            f"{received(error.object)}: {error.reason}. Type df = df.replace({{...}}) "
            "for such values.",
            field="data",
        ) from error
    return hashlib.sha256(hashes.tobytes()).hexdigest()
