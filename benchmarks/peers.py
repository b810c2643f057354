"""The peers of `search.py`, each in a fresh process as a person would run it.

    python benchmarks/peers.py autokeras digits --seed 0 --trials 10 --epochs 20

AutoKeras 3.0.0 does not run with the Keras that pip installs. `_let_it_run` is the
least that makes it run, and is all that the peer "autokeras" has. "test_repaired" pairs
its finally trained model with the preprocessing that it was trained with. KerasTuner's
tuners have `_repair` as well, without which Hyperband loses its promoted trials.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_BEGAN_S = time.perf_counter()
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import autokeras as ak
import keras
import keras_tuner
import numpy as np
import sets
import tree
from autokeras import graph, pipeline
from autokeras.engine import tuner as ak_tuner
from keras_tuner.src import utils as kt_utils
from keras_tuner.src.engine import tuner as kt_tuner

_MINUTES_TRIALS = 10_000


def main() -> None:
    """Search once and print what came of it as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=sorted(_PEERS))
    parser.add_argument("set", choices=sets.SETS)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--trials", type=int, default=_MINUTES_TRIALS)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--minutes", type=float)
    asked = parser.parse_args()
    data = sets.load(asked.set)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        found = _PEERS[asked.peer](data, asked, Path(folder))
    sys.stdout.write(json.dumps(found) + "\n")


class Watch(keras.callbacks.Callback):
    """Writes down when which validation score was reached, and ends what is too long.

    Args:
        metric: A name in the logs.
        until_s: When training is to end, in seconds since the process began.
    """

    def __init__(self, metric: str, until_s: float) -> None:
        super().__init__()
        self.metric, self.until_s = metric, until_s
        self.curve: list[tuple[int, float, float]] = []
        self.fits = 0
        self.tuner: Any = None

    def __deepcopy__(self, _: Any) -> Watch:
        return self  # AutoKeras copies the callbacks for each trial

    def on_train_begin(self, logs: Any = None) -> None:
        self.fits += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        at_s = time.perf_counter() - _BEGAN_S
        self.curve.append((self.fits, at_s, float((logs or {})[self.metric])))
        if at_s > self.until_s:
            self.model.stop_training = True
            if self.tuner is not None:
                self.tuner.oracle.max_trials = len(self.tuner.oracle.trials)


def _let_it_run() -> None:
    """Numbers of Python's own in shapes, as Keras 3.13 wants; no TensorBoard."""

    def set_io_shapes(self: Any, shapes: Any) -> None:
        for node, shape in zip(self.inputs, tree.flatten(shapes[0]), strict=True):
            node.shape = tuple(map(int, shape[1:]))
        for node, shape in zip(self.outputs, tree.flatten(shapes[1]), strict=True):
            node.in_blocks[0].shape = tuple(map(int, shape[1:]))

    graph.Graph.set_io_shapes = set_io_shapes
    kt_tuner.Tuner._configure_tensorboard_dir = lambda *_, **__: None
    ak_tuner.AutoTuner._remove_early_stopping = staticmethod(
        lambda callbacks: [copy.deepcopy(each) for each in callbacks]
    )


def _repair() -> None:
    """Let a promoted trial of Hyperband find the file that KerasTuner looks for."""
    build_and_fit = ak_tuner.AutoTuner._build_and_fit_model

    def with_config(self: Any, trial: Any, *args: Any, **kwargs: Any) -> Any:
        history = build_and_fit(self, trial, *args, **kwargs)
        kt_utils.save_json(self._get_build_config_fname(trial.trial_id), {})
        return history

    ak_tuner.AutoTuner._build_and_fit_model = with_config


def _auto_model(
    data: sets.Data, asked: argparse.Namespace, folder: Path, tuner: str
) -> dict[str, Any]:
    """`AutoModel.fit` with the blocks that our space of the set has."""
    inputs, node = _blocks(data)
    head = ak.RegressionHead() if data.regression else ak.ClassificationHead()
    metric = "val_mean_squared_error" if data.regression else "val_accuracy"
    model = ak.AutoModel(
        inputs=inputs,
        outputs=head(node),
        max_trials=asked.trials,
        objective=_objective(metric),
        tuner=tuner,
        seed=asked.seed,
        directory=folder,
        **({"max_epochs": asked.epochs} if tuner == "hyperband" else {}),
    )
    keras.utils.set_random_seed(asked.seed)
    watch = Watch(metric, math.inf if asked.minutes is None else asked.minutes * 60)
    watch.tuner = model.tuner
    train, validation, test = data.split(asked.seed)
    model.fit(
        data.x[train],
        data.y[train],
        validation_data=(data.x[validation], data.y[validation]),
        epochs=asked.epochs,
        callbacks=[watch],
        verbose=0,
    )
    x, y = data.x[test], data.y[test]
    best = model.tuner.oracle.get_best_trials(1)[0].score
    found = {
        "wall_s": time.perf_counter() - _BEGAN_S,
        "curve": _curve(watch.curve, data, watch.fits - 1),
        "validation": math.sqrt(best) if data.regression else best,
        "trials": len(model.tuner.oracle.trials),
        "test": _score(data, y, model.predict(x, verbose=0)),
    }
    final = keras.models.load_model(model.tuner.best_model_path)
    kept = pipeline.load_pipeline(model.tuner.best_pipeline_path)
    predicted = kept.postprocess(final.predict(kept.transform_x(x), verbose=0))
    return found | {"test_repaired": _score(data, y, predicted)}


