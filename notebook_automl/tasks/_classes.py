"""What classification tasks share: labels, their split, their loss, their decoding."""

from __future__ import annotations

from collections.abc import Mapping

from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import MOST_CLASSES, Schema
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal
from notebook_automl.tasks._task import Metric, Split

# A whole-number target with more distinct values is a quantity, not a class.
MOST_PROPOSED_CLASSES = 20
_ROWS_A_CLASS = 3


def metrics(schema: Schema) -> Mapping[str, Metric]:
    """The usual metrics of classes."""
    threshold = ", threshold=0.5" if class_count(schema) == 2 else ""
    return {
        "accuracy": Metric('"accuracy"', "max"),
        "auc": Metric('keras.metrics.AUC(name="auc")', "max"),
        "f1": Metric(f'keras.metrics.F1Score("macro"{threshold}, name="f1")', "max"),
        "loss": Metric("", "min"),
    }


def proposes_classes(schema: Schema) -> bool:
    """Whether the target reads as classes rather than as a quantity."""
    target = schema.target
    if target.kind in ("str", "bool"):
        return True
    return target.kind == "int" and target.unique <= MOST_PROPOSED_CLASSES


def check_classes(schema: Schema) -> None:
    """Refuse a target that cannot be split in three with every class in train.

    Raises:
        DataError: One class only, too many classes, or a class with too few rows.
    """
    target = schema.target
    if target.classes is None or target.counts is None:
        raise DataError(
            f"Expected a target with at most {MOST_CLASSES} classes, got "
            f"{target.unique} different values ({target.kind}) in {target.name!r}. "
            'Type task="tabular_regression" for a quantity, or group the classes.',
            field="target",
        )
    if target.unique < 2:
        raise DataError(
            f"Expected a target with two classes or more, {received(target.classes[0])}"
            f" in every row of {target.name!r}. Choose another target.",
            field="target",
        )
    few = [
        f"{label!r} ({count})"
        for label, count in zip(target.classes, target.counts, strict=True)
        if count < _ROWS_A_CLASS
    ]
    if few:
        raise DataError(
            f"Expected {_ROWS_A_CLASS} rows or more of each class (train, validation "
            f"and test), got fewer of {', '.join(few[:10])} ({target.kind}) in "
            f"{target.name!r}. Drop these rows or join the classes.",
            field="target",
        )


def class_count(schema: Schema) -> int:
    """How many classes the target has."""
    return len(schema.target.classes or ())


def split_code(schema: Schema, split: Split, labels: str) -> Code:
    """Class codes and a split that keeps the shares of the classes.

    Args:
        schema: The data.
        split: Row counts.
        labels: Expression for the code of each row, over `CLASSES`.
    """
    return Code(
        imports=(
            "import numpy as np",
            "from sklearn.model_selection import train_test_split",
        ),
        source=f"""\
CLASSES = {literal(list(schema.target.classes or ()))}

labels = {labels}
# Shuffled, each class in equal shares: train, validation, test.
train_rows, test_rows = train_test_split(
    np.arange(len(labels)),
    test_size={split.test_rows},
    random_state=SEED,
    stratify=labels,
)
train_rows, validation_rows = train_test_split(
    train_rows,
    test_size={split.validation_rows},
    random_state=SEED,
    stratify=labels[train_rows],
)
""",
    )


def targets_code(schema: Schema) -> str:
    """Statements that leave `y_train`, `y_validation` and `y_test`."""
    if class_count(schema) == 2:
        encoded = 'labels[:, None].astype("float32")'
    else:
        encoded = "keras.utils.to_categorical(labels, len(CLASSES))"
    return f"""\
targets = {encoded}
y_train = targets[train_rows]
y_validation = targets[validation_rows]
y_test = targets[test_rows]
"""


def loss_arguments(schema: Schema) -> Mapping[str, str]:
    """The loss that fits one sigmoid, or one softmax output a class."""
    binary = class_count(schema) == 2
    name = "binary_crossentropy" if binary else "categorical_crossentropy"
    return {"loss": f'"{name}"'}


def predict_code(schema: Schema, some_rows: str) -> Code:
    """A function from raw rows to labels.

    Args:
        schema: The data.
        some_rows: Expression for a few raw rows to show.
    """
    if class_count(schema) == 2:
        codes = "(scores[:, 0] > 0.5).astype(int)"
    else:
        codes = "scores.argmax(axis=1)"
    target = schema.target
    # Strings stay Python's own, as numpy's drop a trailing NUL; pandas' nullable dtypes
    # have capitals and are numpy's plain ones here.
    plain = target.dtype if target.dtype.islower() else target.kind
    dtype = "object" if target.kind == "str" else plain
    return Code(
        imports=("import numpy as np",),
        source=f"""\
def predict(rows):
    \"\"\"Label of each raw row.\"\"\"
    scores = model.predict(prepare(rows), verbose=0)
    return np.array(CLASSES, dtype="{dtype}")[{codes}]


print(predict({some_rows}))
""",
    )
