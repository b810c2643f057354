"""Several labels at once, each of which a row has or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.errors import DataError
from notebook_automl.record.schema import Schema
from notebook_automl.source.code import Code
from notebook_automl.tasks import _baselines, _metrics
from notebook_automl.tasks._baselines import Features
from notebook_automl.tasks._images import Images
from notebook_automl.tasks._inputs import Inputs, Node, OneHead, is_table, some_rows
from notebook_automl.tasks._split import split_code
from notebook_automl.tasks._tabular import Table
from notebook_automl.tasks._task import Metric, Prepared, Split
from notebook_automl.tasks._texts import Texts

_KINDS: tuple[Inputs, ...] = (Images(), Table(), Texts())
# One for each of train, validation and test.
_ROWS_A_LABEL = 3


class Anything:
    """Images, tables or texts, whichever the data are."""

    sources = tuple(dict.fromkeys(source for kind in _KINDS for source in kind.sources))

    def fits(self, schema: Schema) -> bool:
        return any(kind.fits(schema) for kind in _KINDS)

    def check(self, schema: Schema) -> None:
        self._kind(schema).check(schema)

    def features(self, schema: Schema) -> Features:
        return self._kind(schema).features

    def prepare(self, schema: Schema, targets: Code) -> Code:
        return self._kind(schema).prepare(schema, targets)

    def space(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Node:
        return self._kind(schema).space(autokeras, schema, prepared, name)

    def _kind(self, schema: Schema) -> Inputs:
        return next(kind for kind in _KINDS if kind.fits(schema))


class MultiLabel(OneHead):
    """Two or more labels of 0 and 1, from images, tables or texts."""

    inputs = Anything()
    example = "habits"
    example_target = ("returns", "raises", "loops")

    def metrics(self, schema: Schema) -> Mapping[str, Metric]:
        return _metrics.of_labels(schema)

    def usual(self, schema: Schema) -> tuple[str, ...]:
        return ("f1",)

    def classes(self, schema: Schema) -> int:
        return 2

    def proposes(self, schema: Schema) -> bool:
        return bool(schema.target.labels) and self.inputs.fits(schema)

    def check(self, schema: Schema) -> None:
        target = schema.target
        if not target.labels:
            raise DataError(
                f"Expected several labels of 0 and 1, got one target of {target.kind}. "
                'Type target=["one", "other"] with such columns, Search((x, y)) with a '
                'matrix y, or task="auto".',
                field="target",
            )
        for label, on in zip(target.labels, target.counts or (), strict=True):
            if not _ROWS_A_LABEL <= on <= schema.rows - _ROWS_A_LABEL:
                raise DataError(
                    f"Expected {_ROWS_A_LABEL} rows or more with each label, and as "
                    f"many without it, got {on} of {schema.rows} rows with "
                    f"{label!r}. Leave this label out.",
                    field="target",
                )
        self.inputs.check(schema)

    def split(self, schema: Schema, split: Split) -> Code:
        return split_code(split, "frame" if is_table(schema) else "y", stratified=False)

    def labels(self, schema: Schema) -> Code:
        """Statements for what the split and the targets need: none."""
        return Code()

    def targets(self, schema: Schema) -> Code:
        """Statements that leave `y_train`, `y_validation` and `y_test`."""
        labels = "frame[TARGET].to_numpy()" if is_table(schema) else "y"
        targets = f"""\
targets = {labels}.astype("float32")
y_train = targets[train_rows]
y_validation = targets[validation_rows]
y_test = targets[test_rows]
"""
        return Code(source=targets)

    def loss(self, schema: Schema) -> Mapping[str, str]:
        return {"loss": '"binary_crossentropy"'}

    def decoded(self, schema: Schema, scores: str) -> str:
        """An expression for the labels that scores stand for."""
        return f'({scores} > 0.5).astype("{schema.target.dtype}")'

    def predict(self, schema: Schema) -> Code:
        return Code(
            source=f'''\
def predict(rows):
    """For each raw row, which of the labels it has."""
    scores = model.predict(prepare(rows), verbose=0)
    return {self.decoded(schema, "scores")}


print(predict({some_rows(schema)}))
'''
        )

    def features(self, schema: Schema) -> Features:
        """How its samples become rows of numbers for simple models."""
        return self.inputs.features(schema)

    def simple(self, schema: Schema) -> _baselines.Output:
        """How simple models learn labels."""
        return _baselines.LABELS

    def head(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Any:
        """AutoKeras's head; `name` is in code that of one output of several."""
        return autokeras.ClassificationHead(
            num_classes=len(schema.target.labels),
            multi_label=True,
            name=name or "head",
        )


PLUGIN = MultiLabel()
