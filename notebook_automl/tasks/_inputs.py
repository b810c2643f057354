"""What is learned from: one kind of samples, the same whatever is predicted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks._baselines import Features, Output, simple
from notebook_automl.tasks._initial import Configuration
from notebook_automl.tasks._task import Baseline, Limits, Prepared, Space


class Node(NamedTuple):
    """The part of a search space that ends where heads begin.

    Args:
        inputs: AutoKeras's input node.
        node: The output node of its block.
        limits: As those of a `Space`.
    """

    inputs: Any
    node: Any
    limits: Limits


class Inputs(Protocol):
    """One kind of samples: its code from raw rows to arrays, and its block.

    Where it is one input of several, its block has the input's name in code, and so
    have the constants that its prepare cell leaves.
    """

    sources: tuple[str, ...]
    features: Features  # as simple models take them

    def fits(self, schema: Schema) -> bool:
        """Whether data of these sources are, above all, samples of this kind."""

    def check(self, schema: Schema) -> None:
        """Refuse data without such samples.

        Raises:
            DataError: With what was expected, what came and what to do.
        """

    def prepare(self, schema: Schema, targets: Code) -> Code:
        """Code that leaves the arrays of the three sets, and `prepare(rows)`.

        Args:
            schema: The data.
            targets: Statements that leave `y_train`, `y_validation` and `y_test`.
        """

    def initial(self, accelerated: bool) -> tuple[Configuration, ...]:
        """AutoKeras's initial configurations, as far as the space allows them.

        Args:
            accelerated: Whether a GPU trains.
        """

    def space(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Node:
        """AutoKeras's input and block for the prepared arrays.

        Args:
            autokeras: The library.
            schema: The data, or the one input's.
            prepared: Shapes and constants of the prepared data.
            name: Of one input of several, in code; "" for the only one.
        """


class OneHead(ABC):
    """What is predicted by one head, whatever it is learned from."""

    inputs: Any

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self.inputs.sources)

    def space(self, autokeras: Any, schema: Schema, prepared: Prepared) -> Space:
        inputs, node, limits = self.inputs.space(autokeras, schema, prepared)
        head = self.head(autokeras, schema, prepared)
        return Space(inputs, head(node), limits)

    def prepare(self, schema: Schema) -> Code:
        code: Code = self.inputs.prepare(schema, self.targets(schema))
        return code

    def baselines(
        self, schema: Schema, prepared: Prepared, most: int
    ) -> Mapping[str, Baseline]:
        features, output = self.features(schema), self.simple(schema)
        return simple(prepared, {"": features}, {"": output}, most)

    def features(self, schema: Schema) -> Features:
        """How its samples become rows of numbers for simple models."""
        features: Features = self.inputs.features
        return features

    @abstractmethod
    def targets(self, schema: Schema) -> Code:
        """Statements that leave `y_train`, `y_validation` and `y_test`."""

    @abstractmethod
    def simple(self, schema: Schema) -> Output:
        """How simple models learn what is predicted."""

    @abstractmethod
    def head(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Any:
        """AutoKeras's head.

        Args:
            autokeras: The library.
            schema: The data, or the one output's.
            prepared: Shapes and constants of the prepared data.
            name: Of one output of several, in code; "" for the only one.
        """


def under(name: str, limits: Limits, usual: str) -> Limits:
    """The limits of a block that has another name.

    Args:
        name: The block's; "" for its usual one.
        limits: Patterns of paths that begin with the usual one.
        usual: What the block is called where it is the only one.
    """
    if not name:
        return limits
    return {name + path.removeprefix(usual): left for path, left in limits.items()}


def is_table(schema: Schema) -> bool:
    """Whether the load cell leaves `frame` rather than `x` and `y`."""
    return schema.shape is None


def some_rows(schema: Schema) -> str:
    """An expression for a few raw rows."""
    return "frame.head()" if is_table(schema) else "x[:5]"
