"""What a trial comes to: the metrics of its best epoch, or those of its folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.record.files import read_json, write_json, write_text
from notebook_automl.record.folds import FoldScore, best_epoch, score
from notebook_automl.record.layout import RunFolder, TrialFolder
from notebook_automl.record.trial import TrialState
from notebook_automl.source.program import Program


def outcome(
    folder: RunFolder,
    search: Mapping[str, Any],
    trial: TrialState,
    result: Mapping[str, Any],
) -> tuple[int | None, dict[str, float]]:
    """Which epoch of a trial counts, and its metrics.

    With folds these are means over the folds, and the epoch is the last one of the
    final model; the program is told how long each fold trained.

    Args:
        folder: The run.
        search: What was asked for.
        trial: The trial, with its history.
        result: What its worker told: of "folds" how many it trained to their end.

    Returns:
        The epoch, from 1, and its metrics; None and none if no epoch counts.
    """
    metric, mode = f"val_{search['metric']}", search["mode"]
    also = {name: result[name] for name in ("latency_ms",) if name in result}
    if search.get("folds"):
        found = score(trial.history, metric, mode, result.get("folds", 0))
        if found is None:
            return None, {}
        settle(folder.trial(trial.number), found)
        return found.final_epochs, found.metrics | also
    best = best_epoch(trial.history.column(metric), mode)
    if best is None:
        return None, {}
    metrics = dict(trial.history[best - 1])
    metrics.pop("seconds", None)
    return best, metrics | also


def settle(trial: TrialFolder, found: FoldScore) -> None:
    """Write down what the folds of a trial have come to, and have the program say so.

    Args:
        trial: The trial's folder.
        found: What its epochs come to.
    """
    text = Program.from_text(trial.source.read_text("utf-8"))
    write_text(trial.source, text.with_epochs(list(found.epochs)).to_text())
    content = {"metrics": found.metrics, "best_epochs": list(found.best_epochs)}
    write_json(trial.folds, content)


def trained(trial: TrialFolder) -> dict[str, Any]:
    """What the train cell left, for the one that trains the final model.

    Args:
        trial: The trial's folder.
    """
    kept = read_json(trial.folds)
    return {
        "validation_metrics": kept["metrics"],
        "best_epochs": kept["best_epochs"],
    }
