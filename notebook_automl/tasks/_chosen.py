"""Which metrics a search measures: the objective, and what else it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from notebook_automl.errors import SearchError, UnknownNameError, nearest, received
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks._keras_metrics import as_text, keras_metric, known
from notebook_automl.tasks._task import TASKS, Metric


def names_in(given: Any, field: str) -> list[str]:
    """The metrics that a field of `Search` names.

    Args:
        given: A name, several in a list or behind commas, or Keras's own objects.
        field: The field.

    Returns:
        Their names or expressions; empty for None.

    Raises:
        UnknownNameError: Something in it is no metric.
    """
    if given is None:
        return []
    several = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    names = [as_text(metric) for metric in (given if several else [given])]
    if not all(names) or (several and not names):
        example = '"auto"' if field == "metric" else '["accuracy", "f1"]'
        raise UnknownNameError(
            f"Expected the name of a metric, {received(given)}. Type {field}="
            f"{example}.",
            field=field,
        )
    return [part for name in names for part in _parts(str(name))]


def _parts(text: str) -> list[str]:
    """What stands between commas that are in no brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def chosen(
    task_name: str,
    schema: Schema,
    objective: str,
    others: Sequence[str],
    own: Mapping[str, Metric] | None = None,
) -> dict[str, Metric]:
    """The metrics of a search by the names that their values have, the objective first.

    Args:
        task_name: A name in `TASKS`.
        schema: The data.
        objective: A metric's name or expression, or "auto".
        others: Further ones; where there are none, the task's own beside another one.
        own: Those that the person has defined, by their names.

    Raises:
        UnknownNameError: There is no such metric.
        SearchError: Two of them have one name.
    """
    task = TASKS.get(task_name)
    usual = task.usual(schema)
    first = usual[0] if objective == "auto" else objective
    found: dict[str, Metric] = {}
    for text in [first, *(others or usual)]:
        field = "metrics" if found else "metric"
        if own and text in own:
            name, metric = text, own[text]
        else:
            name, metric = _find(task_name, schema, text, field)
        if found.setdefault(name, metric) != metric:
            raise SearchError(
                f"Expected metrics with names of their own, got {name!r} twice "
                f"({text!r}). Give one another name: "
                "metrics=[\"keras.metrics.AUC(curve='PR', name='area')\"].",
                field=field,
            )
    return found


def to_json(metrics: Mapping[str, Metric]) -> list[dict[str, Any]]:
    """Metrics as search.json keeps them, in their order."""
    return [
        {
            "name": name,
            "code": metric.code,
            "mode": metric.mode,
            "defined": [vars(code) for code in metric.defined],
            "output": metric.output,
        }
        for name, metric in metrics.items()
    ]


def from_json(content: Sequence[Mapping[str, Any]]) -> dict[str, Metric]:
    """Metrics that `to_json` wrote."""
    return {
        kept["name"]: Metric(
            kept["code"],
            kept["mode"],
            tuple(
                Code(tuple(code["imports"]), code["source"]) for code in kept["defined"]
            ),
            kept.get("output", ""),
        )
        for kept in content
    }


def _find(task_name: str, schema: Schema, text: str, field: str) -> tuple[str, Metric]:
    """A metric of the task, or one of Keras's."""
    task = TASKS.get(task_name)
    metrics = task.metrics(schema)
    if text in metrics:
        return text, metrics[text]
    of_keras, more = [], ""
    # One of several outputs is meant by its name alone.
    if not schema.several_outputs:
        classes = task.classes(schema)
        found = keras_metric(text, classes, field)
        if found is not None:
            return found
        of_keras = [f"keras.metrics.{kind}" for kind in known(classes)]
        more = f", and those of Keras: {', '.join(of_keras)}"
    raise UnknownNameError(
        f"Expected the name of a metric of {task_name}, {received(text)}."
        f"{nearest(text, [*metrics, *of_keras])} There are: {', '.join(metrics)}"
        f"{more}.",
        field=field,
    )
