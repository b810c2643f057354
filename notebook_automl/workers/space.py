"""The parameters of a run's space, found by building it; before the search begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from notebook_automl.record.layout import RunFolder
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.tasks._limits import (
    OF_FIT,
    Fixed,
    check_used,
    explore,
    fit_parameter,
    fitted,
    unused,
)
from notebook_automl.tasks._task import Prepared
from notebook_automl.workers.parts import Asked


def check(asked: Asked, prepared: Prepared) -> None:
    """Refuse a space in which what a person has fixed or narrowed does not occur.

    A graph of the person's own is built once at least.

    Args:
        asked: The run's description.
        prepared: Shapes and constants of the prepared data.

    Raises:
        SearchError: With the nearest names, or the values that there are.
    """
    space = asked.search.get("space") or {}
    if set(space) - set(OF_FIT) or asked.search.get("graph"):
        found, fixed = _explored(asked, prepared, lambda n: not unused(space, n))
        check_used(space, [*found, *fixed])


def parameters(folder: RunFolder, prepared: Prepared) -> list[dict[str, Any]]:
    """All that a search would choose or has fixed, in the order of the build.

    Args:
        folder: A run's.
        prepared: Shapes and constants of its prepared data.

    Returns:
        The fields of each parameter, those of a fixed one with its one choice.

    Raises:
        SearchError: Patterns that match nothing.
    """
    asked = Asked.read(folder)
    space = asked.search.get("space") or {}
    found, fixed = _explored(asked, prepared, lambda names: False)
    check_used(space, [*found, *fixed])
    rows = [_of_fit(asked, name) for name in OF_FIT]
    rows += [_only(path, value) for path, value in fixed.items() if path not in found]
    return [asdict(row) for row in [*rows, *found.values()]]


def _explored(
    asked: Asked, prepared: Prepared, enough: Callable[[Iterable[str]], bool]
) -> tuple[dict[str, Parameter], dict[str, Value]]:
    """Parameters that builds ask for, and those that a person has fixed."""
    from notebook_automl.tasks._autokeras import build_graph, reset

    fixed: dict[str, Value] = {}
    fit = int(asked.search["epochs"]), int(asked.search["batch_size"])
    ways = asked.search.get("space"), asked.search.get("graph")

    def build(answer: Callable[[Parameter], Value]) -> None:
        graph = build_graph(asked.task, asked.schema, prepared, fit, answer, *ways)
        fixed.update(graph.values)

    try:
        found = explore(build, lambda names: enough([*names, *fixed]))
    finally:
        reset()
    return found, {path: v for path, v in fixed.items() if path not in found}


def _of_fit(asked: Asked, name: str) -> Parameter:
    """Batch size or epochs."""
    plain = fit_parameter(asked.search, name)
    left = (asked.search.get("space") or {}).get(name, plain.default)
    parameter = fitted(plain, name, left)
    return _only(name, parameter.value) if isinstance(parameter, Fixed) else parameter


def _only(name: str, value: Value) -> Parameter:
    return Parameter(name, choices=(value,), default=value)
