"""Which trials make an ensemble: greedy selection, judged on rows that did not choose.

R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes: Ensemble selection from libraries of
models (ICML 2004): add what helps most, again and again; the same model may be added
several times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
    # From predictions for some rows, and these rows; more is better, NaN is nothing.
    Score = Callable[[Array, Array], float]

_ROUNDS = 8
_FOLDS = 5


@dataclass(frozen=True)
class Verdict:
    """What came of a selection.

    Args:
        counts: How often each candidate was added, when all rows choose.
        held_out: Predictions for each row by an ensemble that the other folds chose.
        gains: By how much it beats the first candidate on each fold held out.
    """

    counts: tuple[int, ...]
    held_out: Array
    gains: tuple[float, ...]

    @property
    def gain(self) -> float:
        """The mean over the folds."""
        return sum(self.gains) / len(self.gains)

    @property
    def noise(self) -> float:
        """The standard error of that mean."""
        count, mean = len(self.gains), self.gain
        squares = sum((gain - mean) ** 2 for gain in self.gains)
        return math.sqrt(squares / (count - 1) / count)

    @property
    def helps(self) -> bool:
        """Whether several members are better by more than chance."""
        return sum(map(bool, self.counts)) > 1 and self.gain > self.noise


def judged(candidates: Sequence[Array], labels: Array, score: Score) -> Verdict:
    """Select an ensemble, and judge the selecting on rows that had no part in it.

    Args:
        candidates: Predictions of each model (rows, outputs), the best model first.
        labels: (rows, outputs).
        score: Says how good predictions for some rows are.
    """
    import numpy as np

    folds, held_out, gains = _folds(labels), np.empty_like(candidates[0]), []
    for fold in range(_FOLDS):
        (out,) = np.nonzero(folds == fold)
        (rows,) = np.nonzero(folds != fold)
        counts = greedy([each[rows] for each in candidates], rows, score)
        held_out[out] = mixed([each[out] for each in candidates], counts)
        gains.append(score(held_out[out], out) - score(candidates[0][out], out))
    every = np.arange(len(labels))
    return Verdict(greedy(candidates, every, score), held_out, tuple(gains))


def greedy(candidates: Sequence[Array], rows: Array, score: Score) -> tuple[int, ...]:
    """Add what helps most, round by round, and keep the best of what came of it.

    Args:
        candidates: Predictions of each model for some rows.
        rows: These rows.
        score: Says how good predictions are.

    Returns:
        How often each was added; of equal ones the first, and fewer rather than more.
    """
    counts = [0] * len(candidates)
    best, best_score = tuple(counts), -math.inf
    for _ in range(_ROUNDS):
        scores = []
        for place in range(len(candidates)):
            more = [n + (i == place) for i, n in enumerate(counts)]
            scores.append(_number(score(mixed(candidates, more), rows)))
        chosen = scores.index(max(scores))
        counts[chosen] += 1
        if scores[chosen] > best_score or not any(best):
            best, best_score = tuple(counts), scores[chosen]
    return best


def mixed(candidates: Sequence[Array], counts: Sequence[int]) -> Array:
    """The mean of predictions, each as often as it counts."""
    import numpy as np

    parts = [n * each for n, each in zip(counts, candidates, strict=True) if n]
    total: Array = np.sum(parts, axis=0) / sum(counts)
    return total.astype(candidates[0].dtype)


def enough(labels: Array) -> bool:
    """Whether there are rows enough to hold some out."""
    return len(labels) >= 4 * _FOLDS


def _folds(labels: Array) -> Array:
    """The fold of each row; each has its share of each label."""
    import numpy as np

    order = np.lexsort(labels.reshape(len(labels), -1).T)
    folds = np.empty(len(labels), "int64")
    folds[order] = np.arange(len(labels)) % _FOLDS
    return folds


def _number(score: float) -> float:
    return -math.inf if math.isnan(score) else score
