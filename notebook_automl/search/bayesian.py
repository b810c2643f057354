"""Gaussian process and upper confidence bound: KerasTuner's `BayesianOptimization`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.search._plan import (
    Exhausted,
    Known,
    Past,
    Plan,
    random_plan,
    share_of,
    value_at,
)

# KerasTuner's own numbers.
_NOISE = 1e-4
_BETA = 2.6
_FIT_RESTARTS = 20
_RESTARTS = 50
_RANDOM_A_PARAMETER = 3
# A process takes time with the cube of its trials: of more, the best and the newest.
_MOST_TRIALS = 200


class Bayesian:
    """Random trials, three for each parameter, then where a Gaussian process hopes.

    It goes where the process's mean less 2.6 standard deviations is least (of a score
    of which less is better), searched by L-BFGS-B from 50 random places.

    Source: `BayesianOptimizationOracle` in `keras_tuner/src/tuners/bayesian.py`. Other
    than there, a gradient is computed and not estimated; trials that run are guessed by
    the process of those that have ended, where KerasTuner asks that of the proposal
    before, at first one that was never fitted; and the 50 places have the seed of the
    run plus the trial's number, so that a resumed search goes on as it would have.
    """

    def plan(self, known: Known) -> Plan | None:
        dimensions = len(known.space)
        if len(known.completed()) < max(_RANDOM_A_PARAMETER * dimensions, 3):
            plan = random_plan(known)
            if plan is None:
                raise Exhausted("new values are hardly to be found any more")
            return plan
        import numpy as np
        from threadpoolctl import threadpool_limits

        chance = np.random.RandomState((known.seed + len(known.trials)) % 2**32)
        starts = chance.uniform(size=(_RESTARTS, dimensions))
        with threadpool_limits(1):  # such small matrices take longer with more
            place = lowest(fitted(known), starts)
        values: dict[str, Value] = {}
        for parameter, share in zip(known.space, place, strict=True):
            if parameter.active(values):
                values[parameter.name] = value_at(parameter, float(share))
        return Plan(values, known.draws)


def fitted(known: Known) -> Any:
    """The process of all trials that have ended, and of those that run, guessed.

    Args:
        known: What is known.

    Returns:
        scikit-learn's regressor.
    """
    import numpy as np
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    process = GaussianProcessRegressor(
        kernel=Matern(nu=2.5),
        n_restarts_optimizer=_FIT_RESTARTS,
        normalize_y=True,
        alpha=_NOISE,
        random_state=known.seed,
    )
    sign = -1.0 if known.mode == "max" else 1.0
    ended = _chosen(known)
    x = [_place(known.space, trial) for trial in ended]
    y = [sign * (trial.score or 0.0) for trial in ended]
    _fit(process, x, y)
    running = [trial for trial in known.trials if trial.state == "running"]
    if running:
        guessed = [_place(known.space, trial) for trial in running]
        means, deviations = process.predict(np.array(guessed), return_std=True)
        # A pessimistic guess keeps others from the same place.
        _fit(process, x + guessed, y + list(means + deviations))
    return process


def _fit(process: Any, x: list[list[float]], y: list[float]) -> None:
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A length at the end of its range is no news to anybody.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(np.array(x), np.array(y))


def lowest(process: Any, starts: Any) -> Any:
    """Where the lower confidence bound is least in the unit cube.

    Args:
        process: A fitted regressor with a Matérn kernel of nu 2.5.
        starts: Places to begin at (starts, dimensions).

    Returns:
        The place (dimensions,).
    """
    from scipy.optimize import minimize

    bounds = [(0.0, 1.0)] * starts.shape[1]
    found = [
        minimize(bound_at, start, (process,), "L-BFGS-B", jac=True, bounds=bounds)
        for start in starts
    ]
    return min(found, key=lambda result: float(result.fun)).x


def bound_at(x: Any, process: Any) -> tuple[float, Any]:
    """Mean less beta standard deviations, and its gradient.

    Args:
        x: A place (dimensions,).
        process: The regressor.
    """
    import numpy as np
    from scipy.linalg import cho_solve

    length = process.kernel_.length_scale
    away = (x - process.X_train_) / length
    root = np.sqrt(5.0) * np.sqrt((away**2).sum(axis=1))
    decay = np.exp(-root)
    k = (1.0 + root + root**2 / 3.0) * decay
    slope = -(5.0 / 3.0) * ((1.0 + root) * decay)[:, None] * away / length
    solved = cho_solve((process.L_, True), k)
    deviation = np.sqrt(max(1.0 - k @ solved, 1e-10))
    scale = float(process._y_train_std)
    value = process._y_train_mean + scale * (k @ process.alpha_ - _BETA * deviation)
    gradient = slope.T @ process.alpha_ + _BETA * (slope.T @ solved) / deviation
    return float(value), scale * gradient


def _chosen(known: Known) -> list[Past]:
    """The trials with a score, in their order; of many the best and the newest."""
    scored = [t for t in known.trials if t.score is not None and t.state != "running"]
    if len(scored) <= _MOST_TRIALS:
        return scored
    half = _MOST_TRIALS // 2
    best = known.ranked(scored[:-half])[:half]
    return sorted(best, key=lambda t: t.number) + scored[-half:]


def _place(space: Sequence[Parameter], trial: Past) -> list[float]:
    """A trial as a place in the unit cube; what it has not stands at its default."""
    return [
        share_of(
            p,
            trial.values[p.name]
            if p.active(trial.values) and p.name in trial.values
            else p.default,
        )
        for p in space
    ]


PLUGIN = Bayesian()
