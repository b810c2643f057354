"""All trials of a run as a table."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal

from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState

if TYPE_CHECKING:
    import pandas as pd

_ALWAYS = ("trial", "state")


def leaderboard(
    state: RunState,
    metric: str,
    mode: Literal["max", "min"],
    front: Collection[int] | None = None,
) -> pd.DataFrame:
    """Collect the trials and what they are compared with, the best first.

    Args:
        state: The run.
        metric: The objective, such as "val_accuracy".
        mode: "max" or "min".
        front: Trials that no other one beats, where there are two objectives.

    Returns:
        One row a trial, and one for each baseline and ensemble, which have a name
        where a trial has its number; columns that nothing is known of are left out.
    """
    import pandas as pd

    rows = [_row(trial, metric) for trial in state.board(metric, mode)]
    if front is not None:
        for row in rows:
            row["front"] = row["trial"] in front
    names = dict.fromkeys(name for row in rows for name in row)
    if not state.entries:
        del names["role"]  # all are trials
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pd.DataFrame(
        {
            name: pd.array(values, dtype="Int64") if _whole(values) else values
            for name, values in columns.items()
            if name in (*_ALWAYS, metric) or any(value is not None for value in values)
        }
    )


def _row(trial: TrialState, metric: str) -> dict[str, Any]:
    test = {f"test_{name}": value for name, value in trial.test.items()}
    return {
        "trial": trial.key,
        "role": trial.role,
        "state": trial.state,
        metric: trial.metrics.get(metric),
        **trial.metrics,
        **test,
        "best_epoch": trial.best_epoch,
        "epochs": trial.epochs_trained if trial.role == "trial" else None,
        "seconds": round(trial.seconds, 3),
        "parameters": trial.parameters,
        "flops": trial.flops,
        "memory_mib": trial.memory_mib,
        "reason": trial.reason or None,
        **trial.values,
    }


def _whole(values: list[Any]) -> bool:
    """Whether pandas would make floats of whole numbers, because some are missing."""
    known = [value for value in values if value is not None]
    whole = all(type(value) is int for value in known)
    return bool(known) and whole and len(known) < len(values)
