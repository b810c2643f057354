"""Finding runs again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_automl.api.checks import folder_of_runs
from notebook_automl.api.run import Run
from notebook_automl.api.supervisor import ENDED
from notebook_automl.errors import AutoMLError, RunNotFoundError, nearest, received
from notebook_automl.record.files import folder_error
from notebook_automl.record.layout import RunFolder

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
        RunFolderError: The folder cannot be read.
        SearchError: The folder is no path.
    """
    parent = folder_of_runs(folder)
    if name is None:
        found = _runs(parent)
        if not found:
            raise RunNotFoundError(
                f"Expected a run in {parent}, got none. Start one with "
                "Search(...).start(), or type attach(folder=...).",
                field="folder",
            )
        return next((run for run in found if run.status not in ENDED), found[0])
    names = [path.name for path in _folders(parent)]
    if name not in names:
        raise RunNotFoundError(
            f"Expected the name of a run in {parent}, {received(name)}."
            f"{nearest(name, names)} There are: {', '.join(sorted(names)) or 'none'}.",
            field="name",
        )
    return Run(RunFolder(parent / name))


def runs(folder: str | None = None) -> pd.DataFrame:
    """List the runs, the newest first.

    Args:
        folder: Where runs are kept; `automl_runs` here, if not given.

    Returns:
        One row a run: name, status, task, metric, its best value, trials, size on disk
        in MiB, start in this machine's time.

    Raises:
        RunFolderError: The folder cannot be read.
        SearchError: The folder is no path.
    """
    import pandas as pd

    rows = []
    for run in _runs(folder_of_runs(folder)):
        with contextlib.suppress(AutoMLError):  # deleted meanwhile, or damaged
            status, state = run.status, run.state  # no older than the status
            best = state.best(run.metric, run.mode)
            rows.append(
                {
                    "name": run.name,
                    "status": status,
                    "task": run.search["task"],
                    "metric": run.metric,
                    "best": best.metrics[run.metric] if best else None,
                    "trials": len(state.trials),
                    "mib": round(RunFolder(run.folder).bytes_on_disk() / 2**20, 1),
                    "started": pd.Timestamp.fromtimestamp(int(run.started_s)),
                }
            )
    columns = "name status task metric best trials mib started".split()
    return pd.DataFrame(rows, columns=columns)


def _runs(parent: Path) -> list[Run]:
    """All runs that can be read, the newest first."""
    found = []
    for path in _folders(parent):
        with contextlib.suppress(AutoMLError):  # damaged, or deleted meanwhile
            found.append(Run(RunFolder(path)))
    return sorted(found, key=lambda run: -run.started_s)


def _folders(parent: Path) -> list[Path]:
    """The folders in it that hold a run; others are passed over."""
    try:
        # Those that begin with a dot are still made, or were never finished.
        shown = [path for path in parent.iterdir() if path.name[0] != "."]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise folder_error("read", parent, error) from error
    return [path for path in shown if RunFolder(path).search.exists()]
