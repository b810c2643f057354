"""Finding runs again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from notebook_automl.api.run import ENDED, Run
from notebook_automl.errors import AutoMLError, RunNotFoundError, nearest
from notebook_automl.record.layout import RunFolder, runs_folder

if TYPE_CHECKING:
    import pandas as pd


def attach(name: str | None = None, folder: str | None = None) -> Run:
    """Find a run again, from any kernel and at any time.

    Args:
        name: The run's name; without one the newest, running ones first.
        folder: Where runs are kept; `automl_runs` here, if not given.

    Returns:
        The run with everything since its start.

    Raises:
        RunNotFoundError: There is no such run.
    """
    found = _runs(folder)
    if name is not None:
        names = [run.name for run in found]
        if name not in names:
            raise RunNotFoundError(
                f"No run {name!r} in {runs_folder(folder)}.{nearest(name, names)} "
                f"There are: {', '.join(names) or 'none'}.",
                field="name",
            )
        return found[names.index(name)]
    if not found:
        raise RunNotFoundError(
            f"Expected a run in {runs_folder(folder)}, got none. Start one with "
            "Search(...).start(), or type attach(folder=...).",
            field="folder",
        )
    live = [run for run in found if run.status not in ENDED]
    return (live or found)[0]


def runs(folder: str | None = None) -> pd.DataFrame:
    """List the runs, the newest first.

    Args:
        folder: Where runs are kept; `automl_runs` here, if not given.

    Returns:
        One row a run: name, status, task, metric, its best value, trials, size on disk.
    """
    import pandas as pd

    rows = []
    for run in _runs(folder):
        state = run.state
        best = state.best(run.metric, run.mode)
        rows.append(
            {
                "name": run.name,
                "status": run.status,
                "task": run.search["task"],
                "metric": run.metric,
                "best": best.metrics[run.metric] if best else None,
                "trials": len(state.trials),
                "mib": round(RunFolder(run.folder).bytes_on_disk() / 2**20, 1),
                "started": pd.Timestamp(run.search["started_s"], unit="s"),
            }
        )
    columns = "name status task metric best trials mib started".split()
    return pd.DataFrame(rows, columns=columns)


def _runs(folder: str | None) -> list[Run]:
    """All runs, the newest first; folders that hold no run are passed over."""
    parent = runs_folder(folder)
    found = []
    for path in parent.iterdir() if parent.is_dir() else ():
        with contextlib.suppress(AutoMLError, KeyError):
            found.append(Run(RunFolder(path)))
    return sorted(found, key=lambda run: -float(run.search["started_s"]))
