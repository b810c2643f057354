"""What regression tasks share: the target's unit, its loss, its decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.source.naming import named
from notebook_automl.source.renaming import of_part
from notebook_automl.tasks import _baselines, _metrics
from notebook_automl.tasks._classes import (
    another,
    called,
    check_one_target,
    proposes_classes,
    sibling,
)
from notebook_automl.tasks._initial import Configuration
from notebook_automl.tasks._inputs import Inputs, OneHead, is_table, some_rows
from notebook_automl.tasks._split import split_code
from notebook_automl.tasks._task import Metric, Prepared, Split

_TARGETS = """\
# Centred before they become float32, which holds seven digits.
targets = {numbers}[:, None]
TARGET_MEAN = float(targets[train_rows].mean())
TARGET_STD = float(targets[train_rows].std())
if not 1e-12 < TARGET_STD < 1e12:
    raise ValueError(
        "Expected training targets that vary, in a unit that float32 can square, got "
        f"a standard deviation of {{TARGET_STD}} over {{len(train_rows)}} rows. Bring "
        "more rows, or another unit."
    )
targets = targets - TARGET_MEAN
y_train = targets[train_rows].astype("float32")
y_validation = targets[validation_rows].astype("float32")
y_test = targets[test_rows].astype("float32")
"""


class Regression(OneHead):
    """A quantity, whatever it is learned from.

    The model learns differences from the mean. It ends with a layer that brings
    standardised outputs to the target's own unit, and the loss is weighted to match:
    AutoKeras's learning rates then fit targets of any size, and each metric stands in
    the target's unit.
    """

    inputs: Inputs

    def metrics(self, schema: Schema) -> Mapping[str, Metric]:
        return _metrics.of_numbers(schema)

    def usual(self, schema: Schema) -> tuple[str, ...]:
        return ("rmse",)

    def classes(self, schema: Schema) -> int:
        return 1

    def proposes(self, schema: Schema) -> bool:
        one = not schema.target.labels
        return one and self.inputs.fits(schema) and not proposes_classes(schema)

    def check(self, schema: Schema) -> None:
        check_one_target(schema)
        self.inputs.check(schema)
        target = schema.target
        if target.kind not in ("int", "float"):
            numeric = "make the column numeric"
            raise DataError(
                f"Expected a target of numbers, got {target.kind} in "
                f"{called(target)}. Type task="
                f'"{sibling(schema, "classification")}", or '
                f"{numeric if is_table(schema) else 'give numbers'}.",
                field="target",
            )
        if target.unique < 2:
            only = target.classes[0] if target.classes else None
            raise DataError(
                f"Expected a target that varies, {received(only)} in every row of "
                f"{called(target)}. {another(target)}.",
                field="target",
            )

    def split(self, schema: Schema, split: Split) -> Code:
        return split_code(split, "frame" if is_table(schema) else "y", stratified=False)

    def labels(self, schema: Schema) -> Code:
        """Statements for what the split and the targets need: none."""
        return Code()

    def targets(self, schema: Schema) -> Code:
        """Statements that leave `y_train`, `y_validation` and `y_test`."""
        if is_table(schema):
            imports: tuple[str, ...] = ("import pandas as pd",)
            numbers = 'pd.to_numeric(frame[TARGET]).to_numpy("float64")'
        else:
            imports, numbers = (), 'y.astype("float64")'
        return Code(imports, _TARGETS.format(numbers=numbers))

    def loss(self, schema: Schema) -> Mapping[str, str]:
        return {"loss": '"mean_squared_error"', "loss_weights": "1 / TARGET_STD**2"}

    def decoded(self, schema: Schema, scores: str) -> str:
        """An expression for the numbers that scores stand for."""
        return f'TARGET_MEAN + {scores}[:, 0].astype("float64")'

    def predict(self, schema: Schema) -> Code:
        return Code(
            source=f'''\
def predict(rows):
    """Predicted number for each raw row."""
    differences = model.predict(prepare(rows), verbose=0)
    return {self.decoded(schema, "differences")}


print(predict({some_rows(schema)}))
'''
        )

    def initial(self, accelerated: bool) -> tuple[Configuration, ...]:
        return self.inputs.initial(accelerated)

    def simple(self, schema: Schema) -> _baselines.Output:
        """How simple models learn a quantity."""
        return _baselines.NUMBERS

    def head(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Any:
        """AutoKeras's head; `name` is in code that of one output of several."""
        # AutoKeras may be loaded by whoever builds a space, not by who lists tasks.
        from notebook_automl.tasks._autokeras import RescaledRegressionHead

        constant = of_part("TARGET_STD", name)
        std = named(prepared.constants[constant], constant)
        return RescaledRegressionHead(std=std, name=name or "head")