def _objective(metric: str) -> Any:
    """KerasTuner knows the direction of some metrics only."""
    return keras_tuner.Objective(metric, "max" if "accuracy" in metric else "min")


def _blocks(data: sets.Data) -> tuple[Any, Any]:
    """AutoKeras's input and block for a set, as our tasks have them on a CPU."""
    if data.kind == "image":
        inputs = ak.ImageInput()
        return inputs, ak.ImageBlock(block_type="vanilla")(inputs)
    if data.kind == "text":
        inputs = ak.TextInput()
        return inputs, ak.TextBlock()(inputs)
    inputs = ak.StructuredDataInput()
    return inputs, ak.StructuredDataBlock()(inputs)


def _curve(
    curve: list[tuple[int, float, float]], data: sets.Data, fits: int
) -> list[list[float]]:
    """The best so far whenever it got better, in the unit of `Data.metric`.

    Args:
        curve: Fit, seconds and value of each epoch.
        data: The set.
        fits: How many fits count: AutoKeras's last one chooses nothing.
    """
    best, steps = math.inf, []
    for fit, at_s, value in curve:
        cost = math.sqrt(value) if data.regression else -value
        if fit <= fits and cost < best:
            best = cost
            steps.append([at_s, abs(cost)])
    return steps


def _score(data: sets.Data, y: Any, predicted: Any) -> float:
    """Accuracy, or the root of the mean squared error."""
    flat = np.asarray(predicted).reshape(len(y))
    if data.regression:
        return float(np.sqrt(np.mean((flat.astype("f8") - y) ** 2)))
    return float(np.mean(_as_labels(data, flat) == y))


def _as_labels(data: sets.Data, flat: Any) -> Any:
    """Labels as texts: AutoKeras gives some kinds of them back as numbers."""
    if flat.dtype.kind == "f":
        return np.unique(data.y)[flat.astype(int)]
    return flat.astype(str)


def _autokeras(data: sets.Data, asked: Any, folder: Path) -> dict[str, Any]:
    _let_it_run()
    return _auto_model(data, asked, folder, "greedy")


def _hyperband(data: sets.Data, asked: Any, folder: Path) -> dict[str, Any]:
    _let_it_run()
    _repair()
    return _auto_model(data, asked, folder, "hyperband")


