"""Metrics: what a name means, in numbers that others have computed."""

from __future__ import annotations

import inspect
import os
from typing import Any

import numpy as np
import pytest
from handmade import SCHEMA
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

import notebook_automl as automl
from notebook_automl.errors import AutoMLError
from notebook_automl.record.schema import Schema, Target
from notebook_automl.tasks._chosen import chosen, from_json, names_in, to_json
from notebook_automl.tasks._keras_metrics import known
from notebook_automl.tasks._metrics import definitions, of_classes, of_numbers
from notebook_automl.tasks._task import Metric

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
ROWS = 90
TARGET_MEAN = 40.0


def schema(classes: int) -> Schema:
    labels = tuple(range(classes))
    target = Target("label", "int", labels, (9,) * classes, classes)
    return Schema(**vars(SCHEMA) | {"target": target})


def measured(metrics: dict[str, Metric], y_true: Any, y_pred: Any) -> dict[str, float]:
    """The values of metrics after three batches, executed as a program does."""
    import keras

    code = definitions(metrics)
    namespace: dict[str, Any] = {"keras": keras, "TARGET_MEAN": TARGET_MEAN}
    if code is not None:
        exec("\n".join([*code.imports, code.source]), namespace)
    values = {}
    for name, metric in metrics.items():
        if "(" in metric.code:
            built = eval(metric.code, namespace)
            assert built.name == name
            again = type(built).from_config(built.get_config())
            for each in (built, again):
                for rows in np.array_split(np.arange(len(y_true)), 3):
                    each.update_state(y_true[rows], y_pred[rows])
            values[name] = float(built.result())
            assert values[name] == float(again.result())
    return values


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_metrics_of_classes_are_scikit_learns(classes: int) -> None:
    draw = np.random.default_rng(classes)
    true = draw.integers(classes, size=ROWS)
    scores = draw.dirichlet(np.ones(classes), ROWS).astype("float32")
    scores[np.arange(ROWS), true] += draw.random(ROWS).astype("float32") * 0.5
    scores /= scores.sum(axis=1, keepdims=True)
    found = scores.argmax(axis=1)
    if classes == 2:
        y_true, y_pred = true[:, None].astype("float32"), scores[:, 1:]
        average: Any = "binary"
    else:
        y_true, y_pred = np.eye(classes, dtype="float32")[true], scores
        average = "macro"
    got = measured(of_classes(schema(classes)), y_true, y_pred)
    expected = {
        "accuracy": oracle.accuracy_score(true, found),
        "balanced_accuracy": oracle.balanced_accuracy_score(true, found),
        "f1": oracle.f1_score(true, found, average=average),
        "f1_weighted": oracle.f1_score(true, found, average=average),
        "precision": oracle.precision_score(true, found, average=average),
        "recall": oracle.recall_score(true, found, average=average),
        "mcc": oracle.matthews_corrcoef(true, found),
        "kappa": oracle.cohen_kappa_score(true, found),
    }
    if classes > 2:
        expected["f1_weighted"] = oracle.f1_score(true, found, average="weighted")
        for most in {3, 5} & set(range(classes)):
            name = f"top{most}_accuracy"
            expected[name] = oracle.top_k_accuracy_score(true, scores, k=most)
    for name, value in expected.items():
        assert got.pop(name) == pytest.approx(value, abs=1e-5), name
    # These are sums over 200 thresholds.
    flat = y_true.ravel(), y_pred.ravel()
    assert got.pop("auc") == pytest.approx(oracle.roc_auc_score(*flat), abs=0.01)
    area = oracle.average_precision_score(*flat)
    assert got.pop("pr_auc") == pytest.approx(area, abs=0.02)
    assert not got


