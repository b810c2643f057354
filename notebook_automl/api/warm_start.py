"""What a search tries first: defaults, AutoKeras's configurations, an earlier run."""

from __future__ import annotations

from typing import Any

from notebook_automl.api.checks import folder_of_runs
from notebook_automl.api.run import Run
from notebook_automl.errors import SearchError, nearest, received
from notebook_automl.record.layout import RunFolder
from notebook_automl.search._tuner import TUNERS
from notebook_automl.tasks._initial import allowed

AUTOKERAS = "autokeras"
"""The name that means AutoKeras's initial configurations, and no run."""
# So many of an earlier run: more would leave little of a short search to the tuner.
_MOST_OF_A_RUN = 5


def check_warm_start(warm_start: Any) -> None:
    """Refuse what is neither a run nor a name.

    Args:
        warm_start: Of a `Search`.

    Raises:
        SearchError: With what to type.
    """
    named = isinstance(warm_start, str) and warm_start.strip() == warm_start != ""
    if warm_start is not None and not named and not isinstance(warm_start, Run):
        raise SearchError(
            f"Expected warm_start to be a run or its name, {received(warm_start)}. "
            f'Type the name of an earlier run, or warm_start="{AUTOKERAS}" for the '
            "initial configurations of AutoKeras.",
            field="warm_start",
        )


def first_trials(search: Any, task: Any, device: str) -> list[dict[str, Any]]:
    """The values of the first trials, as far as they are decided.

    Args:
        search: A `Search`.
        task: Its task's plugin.
        device: "cpu" or "gpu".

    Returns:
        By path; a trial takes the default of what is not there.

    Raises:
        SearchError: There is no such run, or no trial of it has finished.
    """
    known = task.initial(device == "gpu") if hasattr(task, "initial") else ()
    initial = allowed(known, search.space or {})
    begins = getattr(TUNERS.get(search.tuner), "initial", False)
    found = initial if begins or search.warm_start == AUTOKERAS else []
    if search.warm_start not in (None, AUTOKERAS):
        found = found + allowed(_of_run(search), search.space or {})
    if not begins or not found:
        found = [{}, *found]
    return [values for i, values in enumerate(found) if values not in found[:i]]


def _of_run(search: Any) -> list[dict[str, Any]]:
    """The values of an earlier run's best trials."""
    run = search.warm_start
    if not isinstance(run, Run):
        parent = folder_of_runs(search.folder)
        if not RunFolder(parent / run).search.exists():
            folders = parent.iterdir() if parent.is_dir() else ()
            names = [path.name for path in folders if RunFolder(path).search.exists()]
            raise SearchError(
                f"Expected the name of a run in {str(parent)!r}, {received(run)}."
                f"{nearest(run, names)} List the runs with notebook_automl.runs().",
                field="warm_start",
            )
        run = Run(RunFolder(parent / run))
    ranked = run.state.ranked(run.metric, run.mode)
    if not ranked:
        raise SearchError(
            f"Expected a run with a finished trial, got {run.name!r} without one. Wait "
            "for its first, or leave warm_start out.",
            field="warm_start",
        )
    return [dict(trial.values) for trial in ranked[:_MOST_OF_A_RUN]]
