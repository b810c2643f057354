"""What makes `fit` faster is written where it does, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from spaces import Bench, bench

from notebook_automl.source.backends import BACKENDS
from notebook_automl.source.program import Program
from notebook_automl.workers.cells import execute
from notebook_automl.workers.graph import Written
from notebook_automl.workers.pace import built, data, steps


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A small table."""
    return bench("tabular_classification", tmp_path_factory.mktemp("pace"))


@pytest.fixture(scope="module")
def model(table: Bench) -> tuple[Written, Program]:
    """That of AutoKeras's defaults."""
    return table.write(lambda parameter: parameter.default)


@pytest.fixture(scope="module")
def written(model: tuple[Written, Program]) -> Written:
    """The same as code."""
    return model[0]


def test_few_rows_come_as_a_dataset(table: Bench, written: Written) -> None:
    few = data(table.asked, written, {"class_weight": "CLASS_WEIGHT"})
    assert "train_set.shuffle(len(train_set)).batch(BATCH_SIZE)" in few.arguments
    assert "class_weight=CLASS_WEIGHT" in few.arguments
    assert "batch_size=BATCH_SIZE" not in few.arguments
    weighted = data(table.asked, written, {"sample_weight": "sample_weight_train"})
    assert "(x_train, y_train, sample_weight_train)" in weighted.code.source
    assert not any("sample_weight" in argument for argument in weighted.arguments)


def test_others_come_as_arrays(table: Bench, written: Written) -> None:
    asked = table.asked
    cases = [
        (asked, replace(written, numbers=2**23)),
        (replace(asked, accelerated=True), written),
        (replace(asked, backend=BACKENDS["jax"]), written),
        (replace(asked, search={**asked.search, "folds": 3}), written),
    ]
    weights = {"sample_weight": "sample_weight_train"}
    for case in cases:
        given = data(*case, weights)
        assert not given.code.source
        assert given.arguments[:2] == ("x_train", "y_train")
        assert "batch_size=BATCH_SIZE" in given.arguments
        assert "sample_weight=sample_weight_train" in given.arguments


def test_many_light_steps_run_together(table: Bench, written: Written) -> None:
    light = replace(written, rows=100_000, batch_size=32, epochs=20)
    heavy = replace(light, cost=replace(light.cost, flops=10**9))
    assert steps(table.asked, light) == {"steps_per_execution": "8"}
    assert steps(table.asked, heavy) == {}
    assert steps(table.asked, replace(light, rows=100)) == {}
    assert steps(replace(table.asked, backend=BACKENDS["jax"]), light) == {}


def test_a_step_is_traced_once(
    table: Bench,
    model: tuple[Written, Program],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced = []

    def counted(y_true: Any, y_pred: Any) -> Any:
        traced.append(y_pred)
        return keras.losses.binary_crossentropy(y_true, y_pred)

    monkeypatch.chdir(tmp_path)
    text, namespace = model[1], table.namespace(model[1])
    keras = namespace["keras"]
    execute(text, "build", namespace)
    namespace["counted"] = counted
    exec(text["compile"].replace('"binary_crossentropy"', "counted"), namespace)
    execute(text, "train", namespace)
    # By the step that trains, and by the one that validates.
    assert len(traced) == 2
    assert built(replace(table.asked, backend=BACKENDS["jax"])) == ""
