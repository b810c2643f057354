"""What exporters, plots and errors are told of a run."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from notebook_automl.api.checks import extension
from notebook_automl.api.helper import HELPER
from notebook_automl.api.trial import Trial
from notebook_automl.data._weights import source_of
from notebook_automl.errors import NoTrialError
from notebook_automl.export._exporter import Chosen
from notebook_automl.plots._plot import Shown
from notebook_automl.record.front import front as ahead
from notebook_automl.record.front import objectives
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState

if TYPE_CHECKING:
    from notebook_automl.api.run import Run


def chosen(run: Run, trial: Trial) -> Chosen:
    """A trial as exporters take it.

    Args:
        run: The run.
        trial: One of its trials, which has finished.
    """
    folder = RunFolder(run.folder)

    def test() -> dict[str, float]:
        # Computed at the most once.
        if not trial.test and trial.state.role != "baseline":
            trial.check_model()
        return trial.test or HELPER.score(folder, trial.state.key)

    # Of a cluster the first worker decides what "auto" means.
    device = run.state.device or run.search["device"]
    return Chosen(
        run=folder,
        search=run.search | {"device": device},
        schema=run.schema,
        trial=trial.state,
        beside=source_of(run.schema),
        test=test,
        execute=lambda path: HELPER.execute(folder, path),
    )


def shown(run: Run) -> Shown:
    """What plots may read of a run.

    Args:
        run: The run.

    Raises:
        RunNotFoundError: It was deleted.
    """
    status, state = run.status, run.state  # no older than the status
    ranked = state.ranked(run.metric, run.mode)
    finished = sum(math.isfinite(trial.metrics[run.metric]) for trial in ranked)
    return Shown(
        state=state,
        status=status,
        metric=run.metric,
        mode=run.mode,
        name=run.name,
        search=run.search,
        now_s=time.time(),
        importance=lambda: HELPER.importance(RunFolder(run.folder), finished),
    )


def front(run: Run, state: RunState) -> set[int] | None:
    """The trials that no other one beats; None where there is one objective.

    Args:
        run: The run.
        state: What was read of it.
    """
    sought = objectives(run.search)
    if len(sought) == 1:
        return None
    return {trial.number for trial in ahead(state, sought)}


def no_trial(run: Run) -> NoTrialError:
    """Say why a run has no finished trial, and what can be done about it.

    Args:
        run: The run.
    """
    state, folder = run.state, RunFolder(run.folder)
    failed = [trial for trial in state.trials.values() if trial.reason]
    why = state.reason or (failed[-1].reason if failed else "no reason was written")
    status = run.status_of(state)
    log = folder.trial(failed[-1].number).log if failed else folder.log
    advice = f"See {log}"
    if failed:
        advice = f"See the reasons on run.leaderboard() and {log}"
    if status in ("interrupted", "stopped"):
        advice += ", or go on with run.resume()"
    elif status == "completed":
        advice += f", or add to its budget with {extension(run.search)}"
    return NoTrialError(
        f"Expected a finished trial in {run.name!r}, got none: the run is "
        f"{status} ({why.rstrip('.')}). {advice}."
    )