def test_metrics_of_numbers_are_in_the_targets_own_unit() -> None:
    draw = np.random.default_rng(0)
    true = draw.uniform(1, 80, (ROWS, 1))
    found = true + draw.normal(size=(ROWS, 1))
    centred = [(v - TARGET_MEAN).astype("float32") for v in (true, found)]
    got = measured(of_numbers(schema(1)), *centred)
    positive = np.maximum(found, 0)
    expected = {
        "rmse": oracle.root_mean_squared_error(true, found),
        "mae": oracle.mean_absolute_error(true, found),
        "mse": oracle.mean_squared_error(true, found),
        "r2": oracle.r2_score(true, found),
        "mape": 100 * oracle.mean_absolute_percentage_error(true, found),
        "msle": oracle.mean_squared_log_error(true, positive),
        "log_cosh": float(np.log(np.cosh(found - true)).mean()),
    }
    assert got == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_keras_has_what_we_say_that_it_has(classes: int) -> None:
    """Every class with every argument that we let pass, and a result of one number."""
    import keras

    if classes == 1:
        y = np.linspace(0, 1, 20, dtype="float32")[:, None]
        task = "tabular_regression"
    else:
        y = np.eye(classes, dtype="float32")[np.arange(20) % classes]
        y = y[:, 1:] if classes == 2 else y
        task = "tabular_classification"
    for kind, (mode, arguments, needed) in known(classes).items():
        made = getattr(keras.metrics, kind)
        assert set(arguments) <= set(inspect.signature(made.__init__).parameters)
        given = "".join(f"{name}=0.5, " for name in arguments[:needed])
        text = f"keras.metrics.{kind}({given}name='x')"
        (name, metric), *_ = chosen(task, schema(classes), text, []).items()
        assert (name, metric.mode) == ("x", mode)
        assert np.isfinite(measured({name: metric}, y, y)["x"]), kind


def test_a_metric_may_be_named_in_many_ways() -> None:
    import keras

    ways: list[Any] = [
        "keras.metrics.TopKCategoricalAccuracy(k=2)",
        "TopKCategoricalAccuracy(k=2)",
        keras.metrics.TopKCategoricalAccuracy(k=2),
        keras.metrics.serialize(keras.metrics.TopKCategoricalAccuracy(k=2)),
    ]
    found = []
    for way in ways:
        (text,) = names_in(way, "metric")
        found.append(chosen("tabular_classification", schema(4), text, ["f1", "loss"]))
    assert list(found[0]) == ["top_k_categorical_accuracy", "f1", "loss"]
    assert all(metrics == found[0] for metrics in found)
    assert from_json(to_json(found[0])) == found[0]
    assert names_in("AUC(curve='PR', name='a'), f1", "metrics") == [
        "AUC(curve='PR', name='a')",
        "f1",
    ]


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        ("metric", "acuracy", ["'acuracy' (str)", "Did you mean 'accuracy'"]),
        ("metric", "keras.metrics.AUCC", ["AUCC", "Did you mean 'AUC'"]),
        ("metric", "keras.metrics.AUC(corve='PR')", ["'corve'", "'curve'"]),
        ("metric", "PrecisionAtRecall", ["recall", "recall=0.5"]),
        ("metric", "AUC(name='a b')", ["'a b' (str)", 'name="score"']),
        ("metric", 3, ["3 (int)", 'metric="auto"']),
        ("metrics", ["f1", 3], ["['f1', 3] (list)", '"f1"']),
        ("metrics", "f1, nonsense", ["'nonsense' (str)", "f1"]),
        ("metrics", ["auc", "AUC(curve='PR')"], ["'auc' twice", "name='area'"]),
        ("metrics", [], ["[] (list)"]),
    ],
)
def test_what_is_no_metric_is_told(field: str, given: Any, words: list[str]) -> None:
    frame = automl.example("wine")
    with pytest.raises(AutoMLError) as caught:
        search = automl.Search(frame, target="cultivar", **{field: given})
        search.description(search.schema())
    assert caught.value.field == field
    for word in words:
        assert word in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_a_metric_or_told(text: str) -> None:
    try:
        names = names_in(text, "metric")
        found = chosen("tabular_classification", schema(3), *names[:1] or [""], [])
    except AutoMLError as error:
        assert error.field == "metric"
    else:
        assert found


def test_several_metrics_of_a_real_search(tmp_path: Any) -> None:
    """Each epoch has them, the objective decides, a notebook measures them again."""
    frame = automl.example("wine")
    search = automl.Search(
        frame,
        target="cultivar",
        metric="balanced_accuracy",
        metrics="f1, keras.metrics.TopKCategoricalAccuracy(k=2, name='top2'), mcc",
        trials=2,
        epochs=3,
        workers=1,
        folder=str(tmp_path),
    )
    run = search.start().wait()
    names = {"balanced_accuracy", "f1", "top2", "mcc", "loss"}
    best = run.trial("best")
    assert {*best.metrics} == {*names, *(f"val_{name}" for name in names)}
    table = run.leaderboard()
    assert table["val_balanced_accuracy"].dropna().is_monotonic_decreasing
    assert best.metrics["val_balanced_accuracy"] == (
        best.history["val_balanced_accuracy"].max()
    )
    assert {*best.test} == names
    # Predicting, replaying and loading know what the program defines.
    labels = run.predict(frame.head(20))
    assert {*labels} <= {*frame["cultivar"]}
    assert best.load_model().count_params() == best.state.parameters
    run.export("notebook", tmp_path / "best.ipynb", replay=True)
