"""What the labels of a table's target column and those of arrays have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from notebook_automl.errors import DataError
from notebook_automl.record.schema import MOST_CLASSES, Kind, Label, Target

KINDS: dict[str, Kind] = {
    "string": "str",
    "boolean": "bool",
    "integer": "int",
    "floating": "float",
    "mixed-integer-float": "float",
    "decimal": "float",
}
"""Our kind for each of pandas' words for values that can be learned."""

_PYTHON: dict[Kind, Callable[[Any], Label]] = {
    "str": str,
    "bool": bool,
    "int": int,
    "float": float,
}


def check_finite(labels: Any, kind: Kind) -> None:
    """Check that every label is a finite number.

    Args:
        labels: Without missing ones; a Series or an array (rows,).
        kind: Labels of other kinds than "float" are not looked at.

    Raises:
        DataError: How many are not, and the first one's row.
    """
    import numpy as np

    if kind != "float":
        return
    finite = np.isfinite(np.asarray(labels, dtype="float64"))
    if not finite.all():
        first = int(finite.argmin())
        raise DataError(
            "Expected finite numbers to predict, got "
            f"{int((~finite).sum())} that are not, the first {labels[first]} "
            f"({labels.dtype}) in row {first} of those with a label. Leave these rows "
            "out.",
            field="target",
        )


def count_labels(
    labels: Any, kind: Kind
) -> tuple[tuple[Label, ...] | None, tuple[int, ...] | None, int]:
    """Distinct labels, how many rows each has, and how many distinct ones there are.

    Args:
        labels: Without missing ones; a Series or an array (rows,).
        kind: Their kind.

    Returns:
        Sorted labels and their counts, or None twice if there are more than
        `MOST_CLASSES`; then their number.
    """
    import pandas as pd

    column = pd.Series(labels)
    unique = int(column.nunique())
    if unique > MOST_CLASSES:
        return None, None, unique
    rows = column.value_counts(sort=False)
    python = _PYTHON[kind]
    pairs = sorted((python(label), int(count)) for label, count in rows.items())
    classes, counts = zip(*pairs, strict=True)
    return classes, counts, unique


def label_target(
    labels: Any, names: tuple[str | int, ...] | None = None, cast: str = ""
) -> Target:
    """What a matrix of labels is.

    Args:
        labels: 0 and 1, or False and True; an array (rows, labels).
        names: Of the columns; their numbers if not given.
        cast: As `Target.cast`.
    """
    on = labels.astype("int64").sum(axis=0)
    return Target(
        None,
        "bool" if labels.dtype == bool else "int",
        None,
        tuple(int(count) for count in on),
        unique=2,
        dtype=str(labels.dtype),
        cast=cast,
        labels=names or tuple(range(labels.shape[1])),
    )
