"""AutoKeras's graph of a trial as code, and the check that the code is that graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from notebook_automl.errors import UnsupportedLayerError
from notebook_automl.record.parameters import Value
from notebook_automl.source.layers import (
    GraphCode,
    graph_code,
    optimizer_code,
    structure,
)
from notebook_automl.tasks._limits import fit_values
from notebook_automl.tasks._task import Prepared
from notebook_automl.workers.cost import Cost, cost
from notebook_automl.workers.link import Link
from notebook_automl.workers.parts import Asked


@dataclass(frozen=True)
class Written:
    """A graph as code, and what the code must build.

    Args:
        graph: The model's lines.
        optimizer: The optimizer as an expression.
        values: What was asked for or fixed, by path.
        epochs: Most epochs to train.
        batch_size: Rows a training step.
        structure: Layers, options and wiring of AutoKeras's own graph.
        names: Of several inputs, and of several outputs; empty for one alone.
        optimizer_config: Options of AutoKeras's own optimizer.
        cost: What the model will take.
        rows: How many rows it is trained on.
        numbers: How many numbers these are, all rows together.
    """

    graph: GraphCode
    optimizer: str
    values: dict[str, Value]
    epochs: int
    batch_size: int
    structure: list[Any]
    names: tuple[tuple[str, ...], tuple[str, ...]]
    optimizer_config: dict[str, Any]
    cost: Cost
    rows: int = 0
    numbers: int = 0


def write_graph(
    link: Link,
    asked: Asked,
    prepared: Prepared,
    halvings: int = 0,
    epochs: int | None = None,
) -> Written:
    """Build AutoKeras's graph from the study's values and write it as code.

    Args:
        link: Answers each parameter.
        asked: The run's description.
        prepared: Shapes and constants of the prepared data.
        halvings: How often the batch is halved, for want of memory.
        epochs: For how long to train, where the tuner has decided it.

    Returns:
        The code; AutoKeras's model itself is forgotten.
    """
    from notebook_automl.tasks._autokeras import build_graph, reset

    search, values = asked.search, fit_values(asked.search, link.ask)
    most, batch_size = (
        int(values.get(name, search[name])) for name in ("epochs", "batch_size")
    )
    least = asked.devices  # each has a row
    halved = max(1, batch_size // least >> halvings) * least
    epochs, batch_size = epochs or most, halved
    built = build_graph(
        asked.task,
        asked.schema,
        prepared,
        (epochs, batch_size),
        link.ask,
        search.get("space"),
        search.get("graph"),
    )
    shapes = prepared.x_shapes, prepared.y_shapes
    inputs, outputs = (tuple(filter(None, names)) for names in shapes)
    written = Written(
        graph=graph_code(built.model, prepared.constants, inputs, outputs),
        optimizer=optimizer_code(built.model.optimizer),
        values=values | built.values,
        epochs=epochs,
        batch_size=batch_size,
        structure=structure(built.model),
        names=(inputs, outputs),
        optimizer_config=_options(built.model.optimizer),
        cost=cost(built.model, batch_size),
        rows=prepared.rows,
        numbers=prepared.rows * _numbers(built.model),
    )
    reset(free_memory=False)  # the next trial collects it
    return written


def _numbers(model: Any) -> int:
    """How many numbers one row has."""
    return sum(math.prod(tensor.shape[1:]) for tensor in model.inputs)


def _options(optimizer: Any) -> dict[str, Any]:
    """An optimizer's options; its name only counts how many were made before it."""
    config: dict[str, Any] = optimizer.get_config()
    return config | {"name": type(optimizer).__name__}


def check_model(written: Written, model: Any) -> None:
    """Refuse to train a model that is not AutoKeras's own.

    Args:
        written: What the code must build.
        model: What the executed code built, compiled.

    Raises:
        UnsupportedLayerError: They differ.
    """
    pairs: list[tuple[list[Any], list[Any]]] = [
        (written.structure, structure(model)),
        ([written.optimizer_config], [_options(model.optimizer)]),
        *(
            ([*names], [tensor._keras_history.operation.name for tensor in tensors])
            for names, tensors in zip(
                written.names, (model.inputs, model.outputs), strict=True
            )
            if names
        ),
    ]
    for expected, got in pairs:
        for one, other in zip_longest(expected, got):
            if one != other:
                raise UnsupportedLayerError(
                    f"The generated code builds another model than AutoKeras: expected "
                    f"{one}, got {other}. Please report this with the trial's source."
                )