def _optuna(data: sets.Data, asked: Any, folder: Path) -> dict[str, Any]:
    """Optuna's TPE and median pruner over AutoKeras's graph, in one process."""
    import optuna

    _let_it_run()
    inputs, node = _blocks(data)
    head = ak.RegressionHead() if data.regression else ak.ClassificationHead()
    auto = ak.AutoModel(inputs=inputs, outputs=head(node), directory=folder)
    train, validation, test = data.split(asked.seed)
    given, _ = auto._check_and_adapt(data.x[train], data.y[train], None)
    auto._analyze_data(given)
    auto._build_hyper_pipeline()
    blocks, steps = auto.tuner.hypermodel, auto.tuner.hyper_pipeline
    blocks.set_fit_args(0, epochs=asked.epochs)
    for each in blocks.inputs:
        each.batch_size = 32
    held = auto._check_and_adapt(data.x[validation], data.y[validation], None)[0]
    metric = "val_mean_squared_error" if data.regression else "val_accuracy"
    watch = Watch(metric, math.inf)
    best: dict[str, Any] = {}

    def objective(trial: Any) -> float:
        keras.backend.clear_session()
        hp = OptunaHyperParameters(trial)
        kept = steps.build(hp, given)
        kept.fit(given)
        (x, y), (x_held, y_held) = kept.transform(given), kept.transform(held)
        blocks.inputs[0].shape = tuple(map(int, x.shape[1:]))
        blocks.outputs[0].in_blocks[0].shape = tuple(map(int, y.shape[1:]))
        model = blocks.build(hp)
        ak_tuner.AutoTuner.adapt(model, x)
        path = folder / "best.keras"
        model.fit(
            x,
            y,
            validation_data=(x_held, y_held),
            epochs=asked.epochs,
            callbacks=[
                watch,
                Pruned(trial, metric),
                keras.callbacks.EarlyStopping(patience=10, min_delta=1e-4),
                keras.callbacks.ModelCheckpoint(
                    path, metric, mode=_mode(data), save_best_only=True
                ),
            ],
            verbose=0,
        )
        value = (min if data.regression else max)(model.history.history[metric])
        if not best or (value < best["value"]) == data.regression:
            predicted = keras.models.load_model(path).predict(
                kept.transform_x(data.x[test]), verbose=0
            )
            best.update(value=value, predicted=kept.postprocess(predicted))
        return float(value)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="minimize" if data.regression else "maximize",
        sampler=optuna.samplers.TPESampler(seed=asked.seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    keras.utils.set_random_seed(asked.seed)
    minutes = asked.minutes
    study.optimize(objective, asked.trials, None if minutes is None else minutes * 60)
    value = best["value"]
    return {
        "wall_s": time.perf_counter() - _BEGAN_S,
        "curve": _curve(watch.curve, data, watch.fits),
        "validation": math.sqrt(value) if data.regression else value,
        "trials": len(study.trials),
        "test": _score(data, data.y[test], best["predicted"]),
    }


class OptunaHyperParameters(keras_tuner.HyperParameters):
    """Each of AutoKeras's hyperparameters as a suggestion of Optuna.

    Args:
        trial: Optuna's.
    """

    def __init__(self, trial: Any) -> None:
        super().__init__()
        self._trial = trial

    def _register(self, hyperparameter: Any, overwrite: bool = False) -> Any:
        hp = hyperparameter
        if hp.name not in self.values and self.is_active(hp):
            self.values[hp.name] = self._suggested(hp)
        return super()._register(hp, overwrite)

    def _suggested(self, hp: Any) -> Any:
        kinds, trial = keras_tuner.engine.hyperparameters, self._trial
        if isinstance(hp, kinds.Fixed):
            return hp.value
        if isinstance(hp, kinds.Boolean):
            return trial.suggest_categorical(hp.name, [False, True])
        if isinstance(hp, kinds.Choice):
            return trial.suggest_categorical(hp.name, list(hp.values))
        log = hp.sampling != "linear"
        ask = trial.suggest_int if isinstance(hp, kinds.Int) else trial.suggest_float
        step = {} if log or hp.step is None else {"step": hp.step}
        return ask(hp.name, hp.min_value, hp.max_value, log=log, **step)


class Pruned(keras.callbacks.Callback):
    """Ends a trial that Optuna would prune.

    Args:
        trial: Optuna's.
        metric: A name in the logs.
    """

    def __init__(self, trial: Any, metric: str) -> None:
        super().__init__()
        self.trial, self.metric = trial, metric

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.trial.report(float((logs or {})[self.metric]), epoch)
        if self.trial.should_prune():
            self.model.stop_training = True


def _mode(data: sets.Data) -> str:
    return "min" if data.regression else "max"


def _random(data: sets.Data, asked: Any, folder: Path) -> dict[str, Any]:
    _let_it_run()
    _repair()
    return _auto_model(data, asked, folder, "random")


def _sklearn(data: sets.Data, asked: Any, folder: Path) -> dict[str, Any]:
    """The best of some usual models of scikit-learn, chosen on the validation rows."""
    from sklearn import ensemble, linear_model, pipeline, preprocessing, svm

    scaled = (
        (linear_model.RidgeCV, svm.SVR)
        if data.regression
        else (lambda: linear_model.LogisticRegression(max_iter=2000), svm.SVC)
    )
    kind = "Regressor" if data.regression else "Classifier"
    models = [
        *(pipeline.make_pipeline(preprocessing.StandardScaler(), m()) for m in scaled),
        getattr(ensemble, f"RandomForest{kind}")(300, random_state=asked.seed),
        getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=asked.seed),
    ]
    train, validation, test = data.split(asked.seed)
    scored = []
    for model in models:
        model.fit(data.x[train], data.y[train])
        value = _score(data, data.y[validation], model.predict(data.x[validation]))
        scored.append((value if data.regression else -value, model))
    cost, best = min(scored, key=lambda pair: pair[0])
    test_score = _score(data, data.y[test], best.predict(data.x[test]))
    wall_s = time.perf_counter() - _BEGAN_S
    name = type(getattr(best, "steps", [("", best)])[-1][1]).__name__
    return {"wall_s": wall_s, "validation": abs(cost), "test": test_score, "name": name}


_PEERS = {
    "autokeras": _autokeras,
    "hyperband": _hyperband,
    "optuna": _optuna,
    "random": _random,
    "sklearn": _sklearn,
}

if __name__ == "__main__":
    main()
