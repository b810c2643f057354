"""What classification tasks share: labels, their split, their loss, their decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import MOST_CLASSES, Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal
from notebook_automl.tasks import _baselines, _metrics
from notebook_automl.tasks._initial import Configuration
from notebook_automl.tasks._inputs import Inputs, OneHead, is_table, some_rows
from notebook_automl.tasks._split import split_code
from notebook_automl.tasks._task import TASKS, Metric, Prepared, Split

# Whole numbers with more distinct values are a quantity, not classes.
MOST_PROPOSED_CLASSES = 20
_ROWS_A_CLASS = 3


def proposes_classes(schema: Schema) -> bool:
    """Whether the target reads as classes rather than as a quantity.

    pandas keeps whole numbers as floats where labels were missing. Numbers that too few
    rows share for a class each are a quantity. Labels of arrays that count from 0 on
    are classes, however many there are.
    """
    target = schema.target
    if target.quantity:
        return False
    if target.category or target.kind in ("str", "bool"):
        return True
    codes = tuple(range(target.unique))
    if not is_table(schema) and target.kind == "int" and target.classes == codes:
        return not _rare(target)
    if not target.classes or target.unique > MOST_PROPOSED_CLASSES:
        return False
    whole = all(float(label).is_integer() for label in target.classes)
    return whole and not _rare(target)


def check_one_target(schema: Schema) -> None:
    """Refuse several labels where one target is learned.

    Raises:
        DataError: There are several.
    """
    if labels := schema.target.labels:
        raise DataError(
            f"Expected one target, got {len(labels)} labels of 0 and 1 "
            f"({', '.join(map(repr, labels[:5]))}). Choose one of them, or type "
            'task="multi_label".',
            field="target",
        )


def check_classes(schema: Schema) -> None:
    """Refuse a target that cannot be split in three with every class in train.

    Raises:
        DataError: One class only, too many classes, or a class with too few rows.
    """
    target = schema.target
    if target.classes is None or target.counts is None:
        raise DataError(
            f"Expected a target with at most {MOST_CLASSES} classes, got "
            f"{target.unique} different values ({target.kind}) in {called(target)}. "
            f"Group the classes{_or_quantity(schema)}.",
            field="target",
        )
    if target.unique < 2:
        raise DataError(
            f"Expected a target with two classes or more, {received(target.classes[0])}"
            f" in every row of {called(target)}. {another(target)}.",
            field="target",
        )
    if few := _rare(target):
        raise DataError(
            f"Expected {_ROWS_A_CLASS} rows or more of each class (train, validation "
            f"and test), got fewer of {', '.join(few[:10])} ({target.kind}) in "
            f"{called(target)}. Drop these rows or join the classes"
            f"{_or_quantity(schema)}.",
            field="target",
        )


def _rare(target: Target) -> list[str]:
    """Classes with too few rows for three sets, each with its count."""
    pairs = zip(target.classes or (), target.counts or (), strict=True)
    return [f"{label!r} ({count})" for label, count in pairs if count < _ROWS_A_CLASS]


def sibling(schema: Schema, kind: str) -> str:
    """The task of another kind that learns from the same data.

    Args:
        schema: The data.
        kind: "classification" or "regression".

    Returns:
        Its name; "" if the data have no such task.
    """
    names = [name for name in TASKS.names() if name.endswith(f"_{kind}")]
    return next((n for n in names if schema.source in TASKS.get(n).sources), "")


def called(target: Target) -> str:
    """The target as the person knows it."""
    return "y" if target.name is None else repr(target.name)


def another(target: Target) -> str:
    """What to do about a target from which nothing can be learned."""
    if target.name is None:
        return "Type Search((x, y)) with other labels y"
    return "Choose another target"


def _or_quantity(schema: Schema) -> str:
    """More advice where the target is made of numbers."""
    other = sibling(schema, "regression")
    if schema.target.kind in ("int", "float") and other:
        return f', or type task="{other}" for a quantity'
    return ""


def class_count(schema: Schema) -> int:
    """How many classes the target has."""
    return len(schema.target.classes or ())


def labels_code(schema: Schema) -> Code:
    """Statements that leave `CLASSES` and the class code of each row, `labels`."""
    imports = ("import numpy as np",)
    if is_table(schema):
        imports = ("import pandas as pd",)
        codes = "pd.Categorical(frame[TARGET], categories=CLASSES).codes"
    elif schema.target.dtype == "uint64":
        # Without its dtype, a list with numbers beyond int64 becomes one of floats.
        codes = "np.searchsorted(np.array(CLASSES, y.dtype), y)"
    else:
        codes = "np.searchsorted(CLASSES, y)"
    classes = literal(list(schema.target.classes or ()))
    return Code(imports, f"CLASSES = {classes}\n\nlabels = {codes}\n")


def targets_code(schema: Schema) -> Code:
    """Statements that leave `y_train`, `y_validation` and `y_test`."""
    if class_count(schema) == 2:
        encoded = 'labels[:, None].astype("float32")'
    else:
        encoded = "keras.utils.to_categorical(labels, len(CLASSES))"
    return Code(
        source=f"""\
