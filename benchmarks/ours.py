"""One search of ours for `search.py`, in a fresh process as a person would run it."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from typing import Any

_BEGAN_S = time.time()

import sets

import notebook_automl as automl
from notebook_automl.record import events
from notebook_automl.record.tail import Tail

_POLL_S = 0.05


def main() -> None:
    """Search once and print what came of it as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("set", choices=sets.SETS)
    parser.add_argument("--until", type=float, help="stop at this validation score")
    parser.add_argument("--fields", type=json.loads, default={}, help="of Search, JSON")
    asked = parser.parse_args()
    data = sets.load(asked.set)
    with tempfile.TemporaryDirectory(prefix="ours-") as folder:
        search = automl.Search(
            data.ours,
            target=data.target,
            metric=data.metric,
            folder=folder,
            **asked.fields,
        )
        run = search.start()
        stopped = False
        while run.status in ("starting", "running"):
            time.sleep(_POLL_S)
            if asked.until is not None and not stopped:
                reached = _curve(run, data, asked.until)
                if reached and _reaches(reached[-1][1], asked.until, data):
                    run.stop()
                    stopped = True
        found = _found(run, data)
    sys.stdout.write(json.dumps(found) + "\n")


def _found(run: Any, data: sets.Data) -> dict[str, Any]:
    """What the record of a run says."""
    state, metric = run.state, f"val_{data.metric}"
    trials = [trial for trial in state.trials.values() if trial.role == "trial"]
    numbers = {trial.number for trial in trials}
    best = state.best(metric, run.mode)
    fitted_s = sum(sum(trial.history.column("seconds")) for trial in trials)
    told = Tail(run.folder / "events.jsonl").read()
    told = [e for e in told if getattr(e, "trial", None) in numbers]
    begun = [e.time_s for e in told if isinstance(e, events.TrialStarted)]
    ended = [e.time_s for e in told if isinstance(e, events.TrialEnded)]
    return {
        "wall_s": state.ended_s - _BEGAN_S,
        "spent_s": state.spent_s(),
        "curve": _curve(run, data),
        "validation": None if best is None else best.metrics[metric],
        "trials": len(trials),
        "states": [trial.state for trial in trials],
        "epochs": sum(trial.epochs_trained for trial in trials),
        "fit_s": fitted_s,
        "searching_s": max(ended, default=0.0) - min(begun, default=0.0),
        "test": None if best is None else best.test.get(data.metric),
    }


def _curve(run: Any, data: sets.Data, until: float | None = None) -> list[list[float]]:
    """The best so far whenever it got better."""
    best, steps = math.inf, []
    for event in Tail(run.folder / "events.jsonl").read():
        if isinstance(event, events.EpochEnded):
            value = event.metrics[f"val_{data.metric}"]
            cost = value if data.regression else -value
            if cost < best:
                best = cost
                steps.append([event.time_s - _BEGAN_S, abs(cost)])
    return steps


def _reaches(value: float, until: float, data: sets.Data) -> bool:
    """Whether a score is as good as another, to the digits that float32 has."""
    slack = 1e-6 * abs(until)
    return value <= until + slack if data.regression else value >= until - slack


if __name__ == "__main__":
    main()
