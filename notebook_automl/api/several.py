"""What goes with several inputs or outputs, and what does not, before the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from notebook_automl.data.several import PLUGIN as SEVERAL
from notebook_automl.errors import SearchError, nearest, received
from notebook_automl.record.schema import Schema, Target

# Fields for one array of labels.
_OF_ONE_OUTPUT = ("loss", "class_weight")


_KINDS = ("classification", "regression")


def as_told(task: Any, schema: Schema) -> Schema:
    """The schema that knows what the person says of outputs.

    Args:
        task: The field of `Search`.
        schema: Of its data.

    Raises:
        SearchError: No such output, or one that cannot be that.
    """
    if not isinstance(task, Mapping):
        return schema
    outputs = [name for name in schema.targets if name]
    if not outputs:
        raise SearchError(
            f"Expected the name of a task for one output, {received(dict(task))}. Type "
            'task="auto".',
            field="task",
        )
    targets = dict(schema.targets)
    for name, kind in task.items():
        if name not in outputs:
            raise SearchError(
                f"Expected tasks of the outputs {', '.join(map(repr, outputs))}, "
                f"{received(name)}.{nearest(name, outputs)} Type "
                f'task={{{outputs[0]!r}: "regression"}}.',
                field="task",
            )
        targets[name] = _told(targets[name], kind)
    first = next(iter(targets.values()))
    return replace(schema, targets=targets, target=first)


def _told(target: Target, kind: Any) -> Target:
    """An output that is what the person says."""
    if kind not in _KINDS or target.labels:
        allowed = "several labels" if target.labels else " or ".join(_KINDS)
        raise SearchError(
            f"Expected the output {target.name!r} to be {allowed}, {received(kind)}."
            f"{nearest(kind, _KINDS)} Leave it out of task=, and it is proposed.",
            field="task",
        )
    if kind == "regression" and target.kind not in ("int", "float"):
        raise SearchError(
            f"Expected numbers in the output {target.name!r} for regression, got "
            f'{target.kind}. Type task={{{target.name!r}: "classification"}}.',
            field="task",
        )
    told = kind == "classification"
    return replace(target, category=told, quantity=not told)


def check_several(search: Any) -> None:
    """Refuse fields that know one input, or one output, where there are several.

    Args:
        search: A `Search`.

    Raises:
        SearchError: With the field.
    """
    if not SEVERAL.accepts(search.data):
        return
    outputs = isinstance(search.data[1], Mapping)
    for field in _OF_ONE_OUTPUT if outputs else ():
        if (value := getattr(search, field)) is not None:
            raise SearchError(
                f"Expected no {field} beside several outputs, "
                f"{received(value)}. Leave it out, or type Search((x, y), {field}=...) "
                "with one array of each.",
                field=field,
            )
    for field in ("metric", "metrics") if outputs else ():
        given = getattr(search, field)
        for metric in given if isinstance(given, list | tuple) else [given]:
            if metric is not None and not isinstance(metric, str):
                raise SearchError(
                    "Expected names of metrics beside several outputs, "
                    f"{received(metric)}. Type {field}= with the name of an output and "
                    'of a metric, as "price_mae".',
                    field=field,
                )
