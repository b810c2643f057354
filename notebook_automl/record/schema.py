"""What is known of a run's data: columns, shapes, target, fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

MOST_CLASSES = 1000
"""A target with more distinct values than this has no list of classes."""

Label = str | bool | int | float
Kind = Literal["str", "bool", "int", "float"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: As in the person's table.
        role: What it is learned as; "dropped" if not at all, "group" or "time" if the
            rows are split by it.
        dtype: The pandas dtype that it has in the loaded `frame`.
        reason: Why it was dropped.
        cast: The dtype that the generated code casts it to; "" if it stays as it came.
    """

    name: str | int
    role: Literal["numeric", "categorical", "text", "group", "time", "dropped"]
    dtype: str
    reason: str = ""
    cast: str = ""


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Args:
        name: The table's column; None for arrays.
        kind: The Python type of one label.
        classes: The sorted distinct labels; None if there are more than `MOST_CLASSES`.
        counts: Rows of each class, in the order of `classes`.
        unique: Number of distinct labels.
        dtype: The dtype that the labels have once loaded.
        cast: The dtype that the generated code casts them to; "" if they stay as they
            came.
        category: Whether the person says that its values are classes, as a column of
            categories does.
        quantity: Whether the person says that they are a quantity.
        labels: Where several columns of 0 and 1 are predicted together, their names,
            or their numbers in an array; `counts` are then the rows that have each.
        fingerprint: SHA-256 over the labels; "" where the data's covers them.
    """

    name: str | int | None
    kind: Kind
    classes: tuple[Label, ...] | None
    counts: tuple[int, ...] | None
    unique: int
    dtype: str = ""
    cast: str = ""
    category: bool = False
    quantity: bool = False
    labels: tuple[str | int, ...] = ()
    fingerprint: str = ""

    @property
    def columns(self) -> tuple[str | int | None, ...]:
        """The table's columns that are predicted; none in one input of several."""
        return self.labels or ((self.name,) if self.unique else ())


NO_TARGET = Target(None, "float", None, None, unique=0)
"""What stands for a target in the schema of one input of several."""


@dataclass(frozen=True)
class Weight:
    """How much the rows count in training.

    Args:
        column: The table's column that says so; None for an array beside the data.
        fingerprint: SHA-256 over the weights.
    """

    column: str | int | None
    fingerprint: str


@dataclass(frozen=True)
class Schema:
    """What a source found out about its data; goes to JSON and back.

    Args:
        source: Name of the source.
        variables: Their names in the person's notebook, that of an array of weights
            behind them; empty if unknown.
        rows: Rows (samples) that have a label.
        columns: A table's columns without the target; empty for arrays.
        shape: Axes of one sample, (height, width) or (height, width, channels), () for
            a text; None for a table.
        dtype: Of `x`; "" for a table.
        target: What is to be predicted.
        fingerprint: SHA-256 over the values that the generated code loads.
        bytes: Size of these values in memory.
        path: The person's own file, absolute; empty for data in memory.
        own: Rows of the person's own validation and test sets, which come last.
        groups: How many groups the other rows fall into; 0 where they have none.
        beside: What samples have in arrays of their own, "group" or "time", each with
            the SHA-256 of its codes.
        weight: How much the rows count; None if all count the same.
        inputs: Where there are several inputs, or several outputs, the schema of each
            input, without a target, by the person's name; "" for the only one.
        targets: What is to be predicted then, by name; `target` is the first of them.
    """

    source: str
    variables: tuple[str, ...]
    rows: int
    columns: tuple[Column, ...]
    shape: tuple[int, ...] | None
    dtype: str
    target: Target
    fingerprint: str
    bytes: int
    path: str = ""
    own: tuple[int, int] = (0, 0)
    groups: int = 0
    beside: dict[str, str] = field(default_factory=dict)
    weight: Weight | None = None
    inputs: dict[str, Schema] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)

    @property
    def several_outputs(self) -> bool:
        """Whether outputs have names, and predictions with them."""
        return any(self.targets)

    def names(self, role: str) -> list[str | int]:
        """Names of the columns that have this role, in the table's order."""
        return [column.name for column in self.columns if column.role == role]

    @property
    def title(self) -> str:
        """What is predicted, as the person calls it; empty for arrays."""
        if self.targets:
            return ", ".join(filter(None, self.targets))
        is_table = self.shape is None
        return ", ".join(map(str, self.target.columns)) if is_table else ""

    def features(self) -> list[str | int]:
        """Names of the columns that are learned from: numbers, categories, texts."""
        roles = ("numeric", "categorical", "text")
        return [name for role in roles for name in self.names(role)]

    def to_json(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Schema:
        """The schema that `to_json` wrote, lists turned back into tuples."""
        weight = content.get("weight")
        inputs, targets = content.get("inputs", {}), content.get("targets", {})
        rest = {key: _frozen(value) for key, value in content.items()}
        return cls(
            **rest
            | {
                "columns": tuple(Column(**column) for column in content["columns"]),
                "target": _target(content["target"]),
                "weight": Weight(**weight) if weight else None,
                "inputs": {name: cls.from_json(one) for name, one in inputs.items()},
                "targets": {name: _target(one) for name, one in targets.items()},
            }
        )


def _target(content: Mapping[str, Any]) -> Target:
    return Target(**{key: _frozen(value) for key, value in content.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
