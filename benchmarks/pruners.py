"""Which pruner finds the better model in the same time, on the example sets.

Real searches without a pruner train random trials to their end; their learning curves
and seconds are kept in a file. Then searches are played over these curves, many for
each pruner: trials come in an order of their own and take what they took, in each epoch
and beside them, the pruner is the study's, and after a share of all the time the best
trial that was not pruned counts, as on the leaderboard.

    python benchmarks/pruners.py curves.json --collect wine --trials 60
    python benchmarks/pruners.py curves.json
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import warnings
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import notebook_automl as automl
from notebook_automl.data._examples import example
from notebook_automl.search._study import Study
from notebook_automl.search.pruners._pruner import PRUNERS

TARGETS = {"wine": "cultivar", "breast_cancer": "diagnosis", "diabetes": "progression"}
EPOCHS = 50
ORDERS = 40
SHARES = (0.1, 0.25, 0.5)


def collect(path: Path, name: str, trials: int) -> None:
    """Train random trials of a set and add their curves to the file."""
    with tempfile.TemporaryDirectory() as folder:
        run = automl.Search(
            example(name),
            target=TARGETS.get(name),
            tuner="random",
            pruner="none",
            trials=trials,
            epochs=EPOCHS,
            workers=1,
            folder=folder,
        ).start(detach=False)
        run.wait()
        trials = []
        for trial in run.state.trials.values():
            if trial.state == "completed":
                epochs = [[e[run.metric], e["seconds"]] for e in trial.history]
                fit_s = sum(seconds for _, seconds in epochs)
                start_s = trial.ended_s - trial.started_s - fit_s
                trials.append({"start_s": start_s, "epochs": epochs})
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, name: {"mode": run.mode, "trials": trials}}))


def played(trials: list[Any], mode: str, pruner: str, seed: int, share: float) -> float:
    """The best epoch of the trials that were not pruned, after a share of all the time.

    Args:
        trials: What each takes beside its epochs, and its objectives and seconds, epoch
            by epoch.
        mode: "max" or "min".
        pruner: A name.
        seed: Of the order of the trials.
        share: Of the time that all trials take.
    """
    better = max if mode == "max" else min
    left_s = share * sum(
        trial["start_s"] + sum(seconds for _, seconds in trial["epochs"])
        for trial in trials
    )
    finished: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder, "journal"), "random", mode, 0, EPOCHS, pruner)
        for trial in random.Random(seed).sample(trials, len(trials)):
            proposal = study.ask()
            if proposal is None or left_s <= 0:
                break
            values: list[float] = []
            reason = None
            left_s -= trial["start_s"]
            for epoch, (value, seconds) in enumerate(trial["epochs"], start=1):
                values.append(value)
                left_s -= seconds
                reason = study.report(proposal.number, epoch, value)
                if reason or left_s <= 0:
                    break
            study.built(proposal.number)
            study.tell(proposal.number, better(values), pruned=bool(reason))
            finished += [] if reason else [better(values)]
    return better(finished)


def main() -> None:
    """Collect curves, or print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("curves", type=Path)
    parser.add_argument("--collect")
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()
    if arguments.collect:
        collect(arguments.curves, arguments.collect, arguments.trials)
        return
    warnings.simplefilter("ignore")
    names = PRUNERS.names()
    print(f"| set | share of the time | {' | '.join(names)} |")
    print("|---|--:|" + "--:|" * len(names))
    for name, known in json.loads(arguments.curves.read_text()).items():
        for share in SHARES:
            cells = []
            for pruner in names:
                found = [
                    played(known["trials"], known["mode"], pruner, seed, share)
                    for seed in range(ORDERS)
                ]
                cells.append(f"{mean(found):.4f} ± {stdev(found):.4f}")
            print(f"| {name} | {share:.0%} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
