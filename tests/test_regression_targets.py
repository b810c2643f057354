"""A quantity keeps its digits, whatever its offset and unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from notebook_automl.data._source import Origin, source_for
from notebook_automl.source.program import assemble
from notebook_automl.tasks._task import TASKS, split_sizes

_ROWS = 60


class Exact:
    """Stands where the trained model would: knows each difference from the mean."""

    def __init__(self, differences: Any) -> None:
        self._differences = differences

    def predict(self, rows: Any, verbose: int) -> Any:
        return np.asarray(self._differences, "float32")[: len(rows), None]


def run_cells(target: Any) -> dict[str, Any]:
    """What the cells before the model leave."""
    table = pd.DataFrame({"size": np.arange(_ROWS) % 7, "target": target})
    _, source = source_for(table)
    schema = source.describe(table, "target", ("table",))
    task = TASKS.get("tabular_regression")
    task.check(schema)
    load = source.load_code(schema, Origin("variable", ("table",)))
    parts = {
        "setup": load,
        "split": task.split(schema, split_sizes(schema, 0.2, 0.2, 1)),
        "prepare": task.prepare(schema),
        "predict": task.predict(schema),
    }
    program = assemble(parts, {})
    namespace: dict[str, Any] = {"table": table, "SEED": 0}
    for cell in ("setup", "split", "prepare"):
        exec(compile(program[cell], cell, "exec"), namespace)
    differences = table["target"].to_numpy("float64") - namespace["TARGET_MEAN"]
    namespace["model"] = Exact(differences)
    exec(compile(program["predict"], "predict", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("offset", [0.0, 1.7e9, -3e12])
def test_small_differences_survive_a_large_offset(offset: float) -> None:
    target = offset + np.arange(_ROWS) % 25 * 1.0
    namespace = run_cells(target)
    for name in ("train", "validation", "test"):
        learned, rows = namespace[f"y_{name}"], namespace[f"{name}_rows"]
        assert learned.dtype == np.float32
        back = learned[:, 0].astype("float64") + namespace["TARGET_MEAN"]
        np.testing.assert_allclose(back, target[rows], atol=1e-3)
    predicted = namespace["predict"](namespace["table"])
    np.testing.assert_allclose(predicted, target, atol=1e-3)
    np.testing.assert_allclose(namespace["TARGET_STD"], 7.2, atol=0.7)


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_units_that_float32_cannot_square_are_told(unit: float) -> None:
    with pytest.raises(ValueError, match="another unit"):
        run_cells(np.arange(_ROWS) * unit)
