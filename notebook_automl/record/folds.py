"""What the folds of a trial come to, as the program's own train cell computes it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, pstdev

from notebook_automl.record.history import History

FOLD = "fold"
"""Where an epoch's metrics keep the number of its fold, from 1."""


@dataclass(frozen=True)
class FoldScore:
    """What the folds of a trial come to.

    Args:
        metrics: Of each fold's best epoch, on average; of those on validation rows the
            standard deviation, too ("val_accuracy_std").
        best_epochs: Each fold's, from 1.
        epochs: How many epochs each of these folds trained.
    """

    metrics: dict[str, float]
    best_epochs: tuple[int, ...]
    epochs: tuple[int, ...]

    @property
    def final_epochs(self) -> int:
        """How many epochs the final model learns."""
        return round(fmean(self.best_epochs))


def score(
    history: Iterable[Mapping[str, float]],
    objective: str,
    mode: str,
    whole: int | None = None,
) -> FoldScore | None:
    """Bring the epochs of all folds together, as the program's train cell does.

    Args:
        history: Each epoch's metrics with the number of its fold, in order.
        objective: The metric that chooses an epoch.
        mode: "max" or "min".
        whole: How many folds were trained to their end, by default all; one that was
            not counts only if there is no other.

    Returns:
        None if there is no epoch with a finite objective in one of the folds.
    """
    folds: dict[float, list[Mapping[str, float]]] = {}
    for epoch in history:
        folds.setdefault(epoch.get(FOLD, 0.0), []).append(epoch)
    counted = list(folds.values())
    if whole is not None:
        del counted[max(whole, 1) :]
    best = [
        best_epoch([e.get(objective, math.nan) for e in fold], mode) for fold in counted
    ]
    if not counted or None in best:
        return None
    places = [place for place in best if place is not None]
    chosen = [fold[place - 1] for fold, place in zip(counted, places, strict=True)]
    metrics: dict[str, float] = {}
    for name in chosen[0]:
        if name in (FOLD, "seconds") or any(name not in epoch for epoch in chosen):
            continue
        values = [epoch[name] for epoch in chosen]
        metrics[name] = fmean(values)
        if name.startswith("val_"):
            metrics[f"{name}_std"] = pstdev(values)
    return FoldScore(metrics, tuple(places), tuple(map(len, counted)))


def curve_of(history: History, metric: str) -> tuple[float, ...]:
    """A metric by epoch; with folds the mean of those that trained so long.

    Args:
        history: A trial's epochs.
        metric: Its name.
    """
    values = history.column(metric)
    if FOLD not in history.names:
        return tuple(values)
    folds: dict[float, list[float]] = {}
    for fold, value in zip(history.column(FOLD), values, strict=True):
        folds.setdefault(fold, []).append(value)
    longest = max(map(len, folds.values()), default=0)
    each = [[v[n] for v in folds.values() if n < len(v)] for n in range(longest)]
    return tuple(sum(values) / len(values) for values in each)


def best_epoch(values: Iterable[float], mode: str) -> int | None:
    """The epoch (from 1) that counts: the first of the best."""
    sign = 1 if mode == "max" else -1
    scores = [sign * value for value in values]
    finite = [score for score in scores if math.isfinite(score)]
    return scores.index(max(finite)) + 1 if finite else None
