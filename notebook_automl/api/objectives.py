"""What a search is to be good at: one metric, or two weighed against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.errors import SearchError, UnknownNameError, received
from notebook_automl.record.front import SIZES
from notebook_automl.record.schema import Schema
from notebook_automl.search._tuner import TUNERS
from notebook_automl.tasks._chosen import chosen, names_in
from notebook_automl.tasks._task import Metric


def check_metrics(search: Any) -> None:
    """Refuse what cannot name metrics; which ones there are, the data decide.

    Args:
        search: A `Search`.

    Raises:
        UnknownNameError: It is no text, or no list of texts.
        SearchError: The tuner knows one objective only.
    """
    names = names_in(search.metric, "metric")
    names_in(search.metrics, "metrics")
    several = isinstance(search.metric, list | tuple)
    if len(names) != (2 if several else min(max(len(names), 1), 2)):
        raise UnknownNameError(
            f"Expected the name of a metric, or two to weigh against each other, "
            f'{received(search.metric)}. Type metric="auto", or metric=["accuracy", '
            '"parameters"], and others as metrics=["f1"].',
            field="metric",
        )
    able = [name for name in TUNERS.names() if _weighs(name)]
    if len(names) == 2 and search.tuner not in able:
        raise SearchError(
            f"Expected a tuner that weighs two objectives, got tuner={search.tuner!r} "
            f"(str) with metric={search.metric!r}. Type tuner= with one of: "
            f"{', '.join(able)}.",
            field="tuner",
        )


def objectives_of(
    search: Any, task_name: str, schema: Schema, own: Mapping[str, Metric]
) -> tuple[dict[str, Metric], list[str] | None]:
    """The metrics that are measured, and the second objective.

    Args:
        search: A `Search`.
        task_name: A name in `TASKS`.
        schema: The data.
        own: Metrics that the person has defined.

    Returns:
        The metrics by name, the objective first; name and mode of what it is weighed
        against, None where there is one objective.

    Raises:
        UnknownNameError: There is no such metric.
        SearchError: Both objectives are the same.
    """
    objective, *more = names_in(search.metric, "metric")
    others = names_in(search.metrics, "metrics")
    if not more:
        return chosen(task_name, schema, objective, others, own), None
    if objective in SIZES:
        raise SearchError(
            f"Expected a metric as the first objective, {received(objective)}. Type "
            f'metric=["auto", "{objective}"].',
            field="metric",
        )
    if more[0] in SIZES:
        return chosen(task_name, schema, objective, others, own), [more[0], "min"]
    metrics = chosen(task_name, schema, objective, [more[0], *others], own)
    first, *names = metrics
    second, _ = next(iter(chosen(task_name, schema, more[0], [], own).items()))
    if second not in names:
        raise SearchError(
            f"Expected two objectives that differ, got {first!r} twice. Type "
            f'metric=["{first}", "parameters"].',
            field="metric",
        )
    return metrics, [f"val_{second}", metrics[second].mode]


def _weighs(tuner: str) -> bool:
    """Whether a tuner knows two objectives."""
    return bool(getattr(TUNERS.get(tuner), "weighs", False))
