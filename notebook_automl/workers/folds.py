"""A trial that trains on each of several folds: its arrays and its models.

The train cell of such a program leaves learning curves and no model. What the folds
have chosen, the evaluate cell trains on the rows of all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from notebook_automl.workers.parts import Asked, left_by_prepare
from notebook_automl.workers.prepared import Kept


def split_sets(asked: Asked, namespace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Prepare each fold, by the program's own function.

    Args:
        asked: The run's description.
        namespace: What the prepare cell left.

    Returns:
        What `prepare_sets` returns, by name; nothing without folds.
    """
    left = left_by_prepare(asked)
    return [
        dict(zip(left, namespace["prepare_sets"](*fold), strict=True))
        for fold in (namespace["folds"] if asked.folds else [])
    ]


def stand_in(asked: Asked, kept: Kept) -> dict[str, Any]:
    """Names for a train cell that finds each fold prepared.

    Args:
        asked: The run's description.
        kept: What was prepared.
    """
    if not asked.folds:
        return {}
    left = left_by_prepare(asked)
    sets = [fold.values for fold in kept.folds]

    def prepare_sets(fold: int, _: None) -> tuple[Any, ...]:
        return tuple(sets[fold].get(name) for name in left)

    return {
        "folds": [(n, None) for n in range(len(sets))],
        "prepare_sets": prepare_sets,
    }


def report_to(callback: Any, namespace: dict[str, Any]) -> None:
    """Let a callback hear of all folds, behind the program's own ones.

    Args:
        callback: Keras's.
        namespace: What the compile cell left.
    """
    fresh = namespace["fresh_callbacks"]
    namespace["fresh_callbacks"] = lambda: [*fresh(), callback]


def built(namespace: Mapping[str, Any], sets: Mapping[str, Any]) -> Any:
    """A compiled model, by the program's own functions.

    Args:
        namespace: What the cells up to compile left.
        sets: Arrays and constants of the rows that it will learn from.
    """
    build, compile_ = namespace["build_model"], namespace["compile_model"]
    model = build(**_given(build, sets))
    compile_(**_given(compile_, {**sets, "model": model}))
    return model


def _given(function: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in inspect.signature(function).parameters}
