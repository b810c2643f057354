"""What classification tasks share: labels, their split, their loss, their decoding."""

from __future__ import annotations

from collections.abc import Mapping

from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import MOST_CLASSES, Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal
from notebook_automl.tasks._tabular import SOURCES as TABLES
from notebook_automl.tasks._task import Split

# Whole numbers with more distinct values are a quantity, not classes.
MOST_PROPOSED_CLASSES = 20
_ROWS_A_CLASS = 3


def proposes_classes(schema: Schema) -> bool:
    """Whether the target reads as classes rather than as a quantity.

    pandas keeps whole numbers as floats where labels were missing. Numbers that too few
    rows share for a class each are a quantity.
    """
    target = schema.target
    if target.category or target.kind in ("str", "bool"):
        return True
    if not target.classes or target.unique > MOST_PROPOSED_CLASSES:
        return False
    whole = all(float(label).is_integer() for label in target.classes)
    return whole and not _rare(target)


def check_classes(schema: Schema) -> None:
    """Refuse a target that cannot be split in three with every class in train.

    Raises:
        DataError: One class only, too many classes, or a class with too few rows.
    """
    target = schema.target
    if target.classes is None or target.counts is None:
        raise DataError(
            f"Expected a target with at most {MOST_CLASSES} classes, got "
            f"{target.unique} different values ({target.kind}) in {_called(target)}. "
            f"Group the classes{_or_quantity(schema)}.",
            field="target",
        )
    if target.unique < 2:
        raise DataError(
            f"Expected a target with two classes or more, {received(target.classes[0])}"
            f" in every row of {_called(target)}. {_another(target)}.",
            field="target",
        )
    if few := _rare(target):
        raise DataError(
            f"Expected {_ROWS_A_CLASS} rows or more of each class (train, validation "
            f"and test), got fewer of {', '.join(few[:10])} ({target.kind}) in "
            f"{_called(target)}. Drop these rows or join the classes"
            f"{_or_quantity(schema)}.",
            field="target",
        )


def _rare(target: Target) -> list[str]:
    """Classes with too few rows for three sets, each with its count."""
    pairs = zip(target.classes or (), target.counts or (), strict=True)
    return [f"{label!r} ({count})" for label, count in pairs if count < _ROWS_A_CLASS]


def _called(target: Target) -> str:
    """The target as the person knows it."""
    return "y" if target.name is None else repr(target.name)


def _another(target: Target) -> str:
    if target.name is None:
        return "Type Search((x, y)) with other labels y"
    return "Choose another target"


def _or_quantity(schema: Schema) -> str:
    """More advice where numbers can be predicted from such data, too."""
    if schema.target.kind in ("int", "float") and schema.source in TABLES:
        return ', or type task="tabular_regression" for a quantity'
    return ""


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
    # Strings stay Python's own, as numpy's drop a trailing NUL; sources name numpy's
    # dtypes for all other labels.
    dtype = "object" if target.kind == "str" else target.dtype
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