targets = {encoded}
y_train = targets[train_rows]
y_validation = targets[validation_rows]
y_test = targets[test_rows]
"""
    )


class Classification(OneHead):
    """Two or more classes, whatever they are learned from."""

    inputs: Inputs

    def metrics(self, schema: Schema) -> Mapping[str, Metric]:
        return _metrics.of_classes(schema)

    def usual(self, schema: Schema) -> tuple[str, ...]:
        return ("accuracy",)

    def classes(self, schema: Schema) -> int:
        return class_count(schema)

    def proposes(self, schema: Schema) -> bool:
        one = not schema.target.labels
        return one and self.inputs.fits(schema) and proposes_classes(schema)

    def check(self, schema: Schema) -> None:
        check_one_target(schema)
        self.inputs.check(schema)
        check_classes(schema)

    def split(self, schema: Schema, split: Split) -> Code:
        labels = labels_code(schema)
        drawn = split_code(split, "labels", stratified=True)
        imports = (*labels.imports, *drawn.imports)
        return Code(imports, labels.source + drawn.source)

    def labels(self, schema: Schema) -> Code:
        """Statements for what the split and the targets need."""
        return labels_code(schema)

    def targets(self, schema: Schema) -> Code:
        """Statements that leave `y_train`, `y_validation` and `y_test`."""
        return targets_code(schema)

    def loss(self, schema: Schema) -> Mapping[str, str]:
        """The loss that fits one sigmoid, or one softmax output a class."""
        binary = class_count(schema) == 2
        name = "binary_crossentropy" if binary else "categorical_crossentropy"
        return {"loss": f'"{name}"'}

    def decoded(self, schema: Schema, scores: str) -> str:
        """An expression for the labels that scores stand for."""
        if class_count(schema) == 2:
            codes = f"({scores}[:, 0] > 0.5).astype(int)"
        else:
            codes = f"{scores}.argmax(axis=1)"
        target = schema.target
        # Strings stay Python's own, as numpy's drop a trailing NUL; sources name
        # numpy's dtypes for all other labels.
        dtype = "object" if target.kind == "str" else target.dtype
        return f'np.array(CLASSES, dtype="{dtype}")[{codes}]'

    def predict(self, schema: Schema) -> Code:
        return Code(
            imports=("import numpy as np",),
            source=f'''\
def predict(rows):
    """Label of each raw row."""
    scores = model.predict(prepare(rows), verbose=0)
    return {self.decoded(schema, "scores")}


print(predict({some_rows(schema)}))
''',
        )

    def initial(self, accelerated: bool) -> tuple[Configuration, ...]:
        return self.inputs.initial(accelerated)

    def simple(self, schema: Schema) -> _baselines.Output:
        """How simple models learn the classes."""
        count = class_count(schema)
        return _baselines.classes(1 if count == 2 else count)

    def head(
        self, autokeras: Any, schema: Schema, prepared: Prepared, name: str = ""
    ) -> Any:
        """AutoKeras's head; `name` is in code that of one output of several."""
        return autokeras.ClassificationHead(
            num_classes=class_count(schema), name=name or "head"
        )
